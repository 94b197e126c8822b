"""Begin a charge, record how its start went, and settle it by the gateway's own answer."""

from collections.abc import Set
from datetime import timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways import references
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
from app.foundation.db import Tx
from app.foundation.money import Money
from app.money.payments import rules
from app.money.payments.actions.look_up import LOOK_AGAIN_IN, RETRY_SOON_S
from app.money.payments.actions.read import get
from app.money.payments.model import (
    MOVES,
    Payment,
    PaymentStarting,
    PaymentState,
    Verdict,
)
from app.money.payments.queries import charges

# Longer than the calls of a request can last (PATIENCE_OF_REQUESTS_S, and a time-out): a call that
# has not ended by then was cut off by a crash.
CALLING_FOR: Final = timedelta(seconds=30)
_ASKING_PAUSE: Final = timedelta(seconds=10)
# If a charge differs from ours in these alone, its money is really there, and is refunded.
_WRONG: Final = frozenset({"amount", "currency"})
_MISMATCH: Final = "payment_mismatch"


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
    payment = await charges.find_open(tx, booking_id)
    if payment and rules.is_stranded(payment, gateway, down):
        await _move(tx, payment, PaymentState.ABANDONED, reason="its gateway is down")
        payment = None
    if payment is None:
        payment_id = uuid_utils.compat.uuid7()
        payment = await charges.insert(
            tx,
            payment_id=payment_id,
            booking_id=booking_id,
            payer_id=payer_id,
            gateway=gateway,
            reference=references.of_charge(payment_id),
            money=money,
            calling_for=CALLING_FOR,
            look_in=LOOK_AGAIN_IN,
        )
        await _record_begun(tx, payment)
        return payment
    if payment.state is PaymentState.PENDING:
        return payment
    if not await charges.begin_calling(tx, payment.id, CALLING_FOR):
        raise PaymentStarting("It is being started; ask again.", retry_after_s=RETRY_SOON_S)
    return await get(tx, payment.id)


async def record_start(
    tx: Tx, payment: Payment, outcome: CheckoutReady | Refused | ReferenceTaken | Unknown
) -> Payment:
    """Record how the call that starts a charge at its gateway ended.

    An unknown outcome leaves the charge `created`: the next request starts the same reference
    again, and the gateway refuses it if the first call got through. A webhook may have been faster
    than the answer: then the charge is settled already, and stays as it is.
    """
    payment = await charges.lock(tx, payment.id)
    if payment.state is not PaymentState.CREATED:
        return payment
    match outcome:
        case CheckoutReady():
            to, why = PaymentState.PENDING, "ready to be paid"
            return await _move(tx, payment, to, reason=why, checkout=outcome)
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
            await charges.end_calling(tx, payment.id)
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
    await charges.end_asking(tx, payment_id, _ASKING_PAUSE)
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
    checkout: CheckoutReady | None = None,
    gateway_id: str | None = None,
    gateway_data: Facts | None = None,
    failure: str | None = None,
    received: Money | None = None,
) -> Payment:
    states.check(MOVES, payment.state, to)
    moved = await charges.move(
        tx,
        payment,
        to,
        reason=reason,
        checkout=checkout,
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
