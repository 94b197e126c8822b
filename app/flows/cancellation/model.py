"""Cancelling: what is asked, what comes back, and the facts that refuse."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output
from app.market.bookings.model import Reason


class Cancel(Input, frozen=True):
    """Why. With `expectedRefund` (the preview's `total`) only if exactly that comes back."""

    reason: Reason = ""
    expected_refund: Money | None = None


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """How much of rental and fee comes back (in hundredths of a percent), by which rule.

    It holds before `until`, unless the booking moves on; None: until it does.
    """

    back_bps: int
    rule: str
    until: datetime | None


class Preview(Output, frozen=True):
    """What the guest gets back if the asker cancels now.

    `rental` is of rental and fee. `rule` says why so much, and holds before `until`.
    """

    booking_id: UUID
    rule: str
    until: datetime | None
    rental: Money
    deposit: Money
    total: Money


class NotCancellable(Conflict):
    """It has begun: from here on there are disputes."""

    title = "This booking cannot be cancelled"


class RefundChanged(Conflict):
    """Another amount comes back than was expected; `preview` is what holds now."""

    title = "The refund is not what was expected"
