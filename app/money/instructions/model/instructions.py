"""Instructions: refunds and transfers, one state machine for both."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.port import Facts, GatewayName
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import Money
from app.foundation.wire import Output


class Origin(StrEnum):
    """Who began a charge, refund or transfer."""

    BERTHOLD = "berthold"
    GATEWAY = "gateway"  # somebody else, at the gateway: it was taken in when it was seen


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


class WaitsFor(StrEnum):
    """Why a refund or transfer that could be sent is not."""

    PAYEE = "payee"  # there is no payout account that can be paid
    MINIMUM = "minimum"  # it is less than its gateway sends; it goes together with others
    HOLD = "hold"  # until its `not_before`
    NAME = "name"  # a person must look at the account holder's name
    APPROVAL = "approval"  # a person must approve it


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

    `source_id` is what caused it: a pot, a charge that bought nothing, a debt, or an instruction
    whose money came back or of which a part was cancelled. `target` is where it goes: the reference
    of the charge to refund, or the gateway's code of the payee. `next_try_at` is when it is looked
    at again: sent, asked about or tried again, by its state. `let_out_at` is when an automatic
    refund was admitted through the refund gate. `answered`: the gateway has done with the last
    request. `reference_spent`: what it answered it may repeat under this reference. `waits_for`
    says why a queued one is not sent, and it is never sent before `not_before`.

    Transfers that are too small go together, as one at the gateway. Each keeps its amount and its
    states; `sent_as` is the reference under which the gateway knows them all, which is that of the
    oldest. One that goes alone has none. `reference_unused`: the gateway has never seen the
    reference of the latest attempt.

    `origin`: whether we began it, or somebody at the gateway. A refund of a charge that is of no
    booking we know has neither booking nor payee. `fee` is what is posted as the gateway's fee,
    null until it is known; `returned` is what of it has come back in parts, and `settled_returned`
    what that was in our balance, if the gateway exchanges it.

    `key` is what its references are made of; null for the id. `from_balance`: a transfer of what is
    not its charge's money, which our own balance at the gateway pays.
    """

    id: UUID
    kind: InstructionKind
    state: InstructionState
    booking_id: UUID | None
    payment_id: UUID
    source_id: UUID
    payee_id: UUID | None
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
    answered: bool = False
    reference_spent: bool = False
    not_before: datetime | None = None
    waits_for: WaitsFor | None = None
    sent_as: str | None = None
    reference_unused: bool = False
    origin: Origin = Origin.BERTHOLD
    key: UUID | None = None
    gateway_id: str | None = None
    gateway_data: Facts | None = None
    fee: int | None = None
    fee_corrections: int = 0
    returned: int = 0
    settled_amount: int | None = None
    settled_currency: str | None = None
    settled_returned: int = 0
    from_balance: bool = False

    @property
    def is_led(self) -> bool:
        """Whether it went together with others, under the reference of another one."""
        return self.sent_as is not None and self.sent_as != self.reference

    @property
    def waits(self) -> WaitsFor | None:
        """What it waits for now; None unless it is queued, or without an account."""
        if self.state is _S.WAITING_FOR_PAYEE:
            return WaitsFor.PAYEE
        return self.waits_for if self.state is _S.QUEUED else None

    @property
    def waits_for_a_person(self) -> bool:
        return self.waits in (WaitsFor.NAME, WaitsFor.APPROVAL)

    @property
    def owed_to(self) -> UUID:
        """Whose it is in the ledger until it has left; the charge's, if of nobody that we know."""
        return self.payee_id or self.payment_id

    @property
    def known_payee_id(self) -> UUID:
        """Its payee; LookupError for a refund of a charge of which we know no payer."""
        if self.payee_id is None:
            raise LookupError(f"nobody that we know is paid by the {self.kind} {self.id}")
        return self.payee_id

    @property
    def settled(self) -> Money | None:
        """What it took out of our balance; None if the gateway did not exchange the money."""
        if self.settled_amount is None or self.settled_currency is None:
            return None
        return Money(amount=self.settled_amount, currency=self.settled_currency)

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def waits_at_refund_gate(self) -> bool:
        return self.automatic and self.let_out_at is None and self.state is _S.QUEUED


class NewInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid out. Without a target it waits for the payee's account.

    It is not sent before `not_before`; then `waits_for` says why. `from_balance`: a transfer that
    our own balance at the gateway pays, and not the charge.

    `key`, which its references are made of, follows from the source: it is set as it is queued.

    `automatic`: a refund that no person has asked for. It is sent once the refund gate admits it.
    """

    id: UUID
    kind: InstructionKind
    booking_id: UUID | None
    payment_id: UUID
    source_id: UUID
    payee_id: UUID | None
    gateway: GatewayName
    target: str | None
    amount: int
    currency: str
    reason: str
    automatic: bool = False
    not_before: datetime | None = None
    waits_for: WaitsFor | None = None
    key: UUID | None = None
    from_balance: bool = False


class InstructionMove(Output, frozen=True):
    """One move: when, from what, to what, in which attempt, why."""

    at: datetime
    was: InstructionState | None
    state: InstructionState
    attempt: int
    reference: str | None
    reason: str


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside an instruction: those that go or went with it, as one at the gateway.

    `missing` is how much more must wait for its payee before it is sent, in minor units; None
    unless it waits for that.
    """

    together: list[UUID] = msgspec.field(default_factory=list[UUID])
    missing: int | None = None


ALONE: Final = Beside()


class Companions(msgspec.Struct, frozen=True, kw_only=True):
    """The others that go with an instruction; and, if it waits, all that waits. Minor units."""

    id: UUID
    gateway: GatewayName
    currency: str
    together: list[UUID]
    waiting: int | None


class Confirmation(Output, frozen=True):
    """What the gateway has confirmed: when we saw it, its own id of it, and its own words."""

    at: datetime
    gateway_id: str | None
    data: Facts


class InstructionReply(Output, frozen=True):
    """A refund or transfer as its payee and admins see it.

    `waitsFor` says why it is not sent, and `notBefore` until when at least. One that waits for the
    `minimum` is less than its gateway sends: it goes as soon as `missing` more is to be paid to the
    same payee. `togetherWith` are the transfers that go with it, as one at the gateway, under its
    `reference`.

    `origin`: somebody at the gateway has begun it, and not we. `returned` has come back in parts.
    `confirmation` is null until the gateway has confirmed it.

    `waitsAtBreaker`: it waits at the refund gate, since there are more automatic refunds than one
    run may send.
    """

    id: UUID
    kind: InstructionKind
    state: InstructionState
    booking_id: UUID | None
    payee_id: UUID | None
    gateway: GatewayName
    origin: Origin
    amount: Money
    returned: Money
    reason: str
    attempt: int
    reference: str | None
    failure: str | None
    waits_at_breaker: bool
    waits_for: WaitsFor | None
    not_before: datetime | None
    missing: Money | None
    together_with: list[UUID]
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    confirmed_at: datetime | None
    confirmation: Confirmation | None

    @classmethod
    def of(cls, instruction: Instruction, beside: Beside = ALONE) -> "InstructionReply":
        missing = beside.missing
        return cls(
            id=instruction.id,
            kind=instruction.kind,
            state=instruction.state,
            booking_id=instruction.booking_id,
            payee_id=instruction.payee_id,
            gateway=instruction.gateway,
            origin=instruction.origin,
            amount=instruction.money,
            returned=Money(instruction.returned, instruction.currency),
            reason=instruction.reason,
            attempt=instruction.attempt,
            reference=instruction.sent_as or instruction.reference,
            failure=instruction.failure,
            waits_at_breaker=instruction.waits_at_refund_gate,
            waits_for=instruction.waits,
            not_before=instruction.not_before,
            missing=None if missing is None else Money(missing, instruction.currency),
            together_with=beside.together,
            next_try_at=instruction.next_try_at,
            created_at=instruction.created_at,
            updated_at=instruction.updated_at,
            sent_at=instruction.sent_at,
            confirmed_at=instruction.confirmed_at,
            confirmation=_confirmation(instruction),
        )


def _confirmation(instruction: Instruction) -> Confirmation | None:
    if instruction.confirmed_at is None:
        return None
    return Confirmation(
        at=instruction.confirmed_at,
        gateway_id=instruction.gateway_id,
        data=instruction.gateway_data or {},
    )


class InstructionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which refunds or transfers to show; None asks for any."""

    kind: InstructionKind
    state: InstructionState | None
    booking_id: UUID | None
    payee_id: UUID | None


class InstructionPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    instructions: list[InstructionReply]
    next_cursor: str | None


class NoSuchInstructionHere(NotFound):
    title = "There is no such refund or transfer"


class NothingToRetry(Conflict):
    """Only an instruction that has failed can be tried again."""

    title = "There is nothing to try again"
