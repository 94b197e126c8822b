"""Every figure of the job runner in one run, on one database; the last line is one JSON object.

    uv run python -m tests.benchmarks.runner [--finished 10000000] [--peers]

`drain`: 20,000 queued jobs, one worker process, in jobs per second; `raw` is the limit: one
connection that takes and finishes batches of 500 on a bare table. `logged` is with a line
in the log for each job, as in production. `enqueues`: one job per commit, by pgbench, with and
without a worker that runs them. `latency`: an idle worker, from the commit to the start.
`pairs`: jobs a few milliseconds apart, and how many of them were not begun by a notification.
`beside_finished`: with so many jobs that are done already. `cost`: where the time of a drain goes.
A peer is measured where it can be imported:
`uv run --with pgqueuer --with asyncpg --with celery --with redis python -m … --peers`, and a
redis-server for Celery.
"""

import argparse
import os

import msgspec
import uvloop

from app.development.postgres import Server
from app.foundation import db
from tests.benchmarks.runner import drain, enqueueing, finished, peers, wakeups
from tests.benchmarks.world import report, running_database


class Sizes(msgspec.Struct, frozen=True):
    """How many runs, jobs, pairs and so on are measured."""

    runs: int = 3
    jobs: int = 20_000
    stock_jobs: int = 20_000
    enqueues: int = 8_000
    latencies: int = 200
    pairs: int = 1_000
    memory_jobs: int = 200_000
    finished: int = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in msgspec.structs.asdict(Sizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--peers", action="store_true", help="measure others that are installed")
    options = vars(parser.parse_args())
    with_peers = options.pop("peers")
    with running_database() as server:
        report(_measure(server, Sizes(**options), with_peers=with_peers))


def _measure(server: Server, sizes: Sizes, *, with_peers: bool) -> dict[str, object]:
    url, runs = server.url, sizes.runs
    counts = {"ours": sizes.jobs, "stock": sizes.stock_jobs}
    figures: dict[str, object] = {"cores": os.cpu_count(), "sizes": sizes, "load": _loads()}
    drained = drain.medians(url, counts, runs=runs)
    raw = drain.raw(url, sizes.jobs, runs=runs)
    figures["drain_per_s"] = drained | {"raw": raw}
    figures["ratio_to_stock"] = round(drained["ours"] / drained["stock"], 1)
    figures["ratio_to_raw"] = round(drained["ours"] / raw, 3)
    if with_peers:
        figures["peers_per_s"] = peers.measure(url, sizes.jobs, runs=runs)
    figures["logged_per_s"] = drain.medians(url, counts, runs=1, log_level="INFO")
    figures |= uvloop.run(_asynchronous(url, sizes))
    enqueues = {
        "no_worker": enqueueing.by_pgbench(server, sizes.enqueues, runs=runs),
        "with_worker": enqueueing.by_pgbench(server, sizes.enqueues, runs=runs, with_worker=True),
    }
    enqueues["python"] = uvloop.run(enqueueing.by_clients(url, sizes.enqueues, runs=runs))
    figures["enqueues_per_s"] = enqueues
    figures["processes_per_s"] = {
        str(number): drain.processes(url, sizes.jobs, number) for number in (1, 2, 4)
    }
    figures["memory_mb"] = drain.memory(url, sizes.memory_jobs)
    if sizes.finished:
        figures["beside_finished"] = finished.measure(
            url, sizes.finished, sizes.jobs, runs=runs, alone_per_s=drained["ours"]
        )
    drain.count_statements(server)
    figures["cost"] = {kind: drain.profile(server, count, kind) for kind, count in counts.items()}
    return figures


async def _asynchronous(url: str, sizes: Sizes) -> dict[str, object]:
    await db.open_pool(url, size_max=2)
    latency = {
        who: await wakeups.latency(url, working, sizes.latencies)
        for who, working in {"ours": wakeups.ours, "stock": wakeups.stock}.items()
    }
    pairs = await wakeups.pairs(url, sizes.pairs)
    await db.close_pool()
    return {"latency_ms": latency, "pairs": pairs}


def _loads() -> list[float]:
    """The load averages of the machine now: taken before anything is measured."""
    return [round(load, 1) for load in os.getloadavg()]


if __name__ == "__main__":
    main()
