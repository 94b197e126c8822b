"""Outgoing webhooks: signed, delivered in the background, retried until somebody answers 200."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import httpx
import msgspec

from app.gateways.sandbox import wire
from app.gateways.sandbox.books import Books, Delivery, Transaction
from app.gateways.sandbox.faults import Faults, Kind, Operation, Rule, distort

ATTEMPTS_MAX: Final = 100
_ANSWER_SECONDS_MAX: Final = 30.0
_SIGNATURE_HEADER: Final = "x-paystack-signature"


class Mail:
    """Delivers what is due. `retry_seconds` are the waits between attempts; the last repeats.

    Paystack's own waits are minutes and hours; these are for people who watch.
    """

    def __init__(
        self,
        books: Books,
        faults: Faults,
        *,
        webhook_url: str,
        secret_key: str,
        retry_seconds: Sequence[float],
    ) -> None:
        self._books = books
        self._faults = faults
        self._webhook_url = webhook_url
        self._secret_key = secret_key
        self._retry_seconds = tuple(retry_seconds)
        self._wake = asyncio.Event()

    def announce(self, transaction: Transaction) -> None:
        """Put `charge.success` into the mail. Paystack has no event for a failed payment."""
        event = "charge.success"
        body = wire.webhook(event, transaction)
        self._books.post(event=event, reference=transaction.reference, body=body)
        self.wake()

    def wake(self) -> None:
        """Look for due deliveries now."""
        self._wake.set()

    async def deliver_forever(self) -> None:
        """Deliver, then sleep until something is due, or wakes it."""
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS_MAX, trust_env=False) as client:
            while True:
                self._wake.clear()
                due = self._books.due(attempts_max=ATTEMPTS_MAX)
                await asyncio.gather(*(self._deliver(client, delivery) for delivery in due))
                with suppress(TimeoutError):
                    wait_s = self._books.next_due_in_s(attempts_max=ATTEMPTS_MAX)
                    await asyncio.wait_for(self._wake.wait(), wait_s)

    async def _deliver(self, client: httpx.AsyncClient, delivery: Delivery) -> None:
        rule = self._faults.take(Operation.WEBHOOK)
        retry_in_s = self._retry_seconds[min(delivery.attempts, len(self._retry_seconds) - 1)]
        if rule and rule.kind is Kind.DROP:
            self._books.not_delivered(delivery, status=None, error="dropped", retry_in_s=retry_in_s)
            return
        try:
            status = await self._send(client, delivery, rule)
        except httpx.HTTPError as error:
            self._books.not_delivered(
                delivery, status=None, error=type(error).__name__, retry_in_s=retry_in_s
            )
            return
        if status == HTTPStatus.OK:  # exactly 200, as Paystack has it
            self._books.delivered(delivery, status=status)
        else:
            self._books.not_delivered(delivery, status=status, error=None, retry_in_s=retry_in_s)

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
    amount, currency = distort(rule, amount=data["amount"], currency=data["currency"])
    data.update(amount=amount, requested_amount=amount, currency=currency)
    return msgspec.json.encode(webhook).decode()
