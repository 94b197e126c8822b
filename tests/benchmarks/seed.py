"""People, trips and stays in bulk, with ids that can be computed without asking the database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psycopg

from app.people.accounts.model import Principal, Role
from tests import make
from tests.benchmarks import load
from tests.databases import run_sql

GUESTS = 1_000
HOSTS = 200
SEATS = 48  # of a trip, rows of four
ROOMS = 20  # of a stay

_IDS = "01900000-0000-7000-8000-{kind}{number}"
_GUEST, _HOST, _LISTING = "a", "b", "c"


def guest_id(number: int) -> UUID:
    return _id(_GUEST, number)


def listing_id(number: int) -> UUID:
    return _id(_LISTING, number)


def _id(kind: str, number: int) -> UUID:
    return UUID(_IDS.format(kind=kind, number=f"{number:011x}"))


def _id_sql(kind: str, number: str) -> str:
    """An id that `_id` would make, in SQL; `number` is an expression."""
    start = _IDS.format(kind=kind, number="")
    return f"('{start}' || lpad(to_hex(({number})::bigint), 11, '0'))::uuid"


def guest_sql(number: str) -> str:
    return _id_sql(_GUEST, number)


def host_sql(listing: str) -> str:
    """The host of a listing."""
    return _id_sql(_HOST, f"({listing})::bigint % {HOSTS}")


def listing_sql(number: str) -> str:
    return _id_sql(_LISTING, number)


def booking_sql(number: str) -> str:
    return _id_sql("d", number)


def payment_sql(number: str) -> str:
    return _id_sql("e", number)


def pot_sql(number: str) -> str:
    return _id_sql("1", number)


def instruction_sql(number: str) -> str:
    return _id_sql("2", number)


def label(seat: int) -> str:
    return f"{seat // 4 + 1}{'ABCD'[seat % 4]}"


def label_sql(seat: str) -> str:
    return f"(({seat})::int / 4 + 1)::text || substr('ABCD', ({seat})::int % 4 + 1, 1)"


def fill_people(url: str, *, guests: int = GUESTS) -> None:
    """Guests and hosts."""
    with psycopg.connect(url, autocommit=True) as connection:
        insert_people(connection, guests=guests)


def insert_people(connection: psycopg.Connection, *, guests: int) -> None:
    for kind, count, role in ((_GUEST, guests, "guest"), (_HOST, HOSTS, "host")):
        run_sql(
            connection,
            f"""
            INSERT INTO accounts (id, email, name, roles, password_hash)
            SELECT {_id_sql(kind, "n")}, '{role}' || n || '@example.com', 'Somebody',
                   ARRAY['{role}'], 'none'
              FROM generate_series(0, {count - 1}) AS n""",
        )


def fill_trips(url: str, *, trips: int, seats: int = SEATS) -> None:
    """Buses of so many seats each; seat n (from 0, over all trips) has the unit id n + 1."""
    with psycopg.connect(url, autocommit=True) as connection:
        insert_trips(connection, trips=trips, seats=seats)
    settle(url)


def insert_trips(
    connection: psycopg.Connection,
    *,
    trips: int,
    seats: int = SEATS,
    first_listing: int = 0,
    first_unit: int = 1,
) -> None:
    """Buses, the first with this number among the listings, and its first seat with this id."""
    listing = f"{first_listing} + n"
    run_sql(
        connection,
        f"""
        INSERT INTO listings (
            id, host_id, kind, title, place, destination, zone, currency, price, policy,
            departure_date, departure_time, arrival_date, arrival_time, arrival_zone)
        SELECT {listing_sql(listing)}, {host_sql(listing)}, 'trip', 'Lagos to Abuja', 'Lagos',
               'Abuja', 'Africa/Lagos', 'NGN', 500000, 'moderate',
               day, '08:00', day, '18:00', 'Africa/Lagos'
          FROM generate_series(0, {trips - 1}) AS n,
               LATERAL (SELECT (business_now() + interval '10 days')::date + n % 30) date (day)""",
    )
    run_sql(
        connection,
        f"""
        INSERT INTO units (id, listing_id, label, seat_row, seat_column)
        OVERRIDING SYSTEM VALUE
        SELECT {first_unit} + n, {listing_sql(f"{first_listing} + n / {seats}")},
               {label_sql(f"n % {seats}")}, n % {seats} / 4 + 1, n % 4 + 1
          FROM generate_series(0, {trips * seats - 1}) AS n""",
    )


def fill_stays(url: str, *, rooms: int) -> None:
    """Guest houses of ROOMS rooms; room n (from 0) has the unit id n + 1."""
    with psycopg.connect(url, autocommit=True) as connection:
        insert_stays(connection, rooms=rooms)
    settle(url)


def insert_stays(connection: psycopg.Connection, *, rooms: int) -> None:
    run_sql(
        connection,
        f"""
        INSERT INTO listings (
            id, host_id, kind, title, place, zone, currency, price, deposit, policy,
            check_in_time, check_out_time)
        SELECT {listing_sql("n")}, {host_sql("n")}, 'stay', 'Guest house', 'Ikeja',
               'Africa/Lagos', 'NGN', 2000000, 500000, 'flexible', '15:00', '11:00'
          FROM generate_series(0, {rooms // ROOMS - 1}) AS n""",
    )
    run_sql(
        connection,
        f"""
        INSERT INTO units (id, listing_id, label) OVERRIDING SYSTEM VALUE
        SELECT n + 1, {listing_sql(f"n / {ROOMS}")}, 'Room ' || n % {ROOMS} + 1
          FROM generate_series(0, {rooms - 1}) AS n""",
    )


@contextmanager
def loading(url: str) -> Iterator[psycopg.Connection]:
    """A connection that writes fast and unchecked: no foreign keys, no triggers, nothing durable.

    At the end all is as durable as by default, written out, and with fresh statistics.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        _set_durable(connection, durable=False)
        connection.execute("SET session_replication_role = replica")
        yield connection
        connection.execute("RESET session_replication_role")
        connection.execute("VACUUM (ANALYZE, FREEZE)")
        _set_durable(connection, durable=True)
        connection.execute("CHECKPOINT")
    os.sync()  # else the kernel would write it out while we measure


def _set_durable(connection: psycopg.Connection, *, durable: bool) -> None:
    for setting, fast in (("fsync", "off"), ("full_page_writes", "off"), ("max_wal_size", "8GB")):
        change = f"RESET {setting}" if durable else f"SET {setting} = '{fast}'"
        run_sql(connection, f"ALTER SYSTEM {change}")
    connection.execute("SELECT pg_reload_conf()")


def settle(url: str) -> None:
    """Fresh statistics, and nothing left to write out: so that runs begin alike.

    Not of what is still empty: Postgres would plan to read all of it, and keep to that plan as it
    fills, until autovacuum comes a minute later. Of a table it knows nothing about it expects more.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        filled = connection.execute(
            """
            SELECT oid::regclass::text FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
               AND pg_relation_size(oid) > 0"""
        ).fetchall()
        run_sql(connection, f"VACUUM (ANALYZE) {', '.join(table for (table,) in filled)}")
        connection.execute("CHECKPOINT")


class Guests:
    """Guests who are logged in, and what they send."""

    def __init__(self, count: int = GUESTS) -> None:
        principals = [Principal(id=guest_id(n), roles=(Role.GUEST,)) for n in range(count)]
        self._headers = [make.bearer(principal, lives_for_s=86_400) for principal in principals]

    def reserves(self, number: int, body: dict[str, object]) -> bytes:
        """The call of a guest, whom `number` chooses, with an idempotency key of its own."""
        headers = self._headers[number % len(self._headers)]
        return load.post(
            "/api/bookings/reserve",
            msgspec.json.encode(body),
            headers | {"idempotency-key": f"bench-{number}"},
        )

    def reserves_seat(self, number: int) -> bytes:
        """Seat `number` (from 0) of all trips, by name."""
        trip, seat = divmod(number, SEATS)
        return self.reserves(number, {"tripId": listing_id(trip), "seatNumbers": [label(seat)]})


def nights(start: int) -> dict[str, object]:
    """One night so many days from now, as the body of a request."""
    today = datetime.now(UTC).date()
    return {"checkIn": today + timedelta(days=start), "checkOut": today + timedelta(days=start + 1)}
