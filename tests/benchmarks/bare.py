"""The least that a Litestar endpoint with the same inserts can be: the other yardstick.

One statement in one round trip; no login, no checks, no price, no problems.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from litestar import Litestar, get, post
from litestar.params import JSONBody
from psycopg_pool import AsyncConnectionPool

POOL = AsyncConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=2,
    max_size=10,
    open=False,
    kwargs={"autocommit": True},
)

INSERTS = """
WITH claim AS (
    INSERT INTO claims (unit_id, slot, booking_id, expires_at)
    VALUES (%(unit_id)s, current_date + 10, %(booking_id)s, now() + interval '15 minutes')
), booking AS (
    INSERT INTO bookings (
        id, guest_id, host_id, listing_id, kind, state, unit_ids, first_slot, last_slot,
        check_in_at, check_out_at, currency, rental, fee, deposit, total, lines, terms,
        expires_at, created_at, updated_at)
    SELECT %(booking_id)s, %(guest_id)s, host_id, id, kind, 'held', ARRAY[%(unit_id)s::bigint],
           departure_date, departure_date, now() + interval '10 days',
           now() + interval '11 days', currency, price, 0, 0, price, '[]', '{}',
           now() + interval '15 minutes', now(), now()
      FROM listings WHERE id = %(listing_id)s
), history AS (
    INSERT INTO booking_history (booking_id, state, at, actor, actor_id, reason)
    VALUES (%(booking_id)s, 'held', now(), 'guest', %(guest_id)s, 'reserved')
)
INSERT INTO idempotency_keys (principal_id, route, key, body_sha256, status, reply)
VALUES (%(guest_id)s, 'POST /bare', %(key)s, '', 201, %(reply)s)"""

REPLY = b" " * 900  # as long as the real one


class Bare(msgspec.Struct):
    booking_id: UUID
    listing_id: UUID
    guest_id: UUID
    unit_id: int
    key: str


@post("/bare")
async def reserve(data: JSONBody[Bare]) -> Bare:
    async with POOL.connection() as connection:
        await connection.execute(INSERTS, msgspec.structs.asdict(data) | {"reply": REPLY})
    return data


@get("/health/ready")
async def ready() -> None:
    async with POOL.connection() as connection:
        await connection.execute("SELECT 1")


@asynccontextmanager
async def _lifespan(_: Litestar) -> AsyncGenerator[None, None]:
    async with POOL:
        yield


app = Litestar([reserve, ready], lifespan=[_lifespan], openapi_config=None, logging_config=None)
