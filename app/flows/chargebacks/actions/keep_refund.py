"""Keep a refund that comes back after a chargeback was lost: the guest has it from the bank."""

from collections.abc import Sequence
from uuid import UUID

from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions.post import lock_case, lock_cases
from app.flows.chargebacks.actions.recover import cancel
from app.flows.chargebacks.model import Cut
from app.foundation import audit
from app.foundation.audit import SYSTEM, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction
from app.money.ledger import actions as ledger
from app.money.payments import actions as payments


async def lock_around(tx: Tx, payment_ids: Sequence[UUID]) -> None:
    """Lock what the end of a refund or transfer may change besides it, and so before it.

    That is the order of all transactions: bookings, pots, charges, chargebacks, instructions; those
    of one kind in the order of ids. Transfers that went together come from several charges.
    """
    if len(payment_ids) > 1:
        await lock_cases(tx, payment_ids)
    else:
        await _lock_around_one(tx, payment_ids[0])
    for payment_id in sorted(payment_ids):
        await queries.lock_lost(tx, payment_id)


async def _lock_around_one(tx: Tx, payment_id: UUID) -> None:
    payment = await payments.get(tx, payment_id)
    if payment.booking_id is None:
        await payments.lock(tx, payment_id)
    else:
        await lock_case(tx, payment_id)


async def keep_refund(tx: Tx, refund: Instruction) -> None:
    """Keep of a refund that has come back what the guest has from the bank; send what is left.

    The caller has called `lock_around`, and then locked the refund. What is kept makes up for the
    loss of the chargebacks.
    """
    if refund.booking_id is None:
        return  # chargebacks are of bookings
    case = await lock_case(tx, refund.payment_id)
    if await instructions.of_source(tx, refund.id):
        return  # it has been sent again, or kept, before
    lost = await queries.lock_lost(tx, refund.payment_id)
    shares = rules.kept(refund, lost, counted=case.payment.charged_back)
    if not (kept := sum(shares)):
        return
    await queries.add_returns(
        tx, {each.id: share for each, share in zip(lost, shares, strict=True)}
    )
    await ledger.post(tx, rules.refund_kept(refund, kept))
    await cancel(tx, case, [Cut(refund, kept)], targets={})
    taken = sum(each.amount for each in lost) - case.payment.charged_back
    await payments.charge_back(tx, case.payment.id, taken=taken, promised=kept)
    await audit.record(
        tx,
        by=SYSTEM,
        action="keep_refund",
        subject=Subject("refund", refund.id),
        before={"state": refund.state},
        after={"kept": Money(amount=kept, currency=refund.currency)},
        reason="the guest has it from the bank",
    )
