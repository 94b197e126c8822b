"""Outgoing webhooks: signed, delivered in the background, retried until somebody answers 200."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from app.gateways.sandbox.books.deliveries import Deliveries, Delivery
from app.gateways.sandbox.faults import Faults, Kind, Operation, Rule, distort

ATTEMPTS_MAX: Final = 100
_ANSWER_SECONDS_MAX: Final = 30.0
_LATER_MS: Final = 300  # how late a reordered webhook is, if no delay is given
_SIGNATURE_HEADER: Final = "x-paystack-signature"


class Mail:
    """Delivers what is due. `retry_seconds` are the waits between attempts; the last repeats.

    Paystack's own waits are minutes and hours; these are for people who watch.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        faults: Faults,
        *,
        webhook_url: str,
        secret_key: str,
        retry_seconds: Sequence[float],
    ) -> None:
        self._deliveries = deliveries
        self._faults = faults
        self._webhook_url = webhook_url
        self._secret_key = secret_key
        self._retry_seconds = tuple(retry_seconds)
        self._wake = asyncio.Event()

    def post(self, event: str, reference: str, data: dict[str, Any]) -> None:
        """Put an event into the mail. It has no id and no time, only what it is about."""
        body = msgspec.json.encode({"event": event, "data": data}).decode()
        self._deliveries.post(event=event, reference=reference, body=body)
        self.wake()

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    async def deliver_forever(self) -> None:
        """Deliver, then sleep until something is due, or wakes it."""
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS_MAX, trust_env=False) as client:
            while True:
                self._wake.clear()
                due = self._deliveries.due(attempts_max=ATTEMPTS_MAX)
                await asyncio.gather(*(self._deliver(client, delivery) for delivery in due))
                wait_s = self._deliveries.next_due_in_s(attempts_max=ATTEMPTS_MAX)
                with suppress(TimeoutError):  # asyncio.wait_for() loses a cancel that meets a wake
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        rule = self._faults.take(Operation.WEBHOOK)
        retry_in_s = self._retry_seconds[min(delivery.attempts, len(self._retry_seconds) - 1)]
        if rule and rule.kind is Kind.REORDER:
            self._deliveries.put_off(delivery, in_s=(rule.delay_ms or _LATER_MS) / 1000)
            return
        if rule and rule.kind is Kind.DROP:
            self._deliveries.not_delivered(
                delivery, status=None, error="dropped", retry_in_s=retry_in_s
            )
            return
        try:
            status = await self._send(client, delivery, rule)
        except httpx.HTTPError as error:
            self._deliveries.not_delivered(
                delivery, status=None, error=type(error).__name__, retry_in_s=retry_in_s
            )
            return
        if status == HTTPStatus.OK:  # exactly 200, as Paystack has it
            self._deliveries.delivered(delivery, status=status)
        else:
            self._deliveries.not_delivered(
                delivery, status=status, error=None, retry_in_s=retry_in_s
            )

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery, rule: Rule | None) -> int:
        if rule and rule.kind is Kind.DELAY:
            await asyncio.sleep(rule.delay_ms / 1000)
        body = _distorted(delivery.body, rule).encode()
        copies = 2 if rule and rule.kind is Kind.DUPLICATE else 1
        headers = {
            "Content-Type": "application/json",
            _SIGNATURE_HEADER: sign(self._secret_key, body),
        }
        replies = [
            await client.post(self._webhook_url, content=body, headers=headers)
            for _ in range(copies)
        ]
        return replies[-1].status_code


def sign(secret_key: str, body: bytes) -> str:
    """HMAC-SHA512 of the body, keyed with the API key, in lower-case hex."""
    return hmac.new(secret_key.encode(), body, hashlib.sha512).hexdigest()


def _distorted(body: str, rule: Rule | None) -> str:
    webhook = msgspec.json.decode(body)
    data = webhook["data"]
    told = data["amount"]
    amount, currency = distort(rule, amount=int(told), currency=data["currency"])
    data.update(amount=type(told)(amount), currency=currency)
    if "requested_amount" in data:
        data["requested_amount"] = amount
    return msgspec.json.encode(webhook).decode()
