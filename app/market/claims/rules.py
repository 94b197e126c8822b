"""Which free units to offer instead of those that are taken."""

from collections.abc import Sequence

from app.foundation.errors import FieldError, Problem
from app.market.claims.model import Claimed, FreeUnit, Sought
from app.market.stay_rules import rules as host_rules
from app.market.stay_rules.model import NightsBetweenGuests

ALTERNATIVES_MAX = 10


def nearest(wanted: Sequence[FreeUnit], free: Sequence[FreeUnit]) -> list[FreeUnit]:
    """The free units that are most like those that a buyer wanted, the best first.

    Units of the same class come first, then those in near rows, then those that are near in the
    row; without a seat plan those that are near in the list.
    """
    ranked = sorted(free, key=lambda unit: min(_distance(unit, lost) for lost in wanted))
    return ranked[:ALTERNATIVES_MAX]


def short(sought: Sequence[Sought], claimed: Sequence[Claimed]) -> list[tuple[Sought, list[int]]]:
    """The parts that did not get all that they seek, each with the units of what it got."""
    got = {each.booking_id: each.unit_ids for each in claimed}
    with_got = [(each, got.get(each.booking_id, [])) for each in sought]
    return [(each, unit_ids) for each, unit_ids in with_got if len(unit_ids) < each.span.size]


def kept_apart(sought: Sequence[Sought]) -> list[int]:
    """The units of those parts between which and others nights are kept empty."""
    return [unit_id for each in sought if each.span.gap for unit_id in each.span.unit_ids]


def in_part(problem: Problem, part: int | None) -> Problem:
    """A problem of one part of a request that has several; None: of a request that has one."""
    return problem.inside(f"parts[{part - 1}].", part=part) if part else problem


def too_near(
    gap: int, fields: Sequence[str], *, taken: Sequence[str], free: Sequence[str]
) -> NightsBetweenGuests:
    """The problem for nights that are free, but too near to those of another guest."""
    message = host_rules.between_words(gap)
    return NightsBetweenGuests(
        f"Too near to another guest's nights: {message}.",
        errors=[FieldError(field=field, message=message) for field in fields],
        members={"unavailableSeats": list(taken), "alternativeSeats": list(free)},
    )


def _distance(unit: FreeUnit, lost: FreeUnit) -> tuple[bool, int, int, int]:
    rows = abs((unit.seat_row or 0) - (lost.seat_row or 0))
    columns = abs((unit.seat_column or 0) - (lost.seat_column or 0))
    return (unit.unit_class != lost.unit_class, rows, columns, abs(unit.id - lost.id))
