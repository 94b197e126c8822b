"""Chargebacks: states, rows, requests, replies, and the facts that refuse."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import GatewayName
from app.foundation.audit import ActorRole
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import Money, SignedMoney
from app.foundation.wire import Input, Output, ShortReason
from app.market.bookings.model import Booking
from app.money.escrow.model import Pot
from app.money.instructions.model import Instruction
from app.money.payments.model import Payment


class ChargebackState(StrEnum):
    OPEN = "open"
    WON = "won"  # by us: the guest's bank gets nothing
    LOST = "lost"  # by us: the bank has the money


_S = ChargebackState
MOVES: Final = MappingProxyType(
    {
        _S.OPEN: frozenset({_S.WON, _S.LOST}),
        _S.WON: frozenset[ChargebackState](),
        _S.LOST: frozenset[ChargebackState](),
    }
)


class Chargeback(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `chargebacks`. Amounts are minor units.

    `is_taken`: the gateway has taken the money out of our balance, and has not given it back.
    `fee` is None until the gateway tells of one. What a lost one was recovered from is None before
    it is lost; `from_returns` are refunds that came back since. `loss` is the rest: below zero
    where such refunds had been at the platform's cost.
    """

    id: UUID
    payment_id: UUID
    booking_id: UUID
    gateway: GatewayName
    gateway_id: str
    state: ChargebackState
    amount: int
    currency: str
    reason: str
    is_taken: bool
    fee: int | None
    evidence_due_at: datetime | None
    recorded_by: UUID | None
    from_deposit: int | None
    from_rental: int | None
    from_refunds: int | None
    from_transfers: int | None
    from_host: int | None
    from_returns: int | None
    loss: int | None
    opened_at: datetime
    closed_at: datetime | None

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class Case(NamedTuple):
    """What a chargeback is about, all of it locked: the pots are those that its charge filled."""

    booking: Booking
    payment: Payment
    pots: list[Pot]


class Cut(NamedTuple):
    """How much of an instruction that has not left is taken for a chargeback."""

    instruction: Instruction
    amount: int

    @property
    def rest(self) -> int:
        return self.instruction.amount - self.amount


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money of a lost chargeback is taken from; `loss` is what nobody bears but us."""

    pots: dict[UUID, int]
    from_deposit: int
    from_rental: int
    refunds: list[Cut]
    transfers: list[Cut]
    from_host: int
    loss: int

    @property
    def from_refunds(self) -> int:
        return sum(cut.amount for cut in self.refunds)

    @property
    def from_transfers(self) -> int:
        return sum(cut.amount for cut in self.transfers)


# ---- requests -----------------------------------------------------------------------------------


class NewChargeback(Input, frozen=True):
    """A chargeback that an admin has read of on the gateway's dashboard, in the gateway's words.

    `isTaken`: the gateway has taken the money out of our balance already.
    """

    payment_id: UUID
    gateway_id: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
    amount: Money
    reason: ShortReason
    is_taken: bool = False
    evidence_due_at: Annotated[datetime, Meta(tz=True)] | None = None


class Ending(StrEnum):
    WON = "won"
    LOST = "lost"


class Close(Input, frozen=True):
    """How a chargeback has ended at a gateway that does not tell of it.

    `overrule`: of one that its gateway tells of, too, where what it tells cannot be booked.
    """

    outcome: Ending
    reason: ShortReason
    overrule: bool = False


# ---- replies ------------------------------------------------------------------------------------


class Recovered(Output, frozen=True):
    """Where a lost chargeback was recovered from, in this order; the parts sum to its amount.

    `refunds` and `transfers` had not left; `host` is kept back from the host's next payouts;
    `returns` are refunds that came back after it was lost; `loss` is the platform's, and below zero
    where such refunds had been at its cost.
    """

    deposit: Money
    rental: Money
    refunds: Money
    transfers: Money
    host: Money
    returns: Money
    loss: SignedMoney


class ChargebackReply(Output, frozen=True):
    """A chargeback as admins see it. `recovered` is null unless it is lost."""

    id: UUID
    payment_id: UUID
    booking_id: UUID
    gateway: GatewayName
    gateway_id: str
    state: ChargebackState
    amount: Money
    reason: str
    is_taken: bool
    fee: Money | None
    evidence_due_at: datetime | None
    recorded_by: UUID | None
    recovered: Recovered | None
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, chargeback: Chargeback) -> "ChargebackReply":
        return cls(
            id=chargeback.id,
            payment_id=chargeback.payment_id,
            booking_id=chargeback.booking_id,
            gateway=chargeback.gateway,
            gateway_id=chargeback.gateway_id,
            state=chargeback.state,
            amount=chargeback.money,
            reason=chargeback.reason,
            is_taken=chargeback.is_taken,
            fee=_money(chargeback, chargeback.fee) if chargeback.fee is not None else None,
            evidence_due_at=chargeback.evidence_due_at,
            recorded_by=chargeback.recorded_by,
            recovered=_recovered(chargeback),
            opened_at=chargeback.opened_at,
            closed_at=chargeback.closed_at,
        )


class ChargebackPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    chargebacks: list[ChargebackReply]
    next_cursor: str | None


class ChargebackMove(Output, frozen=True):
    """One move: when, from what, to what, by whom, why."""

    at: datetime
    was: ChargebackState | None
    state: ChargebackState
    actor: ActorRole
    reason: str


class ChargebackStory(Output, frozen=True):
    """A chargeback with all that happened to it."""

    chargeback: ChargebackReply
    history: list[ChargebackMove]


def _money(chargeback: Chargeback, amount: int | None) -> Money:
    return Money(amount=amount or 0, currency=chargeback.currency)


def _recovered(chargeback: Chargeback) -> Recovered | None:
    if chargeback.state is not ChargebackState.LOST:
        return None
    return Recovered(
        deposit=_money(chargeback, chargeback.from_deposit),
        rental=_money(chargeback, chargeback.from_rental),
        refunds=_money(chargeback, chargeback.from_refunds),
        transfers=_money(chargeback, chargeback.from_transfers),
        host=_money(chargeback, chargeback.from_host),
        returns=_money(chargeback, chargeback.from_returns),
        loss=SignedMoney(amount=chargeback.loss or 0, currency=chargeback.currency),
    )


# ---- refusals -----------------------------------------------------------------------------------


class NoSuchChargeback(NotFound):
    title = "There is no such chargeback"


class ChargeNotPaid(Conflict):
    """What has brought no money cannot be charged back; maybe we do not know yet that it has."""

    title = "This charge has brought no money"


class GatewayTells(Conflict):
    """The gateway tells of its chargebacks itself, and is believed rather than anybody else."""

    title = "The gateway tells of this itself"


class ChargebackKnown(Conflict):
    """There is a chargeback of this id at this gateway."""

    title = "This chargeback is known already"


class RefundUnderWay(Conflict):
    """Who bears a lost chargeback depends on whether a refund arrives that is under way."""

    title = "A refund of this charge is under way"


class NotTheSame(Conflict):
    """What is told of a chargeback does not fit its charge, or what was told before."""

    title = "This does not fit what is known"


class NotToldYet(Conflict):
    """A webhook tells of a chargeback that the gateway's own answer does not have: ask again."""

    title = "The gateway does not know of it yet"
