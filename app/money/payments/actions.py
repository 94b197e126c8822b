"""Charges: committed before their gateway is called, and settled by the gateway's own answer."""

from collections.abc import Sequence, Set
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
import uuid_utils.compat

from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    Facts,
    FoundCharge,
    GatewayName,
    NoSuchCharge,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.foundation import audit, states
from app.foundation.alerts import Severity, raise_alert, resolve_alert
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx, Violated
from app.foundation.money import Money
from app.foundation.queue import SettlePayment, enqueue, enqueue_all
from app.money.instructions import actions as instructions
from app.money.ledger import actions as ledger
from app.money.payments import queries, rules
from app.money.payments.model import (
    MOVES,
    ChargeContested,
    GatewayUnclear,
    NoSuchPayment,
    Payment,
    PaymentStarting,
    PaymentState,
    Refund,
    RefundExceedsCharge,
    Verdict,
)

# Longer than the calls of a request can last (PATIENCE_OF_REQUESTS_S, and a time-out): a call that
# has not ended by then was cut off by a crash.
CALLING_FOR: Final = timedelta(seconds=30)
# Longer than the job of a look-up is tried again after failures.
_ASKING_FOR: Final = timedelta(hours=1)
_ASKING_PAUSE: Final = timedelta(seconds=10)
_LOOK_AGAIN_IN: Final = timedelta(hours=1)
# A guest can pay for as long as the gateway's page is open, and its webhook may be lost.
_LOOK_FOR: Final = timedelta(days=7)
# If a charge differs from ours in these alone, its money is really there, and is refunded.
_WRONG: Final = frozenset({"amount", "currency"})
_MISMATCH: Final = "payment_mismatch"

_log = structlog.get_logger(__name__)
_RETRY_SOON_S = 3


async def begin(
    tx: Tx,
    *,
    booking_id: UUID,
    payer_id: UUID,
    money: Money,
    gateway: GatewayName,
    down: Set[GatewayName] = frozenset(),
) -> Payment:
    """The open charge of a booking, or a new one, which is committed before its gateway is called.

    A charge that is not started at its gateway yet is returned with `calling` set: this caller
    alone starts it. One that could not be started because its gateway is down is abandoned for a
    new one at `gateway`: nobody has got the address where it could be paid. Raises PaymentStarting
    while another request is starting the charge.
    """
    payment = await queries.find_open(tx, booking_id)
    if payment and rules.is_stranded(payment, gateway, down):
        await _move(tx, payment, PaymentState.ABANDONED, reason="its gateway is down")
        payment = None
    if payment is None:
        payment_id = uuid_utils.compat.uuid7()
        payment = await queries.insert(
            tx,
            payment_id=payment_id,
            booking_id=booking_id,
            payer_id=payer_id,
            gateway=gateway,
            reference=f"pay-{payment_id.hex}",
            money=money,
            calling_for=CALLING_FOR,
            look_in=_LOOK_AGAIN_IN,
        )
        await _record_begun(tx, payment)
        return payment
    if payment.state is PaymentState.PENDING:
        return payment
    if not await queries.begin_calling(tx, payment.id, CALLING_FOR):
        raise PaymentStarting("It is being started; ask again.", retry_after_s=_RETRY_SOON_S)
    return await get(tx, payment.id)


async def record_start(
    tx: Tx, payment: Payment, outcome: CheckoutReady | Refused | ReferenceTaken | Unknown
) -> Payment:
    """Record how the call that starts a charge at its gateway ended.

    An unknown outcome leaves the charge `created`: the next request starts the same reference
    again, and the gateway refuses it if the first call got through. A webhook may have been faster
    than the answer: then the charge is settled already, and stays as it is.
    """
    payment = await queries.lock(tx, payment.id)
    if payment.state is not PaymentState.CREATED:
        return payment
    match outcome:
        case CheckoutReady(checkout_url=url):
            return await _move(
                tx, payment, PaymentState.PENDING, reason="ready to be paid", checkout_url=url
            )
        case Refused(reason=reason):
            return await _move(
                tx, payment, PaymentState.FAILED, reason="refused by the gateway", failure=reason
            )
        case ReferenceTaken():
            # An earlier call got through, and its answer was lost with the address where the guest
            # could have paid. Unless somebody has opened that page, nobody can pay this charge.
            return await _move(
                tx, payment, PaymentState.ABANDONED, reason="checkout address was lost"
            )
        case Unknown():
            await queries.end_calling(tx, payment.id)
            return await get(tx, payment.id)


