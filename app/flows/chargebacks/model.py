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
    `fee` is None until the gateway reports one. If our balance is in another currency, `settled_…`
    is what was taken out of it, and `settled_back` what came back. `from_…` and `loss` say who
    bears a lost one, and are None before it is lost; `from_returns` is from refunds that came back
    since. `loss` is the platform's: below zero where refunds that came back had been at its cost.
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
    settled_amount: int | None = None
    settled_currency: str | None = None
    settled_back: int | None = None

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)

    @property
    def settled(self) -> Money | None:
        """What was taken out of our balance, if that is in another currency."""
        if self.settled_amount is None or self.settled_currency is None:
            return None
        return Money(amount=self.settled_amount, currency=self.settled_currency)


class Case(NamedTuple):
    """What a chargeback is about, all locked: a charge, its booking, and the pots it filled.

    `parts` are those of the booking, the first one first; `pots` are in the order of their ids.
    """

    parts: list[Booking]
    payment: Payment
    pots: list[Pot]

    @property
    def host_ids(self) -> list[UUID]:
        """The hosts of the parts, each once."""
        return sorted({part.host_id for part in self.parts})

    def part(self, part_id: UUID) -> Booking:
        """The part of this id. Raises LookupError."""
        for part in self.parts:
            if part.id == part_id:
                return part
        raise LookupError(f"{part_id} is no part of booking {self.parts[0].id}")


class Got(NamedTuple):
    """What the host of a part has got for it of a charge, or is being sent.

    Less what the host has come to owe because of it: `amount` is in minor units, and below zero if
    more is owed than was got.
    """

    part_id: UUID
    host_id: UUID
    amount: int


class Unsent(NamedTuple):
    """What of a charge has not left, or came back: refunds and transfers, locked, the oldest first.

    `targets` are the accounts that its hosts are paid to now, locked too, by the hosts' ids. `got`
    is what they have got already, part by part.
    """

    refunds: list[Instruction]
    transfers: list[Instruction]
    targets: dict[UUID, str]
    got: list[Got]


class Cut(NamedTuple):
    """An instruction that has not left, and how much of it is taken.

    For a chargeback, or because it was refunded or paid out at the gateway.
    """

    instruction: Instruction
    amount: int

    @property
    def rest(self) -> int:
        return self.instruction.amount - self.amount


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money of a lost chargeback is taken from; `loss` is what the platform bears.

    `debts` is what hosts come to owe, by the parts of the booking that they got it for.
    """

    pots: dict[UUID, int]
    from_deposit: int
    from_rental: int
    refunds: list[Cut]
    transfers: list[Cut]
    debts: dict[UUID, int]
    loss: int

    @property
    def from_refunds(self) -> int:
        return sum(cut.amount for cut in self.refunds)

    @property
    def from_transfers(self) -> int:
        return sum(cut.amount for cut in self.transfers)

    @property
    def from_host(self) -> int:
        return sum(self.debts.values())


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
    """How a chargeback has ended at a gateway that does not report it.

    `overrule`: also at a gateway that reports it, where that report cannot be posted.
    """

    outcome: Ending
    reason: ShortReason
    overrule: bool = False


# ---- replies ------------------------------------------------------------------------------------


class Recovered(Output, frozen=True):
    """Where a lost chargeback was recovered from, in this order; the parts sum to its amount.

    `refunds` and `transfers` had not left; `host` is kept back from the host's next payouts;
    `returns` are refunds that came back after it was lost; `loss` is the platform's, and below zero
    where refunds that came back had been at its cost.
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
    """A charge that has brought no money, as far as we know by now, cannot be charged back."""

    title = "This charge has brought no money"


class GatewayTells(Conflict):
    """This gateway reports its chargebacks itself: what an admin knows of them does not count."""

    title = "The gateway reports this itself"


class ChargebackKnown(Conflict):
    """There is a chargeback of this id at this gateway already."""

    title = "This chargeback is known already"


class RefundUnderWay(Conflict):
    """Whether a refund that is under way arrives decides who bears a lost chargeback."""

    title = "A refund of this charge is under way"


class NotTheSame(Conflict):
    """What is reported of a chargeback fits neither its charge nor what was reported before."""

    title = "This does not fit what is known"


class NotToldYet(Conflict):
    """A webhook reports a chargeback that the gateway does not list when asked: ask again."""

    title = "The gateway does not know of it yet"
