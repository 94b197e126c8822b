"""Statements that store a charge, read it, or move it on with a row of its history."""

from datetime import timedelta
from uuid import UUID

from app.edge.gateways.port import CheckoutReady, Facts, GatewayName
from app.foundation.clipping import clip, clip_facts
from app.foundation.db import (
    Tx,
    execute,
    fetch_new,
    fetch_one,
    fetch_value,
    fetch_values,
    json,
)
from app.foundation.money import Money
from app.money.payments.model import Payment, PaymentState


async def insert(
    tx: Tx,
    *,
    payment_id: UUID,
    booking_id: UUID,
    payer_id: UUID,
    gateway: GatewayName,
    reference: str,
    money: Money,
    calling_for: timedelta,
    look_in: timedelta,
) -> Payment:
    return await fetch_new(
        tx,
        Payment,
        """
        WITH payment AS (
            INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state,
                                  amount, currency, calling_until, look_at)
            VALUES (%(id)s, %(booking_id)s, %(payer_id)s, %(gateway)s, %(reference)s, 'created',
                    %(amount)s, %(currency)s, business_now() + %(calling_for)s,
                    business_now() + %(look_in)s)
         RETURNING *
        ), history AS (
            INSERT INTO payment_history (payment_id, state, reason)
            SELECT id, state, 'payment begun' FROM payment
        )
        SELECT *, true AS calling
          FROM payment""",
        id=payment_id,
        booking_id=booking_id,
        payer_id=payer_id,
        gateway=gateway,
        reference=reference,
        amount=money.amount,
        currency=money.currency,
        calling_for=calling_for,
        look_in=look_in,
    )


async def find(tx: Tx, payment_id: UUID) -> Payment | None:
    return await fetch_one(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE id = %(id)s""",
        id=payment_id,
    )


async def lock(tx: Tx, payment_id: UUID) -> Payment:
    return await fetch_new(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE id = %(id)s
           FOR NO KEY UPDATE""",
        id=payment_id,
    )


async def lock_shared(tx: Tx, payment_id: UUID) -> Payment:
    return await fetch_new(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE id = %(id)s
           FOR SHARE""",
        id=payment_id,
    )


async def find_by_reference(tx: Tx, reference: str) -> Payment | None:
    return await fetch_one(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE reference = %(reference)s""",
        reference=reference,
    )