async def settle(
    tx: Tx,
    payment_id: UUID,
    found: FoundCharge | NoSuchCharge,
    *,
    live: bool,
    deadline_passed: bool,
) -> tuple[Payment, Verdict]:
    """Move a charge to the state that its gateway reports. The caller has locked its booking.

    A report with another reference or mode than ours changes nothing and raises an alert. A charge
    that was paid with another amount or currency takes over what was paid, and buys nothing. That
    the guest has not paid ends a charge only after the deadline.
    """
    await queries.end_asking(tx, payment_id, _ASKING_PAUSE)
    payment = await get(tx, payment_id)
    if isinstance(found, NoSuchCharge):
        if payment.calling or not deadline_passed:
            return payment, Verdict.UNCHANGED
        return await _end(tx, payment, PaymentState.ABANDONED, "the gateway does not know it")
    if differences := rules.differences(payment, found, live=live):
        if differences <= _WRONG and rules.is_unrecorded_money(payment, found):
            return await _succeed(tx, payment, found)
        await _alert_mismatch(tx, payment, found, differences)
        return payment, Verdict.UNCHANGED
    match found.status:
        case ChargeStatus.SUCCEEDED:
            return await _succeed(tx, payment, found)
        case ChargeStatus.FAILED:
            return await _end(tx, payment, PaymentState.FAILED, found.failure or "declined")
        case ChargeStatus.ABANDONED if deadline_passed:
            return await _end(tx, payment, PaymentState.ABANDONED, "not paid in time")
        case ChargeStatus.ABANDONED | ChargeStatus.PENDING:
            return payment, Verdict.UNCHANGED


async def learn(tx: Tx, payment_id: UUID, found: FoundCharge) -> None:
    """Post what the gateway reports of a paid charge beside its amount, once: fee and exchange.

    What it does not report yet is asked for again until it does. A fee that changes is corrected.
    The caller has locked the booking, or the charge.
    """
    payment = await queries.lock(tx, payment_id)
    if payment.state is not PaymentState.SUCCEEDED:
        return
    if found.fee is None:
        if payment.fee is None:
            await queries.ask_for_facts(tx, payment.id)
        return
    if found.fee == payment.fee:
        return
    is_first = payment.fee is None
    known = await queries.store_facts(tx, payment.id, fee=found.fee, settled=found.settled)
    if is_first:
        await ledger.post_all(tx, rules.facts(known))
    else:
        await ledger.post(tx, rules.fee_correction(known, was=payment.fee or 0))


