"""What a host offers: listings, units, prices and blocked dates; rows, requests and replies."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.foundation.errors import Conflict, Forbidden, Invalid, NotFound
from app.foundation.money import Currency, Money
from app.foundation.wire import Input, Name, Output, Text
from app.market.stay_rules.model import NewStayRules, StayRules

UNITS_MAX: Final = 500  # per listing
RANGES_MAX: Final = 500  # price overrides per listing, and as many blocked dates
PRICE_MIN: Final = 1  # per slot: a booking that costs nothing could never be paid for


class Kind(StrEnum):
    STAY = "stay"
    TRIP = "trip"


class ListingState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Policy(StrEnum):
    """How much a guest who cancels gets back."""

    FLEXIBLE = "flexible"
    MODERATE = "moderate"
    STRICT = "strict"


class ListingNotFound(NotFound):
    """No listing has this id."""


class UnitNotFound(NotFound):
    """No unit of the listing has this label."""


class RangeNotFound(NotFound):
    """The listing has no such price override or blocked dates."""


class NotYourListing(Forbidden):
    """Only its host may change a listing. (All listings are public: this reveals nothing.)"""


class LabelTaken(Conflict):
    """Two units of one listing cannot have one label."""


class NewHostQuota(Conflict):
    """A host without a completed booking offers as much as such a host may."""

    title = "You offer as much as a new host may"


class ListingFull(Conflict):
    """The listing has as many units, price overrides or blocked dates as are allowed."""


class TripDeparted(Conflict):
    """Seats are sold until the departure."""


class PriceTooHigh(Invalid):
    """The total is above the largest amount that can be charged."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `listings`. Amounts are minor units of `currency`; fee and deposit per booking."""

    id: UUID
    host_id: UUID
    kind: Kind
    state: ListingState
    title: str
    description: str
    place: str
    country: str | None
    destination: str | None
    zone: str
    currency: str
    price: int
    weekend_price: int | None
    fee: int
    deposit: int
    policy: Policy
    request_to_book: bool
    respond_within_h: int
    check_in_time: time | None
    check_out_time: time | None
    departure_date: date | None
    departure_time: time | None
    arrival_date: date | None
    arrival_time: time | None
    arrival_zone: str | None
    rules: StayRules | None = None  # of a stay


class WallClock(msgspec.Struct, frozen=True, kw_only=True):
    """When a booking begins and ends by the clocks of the place, or of both places of a trip."""

    begins: datetime  # without an offset, as `ends`
    begins_zone: str
    ends: datetime
    ends_zone: str


class OfferedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit as a booking needs it. `price` is per slot; None means the price of the listing."""

    id: int
    label: str
    unit_class: str
    price: int | None
    active: bool


class OfferedPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price override, from `first_slot` to `last_slot`, both included. A higher id is newer."""

    id: int
    first_slot: date
    last_slot: date
    price: int


class OfferedBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Dates not for sale, both included: of one unit or, if `unit_id` is None, of all units."""

    unit_id: int | None
    first_slot: date
    last_slot: date


class Offer(Listing, frozen=True, kw_only=True):
    """A listing with all that is needed to price and freeze a booking, read at the instant `now`.

    `units` are those that were asked for by label, in the order of their ids. `overrides` and
    `blocks` are those that overlap the slots that were asked for.
    """

    units: list[OfferedUnit]
    overrides: list[OfferedPrice]
    blocks: list[OfferedBlock]
    now: datetime


class PriceLine(Output, frozen=True, kw_only=True, omit_defaults=True):
    """What one unit costs for all slots of a booking, in minor units.

    `nights` is what it costs for each of them, in order, where they do not all cost the same.
    """

    unit_id: int
    label: str
    amount: int
    nights: list[int] | None = None

    @classmethod
    def of(cls, unit_id: int, label: str, amounts: list[int]) -> "PriceLine":
        """The line of a unit that costs these amounts, one for each slot."""
        nights = amounts if len(set(amounts)) > 1 else None
        return cls(unit_id=unit_id, label=label, amount=sum(amounts), nights=nights)


class Quote(Output, frozen=True, kw_only=True):
    """The price of a booking in minor units of `currency`: total = rental + fee + deposit."""

    lines: list[PriceLine]
    rental: int
    fee: int
    deposit: int
    total: int
    currency: str


Zone = Annotated[str, Meta(max_length=64, description="IANA zone", examples=["Africa/Lagos"])]
Country = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code of `place`", examples=["NG"])
]
LocalTime = Annotated[time, Meta(tz=False, description="Wall clock", examples=["15:00:00"])]
Hours = Annotated[int, Meta(ge=1, le=168, description="Hours the host has to answer a request")]
Label = Annotated[
    str, Meta(max_length=20, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", examples=["1A", "Room 12"])
]
UnitClass = Annotated[str, Meta(max_length=30, pattern=r"^[a-z0-9][a-z0-9 _-]*$")]
SeatPosition = Annotated[int, Meta(ge=1, le=500)]


class NewListing(Input, frozen=True, kw_only=True):
    """A stay needs its check-in and check-out times; a trip its destination, departure and arrival.

    `price` (per unit and slot) sets the listing's currency; all other amounts must be in it. Kind,
    currency, zone, departure and arrival cannot be changed later. Fee and deposit are per booking,
    however many units it has.
    """

    kind: Kind
    title: Name
    place: Name
    zone: Zone
    price: Money
    policy: Policy
    country: Country | None = None
    description: Text = ""
    destination: Name | None = None
    weekend_price: Money | None = None
    fee: Money | None = None
    deposit: Money | None = None
    request_to_book: bool = False
    respond_within_hours: Hours = 24
    check_in_time: LocalTime | None = None
    check_out_time: LocalTime | None = None
    departure_date: date | None = None
    departure_time: LocalTime | None = None
    arrival_date: date | None = None
    arrival_time: LocalTime | None = None
    arrival_zone: Zone | None = None
    rules: NewStayRules | None = None


class ListingChanges(Input, frozen=True, kw_only=True):
    """Fields that are given change, others stay. Existing bookings keep their terms.

    `rules` change as a whole; null means none.
    """

    state: ListingState | UnsetType = UNSET
    title: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    place: Name | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    destination: Name | UnsetType = UNSET
    price: Money | UnsetType = UNSET
    weekend_price: Money | UnsetType | None = UNSET
    fee: Money | UnsetType = UNSET
    deposit: Money | UnsetType = UNSET
    policy: Policy | UnsetType = UNSET
    request_to_book: bool | UnsetType = UNSET
    respond_within_hours: Hours | UnsetType = UNSET
    check_in_time: LocalTime | UnsetType = UNSET
    check_out_time: LocalTime | UnsetType = UNSET
    rules: NewStayRules | UnsetType | None = UNSET


class NewUnit(Input, frozen=True, kw_only=True):
    """One unit. Its `price` per slot, if given, replaces the price of the listing."""

    label: Label
    unit_class: UnitClass = msgspec.field(name="class", default="standard")
    price: Money | None = None
    seat_row: SeatPosition | None = None
    seat_column: SeatPosition | None = None


class SeatPlan(Input, frozen=True, kw_only=True):
    """Seats in rows: `{"rows": 15, "columns": "AB_CD"}` makes 1A … 15D; `_` is the aisle.

    The first `firstClassRows` rows get the class `first`, and `firstClassPrice` if given.
    """

    rows: Annotated[int, Meta(ge=1, le=125)]
    columns: Annotated[str, Meta(max_length=20, pattern=r"^[A-Z_]+$", examples=["AB_CD"])]
    first_class_rows: Annotated[int, Meta(ge=0, le=125)] = 0
    first_class_price: Money | None = None


class RoomPlan(Input, frozen=True, kw_only=True):
    """Numbered rooms: `{"count": 12, "prefix": "Room "}` makes `Room 1` … `Room 12`."""

    count: Annotated[int, Meta(ge=1, le=UNITS_MAX)]
    prefix: Annotated[str, Meta(max_length=16, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")] = "Room "
    unit_class: UnitClass = msgspec.field(name="class", default="standard")
    price: Money | None = None


class NewUnits(Input, frozen=True, kw_only=True):
    """Units to add. Give exactly one of the three fields."""

    units: Annotated[list[NewUnit], Meta(min_length=1, max_length=UNITS_MAX)] | None = None
    seats: SeatPlan | None = None
    rooms: RoomPlan | None = None


class UnitChanges(Input, frozen=True, kw_only=True):
    """Fields that are given change. `price: null` means the price of the listing again."""

    unit_class: UnitClass | UnsetType = msgspec.field(name="class", default=UNSET)
    price: Money | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET


class NewOverride(Input, frozen=True, kw_only=True):
    """A price for a range of slots, both ends included; the newest override of a slot wins."""

    first_slot: date
    last_slot: date
    price: Money


class NewBlock(Input, frozen=True, kw_only=True):
    """Slots not for sale, both ends included, of one unit or the whole listing.

    Existing bookings stay.
    """

    first_slot: date
    last_slot: date
    unit: Label | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""


class ListingReply(Output, frozen=True, kw_only=True):
    """A listing as everybody sees it. `rulesInWords` leaves out seasons that are over.

    `warnings`, only in the reply to a change: what is allowed, and yet looks wrong.
    """

    id: UUID
    host_id: UUID
    kind: Kind
    state: ListingState
    title: str
    description: str
    place: str
    country: str | None
    destination: str | None
    zone: str
    currency: Currency
    price: Money
    weekend_price: Money | None
    fee: Money
    deposit: Money
    policy: Policy
    request_to_book: bool
    respond_within_hours: int
    check_in_time: time | None
    check_out_time: time | None
    departure_date: date | None
    departure_time: time | None
    arrival_date: date | None
    arrival_time: time | None
    arrival_zone: str | None
    rules: StayRules | None
    rules_in_words: list[str]
    warnings: list[str] = msgspec.field(default_factory=list[str])

    @classmethod
    def of(cls, listing: Listing, *, rules_in_words: list[str]) -> "ListingReply":
        """A listing as the API shows it: each amount with its currency."""
        fields = {name: getattr(listing, name) for name in Listing.__struct_fields__}
        fields["respond_within_hours"] = fields.pop("respond_within_h")
        for name in ("price", "weekend_price", "fee", "deposit"):
            amount = fields[name]
            fields[name] = None if amount is None else Money(amount, listing.currency)
        return cls(**fields, rules_in_words=rules_in_words)


class ListingPage(Output, frozen=True, kw_only=True):
    """`nextCursor` is null on the last page. Other pages may be short, or even empty."""

    listings: list[ListingReply]
    next_cursor: str | None


class UnitReply(NewUnit, frozen=True, kw_only=True):
    active: bool


class UnitList(Output, frozen=True, kw_only=True):
    units: list[UnitReply]


class OverrideReply(NewOverride, frozen=True, kw_only=True):
    id: int


class OverrideList(Output, frozen=True, kw_only=True):
    overrides: list[OverrideReply]


class BlockReply(NewBlock, frozen=True, kw_only=True):
    """Blocked dates of one unit or, if `unit` is null, of the whole listing."""

    id: int


class BlockList(Output, frozen=True, kw_only=True):
    blocks: list[BlockReply]
