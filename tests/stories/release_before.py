"""What web and worker of the release before parts and vouchers write, in its own words of SQL.

Its statements name no column that came later. Each function is one transaction of it.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from psycopg import AsyncConnection

from tests.benchmarks import seed

LAST_MIGRATION: Final = "0064_stay_rules_valid.sql"
RENTAL: Final = 2_000_000

_HOLD: Final = """
    WITH wanted AS (
        SELECT * FROM jsonb_populate_record(NULL::bookings, %(booking)s::jsonb)
    ), claimed AS (
        INSERT INTO claims (unit_id, slot, booking_id, expires_at)
        SELECT unit_id, slot::date, id, expires_at
          FROM wanted, unnest(unit_ids) AS unit_id,
               generate_series(first_slot, last_slot, interval '1 day') AS slot
         ORDER BY unit_id, slot
            ON CONFLICT (unit_id, slot) DO UPDATE
           SET booking_id = excluded.booking_id, expires_at = excluded.expires_at
         WHERE claims.booking_id = excluded.booking_id OR claims.expires_at <= business_now()
     RETURNING unit_id
    ), booking AS (
        INSERT INTO bookings (
            id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
            check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
            expires_at, created_at, updated_at)
        SELECT
            id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
            check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
            expires_at, business_now(), business_now()
          FROM wanted
     RETURNING *
    )
    INSERT INTO booking_history (booking_id, state, at, actor, actor_id, reason)
    SELECT id, state, created_at, 'guest', guest_id, 'reserved' FROM booking"""

_BEGIN: Final = """
    WITH payment AS (
        INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state, amount,
                              currency, calling_until, look_at)
        SELECT %(payment_id)s::uuid, id, guest_id, 'paystack', %(reference)s, 'created', total,
               currency, business_now() + interval '1 minute', business_now() + interval '1 hour'
          FROM bookings WHERE id = %(id)s
     RETURNING *
    )
    INSERT INTO payment_history (payment_id, state, reason)
    SELECT id, state, 'payment begun' FROM payment"""

_MOVE: Final = """
    WITH moved AS (
        UPDATE bookings SET state = %(to)s, updated_at = business_now(),
               expires_at = CASE WHEN %(to)s = 'awaiting_payment' THEN expires_at END
         WHERE id = %(id)s AND state = %(was)s
     RETURNING *
    ), history AS (
        INSERT INTO booking_history (booking_id, was, state, actor, reason)
        SELECT id, %(was)s, state, 'system', 'of the release before' FROM moved
    )
    SELECT * FROM moved"""

_PAID: Final = """
    UPDATE payments SET state = 'succeeded', settled_at = business_now(), calling_until = NULL,
           look_at = NULL, updated_at = business_now()
     WHERE id = %(payment_id)s"""

_POTS: Final = """
    WITH opened AS (
        INSERT INTO pots (id, booking_id, kind, state, payment_id, guest_id, host_id, gateway,
                          amount, currency, commission_bps)
        SELECT gen_random_uuid(), bookings.id, given.kind, 'held', %(payment_id)s, guest_id,
               host_id, 'paystack', given.amount, currency, 1000
          FROM bookings, LATERAL (VALUES ('rental', rental + fee), ('deposit', deposit))
               AS given (kind, amount)
         WHERE id = %(id)s AND given.amount > 0
     RETURNING id, booking_id, kind, state
    )
    INSERT INTO escrow_events (booking_id, pot_id, pot, state, actor, reason)
    SELECT booking_id, id, kind, state, 'system', 'paid' FROM opened"""

_POSTING: Final = """
    WITH account AS (
        INSERT INTO ledger_accounts (kind, owner_id, currency)
        VALUES ('escrow_rental', %(id)s::uuid, 'NGN')
     RETURNING id
    ), clearing AS (
        SELECT id FROM ledger_accounts
         WHERE kind = 'gateway_clearing' AND gateway = 'paystack' AND currency = 'NGN'
    ), written AS (
        INSERT INTO ledger_transactions (kind, source_id, booking_id, memo)
        VALUES ('charge', %(payment_id)s, %(id)s, 'of the release before')
     RETURNING id, at
    )
    INSERT INTO ledger_entries (transaction_id, account_id, amount, at)
    SELECT written.id, entry.account_id, entry.amount, at
      FROM written, account, clearing,
           LATERAL (VALUES (clearing.id, -%(total)s::bigint), (account.id, %(total)s::bigint))
           AS entry (account_id, amount)"""

_DIVIDE: Final = """
    UPDATE pots SET state = 'refunding', to_guest = amount, commission = 0, to_host = 0,
           divided_at = business_now(), updated_at = business_now()
     WHERE booking_id = %(id)s AND state = 'held'"""

_INSTRUCT: Final = """
    INSERT INTO instructions (
        id, key, kind, state, booking_id, payment_id, source_id, payee_id, gateway, target, amount,
        currency, reason, automatic, next_try_at)
    SELECT gen_random_uuid(), NULL, 'refund', 'queued', booking_id, payment_id, id, guest_id,
           gateway, 'of the release before', amount, currency, 'cancelled', false,
           business_now() + interval '1 day'
      FROM pots WHERE booking_id = %(id)s AND kind = 'rental'"""

_LOCK_UNPAID: Final = """
    SELECT id FROM bookings
     WHERE state IN ('held', 'awaiting_payment') AND expires_at <= (SELECT business_now())
     ORDER BY expires_at
     LIMIT 1
       FOR NO KEY UPDATE SKIP LOCKED"""


class Held(msgspec.Struct, frozen=True):
    """A booking that was held, and the charge that will pay for it."""

    id: UUID
    payment_id: UUID

    @property
    def ids(self) -> dict[str, Any]:
        return {"id": self.id, "payment_id": self.payment_id}


async def reserve(connection: AsyncConnection, *, unit: int, days: int, minutes: int = 15) -> Held:
    """Hold room `unit` (from 0) of `seed` for a night so many days from now."""
    held = Held(id=uuid4(), payment_id=uuid4())
    async with connection.transaction():
        row = await (
            await connection.execute(
                """
                SELECT business_now(), business_now()::date + %s, listing_id, host_id
                  FROM units JOIN listings ON listings.id = listing_id
                 WHERE units.id = %s""",
                [days, unit + 1],
            )
        ).fetchone()
        assert row
        now, night, listing_id, host_id = row
        booking = {
            "id": held.id,
            "guest_id": seed.guest_id(unit % seed.GUESTS),
            "host_id": host_id,
            "listing_id": listing_id,
            "kind": "stay",
            "state": "held",
            "unit_ids": [unit + 1],
            "first_slot": night,
            "last_slot": night,
            "check_in_at": f"{night} 14:00Z",
            "check_out_at": f"{night} 20:00Z",
            "currency": "NGN",
            "rental": RENTAL,
            "fee": 0,
            "deposit": 0,
            "total": RENTAL,
            "lines": [],
            "terms": {"title": "A room", "nightsBetween": 0},
            "expires_at": now + timedelta(minutes=minutes),
        }
        body = msgspec.json.encode(booking).decode()
        await connection.execute(_HOLD, {"booking": body})
    return held


async def begin(connection: AsyncConnection, held: Held) -> None:
    """Begin to pay for it."""
    reference = f"pay-{held.payment_id.hex}"
    async with connection.transaction():
        await connection.execute("SELECT * FROM bookings WHERE id = %(id)s FOR UPDATE", held.ids)
        await connection.execute(_BEGIN, {**held.ids, "reference": reference})
        await _move(connection, held, "held", "awaiting_payment")


async def settle(connection: AsyncConnection, held: Held, *, total: int = RENTAL) -> None:
    """What follows when the gateway says that so much was paid: the booking's pots are filled."""
    async with connection.transaction():
        await connection.execute(
            "SELECT * FROM bookings WHERE id = %(id)s FOR NO KEY UPDATE", held.ids
        )
        await connection.execute(_PAID, held.ids)
        await _move(connection, held, "awaiting_payment", "confirmed")
        await connection.execute(_POTS, held.ids)
        await connection.execute(_POSTING, {**held.ids, "total": total})


async def cancel(connection: AsyncConnection, held: Held) -> None:
    """Give everything back."""
    async with connection.transaction():
        await _move(connection, held, "confirmed", "cancelled")
        await connection.execute(_DIVIDE, held.ids)
        await connection.execute(_INSTRUCT, held.ids)
        await connection.execute("DELETE FROM claims WHERE booking_id = %(id)s", held.ids)


async def sweep(connection: AsyncConnection) -> None:
    """Expire a booking that was not paid in time, if there is one."""
    async with connection.transaction():
        row = await (await connection.execute(_LOCK_UNPAID)).fetchone()
        if row:
            expired = Held(id=row[0], payment_id=row[0])
            await _move(connection, expired, "held", "expired")
            await connection.execute("DELETE FROM claims WHERE booking_id = %(id)s", expired.ids)


async def _move(connection: AsyncConnection, held: Held, was: str, to: str) -> None:
    await connection.execute(_MOVE, {"id": held.id, "was": was, "to": to})
