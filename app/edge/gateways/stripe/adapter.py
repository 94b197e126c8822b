"""Stripe as a gateway: which module does what the port asks."""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.http import Client, Recorder, problems_of
from app.edge.gateways.lists import Page, Span
from app.edge.gateways.port import (
    Accepted,
    CheckoutClosed,
    CheckoutReady,
    Event,
    FoundChange,
    FoundCharge,
    FoundChargeback,
    FoundInstruction,
    FoundPayout,
    GatewayName,
    NewCharge,
    NewRefund,
    NewTransfer,
    NoSuchCharge,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.recipients import (
    Flaw,
    NewRecipient,
    OnboardingLink,
    OnboardingNeeded,
    RecipientReady,
)
from app.edge.gateways.retries import NO_PATIENCE, Patience, Repeat
from app.edge.gateways.stripe import (
    accounts,
    amounts,
    balance,
    chargebacks,
    charges,
    checkouts,
    refunds,
    transfers,
    webhooks,
)
from app.foundation.money import Money

VERSION: Final = "2026-10-28.endive"  # what `stripe` 16.1.0 pins; webhook endpoints pin it too
_LIVE_KEYS: Final = ("sk_live_", "rk_live_")


class Stripe:
    """The adapter. Webhooks may be signed with any of the secrets.

    There are two while one is rotated, and one more for the endpoint that gets the events of
    connected accounts.
    """

    name = GatewayName.STRIPE
    currencies = amounts.CURRENCIES
    reports_chargebacks = True
    exchanges = True
    forgets_transfers = True  # its keys last for a day
    closes_checkouts = True

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secrets: Sequence[str],
        base_url: str,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        recorder: Recorder | None = None,
        patience: Patience = NO_PATIENCE,
    ) -> None:
        self.live = secret_key.startswith(_LIVE_KEYS)
        self._secrets = [secret.encode() for secret in webhook_secrets]
        self._client = Client(
            self.name,
            base_url=base_url,
            secret_key=secret_key,
            timeout_s=timeout_s,
            headers={"Stripe-Version": VERSION},
            transport=transport,
            recorder=recorder,
            patience=patience,
        )

    def amounts_of(self, operation: Operation, currency: str) -> AmountRule | None:
        return amounts.rule(operation, currency)

    def refuses(self, money: Money) -> str | None:
        wire = amounts.chargeable(money)
        return wire.reason if isinstance(wire, Refused) else None

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        return await charges.start(self._client, new)

    async def close_checkout(
        self, reference: str, checkout_id: str
    ) -> CheckoutClosed | Refused | Unknown:
        return await checkouts.close(self._client, reference, checkout_id)

    async def find_charge(
        self,
        reference: str,
        *,
        charge_id: str | None = None,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> FoundCharge | NoSuchCharge | Unknown:
        return await charges.find(self._client, reference, charge_id)

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | ReferenceTaken | Unknown:
        return await refunds.start(self._client, new)

    async def find_refund(
        self,
        reference: str,
        *,
        charge_reference: str,
        charge_id: str | None = None,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await refunds.find(
            self._client,
            reference,
            charge_reference=charge_reference,
            charge_id=charge_id,
            live=self.live,
        )

    async def find_refunds(
        self,
        charge_reference: str,
        *,
        charge_id: str | None = None,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> list[FoundInstruction] | Unknown:
        return await refunds.find_all(
            self._client, charge_reference, charge_id=charge_id, live=self.live
        )

    def find_flaw(self, new: NewRecipient) -> Flaw | None:
        return accounts.find_flaw(new)

    async def create_recipient(
        self, new: NewRecipient
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        return await accounts.create(self._client, new)

    @property
    def onboarding(self) -> "Stripe":
        return self

    async def find_recipient(
        self, recipient: str
    ) -> RecipientReady | OnboardingNeeded | Refused | Unknown:
        return await accounts.find(self._client, recipient)

    async def find_payee_payout(
        self, recipient: str, payout_id: str
    ) -> FoundPayout | NoSuchInstruction | Unknown:
        return await balance.find_payout_of(self._client, recipient, payout_id)

    async def start_onboarding(
        self, recipient: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Refused | Unknown:
        return await accounts.link(
            self._client, recipient, return_url=return_url, refresh_url=refresh_url
        )

    async def start_transfer(
        self, new: NewTransfer
    ) -> Accepted | Refused | ReferenceTaken | Unknown:
        return await transfers.start(self._client, new)

    async def find_transfer(
        self,
        reference: str,
        *,
        charge_reference: str,
        gateway_id: str | None = None,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        if gateway_id:
            return await transfers.find_by_id(self._client, gateway_id)
        return await transfers.find(self._client, reference, charge_reference=charge_reference)

    async def list_charges(self, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
        return await charges.list_span(self._client, span, cursor)

    async def list_refunds(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await refunds.list_span(self._client, span, cursor, live=self.live)

    async def list_transfers(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await transfers.list_span(self._client, span, cursor)

    async def list_payouts(self, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
        return await balance.list_payouts(self._client, span, cursor)

    async def list_changes(self, span: Span, cursor: str | None) -> Page[FoundChange] | Unknown:
        return await balance.list_changes(self._client, span, cursor)

    async def find_chargebacks(
        self,
        charge_reference: str,
        *,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> list[FoundChargeback] | Unknown:
        return await chargebacks.find(self._client, charge_reference)

    async def list_chargebacks(
        self, span: Span, cursor: str | None
    ) -> Page[FoundChargeback] | Unknown:
        return await chargebacks.list_span(self._client, span, cursor)

    async def check(self) -> list[str]:
        attempt = await self._client.call(
            "GET", "/v1/balance", operation="check", reference="", repeat=Repeat.SAFE
        )
        return problems_of(attempt, webhook_secrets=len(self._secrets))

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return webhooks.read_webhook(self._secrets, headers, body)

    async def close(self) -> None:
        await self._client.close()
