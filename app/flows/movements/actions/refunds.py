"""Refunds that somebody made at a gateway: what was promised, what is held, what has not left."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.edge.gateways.port import FoundInstruction
from app.edge.notifications.model import Kind
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks import rules as chargeback_rules
from app.flows.chargebacks.model import Case, Cut
from app.flows.movements import rules
from app.flows.movements.actions.strange import alert, strange
from app.flows.sending import actions as sending
from app.foundation.alerts import resolve_alerts
from app.foundation.db import Tx
from app.foundation.ids import derived
from app.foundation.queue import TakeInRefunds, enqueue_later
from app.market.bookings import actions as bookings
from app.market.disputes import actions as disputes
from app.money.escrow import actions as escrow
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import PotKind, PotState
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind, InstructionState
from app.money.instructions.rules import attempts
from app.money.payments import actions as payments
from app.money.payments.model import PaymentState, Unwanted
from app.money.taken_in import actions as taken_in
from app.money.taken_in import rules as taken_in_rules
from app.money.taken_in.model import REFUNDED_THERE, Shares, TakenIn

_REFUND = InstructionKind.REFUND


async def take_in_refunds(
    tx: Tx, payment_id: UUID, found: Sequence[FoundInstruction], *, live: bool
) -> int:
    """Of all refunds of a charge, take in those that we did not begin; returns how many.

    While a transfer of the same money is being sent, its end decides who bears a refund: until then
    this is tried again. Raises RefundExceedsCharge if more was refunded than is left of the charge.
    """
    asked = await payments.get(tx, payment_id)
    if asked.state is not PaymentState.SUCCEEDED:
        return 0
    if asked.booking_id is None:
        return await _take_in_of_stray(tx, payment_id, found, live=live)
    case = await chargebacks.lock_case(tx, payment_id)
    done = 0
    for each in await strange(tx, _REFUND, found, case.payment):
        if not await _take_in_refund(tx, case, each, live=live):
            again = TakeInRefunds(payment_id=payment_id)
            await enqueue_later(tx, again, attempts.LOOK_AFTER)
            break
        done += 1
        case = await chargebacks.lock_case(tx, payment_id)  # as it is after that
    return done


async def _take_in_of_stray(
    tx: Tx, payment_id: UUID, found: Sequence[FoundInstruction], *, live: bool
) -> int:
    """Take in the refunds of a charge without a booking: all of it is owed to its payer."""
    payment = await payments.lock(tx, payment_id)
    new = await strange(tx, _REFUND, found, payment)
    for each in new:
        unsent = await instructions.lock_unsent(tx, payment_id, [_REFUND])
        done = chargeback_rules.cut(unsent, each.money.amount)
        await chargebacks.replace(tx, done, targets={}, reason=REFUNDED_THERE)
        promised = sum(cut.amount for cut in done)
        if promised == sum(each.amount for each in unsent):  # nobody has to see to the rest
            await resolve_alerts(tx, tuple(Unwanted), [payment.reference])
        owed = Shares(from_unsent=promised, from_owed=each.money.amount - promised)
        await taken_in.take_in_refund(tx, payment, each, owed, promised=promised, live=live)
    return len(new)


async def _take_in_refund(tx: Tx, case: Case, found: FoundInstruction, *, live: bool) -> bool:
    """Take in one refund: it does what was promised, or comes out of what has not left.

    False if a transfer is being sent that it might come out of: then nothing is done.
    """
    unsent = await chargebacks.lock_unsent(tx, case)
    refunds = chargeback_rules.cut(unsent.refunds, found.money.amount)
    promised = sum(cut.amount for cut in refunds)
    shares = taken_in_rules.shares_of_refund(found.money.amount, promised=promised, pots=case.pots)
    pots = escrow_rules.take(case.pots, found.money.amount - promised)
    transfers = chargeback_rules.cut_transfers(unsent.transfers, shares.loss, got=unsent.got)
    shares = taken_in_rules.less_transfers(shares, sum(cut.amount for cut in transfers))
    if shares.loss and await instructions.is_transfer_being_sent(tx, case.payment.id):
        return False
    for cuts in (refunds, transfers):
        await chargebacks.cancel(tx, case, cuts, targets=unsent.targets, reason=REFUNDED_THERE)
    out_of = rules.out_of(case, pots, transfers)
    taken, refund = await taken_in.take_in_refund(
        tx, case.payment, found, shares, promised=promised, live=live, out_of=out_of
    )
    await _take_from_pots(tx, case, pots)
    await sending.follow(tx, InstructionState.SENT, refund)
    await _notify_hosts(tx, case, taken, pots, transfers)
    await alert(tx, taken)
    return True


async def _take_from_pots(tx: Tx, case: Case, pots: Mapping[UUID, int]) -> None:
    """Take its share out of each pot; what is left of the pot moves on.

    A part of the booking that has not begun is cancelled if its whole rental is given back.
    """
    emptied: list[UUID] = []
    for pot in case.pots:
        if amount := pots.get(pot.id):
            held = await disputes.give_way(tx, case.part(pot.booking_id), pot, amount)
            taken = await escrow.give_back_there(tx, held, amount, reason=REFUNDED_THERE)
            if pot.kind is PotKind.RENTAL and taken.state is PotState.REFUNDED:
                emptied.append(pot.booking_id)
    for part in case.parts:
        if part.id in emptied:
            await bookings.cancel_if_ahead(tx, part, reason=REFUNDED_THERE)


async def _notify_hosts(
    tx: Tx, case: Case, taken: TakenIn, pots: Mapping[UUID, int], transfers: Sequence[Cut]
) -> None:
    """Notify the hosts of parts of which the guest was given back what they would have got."""
    for part in rules.given_back(case, pots, transfers):
        await bookings.notify(
            tx,
            part,
            part.host_id,
            Kind.RENTAL_GIVEN_BACK,
            reason=REFUNDED_THERE,
            source_id=derived(taken.id, str(part.id)) if part.part_of else taken.id,
        )
