"""Paystack as a gateway: which module does what the port asks."""

from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.http import Client, Recorder, problems_of
from app.edge.gateways.lists import Page, Span, empty
from app.edge.gateways.paystack import (
    amounts,
    chargebacks,
    charges,
    refunds,
    settlements,
    transfers,
    webhooks,
)
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

_LIVE_KEY: Final = "sk_live_"


class Paystack:
    """The adapter. The first key calls the API; webhooks may be signed with any of them."""

    name = GatewayName.PAYSTACK
    currencies = frozenset(amounts.WIRE_MIN)
    reports_chargebacks = True
    exchanges = False
    forgets_transfers = False
    closes_checkouts = False  # its API has nothing for it
    onboarding = None  # payees have no accounts here

    def __init__(
        self,
        *,
        secret_keys: Sequence[str],
        base_url: str,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        recorder: Recorder | None = None,
        patience: Patience = NO_PATIENCE,
    ) -> None:
        self.live = secret_keys[0].startswith(_LIVE_KEY)
        self._keys = [key.encode() for key in secret_keys]
        self._client = Client(
            self.name,
            base_url=base_url,
            secret_key=secret_keys[0],
            timeout_s=timeout_s,
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
        return Refused(reason=f"Paystack closes no pages: {reference} {checkout_id}")

    async def find_charge(
        self,
        reference: str,
        *,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
    ) -> FoundCharge | NoSuchCharge | Unknown:
        return await charges.find(self._client, reference)

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | Unknown:
        return await refunds.start(self._client, new)

    async def find_refund(
        self,
        reference: str,
        *,
        charge_reference: str,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await refunds.find(self._client, reference, charge_reference=charge_reference)

    async def find_refunds(
        self,
        charge_reference: str,
        *,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
    ) -> list[FoundInstruction] | Unknown:
        return await refunds.find_all(self._client, charge_reference)

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
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await transfers.find(self._client, reference)

    async def list_charges(self, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
        return await charges.list_span(self._client, span, cursor)

    async def list_refunds(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await refunds.list_span(self._client, span, cursor)

    async def list_transfers(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await transfers.list_span(self._client, span, cursor)

    async def list_payouts(self, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
        return await settlements.list_span(self._client, span, cursor)

    async def list_changes(
        self,
        span: Span,  # noqa: ARG002  its API has no list of them
        cursor: str | None,  # noqa: ARG002
    ) -> Page[FoundChange] | Unknown:
        return empty()

    async def find_chargebacks(self, charge_reference: str) -> list[FoundChargeback] | Unknown:
        return await chargebacks.find(self._client, charge_reference)

    async def list_chargebacks(
        self, span: Span, cursor: str | None
    ) -> Page[FoundChargeback] | Unknown:
        return await chargebacks.list_span(self._client, span, cursor)

    async def check(self) -> list[str]:
        attempt = await self._client.call(
            "GET", "/balance", operation="check", reference="", repeat=Repeat.SAFE
        )
        return problems_of(attempt, webhook_secrets=len(self._keys))

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        return webhooks.read_webhook(self._keys, headers, body)

    async def close(self) -> None:
        await self._client.close()
