"""Which free units to offer instead of those that are gone."""

from collections.abc import Sequence

from app.market.claims.model import FreeUnit

ALTERNATIVES_MAX = 10


def nearest(wanted: Sequence[FreeUnit], free: Sequence[FreeUnit]) -> list[FreeUnit]:
    """Free units in the order in which a buyer of `wanted` would take them.

    Same class first, then the same row, then by how far away they are in it (or, without a plan,
    in the list).
    """
    ranked = sorted(free, key=lambda unit: min(_distance(unit, lost) for lost in wanted))
    return ranked[:ALTERNATIVES_MAX]


def _distance(unit: FreeUnit, lost: FreeUnit) -> tuple[bool, int, int, int]:
    rows = abs((unit.seat_row or 0) - (lost.seat_row or 0))
    columns = abs((unit.seat_column or 0) - (lost.seat_column or 0))
    return (unit.unit_class != lost.unit_class, rows, columns, abs(unit.id - lost.id))