async def find_by_gateway_id(tx: Tx, gateway: GatewayName, gateway_id: str) -> Payment | None:
    """The charge that its gateway calls so."""
    return await fetch_one(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE gateway = %(gateway)s AND gateway_id = %(gateway_id)s
         ORDER BY id LIMIT 1""",
        gateway=gateway,
        gateway_id=gateway_id,
    )


async def find_open(tx: Tx, booking_id: UUID) -> Payment | None:
    """The payment of a booking that can still be paid; there is at most one."""
    return await fetch_one(
        tx,
        Payment,
        """
        SELECT *, coalesce(calling_until > business_now(), false) AS calling
          FROM payments
         WHERE booking_id = %(booking_id)s AND state IN ('created', 'pending')
           FOR UPDATE""",
        booking_id=booking_id,
    )


async def begin_calling(tx: Tx, payment_id: UUID, calling_for: timedelta) -> bool:
    """Mark a charge as being started at its gateway; False if another request is starting it."""
    count = await execute(
        tx,
        """
        UPDATE payments SET calling_until = business_now() + %(calling_for)s
         WHERE id = %(id)s AND state = 'created'
           AND (calling_until IS NULL OR calling_until <= business_now())""",
        id=payment_id,
        calling_for=calling_for,
    )
    return count == 1


async def end_calling(tx: Tx, payment_id: UUID) -> None:
    await execute(
        tx,
        "UPDATE payments SET calling_until = NULL WHERE id = %(id)s",
        id=payment_id,
    )


async def begin_asking(tx: Tx, reference: str, asking_for: timedelta) -> UUID | None:
    """Mark an unpaid charge as being looked up; None if a look-up is running or has just ended."""
    return await fetch_value(
        tx,
        UUID,
        """
        UPDATE payments SET asking_until = business_now() + %(asking_for)s
         WHERE reference = %(reference)s AND state <> 'succeeded'
           AND (asking_until IS NULL OR asking_until <= business_now()
                OR asking_until > business_now() + %(asking_for)s)  -- by a clock that was wrong
     RETURNING id""",
        reference=reference,
        asking_for=asking_for,
    )


async def end_asking(tx: Tx, payment_id: UUID, pause: timedelta) -> None:
    """Note that a look-up of a charge has ended; the next one may begin after a pause."""
    await execute(
        tx,
        """
        UPDATE payments SET asking_until = business_now() + %(pause)s
         WHERE id = %(id)s AND asking_until > business_now() + %(pause)s""",
        id=payment_id,
        pause=pause,
    )


async def move(
    tx: Tx,
    payment: Payment,
    to: PaymentState,
    *,
    reason: str,
    checkout: CheckoutReady | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
    received: Money | None = None,
) -> Payment | None:
    """Move a charge that is still in the state of `payment`, and add a history row; else None.

    `received` is the money that was paid.
    """
    return await fetch_one(
        tx,
        Payment,
        """
        WITH moved AS (
            UPDATE payments
               SET state = %(to)s,
                   checkout_url = coalesce(%(checkout_url)s, checkout_url),
                   checkout_id = coalesce(%(checkout_id)s, checkout_id),
                   gateway_id = coalesce(%(gateway_id)s, gateway_id),
                   gateway_data = coalesce(%(gateway_data)s, gateway_data),
                   failure = %(failure)s,
                   asked_amount = CASE WHEN %(is_other)s THEN amount END,
                   asked_currency = CASE WHEN %(is_other)s THEN currency END,
                   amount = coalesce(%(amount)s, amount),
                   currency = coalesce(%(currency)s, currency),
                   calling_until = NULL,
                   look_at = CASE WHEN %(to)s <> 'succeeded' THEN look_at END,
                   settled_at = CASE WHEN %(to)s = 'succeeded' THEN business_now() END,
                   updated_at = business_now()
             WHERE id = %(id)s AND state = %(was)s
         RETURNING *
        ), history AS (
            INSERT INTO payment_history (payment_id, was, state, reason)
            SELECT id, %(was)s, state, %(reason)s FROM moved
        )
        SELECT *, false AS calling
          FROM moved""",
        id=payment.id,
        was=payment.state,
        to=to,
        reason=clip(reason),
        checkout_url=checkout.checkout_url if checkout else None,
        checkout_id=checkout.checkout_id if checkout else None,
        gateway_id=gateway_id,
        gateway_data=None if gateway_data is None else json(clip_facts(gateway_data)),
        failure=None if failure is None else clip(failure),
        is_other=received is not None and received != payment.money,
        amount=received.amount if received else None,
        currency=received.currency if received else None,
    )


async def references_of_booking(tx: Tx, booking_id: UUID) -> list[str]:
    return await fetch_values(
        tx, str, "SELECT reference FROM payments WHERE booking_id = %(id)s", id=booking_id
    )


async def unpaid_ids(tx: Tx, booking_id: UUID) -> list[UUID]:
    """Charges of a booking that have not ended, or ended unpaid while their pages stayed open."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM payments
         WHERE booking_id = %(booking_id)s
           AND (state IN ('created', 'pending')
                OR (state IN ('failed', 'abandoned') AND checkout_id IS NOT NULL))
         ORDER BY id""",
        booking_id=booking_id,
    )


async def look_up_due(
    tx: Tx, *, look_again_in: timedelta, look_for: timedelta, limit: int
) -> list[UUID]:
    """Take the charges that are due to be looked up; returns their ids.

    An open charge is due again after `look_again_in`. One that ended without money is due again at
    growing intervals, until it is older than `look_for`.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        WITH due AS (
            SELECT id FROM payments
             WHERE look_at <= (SELECT business_now())
             ORDER BY look_at
             LIMIT %(limit)s
               FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE payments
           SET look_at = CASE
                   WHEN state IN ('created', 'pending') THEN business_now() + %(look_again_in)s
                   WHEN business_now() < created_at + %(look_for)s
                   THEN business_now() + greatest(%(look_again_in)s, business_now() - created_at)
               END
         WHERE id = ANY (ARRAY(SELECT id FROM due))
     RETURNING id""",
        look_again_in=look_again_in,
        look_for=look_for,
        limit=limit,
    )


async def insert_taken_in(
    tx: Tx,
    *,
    payment_id: UUID,
    reference: str,
    gateway: GatewayName,
    money: Money,
    booking_id: UUID | None,
    payer_id: UUID | None,
    look_in: timedelta,
) -> bool:
    """Store a charge that a gateway has, as begun; False if it is here already."""
    count = await execute(
        tx,
        """
        WITH payment AS (
            INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state, origin,
                                  amount, currency, look_at)
            VALUES (%(id)s, %(booking_id)s, %(payer_id)s, %(gateway)s, %(reference)s, 'created',
                    'gateway', %(amount)s, %(currency)s, business_now() + %(look_in)s)
                ON CONFLICT DO NOTHING
         RETURNING id, state
        )
        INSERT INTO payment_history (payment_id, state, reason)
        SELECT id, state, 'found at the gateway' FROM payment""",
        id=payment_id,
        booking_id=booking_id,
        payer_id=payer_id,
        gateway=gateway,
        reference=reference,
        amount=money.amount,
        currency=money.currency,
        look_in=look_in,
    )
    return count == 1
