"""The port: what Berthold needs of any payment gateway, in Berthold's own words.

It knows no database and no gateway's vocabulary. An adapter turns these structs into its gateway's
wire format and back. Outcomes come back as values, for callers to `match`; a caller never needs
`try`.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Protocol

import msgspec

from app.edge.gateways.amounts import AmountRule, Operation

# The answers belong to the port, too: other rooms import them from here.
from app.edge.gateways.found import (
    ChargebackStatus,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    ChargeStatus,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    Fact,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    Facts,
    FoundChange,
    FoundCharge,
    FoundChargeback,
    FoundInstruction,
    FoundPayout,
    MoneyOutStatus,
    NoSuchCharge,
    NoSuchInstruction,
    Unknown,
)
from app.edge.gateways.lists import Page, Span
from app.edge.gateways.recipients import (
    Flaw,
    NewRecipient,
    OnboardingLink,
    OnboardingNeeded,
    RecipientReady,
)
from app.foundation.money import Money


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
    """The charge exists at the gateway; the guest pays it at `checkout_url`.

    `checkout_id` is what `close_checkout` takes; None if the gateway's pages cannot be closed.
    """

    checkout_url: str
    checkout_id: str | None = None


class CheckoutClosed(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody can begin to pay a charge on its page any more."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway refused, and began nothing. Try again only with a new reference.

    `is_temporary`: it was not even asked, for what had to be known before could not be read. The
    same reference may be sent again soon.
    """

    reason: str
    is_temporary: bool = False


class ReferenceTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway has this reference already: an earlier call arrived. Look it up."""


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """How much of which charge to refund to its payer.

    `reference` is ours, one per attempt, committed before the call; `reason` is for the guest.
    `charge_id` is the gateway's id of what was paid: several payments may have one reference.
    `send_before`: see `NewTransfer`.
    """

    reference: str
    charge_reference: str
    charge_id: str | None = None
    money: Money
    reason: str
    send_before: float = inf


class NewTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """How much to pay to whom, out of our balance at the gateway.

    `reference` is ours, one per attempt, committed before the call; `recipient` is the gateway's
    code for the payee's account; `reason` is what the payee may read on a statement. The money is
    that of the charge `charge_reference`: some gateways hold a transfer until that has come in, and
    then send no more than the charge. `charge_id` is the gateway's id of it. `from_balance`: it is
    sent because of the charge, and its money is not the charge's: our own balance pays it.
    `send_before` is on the clock of `time.monotonic()`: after it the request is not sent any more,
    and the outcome is Unknown. A sender that was delayed for so long counts as dead, and another
    one may have taken over.
    """

    reference: str
    charge_reference: str
    charge_id: str | None = None
    recipient: str
    money: Money
    reason: str
    from_balance: bool = False
    send_before: float = inf


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway accepted the instruction; its end may be open. `data` as in FoundCharge."""

    gateway_id: str
    status: MoneyOutStatus
    data: Facts


