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
from app.edge.gateways.paystack.businesses import Business, Businesses
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
from app.foundation.businesses import read_businesses
from app.foundation.money import Money

_LIVE_KEY: Final = "sk_live_"


class Paystack:
    """The adapter, for one business or several.

    Of the keys of a business the first calls; its webhooks may be signed with any of them.
    """

    name = GatewayName.PAYSTACK
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
        """`secret_keys` as the settings have them: see `app.foundation.businesses`."""
        given = read_businesses(secret_keys)
        self.live = given[0].keys[0].startswith(_LIVE_KEY)
        self.currencies = frozenset(
            currency
            for currency in amounts.WIRE_MIN
            if any(business.takes(currency) for business in given)
        )
        self._businesses = Businesses(
            [
                Business(
                    name=business.name,
                    takes=business.takes,
                    keys=[key.encode() for key in business.keys],
                    client=Client(
                        self.name,
                        base_url=base_url,
                        secret_key=business.keys[0],
                        timeout_s=timeout_s,
                        transport=transport,
                        recorder=recorder,
                        patience=patience,
                    ),
                )
                for business in given
            ]
        )

    def amounts_of(self, operation: Operation, currency: str) -> AmountRule | None:
        return amounts.rule(operation, currency)

    def refuses(self, money: Money) -> str | None:
        wire, client = amounts.chargeable(money), self._businesses.of(money.currency)
        refused = next((each for each in (wire, client) if isinstance(each, Refused)), None)
        return refused.reason if refused else None

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        client = self._businesses.of(new.money.currency)
        return client if isinstance(client, Refused) else await charges.start(client, new)

    async def close_checkout(
        self, reference: str, checkout_id: str
    ) -> CheckoutClosed | Refused | Unknown:
        return Refused(reason=f"Paystack closes no pages: {reference} {checkout_id}")

    async def find_charge(
        self,
        reference: str,
        *,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
        currency: str | None = None,
    ) -> FoundCharge | NoSuchCharge | Unknown:
        return await self._businesses.find(currency, lambda client: charges.find(client, reference))

    async def start_refund(self, new: NewRefund) -> Accepted | Refused | Unknown:
        client = self._businesses.of(new.money.currency)
        return client if isinstance(client, Refused) else await refunds.start(client, new)

    async def find_refund(
        self,
        reference: str,
        *,
        charge_reference: str,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
        currency: str | None = None,
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await self._businesses.find(
            currency,
            lambda client: refunds.find(client, reference, charge_reference=charge_reference),
            is_nothing=lambda _: False,  # the charge was there
        )

    async def find_refunds(
        self,
        charge_reference: str,
        *,
        charge_id: str | None = None,  # noqa: ARG002  a reference is of one charge only
        currency: str | None = None,
    ) -> list[FoundInstruction] | Unknown:
        return await self._businesses.find(
            currency,
            lambda client: refunds.find_all(client, charge_reference),
            is_nothing=lambda _: False,  # the charge was there
        )

    def find_flaw(self, new: NewRecipient) -> Flaw | None:
        return transfers.find_flaw(new)

    async def create_recipient(self, new: NewRecipient) -> RecipientReady | Refused | Unknown:
        client = self._businesses.of(new.currency)
        return (
            client if isinstance(client, Refused) else await transfers.create_recipient(client, new)
        )

    async def start_transfer(
        self, new: NewTransfer
    ) -> Accepted | Refused | ReferenceTaken | Unknown:
        client = self._businesses.of(new.money.currency)
        return client if isinstance(client, Refused) else await transfers.start(client, new)

    async def find_transfer(
        self,
        reference: str,
        *,
        charge_reference: str,  # noqa: ARG002  a transfer is found by its own reference
        gateway_id: str | None = None,  # noqa: ARG002  none is without a reference here
        currency: str | None = None,
    ) -> FoundInstruction | NoSuchInstruction | Unknown:
        return await self._businesses.find(
            currency, lambda client: transfers.find(client, reference)
        )

    async def list_charges(self, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
        return await self._businesses.list_all(
            cursor, lambda client, cursor: charges.list_span(client, span, cursor)
        )

    async def list_refunds(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await self._businesses.list_all(
            cursor, lambda client, cursor: refunds.list_span(client, span, cursor)
        )

    async def list_transfers(
        self, span: Span, cursor: str | None
    ) -> Page[FoundInstruction] | Unknown:
        return await self._businesses.list_all(
            cursor, lambda client, cursor: transfers.list_span(client, span, cursor)
        )

    async def list_payouts(self, span: Span, cursor: str | None) -> Page[FoundPayout] | Unknown:
        return await self._businesses.list_all(
            cursor, lambda client, cursor: settlements.list_span(client, span, cursor)
        )

    async def list_changes(
        self,
        span: Span,  # noqa: ARG002  its API has no list of them
        cursor: str | None,  # noqa: ARG002
    ) -> Page[FoundChange] | Unknown:
        return empty()

    async def find_chargebacks(
        self, charge_reference: str, *, currency: str | None = None
    ) -> list[FoundChargeback] | Unknown:
        return await self._businesses.find(
            currency,
            lambda client: chargebacks.find(client, charge_reference),
            is_nothing=lambda found: not found,
        )

    async def list_chargebacks(
        self, span: Span, cursor: str | None
    ) -> Page[FoundChargeback] | Unknown:
        return await self._businesses.list_all(
            cursor, lambda client, cursor: chargebacks.list_span(client, span, cursor)
        )

    async def check(self) -> list[str]:
        problems = [await self._check(business) for business in self._businesses.all]
        return [problem for each in problems for problem in each]

    async def _check(self, business: Business) -> list[str]:
        attempt = await business.client.call(
            "GET", "/balance", operation="check", reference=business.name, repeat=Repeat.SAFE
        )
        found = problems_of(attempt, webhook_secrets=len(business.keys))
        return [f"{business.name}: {each}" if business.name else each for each in found]

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        keys = [(key, each.name) for each in self._businesses.all for key in each.keys]
        return webhooks.read_webhook(keys, headers, body)

    async def close(self) -> None:
        for business in self._businesses.all:
            await business.client.close()
