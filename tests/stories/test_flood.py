"""A flood of webhooks while workers are killed: every payment is recorded exactly once.

1,000 payments at all gateways with --full, a sample by default; each is reported 1 to 20 times, in
any order, by 10,000 webhooks.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

import httpx
import msgspec
import pytest

from app.edge.gateways.port import CheckoutReady, GatewayName, NewCharge, ReferenceTaken
from app.edge.gateways.registry import close_gateways, gateway_named, open_gateways
from app.flows.checkout import actions as checkout
from app.foundation.db import fetch_all, fetch_values, transaction
from app.foundation.money import Money
from app.foundation.settings import settings
from app.market.bookings import actions as bookings
from app.market.bookings.model import Reserve
from app.money.payments.model import Payment
from app.people.accounts.model import Role
from app.sandbox.app import FLUTTERWAVE_WEBHOOK_SECRET, SECRET_KEY, STRIPE_WEBHOOK_SECRET
from app.sandbox.dialect import Dialect
from app.sandbox.flutterwave.dialect import Flutterwave
from app.sandbox.paystack.dialect import Paystack
from app.sandbox.stripe.dialect import Stripe
from tests import make
from tests.laws import audit_is_clean
from tests.sandbox.server import SandboxHandle, running_sandbox
from tests.size import FULL
from tests.stories.processes import Worker, running_web, running_worker

PAYMENTS: Final = 1_000 if FULL else 40
TIMES_MAX: Final = 20
KILLS: Final = 25 if FULL else 3
CLIENTS: Final = 8
SENT_AGAIN_MAX: Final = 20
SEATS: Final = 100  # of a bus
SEED: Final = 20261121
WITHIN_S: Final = 3_000 if FULL else 240

# Where each gateway is paid, and in which currency: the sandbox counts these in minor units.
CURRENCIES: Final = {
    GatewayName.PAYSTACK: "NGN",
    GatewayName.STRIPE: "USD",
    GatewayName.FLUTTERWAVE: "UGX",
}
DIALECTS: Final[dict[str, Dialect]] = {
    "paystack": Paystack(SECRET_KEY),
    "stripe": Stripe(STRIPE_WEBHOOK_SECRET),
    "flutterwave": Flutterwave(FLUTTERWAVE_WEBHOOK_SECRET),
}


class Clearing(msgspec.Struct, frozen=True):
    """How much money a gateway has, by our ledger."""

    gateway: str
    currency: str
    cash: int


class Sent(NamedTuple):
    """A webhook as a gateway sends it."""

    gateway: str
    body: str


class House(NamedTuple):
    """Processes of their own: web, two workers, and here the gateways' sandbox."""

    api: httpx.AsyncClient
    sandbox: SandboxHandle
    workers: Sequence[Worker]


@pytest.fixture
async def house(database_url: str, pool: None) -> AsyncIterator[House]:
    async with running_sandbox() as sandbox:
        environment = {
            "DATABASE_URL": database_url,
            "WORKER_STALLED_SECONDS": "2",
            "WORKER_HEARTBEAT_SECONDS": "0.5",
            "LOG_LEVEL": "CRITICAL",
            **{f"{name.upper()}_BASE_URL": sandbox.base_url for name in GatewayName},
        }
        urls = {f"{name}_base_url": sandbox.base_url for name in GatewayName}
        open_gateways(msgspec.structs.replace(settings(), **urls))
        async with (
            running_web(environment) as web,
            running_worker(environment) as one,
            running_worker(environment) as other,
            httpx.AsyncClient(base_url=web.base_url, timeout=60) as api,
        ):
            yield House(api, sandbox, [one, other])
        await close_gateways()


@pytest.mark.timeout(3_600 if FULL else 400)
async def test_each_payment_is_recorded_once_however_often_and_in_whatever_order_webhooks_come(
    house: House,
) -> None:
    chance = random.Random(SEED)
    payments = await _all_paid(house)
    flood = _flood(chance, await house.sandbox.deliveries())
    killing = asyncio.create_task(_kill(house, chance))
    began = time.monotonic()
    statuses = await _send(house, flood)
    sent_s = time.monotonic() - began
    killed = await killing
    await _until_recorded(payments)
    print(
        f"flood: {len(flood)} webhooks of {payments} payments in {sent_s:.0f} s, recorded after "
        f"{time.monotonic() - began:.0f} s, workers killed {killed} times"
    )
    assert statuses == {200: len(flood)}
    assert killed == KILLS
    assert await _values(_SETTLED) == [f"{payments} {payments} {payments} {payments}"]
    assert await _values(_EVENTS) == [f"processed {len(set(flood))}"]
    await _cash_agrees(house.sandbox)
    await audit_is_clean()


# ---- before: paid at the gateways, whose webhooks have not come ---------------------------------