class EventKind(StrEnum):
    """What a webhook is about, and what its `reference` is."""

    CHARGE_CHANGED = "charge_changed"  # the charge's reference
    REFUND_CHANGED = "refund_changed"  # the reference, or id, of the charge that is refunded
    TRANSFER_CHANGED = "transfer_changed"  # the transfer's reference
    # What `find_chargebacks` takes: the charge's reference, or the gateway's own name of the charge
    # if its event does not have ours. Only the replies show for certain which charge it is.
    CHARGEBACK_CHANGED = "chargeback_changed"
    PAYEE_CHANGED = "payee_changed"  # the recipient's code
    # The recipient's code. The event is about a payout from its account there to its own bank.
    PAYEE_PAYOUT_CHANGED = "payee_payout_changed"
    OTHER = "other"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook whose signature is right. Even so, ask the gateway before acting on it.

    `key` (at most 550 characters) differs between events, and is the same for every delivery of one
    event, if the gateway's events can be distinguished. If not, every delivery has a key of its
    own: to look twice is better than to miss the second of two equal events. `name` is the
    gateway's word for it. `gateway_id` is the gateway's id of the charge, transfer or payout that
    it is about, if the event has one. There is a `reference`, a `gateway_id` or both, unless the
    kind is OTHER. Neither need be ours. `account` is whose signature it has, where each currency
    may have an account of its own: the currencies of that account, such as `NGN+USD`. It is
    believed about these only.
    """

    key: str
    name: str
    kind: EventKind
    reference: str | None
    gateway_id: str | None = None
    account: str | None = None


class BadSignature(Exception):
    """The webhook is not signed, or not by the gateway: do not trust anything in it."""


class BadPayload(Exception):
    """The webhook is signed, but cannot be read."""


class Onboarding(Protocol):
    """What a gateway needs in addition if it asks payees itself for what it must know of them."""

    async def find_recipient(
        self, recipient: str
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        """Ask whether a payee can be paid now; may be repeated. Refused: no payee has this code."""
        ...

    async def find_payee_payout(
        self, recipient: str, payout_id: str
    ) -> FoundPayout | NoSuchInstruction | Unknown:
        """Ask what became of a payout from a payee's account there to the payee's own bank.

        Its money is the payee's already: nothing of ours moves.
        """
        ...

    async def start_onboarding(
        self, recipient: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Refused | Unknown:
        """Create a link for a payee, a new one each time.

        The payee comes back to `return_url` whatever the payee has entered: the visit proves
        nothing. If the link was used before or has expired, the payee comes to `refresh_url` for a
        new one.
        """
        ...


class Gateway(Protocol):
    """One payment gateway. `currencies` are those it offers; `live`: our key moves real money.

    `onboarding` is there if payees have accounts at the gateway.
    """

    @property
    def name(self) -> GatewayName: ...

    @property
    def currencies(self) -> frozenset[str]: ...

    @property
    def live(self) -> bool: ...

    @property
    def reports_chargebacks(self) -> bool:
        """False if its API and webhooks have no chargebacks: then none is ever found or listed."""
        ...

    @property
    def exchanges(self) -> bool:
        """Whether it may settle a charge in another currency than it was paid in.

        Then a transfer is of what was settled, and waits until that is known.
        """
        ...

    @property
    def forgets_transfers(self) -> bool:
        """Whether it would make a transfer again whose reference it has known for long.

        Refunds are forgotten by every gateway, if it keeps their references at all. What may have
        been forgotten is looked up before it is sent.
        """
        ...

    @property
    def onboarding(self) -> Onboarding | None: ...

    def amounts_of(self, operation: Operation, currency: str) -> AmountRule | None:
        """The amounts that it takes or pays; None if it does not take the currency."""
        ...

    def refuses(self, money: Money) -> str | None:
        """Why this gateway could never charge this amount; None if it might. Makes no call."""
        ...

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        """Begin a charge. Never raises for what a gateway or network does."""
        ...

    @property
    def closes_checkouts(self) -> bool:
        """False if its pages stay open until they end by themselves: a late payment may come."""
        ...

    async def close_checkout(
        self, reference: str, checkout_id: str
    ) -> CheckoutClosed | Refused | Unknown:
        """Close the page of an unpaid charge; may be repeated at any time.

        Refused: there is nothing to close, for it was paid or has ended before.
        """
        ...

    async def find_charge(
        self, reference: str, *, charge_id: str | None = None, currency: str | None = None
    ) -> FoundCharge | NoSuchCharge | Unknown:
        """Ask what became of a charge. Changes nothing, and may be repeated at any time.

        Of several attempts under one reference the one that succeeded counts; with the gateway's
        `charge_id`, where it has one for each attempt, exactly that attempt. `currency` is what it
        was asked for in: where each currency may have an account of its own, only that one is
        asked, here and in what follows; None if that is not known.
        """
        ...

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | ReferenceTaken | Unknown:
        """Refund a charge, or a part of it.

        Some gateways have no references for refunds and would make the same one twice: never start
        a refund while an earlier attempt is unknown or under way. Ask `find_refund` first.
        """
        ...

    async def find_refund(
        self,
        reference: str,
        *,
        charge_reference: str,
        charge_id: str | None = None,
        currency: str | None = None,
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        """Ask what became of a refund. Changes nothing, and may be repeated at any time."""
        ...

    async def find_refunds(
        self,
        charge_reference: str,
        *,
        charge_id: str | None = None,
        currency: str | None = None,
    ) -> list[FoundInstruction] | Unknown:
        """All refunds of a charge. A refund that we did not begin has an empty reference."""
        ...

    def find_flaw(self, new: NewRecipient) -> Flaw | None:
        """Why this gateway could never pay this account; None if it might. Makes no call."""
        ...

    async def create_recipient(
        self, new: NewRecipient
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        """Register a payee's account. Moves no money: after Unknown simply do it again."""
        ...

    async def start_transfer(
        self, new: NewTransfer
    ) -> Accepted | Refused | ReferenceTaken | Unknown:
        """Pay a recipient from our balance at the gateway."""
        ...

    async def find_transfer(
        self,
        reference: str,
        *,
        charge_reference: str,
        gateway_id: str | None = None,
        currency: str | None = None,
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        """Ask what became of a transfer. Changes nothing, and may be repeated at any time.

        One that we did not begin may have no reference: with the gateway's `gateway_id` of it, it
        is found by that, where transfers can be without a reference at all.
        """
        ...

    async def list_charges(self, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
        """Every charge that was begun in a span and that somebody has tried to pay."""
        ...

    async def list_refunds(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown: ...

    async def list_transfers(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown: ...

    async def list_payouts(self, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
        """The gateway's payouts to our own bank account."""
        ...

    async def list_changes(self, span: Span, cursor: str | None) -> Page[FoundChange] | Unknown:
        """What changed our balance and is in no other list; nothing where a gateway has none."""
        ...

    async def find_chargebacks(
        self, charge_reference: str, *, currency: str | None = None
    ) -> list[FoundChargeback] | Unknown:
        """All chargebacks of one charge, ended ones too; none if the gateway has no such charge.

        Takes the reference of a CHARGEBACK_CHANGED event too. Changes nothing.
        """
        ...

    async def list_chargebacks(
        self, span: Span, cursor: str | None
    ) -> Page[FoundChargeback] | Unknown:
        """Every chargeback that was opened in a span, whatever became of it since."""
        ...

    async def check(self) -> list[str]:
        """What is wrong with this gateway's settings, in words. Makes a call that only reads."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Check the signature over the raw body, then read it. Raises BadSignature, BadPayload."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
