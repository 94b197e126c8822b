"""Refunds that come back after a chargeback was lost: nobody gets one sum from bank and us."""

from uuid import UUID

from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions.booking import locked
from app.flows.chargebacks.actions.recovering import cancel
from app.flows.chargebacks.model import Cut
from app.foundation import audit
from app.foundation.audit import SYSTEM, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.money.instructions.model import Instruction
from app.money.instructions.queries import of_source
from app.money.ledger import actions as ledger
from app.money.payments import queries as payments


async def lock_around(tx: Tx, payment_id: UUID) -> None:
    """Lock what the end of a refund or transfer may change besides it, and so before it.

    That is the order of all transactions: booking, pots, charge, chargebacks, instructions.
    """
    await locked(tx, payment_id)
    await queries.lock_lost(tx, payment_id)


async def keep_returned(tx: Tx, refund: Instruction) -> None:
    """Keep of a refund that has come back what the guest has from the bank; send what is left.

    The caller has called `lock_around` and locked the refund; what is kept makes up for the loss.
    """
    case = await locked(tx, refund.payment_id)
    if await of_source(tx, refund.id):
        return  # somebody has sent it again, or kept it, before
    lost = await queries.lock_lost(tx, refund.payment_id)
    shares = rules.kept(refund.amount, lost, counted=case.payment.charged_back)
    if not (kept := sum(shares)):
        return
    await queries.take_returned(
        tx, {each.id: share for each, share in zip(lost, shares, strict=True)}
    )
    await ledger.post(tx, rules.refund_kept(refund, kept))
    await cancel(tx, case, [Cut(refund, kept)], target=refund.target)
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
