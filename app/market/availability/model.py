"""What is free: units of a trip or stay, nights of a calendar; and what a search asks for."""

from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from app.foundation.errors import FieldError
from app.foundation.money import Money
from app.foundation.wire import Output
from app.market.inventory.model import Kind, OfferedUnit

CALENDAR_NIGHTS_MAX: Final = 366  # of one calendar
SEARCH_NIGHTS_MAX: Final = 90  # over many listings: what one looks at is nights times units
SEARCH_UNITS_MAX: Final = 60  # as many as one booking can have


class UnitState(StrEnum):
    FREE = "free"
    HELD = "held"
    TAKEN = "taken"
    BLOCKED = "blocked"


class UnitNow(OfferedUnit, frozen=True, kw_only=True):
    """A unit, and its least free state in a range of slots."""

    state: UnitState
    seat_row: int | None
    seat_column: int | None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a search asks for. Prices are minor units of `currency`."""

    kind: Kind
    words: str | None
    place: str | None
    first: date | None  # check-in
    last: date | None  # check-out
    departure_date: date | None
    units: int | None
    currency: str | None
    price_min: int | None
    price_max: int | None


class UnitAvailability(Output, frozen=True, kw_only=True):
    """A unit for the asked slots; `price` is the sum over all of them, without fee and deposit."""

    label: str
    unit_class: str = msgspec.field(name="class")
    state: UnitState
    price: Money
    seat_row: int | None
    seat_column: int | None


class FreeNight(msgspec.Struct, frozen=True, kw_only=True):
    """How many units somebody could have in a night."""

    date: date
    free_units: int


class NightAvailability(Output, frozen=True, kw_only=True):
    """A night, and what the host's rules say of its date: may one arrive, or leave, on it.

    `nightsMin` and `nightsMax` are for who arrives on it. Nights that the host keeps empty beside
    other guests' are not free.
    """

    date: date
    free_units: int
    may_arrive: bool
    may_depart: bool
    nights_min: int
    nights_max: int


class Availability(Output, frozen=True, kw_only=True):
    """All `units` of a trip, or the free ones of a stay; or the `nights` of a calendar.

    `rulesInWords` are the rules of a stay; `refusedBecause` says which of them forbid the dates
    that were asked for, and then no unit is free.
    """

    listing_id: UUID
    free_units: int | None = None
    units: list[UnitAvailability] | None = None
    nights: list[NightAvailability] | None = None
    rules_in_words: list[str] | None = None
    refused_because: list[FieldError] | None = None
