"""Post what is reported of a chargeback: opened, taken, won, lost; once, however often reported.

Locks are taken in this order: the booking, its pots, the charge, the chargeback, the instructions
that are not sent. All code that divides pots, refunds or pays out locks in the same order.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import uuid_utils.compat

from app.edge.gateways.port import ChargebackStatus, FoundChargeback
from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions import notify
from app.flows.chargebacks.actions.recover import awaits_refund, recover
from app.flows.chargebacks.model import (
    MOVES,
    Case,
    Chargeback,
    ChargebackState,
    ChargeNotPaid,
    Recovery,
)
from app.foundation import states
from app.foundation.audit import SYSTEM, Actor
from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.money.escrow import actions as escrow
from app.money.ledger import actions as ledger
from app.money.payments import actions as payments
from app.money.payments.model import Payment, PaymentState

_S = ChargebackState


async def post(
    tx: Tx,
    payment_id: UUID,
    found: FoundChargeback,
    *,
    live: bool,
    by: Actor = SYSTEM,
    asked_at: datetime | None = None,
) -> Chargeback | None:
    """Post what is reported of a chargeback, once, in whatever order and however often it comes.

    None if it does not fit its charge: operators are alerted. A lost one stays open while a refund
    of its charge is under way: whether that arrives decides who bears the loss. A report that was
    asked for (`asked_at`) before the chargeback ended does not contradict its end. Raises
    NoSuchPayment, ChargeNotPaid.
    """
    case = await lock_case(tx, payment_id)
    known = await queries.lock(tx, case.payment.gateway, found.gateway_id)
    if differences := rules.differences(case.payment, known, found, live=live):
        await notify.alert_mismatch(tx, case, found, differences)
        return None
    chargeback = known or await _open(tx, case, found, by=by)
    if chargeback.state is not _S.OPEN:
        return await _post_after_end(tx, case, chargeback, found, asked_at=asked_at)
    chargeback = await _post_changes(tx, case, chargeback, found)
    match found.status:
        case ChargebackStatus.OPEN:
            return chargeback
        case ChargebackStatus.WON:
            is_back = not found.is_taken
            return await win(tx, case, chargeback, by=by, reason="decided for us", is_back=is_back)
        case ChargebackStatus.LOST:
            if await awaits_refund(tx, payment_id):
                return chargeback
            return await lose(tx, case, chargeback, by=by, reason="decided for the guest")


async def lock_case(tx: Tx, payment_id: UUID) -> Case:
    """What a chargeback of a charge is about, locked. Raises NoSuchPayment, ChargeNotPaid."""
    asked = await payments.get(tx, payment_id)
    parts = await bookings.lock_whole(tx, asked.known_booking_id)
    held = await escrow.lock_all_of(tx, [part.id for part in parts])
    payment = await payments.lock(tx, payment_id)
    _check_paid(payment)
    return Case(parts, payment, [pot for pot in held if pot.payment_id == payment.id])


async def lock_cases(tx: Tx, payment_ids: Sequence[UUID]) -> None:
    """Lock what chargebacks of these charges would be about, kind by kind.

    Raises NoSuchPayment, ChargeNotPaid.
    """
    asked = [await payments.get(tx, payment_id) for payment_id in payment_ids]
    booking_ids = sorted({each.booking_id for each in asked if each.booking_id})
    part_ids = [part.id for each in booking_ids for part in await bookings.lock_whole(tx, each)]
    await escrow.lock_all_of(tx, part_ids)
    for payment_id in sorted(payment_ids):
        _check_paid(await payments.lock(tx, payment_id))


async def win(
    tx: Tx, case: Case, chargeback: Chargeback, *, by: Actor, reason: str, is_back: bool
) -> Chargeback:
    """Close a chargeback as won. `is_back`: the gateway has returned the money to our balance."""
    if chargeback.is_taken and is_back:
        chargeback = await _give_back(tx, case, chargeback)
    return await _close(tx, case, chargeback, _S.WON, by=by, reason=reason)


async def lose(tx: Tx, case: Case, chargeback: Chargeback, *, by: Actor, reason: str) -> Chargeback:
    """Close a chargeback as lost; recover it from pots, unsent instructions and the host."""
    if not chargeback.is_taken:
        await ledger.post(tx, rules.taken(chargeback, case.payment))
    recovery = await recover(tx, case, chargeback)
    return await _close(tx, case, chargeback, _S.LOST, by=by, reason=reason, recovery=recovery)


def _check_paid(payment: Payment) -> None:
    if payment.state is not PaymentState.SUCCEEDED:
        raise ChargeNotPaid(f"It is {payment.state}.")


async def _open(tx: Tx, case: Case, found: FoundChargeback, *, by: Actor) -> Chargeback:
    """Store a new one: from now on no money of its charge is sent, and no pot is divided."""
    chargeback = await queries.insert(
        tx,
        chargeback_id=uuid_utils.compat.uuid7(),
        payment=case.payment,
        found=found,
        by=by,
        look_in=rules.LOOK_AGAIN_IN,
    )
    await _contest(tx, case, contested=True)
    await notify.notify_move(tx, case, chargeback, by=by, reason=chargeback.reason)
    return chargeback


async def _post_changes(
    tx: Tx, case: Case, chargeback: Chargeback, found: FoundChargeback
) -> Chargeback:
    """Post what has changed of an open one: its amount, that the money was taken, the fee."""
    chargeback = msgspec.structs.replace(
        chargeback, amount=rules.amount(chargeback, found), **rules.settled(chargeback, found)
    )
    is_taken = chargeback.is_taken or rules.was_taken(found)
    if is_taken and not chargeback.is_taken:
        await ledger.post(tx, rules.taken(chargeback, case.payment))
    fee = chargeback.fee or found.fee
    if fee and not chargeback.fee:
        await ledger.post(tx, rules.fee(chargeback, case.payment, fee))
    return await queries.update_open(tx, chargeback, found, is_taken=is_taken, fee=fee)


async def _post_after_end(
    tx: Tx, case: Case, chargeback: Chargeback, found: FoundChargeback, *, asked_at: datetime | None
) -> Chargeback:
    """After the end only one thing can change: the gateway gives the money of a won one back."""
    if rules.contradicts(chargeback, found.status):
        if asked_at and chargeback.closed_at and asked_at < chargeback.closed_at:
            return chargeback
        await notify.alert_contradiction(tx, chargeback, found)
        return chargeback
    if chargeback.state is _S.WON and chargeback.is_taken and not found.is_taken:
        back = found.returned.amount if found.returned else None
        return await _give_back(tx, case, msgspec.structs.replace(chargeback, settled_back=back))
    return chargeback


async def _give_back(tx: Tx, case: Case, chargeback: Chargeback) -> Chargeback:
    """The gateway has given the money back to us."""
    await ledger.post(tx, rules.given_back(chargeback, case.payment))
    return await queries.set_given_back(tx, chargeback)


async def _close(
    tx: Tx,
    case: Case,
    chargeback: Chargeback,
    to: ChargebackState,
    *,
    by: Actor,
    reason: str,
    recovery: Recovery | None = None,
) -> Chargeback:
    states.check(MOVES, chargeback.state, to)
    closed = await queries.close(tx, chargeback, to, by=by, reason=reason, recovery=recovery)
    if closed is None:
        raise states.MoveRefused("Somebody else closed this chargeback at the same moment.")
    await _contest(tx, case, contested=await queries.is_open(tx, case.payment.id))
    await notify.notify_move(tx, case, closed, by=by, reason=reason, recovery=recovery)
    return closed


async def _contest(tx: Tx, case: Case, *, contested: bool) -> None:
    await payments.contest(tx, case.payment.id, contested=contested)
    await escrow.contest(tx, [pot.id for pot in case.pots], contested=contested)
