"""The breaker, as admins see it and override it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output, Reason


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An automatic refund that waits at the breaker. `amount` is in minor units."""

    id: UUID
    currency: str
    amount: int


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """Automatic refunds of one currency: how many, and how much, in minor units."""

    currency: str
    refunds: int
    amount: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What waits at the breaker in one currency. `too_large`: those that no run lets out."""

    currency: str
    refunds: int
    amount: int
    too_large: int
    since: datetime


class LineReply(Output, frozen=True):
    """What waits in one currency; `tooLarge` of them are more than a run may let out in all.

    Those wait for an admin, the others for a later run.
    """

    refunds: int
    amount: Money
    too_large: int
    since: datetime
    amount_per_run: Money


class BreakerReply(Output, frozen=True):
    """How many automatic refunds a run may send, how many this one did, and what waits."""

    refunds_per_run: int
    refunds_in_this_run: int
    waiting: list[LineReply]


class Override(Input, frozen=True):
    """Why these refunds are to go out at once; without `refundIds`: all that wait now."""

    reason: Reason
    refund_ids: Annotated[list[UUID], Meta(min_length=1, max_length=100)] | None = None


class NothingWaits(Conflict):
    """Of the named refunds, if any were named, not every one waits at the breaker."""

    title = "This does not wait at the breaker"
