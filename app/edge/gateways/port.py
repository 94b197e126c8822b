"""The port: what Berthold asks of any payment gateway, in Berthold's own words.

No database and no gateway's vocabulary. An adapter turns these into its gateway's wire format and
back. Business facts come back as values, for callers to `match`; a caller never needs `try`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from math import inf
from typing import Generic, Protocol, TypeVar

import msgspec

from app.edge.gateways.recipients import (
    Flaw,
    NewRecipient,
    OnboardingLink,
    OnboardingNeeded,
    RecipientReady,
)
from app.foundation.money import Money

T = TypeVar("T")
Fact = str | int | float | None
Facts = dict[str, Fact]


class GatewayName(StrEnum):
    FLUTTERWAVE = "flutterwave"
    PAYSTACK = "paystack"
    STRIPE = "stripe"


class NewCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What to charge, to whom. `reference` is ours, is committed before the call, and is unique.

    `return_url` is where the gateway sends the guest afterwards; the visit proves nothing.
    """

    reference: str
    money: Money
    email: str
    return_url: str
    metadata: dict[str, str]


class CheckoutReady(msgspec.Struct, frozen=True, kw_only=True):
    """The charge exists at the gateway; the guest pays it at `checkout_url`."""

    checkout_url: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway says no; nothing was begun. Try again only with a new reference."""

    reason: str


class ReferenceTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The reference exists there already: an earlier call got through. Look it up."""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Neither yes nor no: time-out, lost connection, 5xx, nonsense. Look the reference up."""

    reason: str


class ChargeStatus(StrEnum):
    """What became of a charge.

    Only SUCCEEDED is paid. ABANDONED means "not completed": the guest left, or has not come yet
    (Paystack says so from the first moment on), and may still pay as long as the checkout page is
    open. So it ends a charge only once our own payment deadline has passed.
    FAILED may turn into SUCCEEDED too, where the gateway lets the guest try again on its page.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"
    ABANDONED = "abandoned"


