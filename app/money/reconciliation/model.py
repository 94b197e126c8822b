"""Movements that gateways list, runs that read them, and the differences that are found."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Conflict, NotFound
from app.foundation.money import SignedMoney
from app.foundation.wire import Input, Output, Reason
from app.money.ledger.model import AccountKind


class What(StrEnum):
    """A kind of movement. Gateways list them in this order, one kind after the other."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"
    CHARGEBACK = "chargeback"
    PAYOUT = "payout"  # to our own bank
    CHANGE = "change"  # of our balance, and none of the kinds above


class Sum(StrEnum):
    """What is summed up: the kinds of movements, and the fees of all of them."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"
    CHARGEBACK = "chargeback"
    PAYOUT = "payout"
    CHANGE = "change"
    FEE = "fee"


class Stage(StrEnum):
    """Where a run is: which list it reads, or that it compares."""

    CHARGE = "charge"
    REFUND = "refund"
    TRANSFER = "transfer"
    CHARGEBACK = "chargeback"
    PAYOUT = "payout"
    CHANGE = "change"
    COMPARE = "compare"


NEXT: Final = dict(zip(list(Stage)[:-1], list(Stage)[1:], strict=True))


class DifferenceKind(StrEnum):
    """In what gateway, row and ledger differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATE = "state"
    FEE = "fee"
    TWICE = "twice"  # a second payment, or a second attempt, beside one that counts


class DifferenceState(StrEnum):
    OPEN = "open"
    EXPLAINED = "explained"
    CLOSED = "closed"


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `gateway_movements`, as read. Amounts are minor units; a change's has a sign.

    `returned` is what was given back of a charge, or came back of a transfer. `fee` is None while
    the gateway does not say it; `at` if it does not say when. A chargeback `is_taken` while its
    money is out of our balance. The state of a change that is a fee of the gateway's is `fee`.
    """

    kind: What
    gateway_id: str
    reference: str
    charge_reference: str = ""
    charge_id: str = ""
    state: str
    amount: int
    currency: str
    returned: int = 0
    fee: int | None = None
    settled_amount: int | None = None
    settled_currency: str | None = None
    recipient: str = ""
    is_taken: bool = False
    live: bool
    at: datetime | None
    arrives_at: datetime | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `reconciliation_runs`: one gateway, one span of time, and how far it has come.

    `tries` counts how often the run was begun or resumed. A process works on one try: if the number
    has changed, another process has resumed the run, and this one stops.
    """

    id: UUID
    gateway: GatewayName
    since: datetime
    until: datetime
    started_at: datetime
    tries: int
    stage: Stage
    cursor: str | None
    pages: int
    rows: int
    unreadable: int


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared: a slice of a run's time, of a gateway, in its mode.

    A movement in the span of the run counts as there only if the run has listed it, or has asked
    about it (`listed_since`).
    """

    gateway: GatewayName
    live: bool
    since: datetime
    until: datetime
    run_since: datetime
    run_until: datetime
    listed_since: datetime


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference, as a comparison finds it.

    `kind` is None if the thing has changed here since the gateway was asked: then the comparison
    says nothing. The three amounts are what has moved, None where there is nothing.
    """

    subject: str
    kind: DifferenceKind | None
    at: datetime
    currency: str
    at_gateway: int | None
    here: int | None
    in_ledger: int | None
    gateway_state: str | None
    state: str | None
    reference: str
    charge_reference: str
    charge_id: str
    payment_id: UUID | None
    instruction_id: UUID | None


class HourTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of an hour in one currency, in minor units.

    `others` counts the movements of other products on the same account.
    """

    what: Sum
    hour: datetime
    currency: str
    count: int
    others: int
    at_gateway: int
    here: int
    in_ledger: int


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparison returns."""

    findings: list[Finding]
    totals: list[HourTotal]


