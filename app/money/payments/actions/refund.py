"""Give back a charge, or a part of it; count what was given back in other ways."""

from collections.abc import Sequence
from uuid import UUID

from app.foundation.audit import SYSTEM, Actor
from app.foundation.db import Tx, Violated
from app.money.instructions import actions as instructions
from app.money.ledger import actions as ledger
from app.money.payments import rules
from app.money.payments.model import (
    ChargeContested,
    Payment,
    Refund,
    RefundExceedsCharge,
)
from app.money.payments.queries import refunds as queries


async def set_aside(tx: Tx, payment: Payment, *, reason: str) -> None:
    """Post a charge that buys nothing (late, double, wrong, unknown) as owed to its payer."""
    await queries.set_aside(tx, payment.id, because=reason)
    await ledger.post(tx, rules.unapplied(payment, memo=reason))


async def give_back(tx: Tx, payment: Payment, *, by: Actor, reason: str, but: int = 0) -> None:
    """Refund a charge that was set aside, all but what was given back at the gateway already.

    `by` is who wants it refunded; if that is the system, the refund waits at the refund gate.
    """
    if payment.amount <= but:
        return
    rest = Refund(
        payment_id=payment.id,
        source_id=payment.id,
        amount=payment.amount - but,
        reason=reason,
        automatic=by == SYSTEM,
    )
    await refund_all(tx, [rest], by=by)


async def count_refunded(tx: Tx, payment_id: UUID, *, taken: int, promised: int) -> None:
    """Count a refund that was made at the gateway without us, on its locked charge.

    `promised` is what of it we had promised already, and shall not send any more. Minor units.
    Raises RefundExceedsCharge.
    """
    try:
        await queries.count_refunded(tx, payment_id, amount=taken - promised)
    except Violated as violated:
        if violated.constraint != "payments_refunded_within":
            raise
        raise RefundExceedsCharge("More was given back than was paid.") from violated


async def refund_all(tx: Tx, refunds: Sequence[Refund], *, by: Actor) -> None:
    """Queue refunds of charges, each through the gateway that took the charge.

    Raises RefundExceedsCharge if all refunds of a charge would be more than the charge, those of
    concurrent transactions included; and ChargeContested while a chargeback of it is open.
    """
    amounts = rules.per_charge(refunds)
    if not amounts:
        return
    try:
        payments = await queries.promise_back(tx, amounts)
    except Violated as violated:
        if violated.constraint != "payments_refunded_within":
            raise
        raise RefundExceedsCharge("Less than that is left of the charge.") from violated
    if len(payments) < len(amounts):
        raise ChargeContested("It is refunded, or not, once its chargeback is decided.")
    by_id = {payment.id: payment for payment in payments}
    await instructions.queue_all(
        tx, [rules.instruction(refund, by_id[refund.payment_id]) for refund in refunds], by=by
    )


async def contest(tx: Tx, payment_id: UUID, *, contested: bool) -> None:
    """Store whether the payer's bank wants a locked charge back: then nothing of it leaves."""
    await queries.contest(tx, payment_id, contested=contested)


async def charge_back(tx: Tx, payment_id: UUID, *, taken: int, promised: int) -> None:
    """Count what the payer's bank has taken of a locked charge, as far as it is not refunded.

    `promised` is what was promised back, and is not owed any more. Minor units.
    """
    await queries.charge_back(tx, payment_id, taken=taken, promised=promised)