async def _all_paid(house: House) -> int:
    """So many bookings, a third at each gateway, and each paid there."""
    started: list[Payment] = []
    async with transaction() as tx:
        host = await make.account(tx, Role.GUEST, Role.HOST)
        guest = await make.account(tx)
        for number in range(0, PAYMENTS, SEATS):
            for name, currency in CURRENCIES.items():
                seats = _share(number, name)
                trip_id = await make.trip(tx, host, seats=SEATS, currency=currency, price=500_000)
                for _ in range(seats):
                    parts = await bookings.reserve(
                        tx, guest_id=guest.id, request=Reserve(trip_id=trip_id, seat_count=1)
                    )
                    started.append(await checkout.begin(tx, parts, gateway=name))
    for batch in range(0, len(started), CLIENTS):
        await asyncio.gather(*(_pay(house, each) for each in started[batch : batch + CLIENTS]))
    return len(started)


def _share(number: int, name: GatewayName) -> int:
    """How many of the next hundred payments are made at a gateway."""
    count = min(SEATS, PAYMENTS - number)
    return len(range(list(CURRENCIES).index(name), count, len(CURRENCIES)))


async def _pay(house: House, payment: Payment) -> None:
    new = NewCharge(
        reference=payment.reference,
        money=Money(amount=payment.amount, currency=payment.currency),
        email="guest@example.com",
        return_url="http://127.0.0.1/back",
        metadata={},
    )
    for _ in range(SENT_AGAIN_MAX):
        outcome = await gateway_named(payment.gateway).start_charge(new)
        if isinstance(outcome, CheckoutReady | ReferenceTaken):
            break
    await house.sandbox.pay(payment.reference)


# ---- the flood ----------------------------------------------------------------------------------


def _flood(chance: random.Random, letters: Sequence[dict[str, Any]]) -> list[Sent]:
    """Each payment's letters, 1 to 20 of them, each at least once, and all in any order."""
    by_payment: dict[str, list[Sent]] = {}
    for letter in letters:
        sent = Sent(letter["gateway"], letter["body"])
        by_payment.setdefault(letter["reference"], []).append(sent)
    flood: list[Sent] = []
    for known in by_payment.values():
        times = max(len(known), chance.randint(1, TIMES_MAX))
        flood += known + chance.choices(known, k=times - len(known))
    chance.shuffle(flood)
    return flood


async def _send(house: House, flood: Sequence[Sent]) -> Counter[int]:
    waiting = iter(flood)
    statuses: Counter[int] = Counter()

    async def client() -> None:
        for sent in waiting:
            body = sent.body.encode()
            path, headers = f"/api/webhooks/{sent.gateway}", DIALECTS[sent.gateway].signed(body)
            reply = await _post(house.api, path, body, headers)
            statuses[reply.status_code] += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return statuses


async def _post(
    api: httpx.AsyncClient, path: str, body: bytes, headers: dict[str, str]
) -> httpx.Response:
    """Send a webhook as a gateway does: again if it got no answer because the connection broke."""
    for _ in range(SENT_AGAIN_MAX):
        try:
            return await api.post(path, content=body, headers=headers)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    return await api.post(path, content=body, headers=headers)


async def _kill(house: House, chance: random.Random) -> int:
    """kill -9 one worker after the other, each time that some more are recorded."""
    give_up_at = time.monotonic() + WITHIN_S
    for killed in range(KILLS):
        while await _count(_DONE) < PAYMENTS * killed // (KILLS + 1):
            assert time.monotonic() < give_up_at, f"{await _count(_DONE)} are recorded"
            await asyncio.sleep(0.05)
        await asyncio.sleep(chance.random())
        victim = house.workers[killed % len(house.workers)]
        victim.kill()
        victim.restart()
    return KILLS


async def _until_recorded(payments: int) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while await _count(_DONE) < payments or await _count(_UNDONE):
        assert time.monotonic() < give_up_at, await _values(_EVENTS)
        await asyncio.sleep(0.2)


# ---- how all has ended --------------------------------------------------------------------------


async def _cash_agrees(sandbox: SandboxHandle) -> None:
    async with transaction() as tx:
        ours = {
            (row.gateway, row.currency): row.cash for row in await fetch_all(tx, Clearing, _CASH)
        }
    theirs = {
        (name.value, currency): (await sandbox.books(name))[currency]["balance"]
        for name, currency in CURRENCIES.items()
    }
    assert ours == theirs


async def _values(sql: Any) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(tx, str, sql)


async def _count(sql: Any) -> int:
    return int((await _values(sql))[0])


_DONE: Final = "SELECT count(*)::text FROM payments WHERE state = 'succeeded'"
_UNDONE: Final = """
    SELECT count(*)::text FROM webhook_events WHERE state IN ('received', 'failed')"""
_EVENTS: Final = "SELECT state || ' ' || count(*) FROM webhook_events GROUP BY state ORDER BY 1"
_SETTLED: Final = """
    SELECT concat_ws(' ',
           (SELECT count(*) FROM payments WHERE state = 'succeeded'),
           (SELECT count(*) FROM bookings WHERE state = 'confirmed'),
           (SELECT count(*) FROM ledger_transactions WHERE kind = 'charge'),
           (SELECT count(*) FROM payment_history WHERE state = 'succeeded'))"""
_CASH: Final = """
    SELECT gateway, currency, -sum(amount)::bigint AS cash
      FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
     WHERE kind = 'gateway_clearing'
     GROUP BY gateway, currency"""