class FoundCharge(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway says of a charge now.

    `money` is what the guest was asked for (never more than what came in): compare it, amount and
    currency, with the price. `live` says that real money moved: compare it with `Gateway.live`.
    `fee` is what the gateway keeps of `money`, in minor units, rounded down; None until it says.
    `failure` is the gateway's reason, or empty. `data` is small, JSON-safe, and worth keeping.

    A charge that was given back in full may be told as FAILED: of a charge known as SUCCEEDED
    that means nothing new.
    """

    reference: str
    gateway_id: str
    status: ChargeStatus
    money: Money
    fee: int | None
    failure: str
    live: bool
    data: Facts


class NoSuchCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway has no charge of this reference now.

    Of one that was started that means ABANDONED: some gateways know a charge only once the guest
    has tried to pay it.
    """


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """How much of which charge to give back to its payer.

    `reference` is ours, one per attempt, committed before the call; `reason` is for the guest.
    `send_before`: see `NewTransfer`.
    """

    reference: str
    charge_reference: str
    money: Money
    reason: str
    send_before: float = inf


class NewTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """How much to pay to whom, out of our balance at the gateway.

    `reference` is ours, one per attempt, committed before the call; `recipient` is the gateway's
    code for the payee's account; `reason` is what the payee may read on a statement. The money is
    that of the charge `charge_reference`: some gateways keep it until it has come in.
    `send_before` is on the clock of `time.monotonic()`: later than that the request does not leave
    any more, and the outcome is Unknown. Whoever was held up for so long has been given up, and
    somebody else may be at it.
    """

    reference: str
    charge_reference: str
    recipient: str
    money: Money
    reason: str
    send_before: float = inf


class MoneyOutStatus(StrEnum):
    """What became of a refund or transfer.

    Only SUCCEEDED is paid out. REVERSED was paid out and came back; FAILED was never paid out,
    or, told of one that was known as SUCCEEDED, came back too. PENDING may still become anything:
    a new attempt while one is pending pays twice.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSED = "reversed"


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway took the instruction; its end may still be open. `data` as in FoundCharge."""

    gateway_id: str
    status: MoneyOutStatus
    data: Facts


class FoundInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway says of a refund or transfer now.

    `money` is what it pays out under this reference in all: compare it, amount and currency, with
    what was instructed; `live` as in FoundCharge. `fee` is what the gateway takes on top, in minor
    units, rounded down; None where it names none. `failure` is the gateway's reason why it has
    failed, or, while it is PENDING, what an operator must see to; else empty.
    """

    reference: str
    gateway_id: str
    status: MoneyOutStatus
    money: Money
    failure: str
    live: bool
    fee: int | None
    data: Facts


class NoSuchInstruction(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway has nothing of this reference.

    Of a call that may still be on its way that is not enough: ask again once it must have ended.
    """


class ChargebackStatus(StrEnum):
    """What became of a chargeback."""

    OPEN = "open"  # to be answered, or under review
    WON = "won"  # the money is ours to keep: also where the bank has withdrawn it
    LOST = "lost"  # the money is gone: also where we have accepted it


class FoundChargeback(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway says now of a charge that the guest's bank wants back.

    `charge_reference` is that of the charge, empty where it has none: then it is not ours. `money`
    is what the bank wants, never more than the charge. `is_taken`: it is out of our balance now.
    Some gateways take it when it opens, and give it back some time after it is won; others take it
    when it is lost. `fee` is what the gateway charges for it beyond `money`, in minor units,
    rounded down; None where it names none (yet). `reason` is the bank's. Until `evidence_due_at`
    an answer is looked at; None where none is, or nobody says. `live` and `data` as in FoundCharge.
    """

    gateway_id: str
    charge_reference: str
    status: ChargebackStatus
    money: Money
    is_taken: bool
    fee: int | None
    reason: str
    evidence_due_at: datetime | None
    live: bool
    data: Facts


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """All that a gateway has of one kind and one day (UTC), by when it was made there.

    Also what is not ours: then its reference is empty. `unreadable` names, by the gateway's ids,
    what fits no shape or currency of ours: somebody made it on the gateway's dashboard.
    """

    rows: list[T]
    unreadable: list[str]


class EventKind(StrEnum):
    """What a webhook is about, and what its `reference` is."""

    CHARGE_CHANGED = "charge_changed"  # the charge's reference
    REFUND_CHANGED = "refund_changed"  # the reference of the charge that is refunded
    TRANSFER_CHANGED = "transfer_changed"  # the transfer's reference
    # What `find_chargebacks` takes: the charge's reference, or the gateway's own name of the charge
    # where its event does not tell ours. Only the answers tell for certain which charge it is.
    CHARGEBACK_CHANGED = "chargeback_changed"
    PAYEE_CHANGED = "payee_changed"  # the recipient's code
    OTHER = "other"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook whose signature is right. A rumour all the same: ask before acting on it.

    `key` differs between events (at most 500 characters), and is the same for every delivery of
    one event, as long as the gateway lets its events be told apart. Where it does not, every
    delivery has a key of its own: better to look twice than to miss the second of two alike.
    `name` is the gateway's word for it. `reference` is always there, unless the kind is OTHER.
    """

    key: str
    name: str
    kind: EventKind
    reference: str | None


class BadSignature(Exception):
    """The webhook is not signed, or not by the gateway: nothing in it may be believed."""


class BadPayload(Exception):
    """The webhook is signed, but cannot be read."""


class Onboarding(Protocol):
    """What a gateway has beyond the others that asks payees itself what it must know of them."""

    async def find_recipient(
        self, recipient: str
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        """Ask whether a payee can be paid now. Refused: there is none of this code for us.

        Changes nothing, may be repeated at will.
        """
        ...

    async def start_onboarding(
        self, recipient: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Refused | Unknown:
        """Make a link for a payee, another each time.

        The payee comes back to `return_url`, whatever was answered there: the visit proves nothing;
        and to `refresh_url` for another link where this one was used before, or has expired.
        """
        ...


class Gateway(Protocol):
    """One payment gateway. `currencies` are those it offers; `live`: its key moves real money.

    `onboarding` is there if payees have accounts at the gateway.
    """

    @property
    def name(self) -> GatewayName: ...

    @property
    def currencies(self) -> frozenset[str]: ...

    @property
    def live(self) -> bool: ...

    @property
    def tells_chargebacks(self) -> bool:
        """False where its API and webhooks have none: then none is ever found or listed."""
        ...

    @property
    def onboarding(self) -> Onboarding | None: ...

    def refuses(self, money: Money) -> str | None:
        """Why this gateway could never charge such an amount; None if it might. Asks nobody."""
        ...

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        """Begin a charge. Makes one attempt; never raises for what a gateway or network does."""
        ...

    async def find_charge(self, reference: str) -> FoundCharge | NoSuchCharge | Unknown:
        """Ask what became of a charge. Changes nothing, may be repeated at will."""
        ...

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | ReferenceTaken | Unknown:
        """Give back all or a part of a charge.

        Some gateways know no reference for refunds and take the same one twice: never start a
        refund while an earlier attempt is unclear or may be under way. Ask `find_refund` first.
        """
        ...

    async def find_refund(
        self, reference: str, *, charge_reference: str
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        """Ask what became of a refund. Changes nothing, may be repeated at will."""
        ...

    def find_flaw(self, new: NewRecipient) -> Flaw | None:
        """Why this gateway could never pay such an account; None if it might. Asks nobody."""
        ...

    async def create_recipient(
        self, new: NewRecipient
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        """Make an account known as payable. Moves no money: after Unknown simply do it again."""
        ...

    async def start_transfer(
        self, new: NewTransfer
    ) -> Accepted | Refused | ReferenceTaken | Unknown:
        """Pay a recipient from our balance at the gateway."""
        ...

    async def find_transfer(
        self, reference: str, *, charge_reference: str
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        """Ask what became of a transfer. Changes nothing, may be repeated at will."""
        ...

    async def list_charges(self, day: date) -> Listing[FoundCharge] | Unknown:
        """Every charge of a day that somebody has tried to pay, whatever became of it."""
        ...

    async def list_refunds(self, day: date) -> Listing[FoundInstruction] | Unknown: ...

    async def list_transfers(self, day: date) -> Listing[FoundInstruction] | Unknown: ...

    async def find_chargebacks(self, charge_reference: str) -> list[FoundChargeback] | Unknown:
        """All of one charge, also those that have ended; none of a charge that is not known there.

        Takes what an event of CHARGEBACK_CHANGED has as its reference, too. Changes nothing.
        """
        ...

    async def list_chargebacks(self, day: date) -> Listing[FoundChargeback] | Unknown:
        """Every chargeback that was opened that day, whatever became of it since."""
        ...

    async def check(self) -> list[str]:
        """What is wrong with how this gateway is set up, in words; asks it, and moves nothing."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Check the signature over the raw body, then read it. Raises BadSignature, BadPayload."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
