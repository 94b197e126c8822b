"""Money out, as admins ask for it and see it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from app.foundation.errors import Conflict
from app.foundation.money import Money
from app.foundation.wire import Input, Output, Reason
from app.money.instructions.model import (
    InstructionKind,
    InstructionMove,
    InstructionReply,
    InstructionState,
)


class InstructionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which refunds or transfers to show; None asks for any."""

    kind: InstructionKind
    state: InstructionState | None
    booking_id: UUID | None
    payee_id: UUID | None


class InstructionStory(Output, frozen=True):
    """A refund or transfer with all that happened to it.

    `source` is the pot, charge, debt or instruction that caused it. `reissuedAs` is what sent its
    money again after it had come back.
    """

    instruction: InstructionReply
    source: UUID
    reissued_as: UUID | None
    history: list[InstructionMove]


class Bearer(StrEnum):
    """At whose cost a late refund is."""

    HOST = "host"  # who owes it, and gets less of the next payouts
    PLATFORM = "platform"


class NewLateRefund(Input, frozen=True):
    """What to give back of a booking whose money has been divided."""

    amount: Money
    reason: Reason
    at_whose_cost: Bearer


class LateRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `late_refunds`. `amount` is in minor units."""

    id: UUID
    booking_id: UUID
    payment_id: UUID
    borne_by: Bearer
    amount: int
    currency: str
    reason: str
    admin_id: UUID
    created_at: datetime

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class LateRefundReply(Output, frozen=True):
    """A refund past the payout, and the instruction that sends it."""

    id: UUID
    booking_id: UUID
    amount: Money
    at_whose_cost: Bearer
    reason: str
    created_at: datetime
    refund: InstructionReply


class StillHeld(Conflict):
    """What has not been divided is given back by cancelling, or by deciding a dispute."""

    title = "The money is still held"


class NotReversed(Conflict):
    """Only money that came back can be sent again."""

    title = "It has not come back"


class TakenByBank(Conflict):
    """A lost chargeback took what came back: a bank has given it to the guest, at whoever's cost.

    What is left of it, if anything, is sent by itself.
    """

    title = "A chargeback has taken it"


class ReissuedBefore(Conflict):
    """What came back is sent again once; if that comes back too, send that one again."""

    title = "Its money was sent again before"


class StillBeingSent(Conflict):
    """A gateway tells of an attempt before its answer to it is written down: ask again."""

    title = "It is being sent at this moment"
