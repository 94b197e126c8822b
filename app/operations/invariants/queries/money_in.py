"""Money in: what guests paid, in the ledger and in pots."""

from app.foundation.db import Tx
from app.money.escrow.model import PotKind
from app.money.escrow.rules import WINDOWS
from app.money.payments.model import Unwanted
from app.operations.invariants.queries.judging import Verdicts, judge


async def bookings(tx: Tx) -> Verdicts:
    """Each booking with its pots.

    A cancelled booking was paid if it had been confirmed, or had waited for its host.
    """
    return await judge(
        tx,
        "booking",
        ("paid_has_pots", "pots_follow_booking"),
        """
        SELECT booking.id,
               CASE WHEN paid AND (coalesce(rental.amount, 0), coalesce(deposit.amount, 0))
                     <> (booking.rental + booking.fee - booking.discount, booking.deposit)
                    THEN concat(booking.state, ' and paid: pots of ', rental.amount, ' and ',
                                deposit.amount, ' for ',
                                booking.rental + booking.fee - booking.discount, ' and ',
                                booking.deposit)
                    WHEN NOT paid AND coalesce(rental.id, deposit.id) IS NOT NULL
                    THEN concat(booking.state, ' and unpaid, with pots')
                    WHEN rental.payment_id <> deposit.payment_id
                    THEN 'its pots are of different charges'
               END AS paid_has_pots,
               CASE WHEN booking.state = 'awaiting_host'
                     AND (rental.state <> 'held'
                          OR deposit.state NOT IN ('held', 'charged_back', 'refunded'))
                      OR booking.state = 'declined'
                     AND (coalesce(rental.to_guest, 0) + rental.charged_back + rental.given_back
                          <> rental.amount
                          OR coalesce(deposit.to_guest, 0) + deposit.charged_back
                             + deposit.given_back <> deposit.amount)
                      OR booking.state IN ('completed', 'cancelled')
                     AND (rental.state IN ('held', 'disputed')
                          OR deposit.state IN ('held', 'disputed'))
                      OR booking.state = 'completed' AND deposit.state = 'refunding'
                    THEN concat(booking.state, ', with the rental ', rental.state,
                                ' and the deposit ', deposit.state)
               END AS pots_follow_booking
          FROM bookings AS booking
          LEFT JOIN pots AS rental ON rental.booking_id = booking.id AND rental.kind = 'rental'
          LEFT JOIN pots AS deposit ON deposit.booking_id = booking.id AND deposit.kind = 'deposit'
          LEFT JOIN booking_history AS paid_end
            ON paid_end.booking_id = booking.id AND paid_end.state = 'cancelled'
           AND paid_end.was IN ('awaiting_host', 'confirmed')
         CROSS JOIN LATERAL (
               SELECT booking.state IN ('awaiting_host', 'confirmed', 'completed', 'declined')
                      OR paid_end.id IS NOT NULL AS paid) AS story""",
    )


async def pots(tx: Tx) -> Verdicts:
    """Each pot with its booking: who it is of, and when it may be disputed.

    A booking is confirmed before its windows are known, and cancelled before or after. What was
    confirmed later than a window should open has it from then on.
    """
    return await judge(
        tx,
        "pot",
        ("pots_as_agreed", "windows_as_booked"),
        """
        SELECT pot.id,
               CASE WHEN (pot.guest_id, pot.host_id, pot.currency, pot.commission_bps,
                          pot.commission_on_deposit)
                     <> (booking.guest_id, booking.host_id, booking.currency,
                         (booking.terms ->> 'commissionBps')::int,
                         coalesce((booking.terms ->> 'commissionOnDeposit')::boolean, false))
                    THEN concat('differs from what was agreed on in booking ', booking.id)
                    WHEN pot.voucher <> CASE WHEN pot.kind = 'rental'
                                              AND voucher.borne_by = 'platform'
                                             THEN booking.discount ELSE 0 END
                    THEN concat('with a voucher of ', pot.voucher, ', where it pays ',
                                booking.discount)
               END AS pots_as_agreed,
               CASE WHEN booking.state IN ('confirmed', 'completed') AND pot.opens_at IS NULL
                     AND pot.state <> 'charged_back' AND pot.given_back < pot.amount
                    THEN concat(booking.state, ', and without a window')
                    WHEN booking.state IN ('awaiting_host', 'declined')
                     AND pot.opens_at IS NOT NULL
                    THEN concat(booking.state, ', and with a window')
                    WHEN pot.closes_at <> pot.opens_at + due.lasts
                      OR pot.opens_at <> due.at AND pot.opens_at IS DISTINCT FROM (
                         SELECT greatest(move.at, due.at) FROM booking_history AS move
                          WHERE move.booking_id = booking.id AND move.state = 'confirmed')
                    THEN concat('open from ', pot.opens_at, ' to ', pot.closes_at,
                                ' where it should be for ', due.lasts, ' from ', due.at)
               END AS windows_as_booked
          FROM pots AS pot
          LEFT JOIN bookings AS booking ON booking.id = pot.booking_id
          LEFT JOIN voucher_uses AS use
            ON use.booking_id = coalesce(booking.part_of, booking.id)
          LEFT JOIN vouchers AS voucher ON voucher.id = use.voucher_id
         CROSS JOIN LATERAL (
               SELECT CASE WHEN pot.kind = 'rental' AND booking.kind = 'stay'
                           THEN booking.check_in_at ELSE booking.check_out_at END AS at,
                      CASE pot.kind WHEN 'rental' THEN %(rental_lasts)s
                           ELSE %(deposit_lasts)s END AS lasts) AS due""",
        rental_lasts=WINDOWS[PotKind.RENTAL],
        deposit_lasts=WINDOWS[PotKind.DEPOSIT],
    )


