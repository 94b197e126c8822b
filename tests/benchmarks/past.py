"""Years of business in bulk: bookings in every state, with all that each state implies.

Everything follows from the number of a booking by arithmetic, set by set, and breaks no law. Every
other booking is a stay of one to three nights, with a deposit; the others are one or two seats of
a trip. Four of five lie in the past.
"""

import time
from enum import StrEnum
from typing import Final

import psycopg

from tests.benchmarks import seed
from tests.benchmarks.past_money import MONEY
from tests.databases import run_sql

BATCH: Final = 100_000  # bookings per statement
STAYS_PER_ROOM: Final = 25
STAYS_PAST: Final = 20
DAYS_PER_STAY: Final = 4  # with the nights between
SEATS_MAX: Final = 2  # of a booking
TRIP_BOOKINGS: Final = seed.SEATS // SEATS_MAX


class Mix(StrEnum):
    """What the bookings are like."""

    LIFE = "life"  # most past ones completed, most coming ones confirmed; all else here and there
    DUE = "due"  # stays alone, all confirmed and over: two pots each that nobody has released


def fill(url: str, bookings: int, *, mix: Mix = Mix.LIFE) -> None:
    """So many bookings in an empty database, as settled as if they had been there for long."""
    started = time.perf_counter()
    with seed.loading(url) as connection:
        insert(connection, bookings, mix=mix)
    print(f"{bookings} bookings loaded in {time.perf_counter() - started:.0f} s", flush=True)


