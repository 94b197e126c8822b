"""Which free units to offer instead of those that are gone."""

from collections.abc import Sequence

from app.claims.model import FreeUnit

ALTERNATIVES_MAX = 10


def nearest(wanted: Sequence[FreeUnit], free: Sequence[FreeUnit]) -> list[FreeUnit]:
    """Free units in the order in which a buyer of `wanted` would take them.

    Same class first, then by how far away they are on the plan (or, without one, in the list).
    """
    ranked = sorted(free, key=lambda unit: min(_distance(unit, lost) for lost in wanted))
    return ranked[:ALTERNATIVES_MAX]


def _distance(unit: FreeUnit, lost: FreeUnit) -> tuple[bool, int, int]:
    return (unit.unit_class != lost.unit_class, _apart(unit, lost), abs(unit.id - lost.id))


def _apart(unit: FreeUnit, lost: FreeUnit) -> int:
    rows = abs((unit.seat_row or 0) - (lost.seat_row or 0))
    columns = abs((unit.seat_column or 0) - (lost.seat_column or 0))
    return rows + columns