async def charges(tx: Tx) -> Verdicts:
    """Each charge, and each posting of one, with the pots it filled and its refunds."""
    return await judge(
        tx,
        "payment",
        ("charges_posted_once", "charges_fill_pots", "unapplied_given_back", "refunds_counted"),
        """
        SELECT coalesce(payment.id, posted.source_id) AS id,
               CASE WHEN posted.count > 1 THEN concat('posted ', posted.count, ' times')
                    WHEN payment.state = 'succeeded' AND posted.count IS NULL
                    THEN 'succeeded, and is not posted'
                    WHEN payment.state IS DISTINCT FROM 'succeeded' AND posted.count > 0
                    THEN concat('posted, and is ', coalesce(payment.state, 'not there'))
               END AS charges_posted_once,
               CASE WHEN posted.applied AND filled.amount IS DISTINCT FROM payment.amount
                    THEN concat('of ', payment.amount, ', with pots of ', filled.amount)
                    WHEN posted.applied AND filled.is_strange
                    THEN concat('of booking ', payment.booking_id, ', with pots of another')
                    WHEN posted.applied IS NOT TRUE AND filled.amount > 0
                    THEN concat('not applied, with pots of ', filled.amount)
               END AS charges_fill_pots,
               CASE WHEN posted.applied IS FALSE
                     AND payment.set_aside_because IS DISTINCT FROM %(paid_out)s
                     AND payment.refunded + payment.charged_back <> payment.amount
                    THEN concat(payment.refunded, ' of ', payment.amount, ' given back')
               END AS unapplied_given_back,
               CASE WHEN payment.refunded <> coalesce(promised.amount, 0)
                    THEN concat('counts ', payment.refunded, ' as refunded, of refunds of ',
                                coalesce(promised.amount, 0))
                    WHEN payment.refunded + payment.charged_back > payment.amount
                    THEN concat('refunds of ', payment.refunded, ' of ', payment.amount)
               END AS refunds_counted
          FROM payments AS payment
          FULL JOIN (
               SELECT source_id, count(*) AS count, bool_or(kind = 'charge') AS applied
                 FROM ledger_transactions WHERE kind IN ('charge', 'unapplied_charge')
                GROUP BY source_id) AS posted ON posted.source_id = payment.id
          LEFT JOIN (
               SELECT payment_id, sum(pot.amount) AS amount,
                      bool_or(charge.booking_id <> coalesce(part.part_of, part.id)) AS is_strange
                 FROM pots AS pot
                 LEFT JOIN payments AS charge ON charge.id = payment_id
                 LEFT JOIN bookings AS part ON part.id = pot.booking_id
                GROUP BY payment_id) AS filled
            ON filled.payment_id = payment.id
          LEFT JOIN (
               SELECT payment_id, sum(amount) AS amount
                 FROM instructions AS refund
                WHERE kind = 'refund' AND state <> 'cancelled'
                  AND NOT (state = 'reversed' AND EXISTS (
                      SELECT FROM instructions WHERE source_id = refund.id))
                GROUP BY payment_id) AS promised ON promised.payment_id = payment.id""",
        paid_out=Unwanted.PAID_OUT.reason,
    )
