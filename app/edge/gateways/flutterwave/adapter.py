"""Flutterwave as a gateway: which module does what the port asks."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import httpx

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.flutterwave import (
    amounts,
    charges,
    checkouts,
    refunds,
    settlements,
    transfers,
    webhooks,
)
from app.edge.gateways.flutterwave.webhooks import Scheme
from app.edge.gateways.http import Client, Recorder, problems_of
from app.edge.gateways.lists import Page, Span, empty
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
from app.edge.gateways.recipients import Flaw, NewRecipient, RecipientReady
from app.edge.gateways.retries import NO_PATIENCE, Patience, Repeat
from app.foundation.money import Money

_LIVE_KEY: Final = "FLWSECK-"


class Flutterwave:
    """The adapter. Webhooks may have any of the secrets: there are two while one is rotated.

    Flutterwave reports chargebacks by mail and on its dashboard only: the published API and
    webhooks of v3 have none.
    """

    name = GatewayName.FLUTTERWAVE
    currencies = amounts.CURRENCIES
    reports_chargebacks = False
    exchanges = False
    forgets_transfers = False
    closes_checkouts = True
    onboarding = None  # payees have no accounts here

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secrets: Sequence[str],
        base_url: str,
        timeout_s: float,
        webhook_scheme: Scheme = Scheme.V3,
        transport: httpx.AsyncBaseTransport | None = None,
        recorder: Recorder | None = None,
        patience: Patience = NO_PATIENCE,
    ) -> None:
        self.live = secret_key.startswith(_LIVE_KEY)
        self._secrets = [secret.encode() for secret in webhook_secrets]
        self._scheme = webhook_scheme
        self._client = Client(
            self.name,
            base_url=base_url,
            secret_key=secret_key,
            timeout_s=timeout_s,
            read_float=Decimal,
            transport=transport,
            recorder=recorder,
            patience=patience,
        )

    def amounts_of(self, operation: Operation, currency: str) -> AmountRule | None:
        return amounts.rule(operation, currency)

    def refuses(self, money: Money) -> str | None:
        wire = amounts.chargeable(money)
        return wire.reason if isinstance(wire, Refused) else None

    async def start_charge(self, new: NewCharge) -> CheckoutReady | Refused | Unknown:
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
        return await charges.find(self._client, reference, charge_id, live=self.live)

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | Unknown:
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
        return transfers.find_flaw(new)

    async def create_recipient(self, new: NewRecipient) -> RecipientReady | Refused | Unknown:
        return await transfers.create_recipient(self._client, new)

    async def start_transfer(
        self, new: NewTransfer
    ) -> Accepted | Refused | ReferenceTaken | Unknown:
        return await transfers.start(self._client, new)

    async def find_transfer(
        self,
        reference: str,
        *,
        charge_reference: str,  # noqa: ARG002  a transfer is found by its own reference
        gateway_id: str | None = None,  # noqa: ARG002  none is without a reference here
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await transfers.find(self._client, reference, live=self.live)

    async def list_charges(self, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
        return await charges.list_span(self._client, span, cursor, live=self.live)

    async def list_refunds(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await refunds.list_span(self._client, span, cursor, live=self.live)

    async def list_transfers(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await transfers.list_span(self._client, span, cursor, live=self.live)

    async def list_payouts(self, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
        return await settlements.list_span(self._client, span, cursor, live=self.live)

    async def list_changes(
        self,
        span: Span,  # noqa: ARG002  its API has no list of them
        cursor: str | None,  # noqa: ARG002
    ) -> Page[FoundChange] | Unknown:
        return empty()

    async def find_chargebacks(
        self,
        charge_reference: str,  # noqa: ARG002  its API has no chargebacks
        *,
        currency: str | None = None,  # noqa: ARG002  one account has all currencies
    ) -> list[FoundChargeback] | Unknown:
        return []

    async def list_chargebacks(
        self,
        span: Span,  # noqa: ARG002
        cursor: str | None,  # noqa: ARG002
    ) -> Page[FoundChargeback] | Unknown:
        return empty()

    async def check(self) -> list[str]:
        attempt = await self._client.call(
            "GET", "/v3/balances/NGN", operation="check", reference="", repeat=Repeat.SAFE
        )
        return problems_of(attempt, webhook_secrets=len(self._secrets))

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return webhooks.read_webhook(self._secrets, self._scheme, headers, body)

    async def close(self) -> None:
        await self._client.close()
