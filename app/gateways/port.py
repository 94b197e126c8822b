"""The port: what Berthold asks of any payment gateway, in Berthold's own words.

No database and no gateway's vocabulary. An adapter turns these into its gateway's wire format and
back. Business facts come back as values, for callers to `match`; a caller never needs `try`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from app.money import Money

Fact = str | int | float | None
Facts = dict[str, Fact]


class GatewayName(StrEnum):
    PAYSTACK = "paystack"


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
    `failure` is the gateway's reason, or empty. `data` is small, JSON-safe, and worth keeping.
    """

    reference: str
    gateway_id: str
    status: ChargeStatus
    money: Money
    failure: str
    live: bool
    data: Facts


class NoSuchCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusive: the gateway has no charge of this reference."""


class EventKind(StrEnum):
    CHARGE_CHANGED = "charge_changed"
    OTHER = "other"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook whose signature is right. A rumour all the same: ask before acting on it.

    `key` is the same for every delivery of one event and differs between events (at most 500
    characters); `name` is the gateway's word for it. `reference` is that of the charge it is
    about: always there for CHARGE_CHANGED.
    """

    key: str
    name: str
    kind: EventKind
    reference: str | None


class BadSignature(Exception):
    """The webhook is not signed, or not by the gateway: nothing in it may be believed."""


class BadPayload(Exception):
    """The webhook is signed, but cannot be read."""


class Gateway(Protocol):
    """One payment gateway. `currencies` are those it offers; `live`: its key moves real money."""

    @property
    def name(self) -> GatewayName: ...

    @property
    def currencies(self) -> frozenset[str]: ...

    @property
    def live(self) -> bool: ...

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        """Begin a charge. Makes one attempt; never raises for what a gateway or network does."""
        ...

    async def find_charge(self, reference: str) -> FoundCharge | NoSuchCharge | Unknown:
        """Ask what became of a charge. Changes nothing, may be repeated at will."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Check the signature over the raw body, then read it. Raises BadSignature, BadPayload."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
