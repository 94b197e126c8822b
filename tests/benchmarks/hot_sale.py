"""A sale that everybody wants: 500 attempts at 200 seats, from 50 clients.

    uv run python -m tests.benchmarks.hot_sale [--rounds 5] [--workers 2]

Once with seats named at random (each at least once, so that all can be sold), once with any seat
(`seatCount: 1`). Exactly 200 must be sold each time, counted in the database. The web process has
served one such sale before: `p99_ms` is over all rounds, `p99_worst_ms` that of the worst round.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from tests.benchmarks import load, seed
from tests.benchmarks.world import Web, report, running_database, running_web

SEATS = 200
ATTEMPTS = 500


def main() -> None:
    options = _options()
    sales = 2 * (options.rounds + 1)
    with running_database() as server:
        seed.fill_people(server.url)
        seed.fill_trips(server.url, trips=sales, seats=SEATS)
        half, clients = sales // 2, options.clients
        with running_web(workers=options.workers) as web:
            named = _sales(web, server.url, range(half), _named, clients)
            any_seat = _sales(web, server.url, range(half, sales), _any, clients)
    for name, figures in (("named seats", named), ("any seat", any_seat)):
        print(f"{name}: {figures}")
    report(
        {"clients": options.clients, "workers": options.workers, "sold": SEATS}
        | {f"named_{key}": value for key, value in named.items()}
        | {f"any_{key}": value for key, value in any_seat.items()}
    )


def _sales(
    web: Web, url: str, listings: Sequence[int], attempts: Callable[[int], list[Any]], clients: int
) -> dict[str, float]:
    """One sale after the other; the first only warms up."""
    guests = seed.Guests()
    results = []
    for listing in listings:
        bodies = attempts(listing)
        first = listing * ATTEMPTS  # of the idempotency keys
        calls = [guests.reserves(first + number, body) for number, body in enumerate(bodies)]
        result = load.run(web.port, calls, clients=clients)
        _check(url, listing, result)
        results.append(result)
    rounds = results[1:]
    everything = load.Result(
        [answer for result in rounds for answer in result.answers],
        sum(result.seconds for result in rounds),
    )
    return {
        "attempts_per_s": round(len(everything.answers) / everything.seconds, 1),
        "sold_per_s": everything.per_s(201),
        "p50_ms": everything.ms(50),
        "p99_ms": everything.ms(99),
        "p99_worst_ms": max(result.ms(99) for result in rounds),
    }


def _named(listing: int) -> list[Any]:
    every = list(range(SEATS))
    chosen = every + random.choices(every, k=ATTEMPTS - SEATS)
    random.shuffle(chosen)
    return [
        {"tripId": seed.listing_id(listing), "seatNumbers": [seed.label(seat)]} for seat in chosen
    ]


def _any(listing: int) -> list[Any]:
    return [{"tripId": seed.listing_id(listing), "seatCount": 1}] * ATTEMPTS


def _check(url: str, listing: int, result: load.Result) -> None:
    """Assert that each seat is sold once, to a buyer who got 201, and that all others got 409."""
    with psycopg.connect(url) as connection:
        sold = connection.execute(
            """
            SELECT count(*), count(DISTINCT claims.unit_id), count(DISTINCT booking_id),
                   (SELECT count(*) FROM bookings WHERE listing_id = %(listing)s)
              FROM claims JOIN units ON units.id = unit_id
             WHERE listing_id = %(listing)s""",
            {"listing": seed.listing_id(listing)},
        ).fetchone()
    answered = (result.count(201), result.count(409))
    if sold != (SEATS,) * 4 or answered != (SEATS, ATTEMPTS - SEATS):
        raise AssertionError(f"sold {sold}, answered {answered}: not {SEATS}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
