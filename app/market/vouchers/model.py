"""Vouchers and their uses: rows, requests, replies, and this room's problems."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.errors import Conflict, NotFound
from app.foundation.money import Money
from app.foundation.wire import Input, Name, Output
from app.market.inventory.model import Kind

PERCENT_MAX_BPS: Final = 9_900  # something is left to pay
USES_MAX: Final = 1_000_000


class BorneBy(StrEnum):
    """At whose cost a voucher is: the host gets less, or the platform pays the difference."""

    HOST = "host"
    PLATFORM = "platform"


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `vouchers`. It is worth `amount`, or `percent_bps` of the rental.

    Amounts are minor units of `currency`, and `percent_bps` hundredths of a percent. It may be used
    while `starts_at <= now < ends_at`. `host_id`, `listing_id` and `kind` say what it is for, null
    for anything. `least` is the least rental that it is for, `discount_max` the most that a
    percentage pays. `uses` are those that are paid for or held.
    """

    id: UUID
    code: str
    name: str
    amount: int | None
    currency: str | None
    percent_bps: int | None
    discount_max: int | None
    borne_by: BorneBy
    made_by: UUID
    host_id: UUID | None
    listing_id: UUID | None
    kind: Kind | None
    starts_at: datetime
    ends_at: datetime
    uses_max: int | None
    uses: int
    once_per_guest: bool
    least: int
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_used_up(self) -> bool:
        return self.uses_max is not None and self.uses >= self.uses_max


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `voucher_uses`: what of the price of a booking a voucher pays, in minor units.

    `booking_id` is that of its first part. It is held until `expires_at`, null once it is paid for.
    From `given_back_at` on it does not count any more.
    """

    booking_id: UUID
    voucher_id: UUID
    guest_id: UUID
    amount: int
    currency: str
    expires_at: datetime | None
    given_back_at: datetime | None
    created_at: datetime
    updated_at: datetime


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a booking, as its price stands without a voucher. Minor units.

    `rest` is what the guest pays beside rental and fee: the deposit, which no voucher pays.
    """

    listing_id: UUID
    host_id: UUID
    kind: Kind
    currency: str
    rental: int
    fee: int
    rest: int


# ---- requests -----------------------------------------------------------------------------------

Code = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9][A-Za-z0-9-]{2,39}$",
        description="Upper and lower case are the same",
        examples=["SUMMER-10"],
    ),
]
Instant = Annotated[datetime, Meta(tz=True)]


class NewVoucher(Input, frozen=True):
    """A voucher: `amount` or `percentBps`, and for what it may be used until when.

    `discountMax` is the most that a percentage pays. It is for a rental of at least `least`, which
    may be that of several parts of one booking. `startsAt` is now, if it is not given.
    """

    code: Code
    name: Annotated[Name, Meta(description="What guests read beside what it pays")]
    ends_at: Instant
    amount: Money | None = None
    percent_bps: (
        Annotated[int, Meta(ge=1, le=PERCENT_MAX_BPS, description="Hundredths of a percent")] | None
    ) = None
    discount_max: Money | None = None
    least: Money | None = None
    listing_id: UUID | None = None
    kind: Kind | None = None
    starts_at: Instant | None = None
    uses_max: Annotated[int, Meta(ge=1, le=USES_MAX)] | None = None
    once_per_guest: bool = False


class NewPlatformVoucher(NewVoucher, frozen=True):
    """A voucher at the cost of the platform; with `hostId` only for what this host offers."""

    host_id: UUID | None = None


# ---- replies ------------------------------------------------------------------------------------


class VoucherReply(Output, frozen=True):
    """A voucher as who made it and admins see it. `uses` are those that are paid for or held."""

    id: UUID
    code: str
    name: str
    amount: Money | None
    percent_bps: int | None
    discount_max: Money | None
    least: Money | None
    borne_by: BorneBy
    host_id: UUID | None
    listing_id: UUID | None
    kind: Kind | None
    starts_at: datetime
    ends_at: datetime
    uses_max: int | None
    uses: int
    once_per_guest: bool
    ended_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, voucher: Voucher) -> "VoucherReply":
        def money(amount: int | None) -> Money | None:
            return Money(amount, voucher.currency) if amount and voucher.currency else None

        return cls(
            id=voucher.id,
            code=voucher.code,
            name=voucher.name,
            amount=money(voucher.amount),
            percent_bps=voucher.percent_bps,
            discount_max=money(voucher.discount_max),
            least=money(voucher.least),
            borne_by=voucher.borne_by,
            host_id=voucher.host_id,
            listing_id=voucher.listing_id,
            kind=voucher.kind,
            starts_at=voucher.starts_at,
            ends_at=voucher.ends_at,
            uses_max=voucher.uses_max,
            uses=voucher.uses,
            once_per_guest=voucher.once_per_guest,
            ended_at=voucher.ended_at,
            created_at=voucher.created_at,
        )


class VoucherPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    vouchers: list[VoucherReply]
    next_cursor: str | None


# ---- problems -----------------------------------------------------------------------------------


class VoucherNotFound(NotFound):
    title = "There is no such voucher"


class VoucherUsedUp(Conflict):
    """It was used as often as it may be: by bookings that are paid for, or held for a while."""

    title = "The voucher is used up"


class VoucherUsedBefore(Conflict):
    """Each guest may use it once, and this one has."""

    title = "The voucher was used before"


class CodeTaken(Conflict):
    """Two vouchers cannot have one code, in whatever case it is written."""

    title = "There is a voucher with this code already"
