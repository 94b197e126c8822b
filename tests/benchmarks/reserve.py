"""Reserving named seats that nobody else wants, against pgbench and against a bare endpoint.

    uv run python -m tests.benchmarks.reserve [--requests 5000] [--clients 50]

Everything shares the machine: Postgres, web, and the load. `ratio` is accepted reservations over
HTTP to transactions of pgbench that make the same writes (`inserts`), `whole_ratio` to those that
run every statement of the request; `bare_ratio` to a Litestar endpoint that makes the same writes
in one statement.
"""

import argparse
from collections.abc import Iterator
from itertools import count

import msgspec
import uuid_utils.compat

from app.development.postgres import Server
from tests.benchmarks import load, replay, seed
from tests.benchmarks.world import (
    idle_memory_mb,
    report,
    running_database,
    running_web,
    running_worker,
)

PGBENCH_CLIENTS = (8, 20, 50)
WORKERS = (1, 2)

# One transaction of pgbench: seat number `unit`, counted from 0 over all trips.
PREAMBLE = (
    "\\set unit :first + :client_id * :per_client + :n",
    f"\\set trip :unit / {seed.SEATS}",
    f"\\set guest random(0, {seed.GUESTS - 1})",
)
_BOOKING, _GUEST = seed.booking_sql(":unit"), seed.guest_sql(":guest")
_KEY = "'bench-' || (:unit)::text"
_HOST, _LISTING = seed.host_sql(":trip"), seed.listing_sql(":trip")
VARYING = {
    "part": f"""{{}} || jsonb_build_object(
        'id', {_BOOKING}, 'guest_id', {_GUEST}, 'host_id', {_HOST}, 'listing_id', {_LISTING},
        'unit_ids', ARRAY[(:unit)::bigint + 1])""",
    "principal_id": _GUEST,
    "listing_id": _LISTING,
    "labels": f"ARRAY[{seed.label_sql(f'(:unit)::int % {seed.SEATS}')}]",
    "key": _KEY,
    "scope": _KEY,
}


class Seats:
    """Seats that have not been sold yet: each run gets the next ones."""

    def __init__(self) -> None:
        self._numbers = count()

    def take(self, how_many: int) -> list[int]:
        return [next(self._numbers) for _ in range(how_many)]


def main() -> None:
    options = _options()
    runs = 2 * 2 * len(WORKERS) + 2 * len(PGBENCH_CLIENTS)
    with running_database() as server:
        seed.fill_people(server.url)
        seed.fill_trips(server.url, trips=(runs + 1) * options.requests // seed.SEATS + 1)
        report(_measure(server, Seats(), options.requests, options.clients))


def _measure(
    server: Server, seats: Seats, requests: int, clients: int
) -> dict[str, float | str | dict[str, float]]:
    figures: dict[str, float | str | dict[str, float]] = {"clients": clients}
    best: dict[str, float] = {}
    for workers in WORKERS:
        measured = _over_http(seats, requests, clients, workers)
        figures[f"workers_{workers}"] = measured
        if measured["accepted_per_s"] > best.get("accepted_per_s", 0):
            best = measured | {"workers": workers}
    bare = max(_bare(seats, requests, clients, workers) for workers in WORKERS)
    statements = replay.record(seed.Guests(1).reserves_seat(seats.take(1)[0]))
    inserts = _pgbench(server, seats, [s for s in statements if s.writes], requests, "inserts")
    whole = _pgbench(server, seats, statements, requests, "every statement")
    accepted = best["accepted_per_s"]
    return (
        figures
        | best
        | {
            "round_trips": len(statements) + 2,  # and BEGIN and COMMIT
            "pgbench_per_s": inserts,
            "ratio": round(accepted / inserts, 3),
            "pgbench_whole_per_s": whole,
            "whole_ratio": round(accepted / whole, 3),
            "bare_per_s": bare,
            "bare_ratio": round(accepted / bare, 3),
        }
    )


def _over_http(seats: Seats, requests: int, clients: int, workers: int) -> dict[str, float]:
    guests = seed.Guests()
    with running_web(workers=workers) as web, running_worker() as worker:
        memory = idle_memory_mb(web.process, worker)
        for size in (requests // 5, requests):  # the first one warms up
            calls = [guests.reserves_seat(number) for number in seats.take(size)]
            result = load.run(web.port, calls, clients=clients).must_be(201)
        loaded = idle_memory_mb(web.process, worker)
    print(
        f"reserve, WEB_CONCURRENCY={workers}: {result.per_s(201)} accepted/s,"
        f" p50 {result.ms(50)} ms, p99 {result.ms(99)} ms;"
        f" web and worker {memory} MB idle, {loaded} MB after",
        flush=True,
    )
    return {
        "accepted_per_s": result.per_s(201),
        "p50_ms": result.ms(50),
        "p99_ms": result.ms(99),
        "idle_memory_mb": memory,
        "memory_after_mb": loaded,
    }


def _bare(seats: Seats, requests: int, clients: int, workers: int) -> float:
    with running_web(workers=workers, app="tests.benchmarks.bare:app") as web:
        for size in (requests // 5, requests):
            calls = list(_bare_calls(seats.take(size)))
            result = load.run(web.port, calls, clients=clients).must_be(201)
    print(
        f"bare endpoint, WEB_CONCURRENCY={workers}: {result.per_s(201)}/s,"
        f" p50 {result.ms(50)} ms, p99 {result.ms(99)} ms",
        flush=True,
    )
    return result.per_s(201)


def _bare_calls(numbers: list[int]) -> Iterator[bytes]:
    for number in numbers:
        body = {
            "booking_id": uuid_utils.compat.uuid7(),
            "listing_id": seed.listing_id(number // seed.SEATS),
            "guest_id": seed.guest_id(number % seed.GUESTS),
            "unit_id": number + 1,
            "key": f"bare-{number}",
        }
        yield load.post("/bare", msgspec.json.encode(body), {})


def _pgbench(
    server: Server, seats: Seats, statements: list[replay.Statement], requests: int, what: str
) -> float:
    """The best of a few numbers of clients."""
    best = 0.0
    for clients in PGBENCH_CLIENTS:
        taken = seats.take(requests)
        per_s = replay.pgbench(
            server,
            statements,
            preamble=PREAMBLE,
            varying=VARYING,
            variables={"first": taken[0], "per_client": requests // clients},
            clients=clients,
            transactions=requests,
        )
        print(f"pgbench, {what}, {clients} clients: {per_s:.0f}/s", flush=True)
        best = max(best, per_s)
    return round(best, 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=50)
    return parser.parse_args()


if __name__ == "__main__":
    main()
