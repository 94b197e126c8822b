"""Take in what somebody moved at a gateway: post it, take it out of pots, notify people.

Locks are taken in the order of all transactions: booking, pots, charge, instructions.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from app.edge.gateways import references
from app.edge.gateways.port import FoundCharge, FoundInstruction, GatewayName
from app.edge.notifications.model import Kind
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks.model import Case
from app.flows.chargebacks.rules import successor
from app.flows.movements import rules
from app.flows.movements.model import NotTakenIn
from app.flows.sending import actions as sending
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.foundation.queue import SettlePayment, enqueue
from app.market.bookings import actions as bookings
from app.market.disputes import actions as disputes
from app.money.escrow import actions as escrow
from app.money.escrow.model import Pot, PotKind, PotState
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.payees import actions as payees
from app.money.payees.model import Payee
from app.money.payments import actions as payments
from app.money.payments.model import Payment, PaymentState, Unwanted
from app.money.payouts import actions as payouts
from app.money.taken_in import actions as taken_in
from app.money.taken_in import rules as taken_in_rules
from app.money.taken_in.model import PAID_THERE, REFUNDED_THERE, Shares, TakenIn

_TAKEN_IN: Final = "taken_in"  # the kind of alert; its subject is the id of what was taken in
_UNSENT: Final = (
    InstructionState.QUEUED,
    InstructionState.WAITING_FOR_PAYEE,
    InstructionState.FAILED,
)


# ---- refunds -------------------------------------------------------------------------------------


async def take_in_refunds(
    tx: Tx, payment_id: UUID, found: Sequence[FoundInstruction], *, live: bool
) -> int:
    """Of all refunds of a charge, take in those that we did not begin; returns how many.

    Raises RefundExceedsCharge if more was refunded than is left of the charge.
    """
    asked = await payments.get(tx, payment_id)
    if asked.state is not PaymentState.SUCCEEDED:
        return 0
    if asked.booking_id is None:
        return await _take_in_of_stray(tx, payment_id, found, live=live)
    case = await chargebacks.lock_case(tx, payment_id)
    strange = await _strange(tx, InstructionKind.REFUND, found, payment_id)
    for each in strange:
        await _take_in_refund(tx, case, each, live=live)
        case = await chargebacks.lock_case(tx, payment_id)  # as it is after that
    return len(strange)


async def _strange(
    tx: Tx, kind: InstructionKind, found: Sequence[FoundInstruction], payment_id: UUID
) -> list[FoundInstruction]:
    unknown = await instructions.unknown_here(tx, kind, found, payment_ids=[payment_id])
    return rules.moved(unknown)


async def _take_in_of_stray(
    tx: Tx, payment_id: UUID, found: Sequence[FoundInstruction], *, live: bool
) -> int:
    """Take in the refunds of a charge without a booking: all of it is owed to its payer."""
    payment = await payments.lock(tx, payment_id)
    strange = await _strange(tx, InstructionKind.REFUND, found, payment_id)
    for each in strange:
        unsent = await _lock_unsent(tx, payment_id, InstructionKind.REFUND)
        done = rules.cuts(unsent, each.money.amount)
        await instructions.cancel_all(tx, [cut.instruction for cut in done], reason=REFUNDED_THERE)
        rests = [
            successor(cut.instruction, amount=cut.rest, target=cut.instruction.target)
            for cut in done
            if cut.rest
        ]
        await instructions.queue_all(tx, rests, by=SYSTEM)
        promised = sum(cut.amount for cut in done)
        if promised == sum(each.amount for each in unsent):  # nobody has to see to the rest
            await resolve_alerts(tx, tuple(Unwanted), [payment.reference])
        owed = Shares(from_unsent=promised, from_owed=each.money.amount - promised)
        await taken_in.take_in_refund(
            tx, payment, each, owed, pots=[], promised=promised, live=live
        )
    return len(strange)


async def _take_in_refund(tx: Tx, case: Case, found: FoundInstruction, *, live: bool) -> None:
    """Take in one refund: it does what was promised, or comes out of what is held."""
    unsent = await _lock_unsent(tx, case.payment.id, InstructionKind.REFUND)
    promised = sum(each.amount for each in unsent)
    shares = taken_in_rules.shares_of_refund(found.money.amount, promised=promised, pots=case.pots)
    await chargebacks.cancel(
        tx, case, rules.cuts(unsent, shares.from_unsent), target=None, reason=REFUNDED_THERE
    )
    taken, refund = await taken_in.take_in_refund(
        tx,
        case.payment,
        found,
        shares,
        pots=case.pots,
        promised=shares.from_unsent,
        live=live,
    )
    await _take_from_pots(tx, case, shares)
    await sending.follow(tx, InstructionState.SENT, refund)
    await _notify_host(tx, case, taken)
    await _alert(tx, taken)


async def _lock_unsent(tx: Tx, payment_id: UUID, kind: InstructionKind) -> list[Instruction]:
    """The refunds or transfers of a charge that have not left, the oldest first, locked."""
    found = await instructions.lock_unsent(tx, payment_id, [kind])
    return [each for each in found if each.state in _UNSENT]


async def _take_from_pots(tx: Tx, case: Case, shares: Shares) -> None:
    """Take its share out of each pot; what is left of the pot moves on.

    A booking that has not begun is cancelled if its whole rental is given back.
    """
    parts = {PotKind.DEPOSIT: shares.from_deposit, PotKind.RENTAL: shares.from_rental}
    rental: Pot | None = None
    for pot in case.pots:
        if amount := parts[pot.kind]:
            held = await disputes.give_way(tx, case.booking, pot, amount)
            taken = await escrow.give_back_there(tx, held, amount, reason=REFUNDED_THERE)
            rental = taken if pot.kind is PotKind.RENTAL else rental
    if rental and rental.state is PotState.REFUNDED:
        await bookings.cancel_if_ahead(tx, case.booking, reason=REFUNDED_THERE)


async def _notify_host(tx: Tx, case: Case, taken: TakenIn) -> None:
    """Notify the host that the guest was given back what the host would have got."""
    if taken.from_rental:
        await bookings.notify(
            tx,
            case.booking,
            case.booking.host_id,
            Kind.RENTAL_GIVEN_BACK,
            reason=REFUNDED_THERE,
            source_id=taken.id,
        )


# ---- transfers -----------------------------------------------------------------------------------


async def take_in_transfer(
    tx: Tx, payment_id: UUID, found: FoundInstruction, *, live: bool
) -> bool:
    """Take in a transfer of a charge that we did not begin; False if it is here already.

    It does what its host was owed and had not got; the rest is a debt of the host. Raises
    NotTakenIn if it is of another currency than the charge.
    """
    asked = await payments.get(tx, payment_id)
    if asked.booking_id is None or asked.state is not PaymentState.SUCCEEDED:
        raise NotTakenIn(f"The charge is {asked.state}, of booking {asked.booking_id}.")
    case = await chargebacks.lock_case(tx, payment_id)
    if not await _strange(tx, InstructionKind.TRANSFER, [found], payment_id):
        return False
    amount = rules.in_charge_currency(found.money, case.payment)
    if amount is None:
        raise NotTakenIn(f"{found.money} cannot be of a charge of {case.payment.money}.")
    payee = Payee(case.booking.host_id, case.payment.gateway, case.payment.currency)
    target = await payees.recipient_of(tx, payee)  # locked before its transfers, as everywhere
    unsent = await _lock_unsent(tx, payment_id, InstructionKind.TRANSFER)
    promised = sum(each.amount for each in unsent)
    shares = taken_in_rules.shares_of_transfer(amount, promised=promised)
    await chargebacks.cancel(
        tx, case, rules.cuts(unsent, shares.from_unsent), target=target, reason=PAID_THERE
    )
    taken, transfer = await taken_in.take_in_transfer(
        tx, case.payment, found, shares, host_id=payee.host_id, amount=amount, live=live
    )
    if shares.from_host:
        await payouts.owe(
            tx,
            cause_id=taken.id,
            host_id=payee.host_id,
            booking_id=case.booking.id,
            money=case.payment.money_of(shares.from_host),
            reason=PAID_THERE,
        )
    await sending.follow(tx, InstructionState.SENT, transfer)
    await _alert(tx, taken)
    return True


# ---- charges -------------------------------------------------------------------------------------


async def take_in_charge(tx: Tx, gateway: GatewayName, found: FoundCharge) -> UUID | None:
    """Take in a paid charge that is not here, or one more under a reference; returns its id.

    What becomes of it is settled by its look-up, which is queued: it buys its booking if that is
    here and still waits for it, else it is given back. None if it is not ours.
    """
    first = await payments.find_by_reference(tx, found.reference)
    if first is None:
        return await _take_in_unseen(tx, gateway, found)
    if first.gateway is not gateway:
        return None
    if first.charge_id in (None, found.gateway_id):
        await enqueue(tx, SettlePayment(payment_id=first.id))
        return first.id
    payment_id, reference = rules.another_id(first, found.gateway_id)
    await payments.take_in(
        tx,
        payment_id=payment_id,
        reference=reference,
        gateway=gateway,
        money=found.money,
        booking_id=first.booking_id,
        payer_id=first.payer_id,
    )
    return payment_id


async def _take_in_unseen(tx: Tx, gateway: GatewayName, found: FoundCharge) -> UUID | None:
    """Take in a charge of which we know nothing: the database was restored from before it."""
    payment_id = references.payment_id_in(found.reference)
    if payment_id is None:
        return None
    booking = await bookings.find_reported(tx, found.metadata.get("bookingId", ""))
    is_new = await payments.take_in(
        tx,
        payment_id=payment_id,
        reference=found.reference,
        gateway=gateway,
        money=rules.asked_money(found, booking),
        booking_id=booking.id if booking else None,
        payer_id=booking.guest_id if booking else None,
    )
    if is_new:
        await raise_alert(
            tx,
            kind="charge_taken_in",
            severity=Severity.WARNING,
            subject=found.reference,
            details={
                "gateway": gateway,
                "amount": str(found.money),
                "bookingId": str(booking.id) if booking else "",
            },
        )
    return payment_id


async def _alert(tx: Tx, taken: TakenIn) -> None:
    """Alert operators: critical if the platform bears a part until somebody decides."""
    await raise_alert(
        tx,
        kind=_TAKEN_IN,
        severity=Severity.CRITICAL if taken.loss else Severity.WARNING,
        subject=str(taken.id),
        details=rules.alert(taken),
    )


async def find_charge(tx: Tx, gateway: GatewayName, found: FoundInstruction) -> Payment | None:
    """The charge that a refund or transfer at a gateway is of; None if we do not know it."""
    by_id = (
        await payments.find_by_gateway_id(tx, gateway, found.charge_id) if found.charge_id else None
    )
    payment = by_id or await payments.find_by_reference(tx, found.charge_reference)
    return payment if payment and payment.gateway is gateway else None
