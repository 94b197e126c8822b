"""Reserving in an almost empty database, then in one with a million bookings.

    uv run python -m tests.benchmarks.growth [--bookings 1000000] [--claims 10000000]

Both times the same calls: one room, by name, for one night, spread at random over all rooms, so
that every index is met at random places. `p50_ratio` is at `--clients`, where web is the
bottleneck; `p50_ratio_few` at four clients, where the database shows more; `p50_ratio_any` for any
free room of a listing instead of a named one.
"""

import argparse
import random
import time

import psycopg

from app.development.postgres import Server
from tests.benchmarks import load, seed
from tests.benchmarks.world import report, running_database, running_web
from tests.databases import run_sql

SMALL = 1_000  # bookings
BATCH = 100_000  # bookings per statement
ROOMS = 20_000
FEW_CLIENTS = 4
FIRST_NIGHT = 400  # days from now: after all that is loaded
LOADED_DAYS_AHEAD_MAX = 300


def main() -> None:
    options = _options()
    nights = max(1, options.claims // options.bookings)
    first_day = LOADED_DAYS_AHEAD_MAX - -(-options.bookings // ROOMS) * nights
    with running_database() as server:
        seed.fill_people(server.url, guests=max(seed.GUESTS, options.bookings // 10))
        seed.fill_stays(server.url, rooms=ROOMS)
        _load(server, 0, SMALL, nights, first_day)
        small = _measure(server.url, options, first_night=FIRST_NIGHT)
        print(f"{SMALL} bookings: {small}", flush=True)
        _load(server, SMALL, options.bookings, nights, first_day)
        size = _size(server.url)
        large = _measure(server.url, options, first_night=FIRST_NIGHT + 10)
        print(f"{size}: {large}", flush=True)
    report(
        {f"small_{key}": value for key, value in small.items()}
        | {f"large_{key}": value for key, value in large.items()}
        | {
            "clients": options.clients,
            "workers": options.workers,
            "bookings": options.bookings,
            "claims": options.bookings * nights,
            "p50_ratio": round(large["p50_ms"] / small["p50_ms"], 3),
            "p99_ratio": round(large["p99_ms"] / small["p99_ms"], 3),
            "p50_ratio_few": round(large["few_p50_ms"] / small["few_p50_ms"], 3),
            "p50_ratio_any": round(large["any_p50_ms"] / small["any_p50_ms"], 3),
        }
    )


def _measure(url: str, options: argparse.Namespace, *, first_night: int) -> dict[str, float]:
    requests, clients = min(options.requests, ROOMS), options.clients
    guests = seed.Guests()
    runs = []
    with running_web(workers=options.workers) as web:
        for run, (so_many, named) in enumerate(
            ((clients, True), (clients, True), (FEW_CLIENTS, True), (clients, False))
        ):
            calls = _calls(guests, requests, first_night + run, named=named)
            runs.append(load.run(web.port, calls, clients=so_many).must_be(201))
    _, many, few, any_room = runs  # the first warms up
    return {
        "accepted_per_s": many.per_s(201),
        "p50_ms": many.ms(50),
        "p99_ms": many.ms(99),
        "few_p50_ms": few.ms(50),
        "few_p99_ms": few.ms(99),
        "any_p50_ms": any_room.ms(50),
        "any_p99_ms": any_room.ms(99),
    }


def _calls(guests: seed.Guests, requests: int, night: int, *, named: bool) -> list[bytes]:
    """Different rooms, all for the same night; each night and room is asked for once."""
    dates = seed.nights(night)
    calls: list[bytes] = []
    for room in random.sample(range(ROOMS), requests):
        listing, number = divmod(room, seed.ROOMS)
        what = {"units": [f"Room {number + 1}"]} if named else {"unitCount": 1}
        body = {"listingId": seed.listing_id(listing), **what, **dates}
        calls.append(guests.reserves(night * ROOMS + room, body))
    return calls


# ---- the past ------------------------------------------------------------------------------------


def _load(server: Server, start: int, end: int, nights: int, first_day: int) -> None:
    """Bookings `start` to `end`, with so many nights each, their history, and stored replies.

    Booking n is the stay number n / ROOMS in room n % ROOMS: one after the other, the last ends
    LOADED_DAYS_AHEAD_MAX days from now. What is past is completed, the rest is confirmed.
    """
    started = time.perf_counter()
    with seed.loading(server.url) as connection:
        for first in range(start, end, BATCH):
            last = min(first + BATCH, end) - 1
            _insert(connection, first, last, nights, first_day)
            if (last + 1) % (5 * BATCH) == 0:
                seconds = time.perf_counter() - started
                print(f"{last + 1} bookings loaded in {seconds:.0f} s", flush=True)


def _insert(
    connection: psycopg.Connection, first: int, last: int, nights: int, first_day: int
) -> None:
    booking = seed.booking_sql("n")
    guest = seed.guest_sql(
        f"hashint8(n) & 2147483647) % (SELECT count(*) - {seed.HOSTS} FROM accounts"
    )
    listing = f"n % {ROOMS} / {seed.ROOMS}"
    numbers = f"generate_series({first}::bigint, {last}) AS n"
    arrival = f"current_date + {first_day} + (n / {ROOMS} * {nights})::int"
    run_sql(
        connection,
        f"""
        INSERT INTO bookings (
            id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
            check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
            created_at, updated_at)
        SELECT {booking}, {guest}, {seed.host_sql(listing)}, {seed.listing_sql(listing)}, 'stay',
               CASE WHEN arrival < current_date THEN 'completed' ELSE 'confirmed' END,
               ARRAY[n % {ROOMS} + 1], arrival, arrival + {nights - 1},
               arrival + time '14:00', arrival + {nights} + time '10:00', 'NGN',
               {nights} * 2000000, 0, 500000, {nights} * 2000000 + 500000,
               jsonb_build_array(jsonb_build_object(
                   'unitId', n % {ROOMS} + 1, 'label', 'Room ' || n % {seed.ROOMS} + 1,
                   'amount', {nights} * 2000000)),
               '{{"title": "Guest house", "place": "Ikeja", "zone": "Africa/Lagos",
                 "policy": "flexible", "requestToBook": false, "respondWithinHours": 24}}',
               now(), now()
          FROM {numbers}, LATERAL (SELECT {arrival} AS arrival)""",
    )
    run_sql(
        connection,
        f"""
        INSERT INTO claims (unit_id, slot, booking_id, expires_at)
        SELECT n % {ROOMS} + 1, {arrival} + night, {booking}, NULL
          FROM {numbers}, generate_series(0, {nights - 1}) AS night""",
    )
    run_sql(
        connection,
        f"""
        INSERT INTO booking_history (booking_id, was, state, at, actor, reason)
        SELECT {booking}, was, state, now(), 'system', reason
          FROM {numbers}, (VALUES (NULL, 'held', 'reserved'),
                                  ('held', 'awaiting_payment', 'payment begun'),
                                  ('awaiting_payment', 'confirmed', 'paid'))
                       AS move (was, state, reason)""",
    )
    run_sql(  # a day's worth
        connection,
        f"""
        INSERT INTO idempotency_keys (principal_id, route, key, body_sha256, status, reply)
        SELECT {guest}, 'POST /api/bookings/reserve', 'past-' || n, '', 201,
               convert_to(repeat('x', 900), 'UTF8')
          FROM {numbers} WHERE n % 10 = 0""",
    )


def _size(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            """
            SELECT (SELECT count(*) FROM bookings), (SELECT count(*) FROM claims),
                   pg_size_pretty(pg_database_size(current_database()))"""
        ).fetchone()
    assert row
    return "{} bookings, {} claims, {}".format(*row)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=1_000_000)
    parser.add_argument("--claims", type=int, default=10_000_000)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
