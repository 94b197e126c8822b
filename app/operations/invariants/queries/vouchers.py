"""Vouchers: never used more often than they may be, and by the bookings whose price they lower."""

from app.foundation.db import Tx
from app.operations.invariants.queries.judging import Verdicts, judge


async def vouchers(tx: Tx) -> Verdicts:
    """Each voucher with the uses that count."""
    return await judge(
        tx,
        "voucher",
        ("vouchers_not_oversold",),
        """
        SELECT voucher.id,
               CASE WHEN uses <> coalesce(counted.uses_there, 0)
                    THEN concat('counts ', uses, ' uses of ', coalesce(counted.uses_there, 0))
                    WHEN counted.uses_there > uses_max
                    THEN concat('used ', counted.uses_there, ' times of ', uses_max)
                    WHEN once_per_guest AND counted.guests < counted.uses_there
                    THEN 'used twice by one guest'
               END AS vouchers_not_oversold
          FROM vouchers AS voucher
          LEFT JOIN (
               SELECT voucher_id, count(*) AS uses_there, count(DISTINCT guest_id) AS guests
                 FROM voucher_uses WHERE given_back_at IS NULL
                GROUP BY voucher_id) AS counted ON counted.voucher_id = voucher.id""",
    )


async def uses(tx: Tx) -> Verdicts:
    """Each booking that a voucher pays a part of, and each use.

    A use counts while a part that it pays for lives, and stays used up if the guest has cancelled
    one that was paid for. While a hold has run out, and no sweep has been there, others may have
    taken its use over.
    """
    return await judge(
        tx,
        "booking",
        ("voucher_uses_fit",),
        """
        WITH part AS (
            SELECT coalesce(part_of, id) AS booking_id, guest_id, currency, discount, state,
                   state IN ('awaiting_host', 'confirmed', 'completed')
                   OR (state = 'cancelled' AND EXISTS (
                       SELECT FROM booking_history AS move
                        WHERE move.booking_id = bookings.id AND move.state = 'cancelled'
                          AND move.actor = 'guest'
                          AND move.was IN ('awaiting_host', 'confirmed'))) AS is_paid,
                   state IN ('held', 'awaiting_payment') AS is_held, expires_at
              FROM bookings WHERE discount > 0
        ), whole AS (
            SELECT booking_id, sum(discount) AS discount, bool_or(is_paid) AS is_paid,
                   bool_or(is_held) AS is_held, max(expires_at) AS expires_at,
                   array_agg(DISTINCT (guest_id, currency)) AS whose
              FROM part GROUP BY booking_id
        )
        SELECT coalesce(whole.booking_id, use.booking_id) AS id,
               CASE WHEN whole.booking_id IS NULL THEN 'uses a voucher that pays nothing of it'
                    WHEN use.booking_id IS NULL
                    THEN concat('costs ', whole.discount, ' less, and uses no voucher')
                    WHEN use.amount <> whole.discount
                      OR whole.whose <> ARRAY[(use.guest_id, use.currency)]
                    THEN concat('costs ', whole.discount, ' less, by a use of ', use.amount)
                    WHEN whole.is_paid AND use.given_back_at IS NOT NULL
                    THEN 'is paid for, and its use was given back'
                    WHEN whole.is_paid AND use.expires_at IS NOT NULL
                    THEN 'is paid for, and its use is only held'
                    WHEN whole.is_held AND whole.expires_at > business_now()
                     AND use.given_back_at IS NOT NULL
                    THEN 'is held, and its use was given back'
                    WHEN whole.is_held AND use.given_back_at IS NULL
                     AND use.expires_at IS DISTINCT FROM whole.expires_at
                    THEN concat('is held until ', whole.expires_at, ', and its use until ',
                                use.expires_at)
                    WHEN NOT whole.is_paid AND NOT whole.is_held AND use.given_back_at IS NULL
                    THEN 'has ended, and its use was not given back'
               END AS voucher_uses_fit
          FROM whole FULL JOIN voucher_uses AS use ON use.booking_id = whole.booking_id""",
    )