class ToAsk(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the gateway is asked about, since its lists do not show it.

    `subject` is the gateway's id of it, or our reference.
    """

    what: What
    subject: str
    reference: str
    charge_reference: str
    charge_id: str
    currency: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `differences`. The three amounts are minor units, None where there is nothing.

    `subject` is the gateway's id of the thing, or our reference if the gateway does not have it.
    """

    id: UUID
    gateway: GatewayName
    what: What
    kind: DifferenceKind
    subject: str
    at: datetime
    day: date
    currency: str
    at_gateway: int | None
    here: int | None
    in_ledger: int | None
    gateway_state: str | None
    state: str | None
    reference: str
    charge_reference: str
    charge_id: str
    payment_id: UUID | None
    instruction_id: UUID | None
    first_seen: datetime
    last_seen: datetime
    tries: int
    alerted_at: datetime | None
    closed_at: datetime | None
    explained_at: datetime | None
    explained_by: UUID | None
    note: str | None

    @property
    def unexplained(self) -> int:
        """By how much gateway and ledger differ, if nobody has explained it; minor units."""
        is_open = self.closed_at is None and self.explained_at is None
        return abs((self.at_gateway or 0) - (self.in_ledger or 0)) if is_open else 0


# ---- requests ------------------------------------------------------------------------------------


class DifferenceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which differences to show; None asks for any."""

    state: DifferenceState | None = None
    gateway: GatewayName | None = None
    what: What | None = None
    kind: DifferenceKind | None = None
    day: date | None = None


class Explanation(Input, frozen=True):
    """Why a difference is there, for good.

    With an `account`, what the gateway has beyond the ledger is posted from there, as an
    adjustment: then the ledger has what the gateway says.
    """

    note: Reason
    account: Annotated[
        AccountKind | None,
        Meta(description="Whose money it is; of no person and no booking", examples=["bank"]),
    ] = None


class RunRequest(Input, frozen=True):
    """Which gateway and day (UTC) to reconcile; without them, all of them, and yesterday."""

    gateway: GatewayName | None = None
    day: date | None = None


# ---- replies -------------------------------------------------------------------------------------


class DifferenceReply(Output, frozen=True):
    """A difference. `atGateway`, `here` and `inLedger` are what has moved, null where nothing is.

    `subject` is the gateway's id of it, or our reference if the gateway does not have it.
    """

    id: UUID
    gateway: GatewayName
    what: What
    kind: DifferenceKind
    state: DifferenceState
    subject: str
    day: date
    at: datetime
    at_gateway: SignedMoney | None
    here: SignedMoney | None
    in_ledger: SignedMoney | None
    state_at_gateway: str | None
    state_here: str | None
    reference: str
    payment_id: UUID | None
    instruction_id: UUID | None
    first_seen: datetime
    last_seen: datetime
    closed_at: datetime | None
    explained_at: datetime | None
    explained_by: UUID | None
    note: str | None

    @classmethod
    def of(cls, found: Difference) -> "DifferenceReply":
        def money(amount: int | None) -> SignedMoney | None:
            return None if amount is None else SignedMoney(amount=amount, currency=found.currency)

        state = DifferenceState.EXPLAINED if found.explained_at else DifferenceState.OPEN
        return cls(
            id=found.id,
            gateway=found.gateway,
            what=found.what,
            kind=found.kind,
            state=DifferenceState.CLOSED if found.closed_at else state,
            subject=found.subject,
            day=found.day,
            at=found.at,
            at_gateway=money(found.at_gateway),
            here=money(found.here),
            in_ledger=money(found.in_ledger),
            state_at_gateway=found.gateway_state,
            state_here=found.state,
            reference=found.reference,
            payment_id=found.payment_id,
            instruction_id=found.instruction_id,
            first_seen=found.first_seen,
            last_seen=found.last_seen,
            closed_at=found.closed_at,
            explained_at=found.explained_at,
            explained_by=found.explained_by,
            note=found.note,
        )


class DifferencePage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    differences: list[DifferenceReply]
    next_cursor: str | None


class DayReply(Output, frozen=True):
    """A day of one kind of movement at a gateway: three sums, which should be the same.

    `others` are movements of other products on the same account. `unexplained` is by how much
    gateway and ledger differ, where nobody has explained it: it should be nothing.
    """

    gateway: GatewayName
    day: date
    what: Sum
    count: int
    others: int
    at_gateway: SignedMoney
    here: SignedMoney
    in_ledger: SignedMoney
    differences: int
    unexplained: SignedMoney


class Reconciliation(Output, frozen=True):
    """The days asked for, and what is unexplained in each currency, of all days."""

    days: list[DayReply]
    unexplained: list[SignedMoney]


class Queued(Output, frozen=True):
    """The gateways and the day that will be reconciled."""

    gateways: list[GatewayName]
    day: date


# ---- facts that refuse ---------------------------------------------------------------------------


class NoSuchDifference(NotFound):
    title = "There is no such difference"


class NothingToExplain(Conflict):
    """The difference is closed, or somebody has explained it already."""

    title = "This difference does not need to be explained"


class RunLost(Exception):
    """Somebody else has taken this run up meanwhile."""
