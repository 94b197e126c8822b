"""The refund gate: what waits at it, and what one run has admitted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output, Reason


class WaitingRefund(msgspec.Struct, frozen=True, kw_only=True):
    """An automatic refund that waits at the refund gate. `amount` is in minor units."""

    id: UUID
    currency: str
    amount: int


class AdmittedTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has admitted of one currency: how many refunds, and how much in minor units."""

    currency: str
    refunds: int
    amount: int


class WaitingTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at the refund gate in one currency.

    `too_large`: how many of the refunds are each more than a run may send.
    """

    currency: str
    refunds: int
    amount: int
    too_large: int
    since: datetime


class WaitingTotalReply(Output, frozen=True):
    """What waits in one currency. The refunds that are `tooLarge` wait for an admin.

    Each of those is more than a run may send in all; the other refunds wait for a later run.
    """

    refunds: int
    amount: Money
    too_large: int
    since: datetime
    amount_per_run: Money


class RefundGateReply(Output, frozen=True):
    """How many automatic refunds a run may send, how many this run has sent, and what waits."""

    refunds_per_run: int
    refunds_in_this_run: int
    waiting: list[WaitingTotalReply]


class RefundGateOverride(Input, frozen=True):
    """Why these refunds are to be sent at once; without `refundIds`: all that wait now."""

    reason: Reason
    refund_ids: Annotated[list[UUID], Meta(min_length=1, max_length=100)] | None = None


class NothingWaits(Conflict):
    """Not each of the named refunds waits at the refund gate; or, if none was named, none does."""

    title = "This does not wait at the refund gate"
