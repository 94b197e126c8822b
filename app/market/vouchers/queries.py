"""One statement per function on `vouchers` and `voucher_uses`."""

from datetime import datetime
from uuid import UUID

from msgspec import structs

from app.foundation.db import Tx, execute, fetch_all, fetch_new, fetch_new_value, fetch_one
from app.market.vouchers.model import Use, Voucher

# ---- vouchers ------------------------------------------------------------------------------------


async def insert(tx: Tx, voucher: Voucher) -> None:
    await execute(
        tx,
        """
        INSERT INTO vouchers (
            id, code, name, amount, currency, percent_bps, discount_max, borne_by, made_by, host_id,
            listing_id, kind, starts_at, ends_at, uses_max, uses, once_per_guest, least, ended_at,
            created_at, updated_at)
        VALUES (%(id)s, %(code)s, %(name)s, %(amount)s, %(currency)s, %(percent_bps)s,
                %(discount_max)s, %(borne_by)s, %(made_by)s, %(host_id)s, %(listing_id)s, %(kind)s,
                %(starts_at)s, %(ends_at)s, %(uses_max)s, %(uses)s, %(once_per_guest)s, %(least)s,
                %(ended_at)s, %(created_at)s, %(updated_at)s)""",
        **structs.asdict(voucher),
    )


async def find(tx: Tx, voucher_id: UUID) -> Voucher | None:
    return await fetch_one(tx, Voucher, "SELECT * FROM vouchers WHERE id = %(id)s", id=voucher_id)


async def page(tx: Tx, *, host_id: UUID | None, before: UUID | None, limit: int) -> list[Voucher]:
    """Newest first (ids are in the order of time): those that a host bears, or all."""
    return await fetch_all(
        tx,
        Voucher,
        """
        SELECT * FROM vouchers
         WHERE (%(host_id)s::uuid IS NULL OR made_by = %(host_id)s AND borne_by = 'host')
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        before=before,
        limit=limit,
    )


async def end(tx: Tx, voucher_id: UUID) -> Voucher | None:
    """End a voucher that was not ended; None if it was."""
    return await fetch_one(
        tx,
        Voucher,
        """
        UPDATE vouchers SET ended_at = business_now(), updated_at = business_now()
         WHERE id = %(id)s AND ended_at IS NULL
     RETURNING *""",
        id=voucher_id,
    )


async def lock_by_code(tx: Tx, code: str) -> Voucher | None:
    return await fetch_one(
        tx,
        Voucher,
        "SELECT * FROM vouchers WHERE lower(code) = lower(%(code)s) FOR NO KEY UPDATE",
        code=code,
    )


async def lock_of_booking(tx: Tx, booking_id: UUID) -> Voucher | None:
    """Lock the voucher that a booking uses, or has used."""
    return await fetch_one(
        tx,
        Voucher,
        """
        SELECT * FROM vouchers
         WHERE id = (SELECT voucher_id FROM voucher_uses WHERE booking_id = %(booking_id)s)
           FOR NO KEY UPDATE""",
        booking_id=booking_id,
    )


async def of_booking(tx: Tx, booking_id: UUID) -> Voucher | None:
    """The voucher that a booking uses, or has used."""
    return await fetch_one(
        tx,
        Voucher,
        """
        SELECT * FROM vouchers
         WHERE id = (SELECT voucher_id FROM voucher_uses WHERE booking_id = %(booking_id)s)""",
        booking_id=booking_id,
    )


# ---- uses ---------------------------------------------------------------------------------------


async def give_back_expired(tx: Tx, voucher_id: UUID) -> Voucher:
    """Give back the uses of a locked voucher that were held and not paid for in time."""
    return await fetch_new(
        tx,
        Voucher,
        """
        WITH expired AS (
            UPDATE voucher_uses SET given_back_at = business_now(), updated_at = business_now()
             WHERE voucher_id = %(id)s AND given_back_at IS NULL AND expires_at <= business_now()
         RETURNING booking_id
        )
        UPDATE vouchers SET uses = uses - (SELECT count(*) FROM expired)
         WHERE id = %(id)s
     RETURNING *""",
        id=voucher_id,
    )


async def use(tx: Tx, booking_id: UUID) -> Use | None:
    return await fetch_one(
        tx, Use, "SELECT * FROM voucher_uses WHERE booking_id = %(id)s", id=booking_id
    )


async def has_used(tx: Tx, voucher_id: UUID, guest_id: UUID) -> bool:
    """Whether a use of this voucher by this guest counts."""
    return await fetch_new_value(
        tx,
        bool,
        """
        SELECT EXISTS (
            SELECT FROM voucher_uses
             WHERE voucher_id = %(voucher_id)s AND guest_id = %(guest_id)s
               AND given_back_at IS NULL)""",
        voucher_id=voucher_id,
        guest_id=guest_id,
    )


async def insert_use(
    tx: Tx,
    voucher_id: UUID,
    *,
    booking_id: UUID,
    guest_id: UUID,
    amount: int,
    currency: str,
    until: datetime,
) -> None:
    """Insert a use of a locked voucher, and count it."""
    await execute(
        tx,
        """
        WITH held AS (
            INSERT INTO voucher_uses
                   (booking_id, voucher_id, guest_id, amount, currency, expires_at)
            VALUES (%(booking_id)s, %(voucher_id)s, %(guest_id)s, %(amount)s, %(currency)s,
                    %(until)s)
         RETURNING voucher_id
        )
        UPDATE vouchers SET uses = uses + 1 FROM held WHERE id = held.voucher_id""",
        booking_id=booking_id,
        voucher_id=voucher_id,
        guest_id=guest_id,
        amount=amount,
        currency=currency,
        until=until,
    )


async def hold_until(tx: Tx, booking_id: UUID, until: datetime | None) -> None:
    """Hold a use of a locked voucher until then, or for good; one that was given back is counted
    again.
    """
    await execute(
        tx,
        """
        WITH was AS (
            SELECT voucher_id, given_back_at IS NOT NULL AS given_back
              FROM voucher_uses WHERE booking_id = %(booking_id)s
        ), held AS (
            UPDATE voucher_uses
               SET expires_at = %(until)s, given_back_at = NULL, updated_at = business_now()
             WHERE booking_id = %(booking_id)s
        )
        UPDATE vouchers SET uses = uses + 1 FROM was WHERE id = was.voucher_id AND given_back""",
        booking_id=booking_id,
        until=until,
    )


async def give_back(tx: Tx, booking_id: UUID) -> None:
    """Give a use of a locked voucher back, unless it was given back before."""
    await execute(
        tx,
        """
        WITH given AS (
            UPDATE voucher_uses SET given_back_at = business_now(), updated_at = business_now()
             WHERE booking_id = %(booking_id)s AND given_back_at IS NULL
         RETURNING voucher_id
        )
        UPDATE vouchers SET uses = uses - 1 FROM given WHERE id = given.voucher_id""",
        booking_id=booking_id,
    )
