"""Instructions: refunds and transfers, one state machine for both."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import Money
from app.foundation.wire import Output


class InstructionKind(StrEnum):
    REFUND = "refund"  # to the guest, through the gateway that took the charge
    TRANSFER = "transfer"  # to a host's payout account


class InstructionState(StrEnum):
    QUEUED = "queued"
    WAITING_FOR_PAYEE = "waiting_for_payee"  # there is nowhere to send it yet
    SENDING = "sending"  # committed; the gateway may or may not know of it
    UNKNOWN = "unknown"  # the answer was lost: only looking it up says how it went
    SENT = "sent"  # the gateway has it, and its end is open
    CONFIRMED = "confirmed"
    FAILED = "failed"  # conclusively: no money moved in this attempt
    REVERSED = "reversed"  # it had gone out, and came back
    CANCELLED = "cancelled"  # it never left: a chargeback took its money first


_S = InstructionState
MOVES: Final = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.SENDING, _S.WAITING_FOR_PAYEE, _S.CANCELLED}),
        _S.WAITING_FOR_PAYEE: frozenset({_S.QUEUED, _S.CANCELLED}),
        _S.SENDING: frozenset({_S.SENT, _S.UNKNOWN, _S.FAILED}),
        _S.UNKNOWN: frozenset({_S.SENT, _S.CONFIRMED, _S.FAILED}),
        _S.SENT: frozenset({_S.CONFIRMED, _S.FAILED, _S.REVERSED}),
        _S.CONFIRMED: frozenset({_S.REVERSED}),
        _S.FAILED: frozenset({_S.QUEUED, _S.WAITING_FOR_PAYEE, _S.CANCELLED}),
        _S.REVERSED: frozenset[InstructionState](),
        _S.CANCELLED: frozenset[InstructionState](),
    }
)


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `instructions`. `amount` is in minor units.

    `source_id` is what it comes from: a pot, a charge that bought nothing, a debt, or an
    instruction whose money came back, or of which a part was cancelled. `target` is where it goes:
    the reference of the charge to refund, or the gateway's code of the payee. `next_try_at` is when
    somebody looks at it again.
    """

    id: UUID
    kind: InstructionKind
    state: InstructionState
    booking_id: UUID
    payment_id: UUID
    source_id: UUID
    payee_id: UUID
    gateway: GatewayName
    target: str | None
    amount: int
    currency: str
    reason: str
    attempt: int = 0
    reference: str | None = None
    failure: str | None = None
    next_try_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    confirmed_at: datetime | None = None
    automatic: bool = False
    let_out_at: datetime | None = None

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def waits_at_breaker(self) -> bool:
        return self.automatic and self.let_out_at is None and self.state is _S.QUEUED


class NewInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid out. Without a target it waits for the payee.

    An automatic one, a refund that no person has asked for, is sent once the breaker lets it out.
    """

    id: UUID
    kind: InstructionKind
    booking_id: UUID
    payment_id: UUID
    source_id: UUID
    payee_id: UUID
    gateway: GatewayName
    target: str | None
    amount: int
    currency: str
    reason: str
    automatic: bool = False


class InstructionMove(Output, frozen=True):
    """One move: when, from what, to what, in which attempt, why."""

    at: datetime
    was: InstructionState | None
    state: InstructionState
    attempt: int
    reference: str | None
    reason: str


class InstructionReply(Output, frozen=True):
    """A refund or transfer as its payee and admins see it.

    `waitsAtBreaker`: more refunds came about by themselves than one run may send.
    """

    id: UUID
    kind: InstructionKind
    state: InstructionState
    booking_id: UUID
    payee_id: UUID
    gateway: GatewayName
    amount: Money
    reason: str
    attempt: int
    reference: str | None
    failure: str | None
    waits_at_breaker: bool
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, instruction: Instruction) -> "InstructionReply":
        return cls(
            id=instruction.id,
            kind=instruction.kind,
            state=instruction.state,
            booking_id=instruction.booking_id,
            payee_id=instruction.payee_id,
            gateway=instruction.gateway,
            amount=instruction.money,
            reason=instruction.reason,
            attempt=instruction.attempt,
            reference=instruction.reference,
            failure=instruction.failure,
            waits_at_breaker=instruction.waits_at_breaker,
            next_try_at=instruction.next_try_at,
            created_at=instruction.created_at,
            updated_at=instruction.updated_at,
            sent_at=instruction.sent_at,
            confirmed_at=instruction.confirmed_at,
        )


class InstructionPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    instructions: list[InstructionReply]
    next_cursor: str | None


class NoSuchInstructionHere(NotFound):
    title = "There is no such refund or transfer"


class NothingToRetry(Conflict):
    """It has not failed for good."""

    title = "There is nothing to try again"
