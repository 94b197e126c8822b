"""Settlements that all post to the same accounts of the platform, from 50 connections at once.

    uv run python -m tests.benchmarks.ledger [--settlements 5000] [--clients 50] [--rounds 3]

A settlement is a charge and its division, in one transaction: what the guest paid at the gateway
goes through escrow to the host and the platform. Three ways, in turns, best round of each:

- `shared`: all post to the one `gateway_clearing` and `platform_revenue` that there are;
- `own`: each connection has such accounts to itself (a currency of its own);
- `contended`: as `shared`, with the platform's balance in a row that each settlement updates.

`ratio` is shared to own: 1 means that settlements do not wait for each other at an account.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import uuid_utils.compat
import uvloop

from app.edge.gateways.port import GatewayName
from app.foundation import db
from app.foundation.db import Tx, execute, fetch_new_value, transaction
from app.money.ledger.actions import post_all
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from tests.benchmarks.world import report, running_database

PAID: Final = 500_000
COMMISSION: Final = 50_000
CURRENCY: Final = "NGN"

Settle = Callable[[Tx, int], Awaitable[None]]


def main() -> None:
    options = _options()
    with running_database() as server:
        report(uvloop.run(_measure(server.url, options)))


async def _measure(url: str, options: argparse.Namespace) -> dict[str, float]:
    await db.open_pool(url, size_max=options.clients)
    async with transaction() as tx:
        await _keep_balance(tx)
    ways: dict[str, Settle] = {"shared": _shared, "own": _own, "contended": _contended}
    best = dict.fromkeys(ways, 0.0)
    for number in range(options.rounds + 1):
        for name, settle in ways.items():
            per_s = await _run(settle, options.settlements, options.clients)
            if number:  # the first only warms up
                print(f"{name}: {per_s} settlements/s", flush=True)
                best[name] = max(best[name], per_s)
    await _check(options)
    await db.close_pool()
    return {
        "clients": options.clients,
        **{f"{name}_per_s": per_s for name, per_s in best.items()},
        "ratio": round(best["shared"] / best["own"], 3),
        "contended_ratio": round(best["contended"] / best["own"], 3),
    }


async def _run(settle: Settle, settlements: int, clients: int) -> float:
    """Settlements per second, when each client does one after the other."""

    async def client(number: int) -> None:
        for _ in range(settlements // clients):
            async with transaction() as tx:
                await settle(tx, number)

    started = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return round(settlements // clients * clients / (time.perf_counter() - started), 1)


async def _shared(tx: Tx, _: int) -> None:
    await post_all(tx, _settlement(CURRENCY))


async def _own(tx: Tx, client: int) -> None:
    await post_all(tx, _settlement(_currency_of(client)))


async def _contended(tx: Tx, client: int) -> None:
    """Lock the shared row as late as can be: it stays locked until the commit is on disk."""
    await _shared(tx, client)
    await execute(tx, "UPDATE bench_balance SET revenue = revenue + %(fee)s", fee=COMMISSION)


def _settlement(currency: str) -> list[Posting]:
    booking_id, payment_id, host_id = (uuid_utils.compat.uuid7() for _ in range(3))
    clearing = Account(AccountKind.GATEWAY_CLEARING, currency, gateway=GatewayName.PAYSTACK)
    revenue = Account(AccountKind.PLATFORM_REVENUE, currency)
    escrow = Account(AccountKind.ESCROW_RENTAL, currency, owner_id=booking_id)
    payable = Account(AccountKind.HOST_PAYABLE, currency, owner_id=host_id)
    return [
        _posting(PostingKind.CHARGE, payment_id, {clearing: -PAID, escrow: PAID}),
        _posting(
            PostingKind.DIVISION,
            booking_id,
            {escrow: -PAID, revenue: COMMISSION, payable: PAID - COMMISSION},
        ),
    ]


def _posting(kind: PostingKind, source_id: UUID, amounts: dict[Account, int]) -> Posting:
    entries = tuple(Entry(account, amount) for account, amount in amounts.items())
    return Posting(kind=kind, source_id=source_id, booking_id=None, entries=entries, memo="Bench")


def _currency_of(client: int) -> str:
    """XAA, XAB, …: one for each client."""
    first, second = divmod(client, 26)
    return f"X{chr(ord('A') + first)}{chr(ord('A') + second)}"


async def _keep_balance(tx: Tx) -> None:
    await execute(tx, "CREATE TABLE bench_balance AS SELECT 0::bigint AS revenue")


async def _check(options: argparse.Namespace) -> None:
    """Every settlement is posted once: a benchmark that lost some would mislead."""
    async with transaction() as tx:
        posted = await fetch_new_value(
            tx,
            int,
            """
            SELECT sum(amount)::bigint FROM ledger_entries
             WHERE account_id IN (
                SELECT id FROM ledger_accounts WHERE kind = 'platform_revenue')""",
        )
    settled = options.settlements // options.clients * options.clients * 3 * (options.rounds + 1)
    if posted != settled * COMMISSION:
        raise AssertionError(f"{posted} is not the commission of {settled} settlements")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settlements", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
