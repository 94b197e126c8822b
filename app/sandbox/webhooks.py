"""Outgoing webhooks: signed, sent in the background, and again until the reply is 200."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Final

import httpx

from app.sandbox.books.deliveries import Deliveries, Delivery
from app.sandbox.dialect import Dialect, Webhook
from app.sandbox.faults import Faults, Kind, Operation, Rule

ATTEMPTS_MAX: Final = 100
_ANSWER_SECONDS_MAX: Final = 30.0
_LATER_MS: Final = 300  # how late a reordered webhook is, if no delay is given


class WebhookSender:
    """Sends the webhooks that are due to `webhook_url`; `{gateway}` in it is the sender's name.

    `retry_seconds` are the waits between attempts; the last one repeats. Real gateways wait for
    minutes and hours; these are short for people who watch.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        faults: Faults,
        dialects: Mapping[str, Dialect],
        *,
        webhook_url: str,
        retry_seconds: Sequence[float],
    ) -> None:
        self._deliveries = deliveries
        self._faults = faults
        self._dialects = dialects
        self._webhook_url = webhook_url
        self._retry_seconds = tuple(retry_seconds)
        self._wake = asyncio.Event()

    def send(self, gateway: str, reference: str, webhooks: Sequence[Webhook]) -> None:
        """Queue webhooks of a gateway, all about one reference, to be sent at once."""
        for event, body in webhooks:
            self._deliveries.post(gateway=gateway, event=event, reference=reference, body=body)
        self.wake()

    def wake(self) -> None:
        """Send what is due now."""
        self._wake.set()

    async def deliver_forever(self) -> None:
        """Send what is due, then sleep until the next delivery, or until woken."""
        async with httpx.AsyncClient(
            timeout=_ANSWER_SECONDS_MAX, trust_env=False, verify=_certificates()
        ) as client:
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
        if status == HTTPStatus.OK:  # exactly 200, as some gateways require
            self._deliveries.delivered(delivery, status=status)
        else:
            self._deliveries.not_delivered(
                delivery, status=status, error=None, retry_in_s=retry_in_s
            )

    async def _send(self, client: httpx.AsyncClient, delivery: Delivery, rule: Rule | None) -> int:
        if rule and rule.kind is Kind.DELAY:
            await asyncio.sleep(rule.delay_ms / 1000)
        dialect = self._dialects[delivery.gateway]
        url = self._webhook_url.replace("{gateway}", delivery.gateway)
        body = dialect.distorted(delivery.body, rule).encode()
        copies = 2 if rule and rule.kind is Kind.DUPLICATE else 1
        headers = {"Content-Type": "application/json", **dialect.signed(body)}
        replies = [await client.post(url, content=body, headers=headers) for _ in range(copies)]
        return replies[-1].status_code


@cache
def _certificates() -> ssl.SSLContext:
    """Of those whom a client believes: read once, which takes longer than many deliveries."""
    return httpx.create_ssl_context(trust_env=False)