async def ask_for_facts(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of paid charges whose fee the gateway did not report yet; returns how many."""
    payment_ids = await queries.facts_due(tx, limit=limit)
    await enqueue_all(tx, [SettlePayment(payment_id=payment_id) for payment_id in payment_ids])
    return len(payment_ids)


async def take_in(
    tx: Tx,
    *,
    payment_id: UUID,
    reference: str,
    gateway: GatewayName,
    money: Money,
    booking_id: UUID | None,
    payer_id: UUID | None,
) -> bool:
    """Store a charge that the gateway has and we have not, and queue its look-up.

    Without a booking it is given back when it is settled. False if it is here already.
    """
    is_new = await queries.insert_taken_in(
        tx,
        payment_id=payment_id,
        reference=reference,
        gateway=gateway,
        money=money,
        booking_id=booking_id,
        payer_id=payer_id,
        look_in=_LOOK_AGAIN_IN,
    )
    if is_new:
        await enqueue(tx, SettlePayment(payment_id=payment_id))
        await audit.record(
            tx,
            by=SYSTEM,
            action="take_in_payment",
            subject=Subject("payment", payment_id),
            after={
                "bookingId": booking_id,
                "gateway": gateway,
                "reference": reference,
                "amount": money,
            },
        )
    return is_new


async def set_aside(tx: Tx, payment: Payment, *, reason: str) -> None:
    """Post a charge that buys nothing (late, double, wrong, unknown) as owed to its payer."""
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


async def get(tx: Tx, payment_id: UUID) -> Payment:
    """A charge, not locked. Raises NoSuchPayment."""
    if payment := await queries.find(tx, payment_id):
        return payment
    raise NoSuchPayment(f"There is no payment {payment_id}.")


async def lock(tx: Tx, payment_id: UUID) -> Payment:
    """A charge, locked until the transaction ends: after its booking and pots, as everywhere."""
    return await queries.lock(tx, payment_id)


async def lock_shared(tx: Tx, payment_id: UUID) -> Payment:
    """A charge that others may read and lock like this, but not change until the transaction ends.

    What it says of being contested stays true so long.
    """
    return await queries.lock_shared(tx, payment_id)


async def contest(tx: Tx, payment_id: UUID, *, contested: bool) -> None:
    """Store whether the payer's bank wants a locked charge back: then nothing of it leaves."""
    await queries.contest(tx, payment_id, contested=contested)


async def charge_back(tx: Tx, payment_id: UUID, *, taken: int, promised: int) -> None:
    """Count what the payer's bank has taken of a locked charge, as far as it is not refunded.

    `promised` is what was promised back, and is not owed any more. Minor units.
    """
    await queries.charge_back(tx, payment_id, taken=taken, promised=promised)


async def references_of_booking(tx: Tx, booking_id: UUID) -> list[str]:
    """The references under which gateways know the charges of a booking."""
    return await queries.references_of_booking(tx, booking_id)


async def find_by_reference(tx: Tx, reference: str) -> Payment | None:
    """The charge that its gateway knows by this reference; None if there is none."""
    return await queries.find_by_reference(tx, reference)


async def find_by_charge_id(tx: Tx, gateway: GatewayName, charge_id: str) -> Payment | None:
    """The charge that its gateway knows by this id of its own; None if there is none."""
    return await queries.find_by_charge_id(tx, gateway, charge_id)


async def open_ids(tx: Tx, booking_id: UUID) -> list[UUID]:
    """The ids of a booking's charges that have not ended, as far as we know."""
    return await queries.open_ids(tx, booking_id)


async def ask_about(tx: Tx, reference: str) -> None:
    """Queue a look-up of an unpaid charge at its gateway.

    Anybody can call this, as often as they like; so a charge has one look-up at a time, and a
    pause after each.
    """
    if payment_id := await queries.begin_asking(tx, reference, _ASKING_FOR):
        await enqueue(tx, SettlePayment(payment_id=payment_id))


async def ask_about_unpaid(tx: Tx, *, limit: int) -> int:
    """Queue look-ups of charges that may have been paid unnoticed; returns how many.

    Failed and abandoned ones too: a guest who has the gateway's page open can still pay, and the
    webhook about that may be lost.
    """
    payment_ids = await queries.look_up_due(
        tx, look_again_in=_LOOK_AGAIN_IN, look_for=_LOOK_FOR, limit=limit
    )
    await enqueue_all(tx, [SettlePayment(payment_id=payment_id) for payment_id in payment_ids])
    return len(payment_ids)


def inconclusive(reason: str) -> GatewayUnclear:
    """The problem to raise when a gateway's answer leaves an outcome unknown. Logs the reason."""
    _log.warning("gateway answer inconclusive", reason=reason)
    return GatewayUnclear(
        "The gateway gave no clear answer. Nothing is lost: ask again with the same "
        "Idempotency-Key, and this payment goes on from where it is.",
        retry_after_s=_RETRY_SOON_S,
    )


async def _succeed(tx: Tx, payment: Payment, found: FoundCharge) -> tuple[Payment, Verdict]:
    if payment.state is PaymentState.SUCCEEDED:
        return payment, Verdict.UNCHANGED
    is_right = found.money == payment.money
    paid = await _move(
        tx,
        payment,
        PaymentState.SUCCEEDED,
        reason=f"{'' if is_right else f'{found.money} instead of {payment.money} '}"
        "paid, says the gateway",
        gateway_id=found.gateway_id,
        gateway_data=found.data,
        received=found.money,
    )
    return paid, Verdict.PAID if is_right else Verdict.PAID_OTHERWISE


async def _end(tx: Tx, payment: Payment, to: PaymentState, failure: str) -> tuple[Payment, Verdict]:
    """End an open charge that was not paid; one that has ended already stays as it is."""
    if not payment.is_open:
        return payment, Verdict.UNCHANGED
    return await _move(tx, payment, to, reason=failure, failure=failure), Verdict.FAILED


async def _move(
    tx: Tx,
    payment: Payment,
    to: PaymentState,
    *,
    reason: str,
    checkout_url: str | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
    received: Money | None = None,
) -> Payment:
    states.check(MOVES, payment.state, to)
    moved = await queries.move(
        tx,
        payment,
        to,
        reason=reason,
        checkout_url=checkout_url,
        gateway_id=gateway_id,
        gateway_data=gateway_data,
        failure=failure,
        received=received,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else moved this payment at the same moment.")
    if not moved.is_open:
        await resolve_alert(tx, _MISMATCH, moved.reference)
        await _record_settled(tx, payment, moved, reason=reason)
    return moved


async def _record_begun(tx: Tx, payment: Payment) -> None:
    await audit.record(
        tx,
        by=Actor(ActorRole.GUEST, payment.payer_id),
        action="begin_payment",
        subject=Subject("payment", payment.id),
        after={
            "state": payment.state,
            "bookingId": payment.booking_id,
            "gateway": payment.gateway,
            "reference": payment.reference,
            "amount": payment.money,
        },
    )


async def _record_settled(tx: Tx, was: Payment, payment: Payment, *, reason: str) -> None:
    await audit.record(
        tx,
        by=SYSTEM,
        action="settle_payment",
        subject=Subject("payment", payment.id),
        before={"state": was.state, "amount": was.money},
        after={"state": payment.state, "amount": payment.money},
        reason=reason,
    )


async def _alert_mismatch(
    tx: Tx, payment: Payment, found: FoundCharge, differences: Set[str]
) -> None:
    await raise_alert(
        tx,
        kind=_MISMATCH,
        severity=Severity.CRITICAL,
        subject=payment.reference,
        details={
            "differences": sorted(differences),
            "expected": str(payment.money),
            "found": str(found.money),
            "status": found.status,
            "paymentId": str(payment.id),
        },
    )
