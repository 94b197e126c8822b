"""Cancellation: requests, rulings and previews, and this room's problems."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output
from app.market.bookings.model import Booking, BookingReply, Labels, Price, Reason
from app.market.stay_rules.model import NIGHTS_MAX

PARTS_MAX: Final = 200

Nights = Annotated[int, Meta(ge=1, le=NIGHTS_MAX)]


class Cancel(Input, frozen=True):
    """Why to cancel. With `expectedRefund` (a preview's `total`): only if it is exactly that."""

    reason: Reason = ""
    expected_refund: Money | None = None


class GiveBack(Input, frozen=True):
    """What of a booking, or of one part of it, is given back: exactly one of these.

    `units`: rooms or seats, by their labels. `firstNights`, `lastNights`: so many nights of all
    rooms of a stay. `all`: all of this part of a booking of several parts. With `expectedRefund`
    (a preview's `total`): only if exactly that is refunded.
    """

    units: Labels | None = None
    first_nights: Nights | None = None
    last_nights: Nights | None = None
    everything: Annotated[Literal[True] | None, Meta(description="All of this part")] = field(
        default=None, name="all"
    )
    reason: Reason = ""
    expected_refund: Money | None = None


class KeptFee(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway has taken of a charge, and the guest bears: `fee`, of a charge of `charge`.

    Minor units. From `until` on the guest can cancel for nothing again.
    """

    fee: int
    charge: int
    until: datetime

    def of(self, amount: int) -> int:
        """Its share for what was paid with a part of the charge, rounded down."""
        return self.fee * amount // self.charge


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """How much of rental and fee is refunded (in hundredths of a percent), and by which rule.

    It is valid before `until` (if not None), and while the booking stays in its state. `kept`: the
    gateway's fee is kept of it.
    """

    back_bps: int
    rule: str
    until: datetime | None
    kept: KeptFee | None = None


class PartPreview(Output, frozen=True):
    """What the guest gets back of one part if the asker cancels now.

    `rental` is the part of rental and fee. `rule` says why it is so much; it holds before `until`.
    `keptFee` is not in it: what the gateway has taken of the charge, and keeps. A guest who has
    cancelled several paid bookings within a day bears that; else it is 0.
    """

    booking_id: UUID
    rule: str
    until: datetime | None
    rental: Money
    deposit: Money
    total: Money
    kept_fee: Money


class Piece(Output, frozen=True):
    """A part of a booking as it is after something was given back of it, or what was given back.

    `id` is the part's; it is null in a preview of what would be given back.
    """

    id: UUID | None
    units: list[str]
    first_slot: date
    last_slot: date
    check_in_at: datetime
    check_out_at: datetime
    price: Price

    @classmethod
    def of(cls, booking: Booking, part_id: UUID | None) -> "Piece":
        return cls(
            id=part_id,
            units=booking.labels,
            first_slot=booking.first_slot,
            last_slot=booking.last_slot,
            check_in_at=booking.check_in_at,
            check_out_at=booking.check_out_at,
            price=BookingReply.of(booking).price,
        )


class GivenBack(Output, frozen=True):
    """What the guest gets back, by which rule, for what is given back; and what stays.

    `total` is the sum of `rental` and `deposit`. `until` is when the rule may change. `stays` is
    null if nothing of the part does. `keptFee` is as in a preview of cancelling.
    """

    booking_id: UUID
    rule: str
    until: datetime | None
    rental: Money
    deposit: Money
    total: Money
    kept_fee: Money
    given_back: Piece
    stays: Piece | None


class Preview(PartPreview, frozen=True):
    """What the guest gets back if the asker cancels now; of several parts each that would end.

    The sums are over those. Each part has a rule of its own, which may hold for longer.
    """

    parts: list[PartPreview] | UnsetType = UNSET

    @property
    def of_parts(self) -> list[PartPreview]:
        """Each part that would end; of a booking of one part that one."""
        return [self] if self.parts is UNSET else self.parts


class NotCancellable(Conflict):
    """The stay or trip has begun: it can be disputed, but not cancelled."""

    title = "This booking cannot be cancelled"


class RefundChanged(Conflict):
    """Not the expected amount would be refunded; `preview` shows what would be."""

    title = "The refund is not what was expected"


class NotPaidYet(Conflict):
    """Nothing is paid: the booking can be cancelled, and another one made."""

    title = "An unpaid booking is not given back in parts"


class HeldFast(Conflict):
    """Somebody else wants, or has taken, what is held of the part: it cannot be split now."""

    title = "This cannot be given back in parts"


class TooManyParts(Conflict):
    """The booking was split so often that it cannot be split again."""

    title = "This booking has too many parts"
