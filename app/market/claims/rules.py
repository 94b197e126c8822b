"""Which free units to offer instead of those that are taken."""

from collections.abc import Sequence

from app.market.claims.model import FreeUnit

ALTERNATIVES_MAX = 10


def nearest(wanted: Sequence[FreeUnit], free: Sequence[FreeUnit]) -> list[FreeUnit]:
    """The free units that are most like those that a buyer wanted, the best first.

    Units of the same class come first, then those in near rows, then those that are near in the
    row; without a seat plan those that are near in the list.
    """
    ranked = sorted(free, key=lambda unit: min(_distance(unit, lost) for lost in wanted))
    return ranked[:ALTERNATIVES_MAX]


def _distance(unit: FreeUnit, lost: FreeUnit) -> tuple[bool, int, int, int]:
    rows = abs((unit.seat_row or 0) - (lost.seat_row or 0))
    columns = abs((unit.seat_column or 0) - (lost.seat_column or 0))
    return (unit.unit_class != lost.unit_class, rows, columns, abs(unit.id - lost.id))
