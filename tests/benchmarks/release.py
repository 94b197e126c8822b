"""`release-escrow` with 100,000 pots that are due, by two workers at once.

    uv run python -m tests.benchmarks.release [--pots 100000] [--workers 2]

The job's own function, in processes of their own, until nothing is due: half the pots are rentals
(a transfer each), half are deposits (a refund each), and each leaves its postings, its instruction
with history, its line in the audit log, and the job that sends it. `one_worker_per_s` is the same
with one worker, on a part of the pots. Afterwards each pot must be divided once, and the books
must be in order.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from typing import Final

import msgspec
import psycopg

from app.foundation import db
from app.foundation.db import transaction
from tasks.escrow import release_escrow
from tests.benchmarks import past
from tests.benchmarks.world import report, running_database
from tests.laws import audit_is_clean

ROUND: Final = 10_000  # pots, of a run of the job
POTS_PER_BOOKING: Final = 2


class Part(msgspec.Struct, frozen=True):
    """What one worker did."""

    released: int
    began: float  # by the machine's clock
    ended: float


def main() -> None:
    options = _options()
    if options.work:
        sys.stdout.write(msgspec.json.encode(asyncio.run(_work(options.work))).decode())
        return
    alone = options.pots // 10
    with running_database() as server:
        past.fill(server.url, options.pots // POTS_PER_BOOKING, mix=past.Mix.DUE)
        one = _release([alone])
        many = _release([options.pots] * options.workers)
        _check(server.url, released=one.released + many.released, pots=options.pots)
        asyncio.run(_audit(server.url))
    report(
        {
            "pots": options.pots,
            "workers": options.workers,
            "one_worker_per_s": _per_s(one),
            "released_per_s": _per_s(many),
            "scaling": round(_per_s(many) / _per_s(one), 2),
        }
    )


def _release(limits: list[int]) -> Part:
    """What as many workers as there are limits did together."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.release", "--work", str(limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ,
        )
        for limit in limits
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()  # it is ready
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    parts = [msgspec.json.decode(worker.communicate()[0], type=Part) for worker in workers]
    for part in parts:
        print(f"a worker released {part.released} in {part.ended - part.began:.1f} s", flush=True)
    return Part(
        released=sum(part.released for part in parts),
        began=min(part.began for part in parts),
        ended=max(part.ended for part in parts),
    )


async def _work(limit: int) -> Part:
    await db.open_pool(os.environ["DATABASE_URL"], size_max=2)
    async with transaction() as tx:
        await db.now(tx)  # connected
    print("ready", flush=True)
    sys.stdin.readline()
    began, released = time.time(), 0
    while released < limit:
        done = await release_escrow(min(ROUND, limit - released))
        if not done:
            break
        released += done
    ended = time.time()
    await db.close_pool()
    return Part(released=released, began=began, ended=ended)


def _per_s(part: Part) -> float:
    return round(part.released / (part.ended - part.began), 1)


def _check(url: str, *, released: int, pots: int) -> None:
    """Each pot once, by one worker, with everything that belongs to it."""
    with psycopg.connect(url) as connection:
        done = connection.execute(
            """
            SELECT (SELECT count(*) FROM pots WHERE state IN ('releasing', 'refunding')),
                   (SELECT count(*) FROM ledger_transactions WHERE kind = 'division'),
                   (SELECT count(*) FROM instructions WHERE state = 'queued'),
                   (SELECT count(DISTINCT source_id) FROM instructions),
                   (SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send-instruction')"""
        ).fetchone()
    assert done
    if {released, *done} != {pots}:
        raise AssertionError(f"{released} released of {pots}, which left {done}")


async def _audit(url: str) -> None:
    await db.open_pool(url, size_max=1)
    await audit_is_clean()
    await db.close_pool()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pots", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
