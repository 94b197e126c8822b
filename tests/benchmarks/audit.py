"""`berthold audit` on a million bookings, with all that a million bookings leave behind.

    uv run python -m tests.benchmarks.audit [--bookings 1000000] [--rounds 3]

The command as an operator runs it, from the shell, on a server with default settings; the best of
the rounds is `audit_s`, and that of as many on one connection `audit_alone_s`. `cpu_s` is the time
of a processor that its statements take in all, and `slowest` says which take most of it. The audit
must find nothing, or the figures are worth nothing.
"""

import argparse
import asyncio
import subprocess
import sys
import time

import psutil

from app.foundation import db
from app.foundation.db import fetch_new_value, transaction
from app.operations.invariants.actions import JUDGES
from app.operations.invariants.queries.judging import make_room, take_snapshot
from tests.benchmarks import past
from tests.benchmarks.world import report, running_database

SHOWN = 8  # of the slowest statements


def main() -> None:
    options = _options()
    with running_database() as server:
        past.fill(server.url, options.bookings)
        rounds_s = [_audit_s() for _ in range(options.rounds)]
        alone_s = [_audit_s("--connections", "1") for _ in range(options.rounds)]
        cpu_s = asyncio.run(_cpu_s(server.url))
    slowest = sorted(cpu_s.items(), key=lambda item: -item[1])[:SHOWN]
    report(
        {
            "bookings": options.bookings,
            "audit_s": min(rounds_s),
            "audit_s_max": max(rounds_s),
            "audit_alone_s": min(alone_s),
            "cpu_s": round(sum(cpu_s.values()), 2),
            "slowest": dict(slowest),
        }
    )


def _audit_s(*options: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "audit", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = round(time.perf_counter() - started, 2)
    if done.returncode != 0:
        raise AssertionError(f"the audit is not clean:\n{done.stdout}\n{done.stderr}")
    print(f"audited in {seconds} s", flush=True)
    return seconds


async def _cpu_s(url: str) -> dict[str, float]:
    """How long each of the audit's statements keeps a processor busy."""
    await db.open_pool(url, size_max=1)
    taken: dict[str, float] = {}
    async with transaction() as tx:
        await take_snapshot(tx)
        await make_room(tx)
        backend = psutil.Process(await fetch_new_value(tx, int, "SELECT pg_backend_pid()"))
        for judge in JUDGES:
            before = _busy_s(backend)
            laws = await judge(tx)
            taken[", ".join(laws)] = round(_busy_s(backend) - before, 2)
    await db.close_pool()
    return taken


def _busy_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