def insert(connection: psycopg.Connection, bookings: int, *, mix: Mix = Mix.LIFE) -> None:
    """Insert so many settled bookings on a connection without foreign keys and triggers."""
    stays = bookings if mix is Mix.DUE else -(-bookings // 2)
    houses = -(-stays // STAYS_PER_ROOM // seed.ROOMS)
    guests = max(seed.GUESTS, bookings // 10)
    seed.insert_people(connection, guests=guests)
    seed.insert_stays(connection, rooms=houses * seed.ROOMS)
    seed.insert_trips(
        connection,
        trips=(bookings - stays) // TRIP_BOOKINGS + 1,
        first_listing=houses,
        first_unit=houses * seed.ROOMS + 1,
    )
    if mix is Mix.DUE:
        connection.execute(_PAYOUT_ACCOUNTS)
    for first in range(0, bookings, BATCH):
        end = min(first + BATCH, bookings)
        run_sql(connection, _past(first, end, mix, houses=houses, guests=guests))
        for statement in (*_BOOKINGS, *MONEY):
            run_sql(connection, statement)
    for table in ("units", "ledger_accounts", "ledger_transactions"):
        run_sql(
            connection,
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}",
        )


def _past(first: int, end: int, mix: Mix, *, houses: int, guests: int) -> str:
    """The table that all else is made of: a row for each booking of a batch, with its fate."""
    rooms = houses * seed.ROOMS
    due = "true" if mix is Mix.DUE else "false"
    return f"""
        CREATE TEMP TABLE past AS
        SELECT n, {seed.booking_sql("n")} AS id, {seed.payment_sql("n")} AS payment_id,
               {seed.guest_sql("guest")} AS guest_id, {seed.host_sql("listing")} AS host_id,
               {seed.listing_sql("listing")} AS listing_id,
               guest * 3 + money AS guest_account,
               listing % {seed.HOSTS} * 3 + money AS host_account,
               money, (ARRAY['NGN', 'GHS', 'XAF'])[money + 1] AS currency,
               is_stay, units, slot, last_slot, begins, ends, made, rental, fee, deposit, fate,
               CASE WHEN fate LIKE 'cancelled%' THEN 'cancelled'
                    WHEN fate LIKE 'expired%' THEN 'expired' ELSE fate END AS state,
               CASE WHEN fate IN ('held', 'awaiting_payment')
                    THEN business_now() + interval '12 hours' END AS expires_at,
               fate IN ('completed', 'cancelled_whole', 'cancelled_half', 'declined', 'confirmed',
                        'awaiting_host') AS paid
          FROM generate_series({first}::bigint, {end - 1}) AS n
         CROSS JOIN LATERAL (
               SELECT {due} AS due, {due} OR n % 2 = 0 AS is_stay,
                      CASE WHEN {due} THEN n ELSE n / 2 END AS number,
                      (hashint8(n)::bigint & 2147483647) % {guests} AS guest) AS a
         CROSS JOIN LATERAL (
               SELECT number % {rooms} AS room, number / {rooms} AS turn,
                      number / {TRIP_BOOKINGS} AS trip, (number % 3)::int AS more_nights,
                      number * 37 % 100 AS chance) AS b
         CROSS JOIN LATERAL (
               SELECT due OR CASE WHEN is_stay THEN turn < {STAYS_PAST}
                                  ELSE trip % 5 < 4 END AS is_past,
                      CASE WHEN is_stay THEN room / {seed.ROOMS} ELSE {houses} + trip
                           END AS listing,
                      CASE WHEN is_stay THEN ARRAY[room + 1]
                           WHEN number % 4 > 0 THEN ARRAY[{rooms} + {SEATS_MAX} * number + 1]
                           ELSE ARRAY[{rooms} + {SEATS_MAX} * number + 1,
                                      {rooms} + {SEATS_MAX} * number + 2] END AS units) AS c
         CROSS JOIN LATERAL (
               SELECT (listing % 5 % 3)::int AS money, {_FATE} AS fate,
                      business_now()::date + CASE
                      WHEN is_stay AND is_past THEN -8 - turn * {DAYS_PER_STAY}
                      WHEN is_stay THEN 5 + (turn - {STAYS_PAST}) * {DAYS_PER_STAY}
                      WHEN is_past THEN -8 - trip % 90
                      ELSE 5 + trip % 30 END::int AS slot) AS d
         CROSS JOIN LATERAL (
               SELECT CASE WHEN is_stay THEN slot + more_nights ELSE slot END AS last_slot,
                      (slot + CASE WHEN is_stay THEN time '14:00' ELSE time '07:00' END)
                      AT TIME ZONE 'UTC' AS begins,
                      CASE WHEN is_stay THEN slot + more_nights + 1 + time '10:00'
                           ELSE slot + time '17:00' END AT TIME ZONE 'UTC' AS ends,
                      least(slot + time '12:00', business_now() + interval '28 days')
                      - interval '30 days' AS made,
                      n % 97 + CASE WHEN is_stay THEN (1 + more_nights) * 2000000
                                    ELSE cardinality(units) * 500000 END AS rental,
                      CASE WHEN is_stay THEN 50000 ELSE 0 END AS fee,
                      CASE WHEN is_stay THEN 500000 ELSE 0 END AS deposit) AS e"""


_PAYOUT_ACCOUNTS: Final = """
    INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder, account_number,
                                 bank_code, recipient, state)
    SELECT gen_random_uuid(), id, 'paystack', currency, 'nuban', 'A host', '0123456789', '058',
           'RCP_' || id, 'active'
      FROM accounts CROSS JOIN unnest(ARRAY['NGN', 'GHS', 'XAF']) AS currency
     WHERE 'host' = ANY(roles)"""

_FATE: Final = """
    CASE WHEN due THEN 'confirmed'
         WHEN is_past THEN
         CASE WHEN chance < 82 THEN 'completed'
              WHEN chance < 86 THEN 'cancelled_whole'
              WHEN chance < 88 THEN 'cancelled_half'
              WHEN chance < 91 THEN 'declined'
              WHEN chance < 95 THEN 'expired'
              WHEN chance < 98 THEN 'expired_paying'
              WHEN chance < 99 THEN 'expired_paid_late'
              ELSE 'cancelled_unpaid' END
         ELSE
         CASE WHEN chance < 80 THEN 'confirmed'
              WHEN chance < 84 THEN 'cancelled_whole'
              WHEN chance < 89 THEN 'awaiting_host'
              WHEN chance < 93 THEN 'expired'
              WHEN chance < 97 THEN 'held'
              ELSE 'awaiting_payment' END
    END"""

_BOOKINGS: Final = (
    """
    INSERT INTO bookings (
        id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
        check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
        expires_at, respond_by, created_at, updated_at)
    SELECT id, guest_id, host_id, listing_id, CASE WHEN is_stay THEN 'stay' ELSE 'trip' END,
           state, units, slot, last_slot, begins, ends, currency, rental, fee, deposit,
           rental + fee + deposit,
           jsonb_build_array(jsonb_build_object(
               'unitId', units[1], 'label', 'Unit ' || units[1], 'amount', rental)),
           jsonb_build_object(
               'title', 'A place to be', 'place', 'Ikeja', 'zone', 'Africa/Lagos',
               'policy', 'flexible', 'cancellation', '[]'::jsonb,
               'requestToBook', fate IN ('declined', 'awaiting_host'), 'respondWithinHours', 24,
               'commissionBps', 1000,
               'checkInLocal', to_char(begins AT TIME ZONE 'Africa/Lagos', 'YYYY-MM-DD HH24:MI'),
               'checkOutLocal', to_char(ends AT TIME ZONE 'Africa/Lagos', 'YYYY-MM-DD HH24:MI')),
           expires_at,
           CASE fate WHEN 'declined' THEN made + interval '1 day'
                     WHEN 'awaiting_host' THEN business_now() + interval '1 day' END,
           made, made
      FROM past""",
    """
    INSERT INTO claims (unit_id, slot, booking_id, expires_at)
    SELECT unit_id, slot + night, id, expires_at
      FROM past, unnest(units) AS unit_id, generate_series(0, last_slot - slot) AS night
     WHERE state IN ('held', 'awaiting_payment', 'awaiting_host', 'confirmed', 'completed')""",
    """
    INSERT INTO booking_history (booking_id, was, state, at, actor, reason)
    SELECT id, was, move.state, made + minutes * interval '1 minute', 'system', reason
      FROM past
      JOIN (VALUES (1, 0, NULL, 'held', 'reserved'),
                   (2, 2, 'held', 'awaiting_payment', 'payment begun'),
                   (3, 2, 'held', 'cancelled', 'cancelled by the guest'),
                   (4, 15, 'held', 'expired', 'not paid in time'),
                   (5, 30, 'awaiting_payment', 'expired', 'not paid in time'),
                   (6, 5, 'awaiting_payment', 'awaiting_host', 'paid; waiting for the host'),
                   (7, 5, 'awaiting_payment', 'confirmed', 'paid'),
                   (8, 500, 'awaiting_host', 'declined', 'declined by the host'),
                   (9, 900, 'confirmed', 'cancelled', 'cancelled by the host'),
                   (10, 45000, 'confirmed', 'completed', 'it is over, and its money settled'))
           AS move (number, minutes, was, state, reason)
        ON CASE number
           WHEN 1 THEN true
           WHEN 2 THEN paid OR fate IN ('expired_paying', 'expired_paid_late', 'awaiting_payment')
           WHEN 3 THEN fate = 'cancelled_unpaid'
           WHEN 4 THEN fate = 'expired'
           WHEN 5 THEN fate IN ('expired_paying', 'expired_paid_late')
           WHEN 6 THEN fate IN ('declined', 'awaiting_host')
           WHEN 7 THEN paid AND fate NOT IN ('declined', 'awaiting_host')
           WHEN 8 THEN fate = 'declined'
           WHEN 9 THEN fate IN ('cancelled_whole', 'cancelled_half')
           WHEN 10 THEN fate = 'completed' END
     ORDER BY number, n""",
)
