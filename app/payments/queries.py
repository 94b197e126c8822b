"""One statement per function on `payments`, `payment_history` and `refunds`."""

from datetime import timedelta
from uuid import UUID

from app.db import Tx, execute, fetch_new, fetch_one, fetch_values, json
from app.gateways.port import Facts, GatewayName
from app.money import Money
from app.payments.model import Payment, PaymentState


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
) -> Payment:
    return await fetch_new(
        tx,
        Payment,
        """
        WITH payment AS (
            INSERT INTO payments (id, booking_id, payer_id, gateway, reference, state,
                                  amount, currency, calling_until)
            VALUES (%(id)s, %(booking_id)s, %(payer_id)s, %(gateway)s, %(reference)s, 'created',
                    %(amount)s, %(currency)s, business_now() + %(calling_for)s)
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
    """Reserve the right to start this payment at the gateway; False if somebody else has it."""
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


async def move(
    tx: Tx,
    payment: Payment,
    to: PaymentState,
    *,
    reason: str,
    checkout_url: str | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
) -> Payment | None:
    """Move a payment on if it still is where `payment` saw it, with its history; else None."""
    return await fetch_one(
        tx,
        Payment,
        """
        WITH moved AS (
            UPDATE payments
               SET state = %(to)s,
                   checkout_url = coalesce(%(checkout_url)s, checkout_url),
                   gateway_id = coalesce(%(gateway_id)s, gateway_id),
                   gateway_data = coalesce(%(gateway_data)s, gateway_data),
                   failure = %(failure)s,
                   calling_until = NULL,
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
        reason=reason,
        checkout_url=checkout_url,
        gateway_id=gateway_id,
        gateway_data=None if gateway_data is None else json(gateway_data),
        failure=failure,
    )


async def open_ids(tx: Tx, booking_id: UUID) -> list[UUID]:
    """The payments of a booking whose end is not known yet."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM payments
         WHERE booking_id = %(booking_id)s AND state IN ('created', 'pending')""",
        booking_id=booking_id,
    )


async def open_for_long(tx: Tx, *, limit: int) -> list[UUID]:
    """Charges whose end has not been known for an hour."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT id FROM payments
         WHERE state IN ('created', 'pending')
           AND created_at < (SELECT business_now()) - interval '1 hour'
         ORDER BY created_at
         LIMIT %(limit)s""",
        limit=limit,
    )


async def find_succeeded(tx: Tx, booking_id: UUID) -> Payment | None:
    """The charge that paid for a booking: one that succeeded and is not given back already."""
    return await fetch_one(
        tx,
        Payment,
        """
        SELECT *, false AS calling
          FROM payments
         WHERE booking_id = %(booking_id)s AND state = 'succeeded'
           AND NOT EXISTS (SELECT FROM refunds WHERE payment_id = payments.id)
         ORDER BY settled_at, id
         LIMIT 1""",
        booking_id=booking_id,
    )


async def insert_refund(tx: Tx, *, refund_id: UUID, payment: Payment, reason: str) -> int:
    """Queue the refund of a whole charge; 0 if it is queued already."""
    return await execute(
        tx,
        """
        INSERT INTO refunds (id, payment_id, booking_id, amount, currency, reason)
        VALUES (%(id)s, %(payment_id)s, %(booking_id)s, %(amount)s, %(currency)s, %(reason)s)
            ON CONFLICT (payment_id) DO NOTHING""",
        id=refund_id,
        payment_id=payment.id,
        booking_id=payment.booking_id,
        amount=payment.amount,
        currency=payment.currency,
        reason=reason,
    )
