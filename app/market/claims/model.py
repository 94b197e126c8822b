"""Claims: units and slots that are asked for, units that are free, and this room's problems."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec

from app.foundation.errors import Conflict


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Units for slots: each unit for every date from `first` to `last`, both included.

    `gap` slots before and after them must be free of other bookings' claims.
    """

    unit_ids: tuple[int, ...]
    first: date
    last: date
    gap: int = 0

    @property
    def size(self) -> int:
        """The number of its claims: units times slots."""
        return len(self.unit_ids) * ((self.last - self.first) // timedelta(days=1) + 1)


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of a booking claims: units of one listing, for slots.

    `part` is the number by which a refusal names it; None if the booking has only this one.
    """

    booking_id: UUID  # that of the part
    listing_id: UUID
    span: Span
    part: int | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of a booking has claims of now: the unit of each claim."""

    booking_id: UUID
    unit_ids: list[int]


class FreeUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that is free for all the slots in question."""

    id: int
    label: str
    unit_class: str
    seat_row: int | None
    seat_column: int | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A listing and the slots for which a buyer wants any of its units.

    `gap` slots before and after them must be free of other bookings' claims.
    """

    listing_id: UUID
    first: date
    last: date
    gap: int = 0

    def span(self, unit_ids: Sequence[int]) -> Span:
        return Span(unit_ids=tuple(unit_ids), first=self.first, last=self.last, gap=self.gap)


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """Any `count` units of a listing, no matter which, for the part of this number (see Sought)."""

    wanted: Wanted
    count: int
    part: int | None = None


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """Where other bookings have claims of the units of a span: in it, or in the gap beside it."""

    inside: bool
    before: bool
    after: bool


class UnitsTaken(Conflict):
    """Another booking has some of the units for some of the slots."""

    title = "Some of these are no longer free"

    def __init__(self, taken: Sequence[str], alternatives: Sequence[str]) -> None:
        super().__init__(
            f"Not free: {', '.join(taken)}.",
            members={"unavailableSeats": list(taken), "alternativeSeats": list(alternatives)},
        )


class SoldOut(Conflict):
    """Fewer units are free than were asked for."""

    title = "Not enough are free"

    def __init__(self, free: Sequence[str]) -> None:
        super().__init__(
            f"Only {len(free)} are free." if free else "None is free.",
            members={"unavailableSeats": [], "alternativeSeats": list(free)},
        )
