"""Cancellation: requests, rulings and previews, and this room's problems."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output
from app.market.bookings.model import Reason


class Cancel(Input, frozen=True):
    """Why to cancel. With `expectedRefund` (a preview's `total`): only if it is exactly that."""

    reason: Reason = ""
    expected_refund: Money | None = None


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """How much of rental and fee is refunded (in hundredths of a percent), and by which rule.

    It is valid before `until` (if not None), and while the booking stays in its state.
    """

    back_bps: int
    rule: str
    until: datetime | None


class PartPreview(Output, frozen=True):
    """What the guest gets back of one part if the asker cancels now.

    `rental` is the part of rental and fee. `rule` says why it is so much; it holds before `until`.
    """

    booking_id: UUID
    rule: str
    until: datetime | None
    rental: Money
    deposit: Money
    total: Money


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
