"""Begin and settle charges: commit, call the gateway, commit its answer."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.edge.calls import actions as calls
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutClosed,
    CheckoutReady,
    FoundCharge,
    FoundInstruction,
    NewCharge,
    NoSuchCharge,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.registry import gateway_named, gateway_to_charge, refused_by_all
from app.edge.webhooks import actions as webhooks
from app.flows.checkout import actions
from app.flows.checkout.model import HoldExpired, Initiate, NotPayable, StillOpen
from app.foundation import idempotency, limits
from app.foundation.db import Tx, now, transaction
from app.foundation.idempotency import Key
from app.foundation.limits import ASK_GATEWAY, GATEWAY_CALLS, INITIATE, Limited
from app.foundation.queue import CloseCheckout, StartCharge, enqueue
from app.foundation.settings import settings
from app.market.bookings import actions as bookings
from app.market.bookings import rules as booking_rules
from app.market.bookings.model import UNPAID, Booking
from app.money.instructions import actions as instructions
from app.money.instructions.model import Origin
from app.money.payments import actions as payments
from app.money.payments.model import (
    GatewayRefused,
    GatewayUnclear,
    Payment,
    PaymentReply,
    PaymentState,
)
from app.people.accounts import actions as accounts

_ATTEMPTS_MAX: Final = 2  # a charge whose checkout address was lost is begun once more
_SOON: Final = timedelta(minutes=5)  # nobody refunds at a gateway what was begun just now
_READY: Final = frozenset({PaymentState.PENDING, PaymentState.SUCCEEDED})


async def initiate(guest_id: UUID, request: Initiate, key: Key) -> bytes | idempotency.Stored:
    """Begin to pay for a booking; the reply holds the address where the guest pays.

    Returns the encoded PaymentReply, or what is stored under the key. The same request with the
    same key, also after a crash, continues with the charge that was begun; so does a job, if the
    gateway's answer is late. Raises NotPayable, HoldExpired, PaymentStarting, GatewayRefused,
    GatewayUnclear.
    """
    for _ in range(_ATTEMPTS_MAX):
        async with transaction() as tx:
            stored = await idempotency.recall(tx, key, bucket=limits.bucket(INITIATE, guest_id))
            if stored and stored.reply is not None:
                return stored
            if stored and (reply := await _ready_reply(tx, key, stored)):
                return reply
            payment, charge = await _begin(tx, guest_id, request)
            if payment.state in _READY:
                return await _keep(tx, key, payment)
            await idempotency.take(tx, key, resource_id=payment.id, busy_for=payments.CALLING_FOR)
        outcome = await gateway_named(payment.gateway).start_charge(charge)
        if reply := await _started(payment, outcome, key, request):
            return reply
        match outcome:
            case Refused(reason=reason):
                raise GatewayRefused(f"The gateway refused: {reason}")
            case Unknown(reason=reason):
                raise payments.inconclusive(reason)
            case _:  # its checkout address was lost with an earlier answer: begin another
                continue
    raise payments.inconclusive("the checkout address was lost twice")


async def _ready_reply(tx: Tx, key: Key, stored: idempotency.Stored) -> bytes | None:
    """The reply for the charge that an earlier request of this key began, if it can be paid now."""
    if stored.resource_id is None:
        return None
    payment = await payments.get(tx, stored.resource_id)
    return await _keep(tx, key, payment) if payment.state in _READY else None


async def start_later(payment_id: UUID, return_url: str | None) -> None:
    """Start a charge whose request got no clear answer, so that the guest can pay it after all.

    Nothing is done if it was started meanwhile, or if its booking is not to be paid any more.
    Raises PaymentStarting, GatewayUnclear: try again later.
    """
    for _ in range(_ATTEMPTS_MAX):
        async with transaction() as tx:
            begun = await _begin_again(tx, payment_id, return_url)
        if begun is None:
            return
        payment, charge = begun
        outcome = await gateway_named(payment.gateway).start_charge(charge)
        found = await _look_up(payment) if isinstance(outcome, ReferenceTaken) else None
        async with transaction() as tx:
            payment, _ = await _record_start(tx, payment, outcome, found)
        match outcome:
            case Unknown(reason=reason):
                raise payments.inconclusive(reason)
            case ReferenceTaken() if payment.state not in _READY:
                payment_id = payment.id  # its address was lost: begin another
            case _:
                return


async def close_checkout(payment_id: UUID) -> None:
    """Close the page of a charge that nobody is to pay any more, then settle the charge.

    One that was paid meanwhile is settled as a late payment. Raises GatewayUnclear.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
    closed = await _close(payment)
    await settle_payment(payment_id)
    if isinstance(closed, Unknown):
        raise payments.inconclusive(closed.reason)


async def verify(payment_id: UUID, *, asker_id: UUID) -> Payment:
    """Settle a charge now, for somebody who waits. Raises NoSuchPayment, GatewayUnclear, Limited.

    If the gateway was asked seconds ago, what is stored is the answer. Without a clear answer in
    time, a job goes on asking.
    """
    try:
        await limits.take_now(limits.bucket(ASK_GATEWAY, payment_id))
    except Limited:
        async with transaction() as tx:
            return await payments.get(tx, payment_id)
    await limits.take_now(limits.bucket(GATEWAY_CALLS, asker_id))
    try:
        return await settle_payment(payment_id)
    except GatewayUnclear:
        async with transaction() as tx:
            payment = await payments.get(tx, payment_id)
            await payments.ask_about(tx, payment.reference)
        raise


async def _close(payment: Payment) -> CheckoutClosed | Refused | Unknown | None:
    gateway = gateway_named(payment.gateway)
    is_unpaid = payment.state is not PaymentState.SUCCEEDED
    if payment.checkout_id is None or not (is_unpaid and gateway.closes_checkouts):
        return None
    return await gateway.close_checkout(payment.reference, payment.checkout_id)


async def _begin_again(
    tx: Tx, payment_id: UUID, return_url: str | None
) -> tuple[Payment, NewCharge] | None:
    """The open charge of the booking, if it is still to be started: nobody refused it, or paid."""
    payment = await payments.get(tx, payment_id)
    if payment.state not in (PaymentState.CREATED, PaymentState.ABANDONED):
        return None
    request = Initiate(booking_id=payment.known_booking_id, return_url=return_url)
    try:
        begun, charge = await _begin(tx, payment.known_payer_id, request)
    except (NotPayable, HoldExpired):
        return None
    return None if begun.state in _READY else (begun, charge)


async def _started(
    payment: Payment,
    outcome: CheckoutReady | Refused | ReferenceTaken | Unknown,
    key: Key,
    request: Initiate,
) -> bytes | None:
    """Record how the call ended; returns the reply if the guest can pay or has paid, else None.

    A taken reference was used by an earlier call whose answer was lost: the gateway is asked about
    that charge before it is abandoned. Raises NotPayable if the booking was cancelled meanwhile.
    """
    found = await _look_up(payment) if isinstance(outcome, ReferenceTaken) else None
    async with transaction() as tx:
        payment, booking = await _record_start(tx, payment, outcome, found)
        payable = booking.state in UNPAID
        if payment.state in _READY and (payable or payment.state is PaymentState.SUCCEEDED):
            return await _keep(tx, key, payment)
        await idempotency.release(tx, key)
        if payable and isinstance(outcome, Unknown):
            later = StartCharge(payment_id=payment.id, return_url=request.return_url)
            await enqueue(tx, later)
    if not payable:
        raise NotPayable(f"The booking is {booking.state}.")
    return None


async def _record_start(
    tx: Tx,
    payment: Payment,
    outcome: CheckoutReady | Refused | ReferenceTaken | Unknown,
    found: FoundCharge | NoSuchCharge | None,
) -> tuple[Payment, Booking]:
    """Record how starting a charge ended; the page of a booking that has ended is closed again."""
    booking = await bookings.lock(tx, payment.known_booking_id)
    if found:
        live = gateway_named(payment.gateway).live
        payment = await actions.settle(tx, payment, found, live=live)
    payment = await payments.record_start(tx, payment, outcome)
    if booking.state not in UNPAID and payment.state is PaymentState.PENDING:
        await enqueue(tx, CloseCheckout(payment_id=payment.id))
    return payment, booking


async def settle_payment(payment_id: UUID, *, event_id: UUID | None = None) -> Payment:
    """Ask the gateway about a charge, and settle it by the answer, once.

    `event_id` is the webhook that caused this: it is marked as processed in the same commit. Raises
    NoSuchPayment, GatewayUnclear, and StillOpen if the webhook says more than the gateway yet does.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
        is_new = await now(tx) - payment.created_at < _SOON and payment.origin is Origin.BERTHOLD
    found = await _look_up(payment)
    refunds: list[FoundInstruction] = []
    is_paid_out = False
    if isinstance(found, FoundCharge) and _is_seen_paid_first(payment, found):
        refunds = await _given_back(payment, found, is_new=is_new)
        is_paid_out = payment.booking_id is None and await _is_paid_out(payment)
    async with transaction() as tx:
        live = gateway_named(payment.gateway).live
        payment = await actions.settle(
            tx, payment, found, live=live, refunds=refunds, is_paid_out=is_paid_out
        )
        if event_id and not payment.is_open:
            await webhooks.processed(tx, event_id)
    if event_id and payment.is_open:
        raise StillOpen("The gateway's own answer does not confirm the webhook yet.")
    return payment


async def _look_up(payment: Payment) -> FoundCharge | NoSuchCharge:
    """What the gateway has of this payment; if its reference was paid again, it shows the other."""
    found = await _find(payment, payment.asked_id)
    if isinstance(found, NoSuchCharge) or payment.charge_id in (None, found.gateway_id):
        return found
    own = await _find(payment, payment.charge_id)
    if isinstance(own, NoSuchCharge) or found.status is not ChargeStatus.SUCCEEDED:
        return own
    return msgspec.structs.replace(own, also_paid=(*own.also_paid, found.gateway_id))


async def _find(payment: Payment, charge_id: str | None) -> FoundCharge | NoSuchCharge:
    gateway = gateway_named(payment.gateway)
    found = await gateway.find_charge(
        payment.asked_as, charge_id=charge_id, currency=payment.asked.currency
    )
    if isinstance(found, Unknown):
        raise payments.inconclusive(found.reason)
    return found


async def _is_paid_out(payment: Payment) -> bool:
    """Whether the gateway has a transfer of a charge of which nothing else is here.

    Its reference follows from the charge, by way of the pot that it had filled.
    """
    gateway = gateway_named(payment.gateway)
    for reference in instructions.references_of_payouts(payment.id):
        found = await gateway.find_transfer(
            reference, charge_reference=payment.asked_as, currency=payment.asked.currency
        )
        if isinstance(found, Unknown):
            raise payments.inconclusive(found.reason)
        if isinstance(found, FoundInstruction) and found.status.moves_money:
            return True
    return False


def _is_seen_paid_first(payment: Payment, found: FoundCharge) -> bool:
    is_paid_there = found.status is ChargeStatus.SUCCEEDED
    return is_paid_there and payment.state is not PaymentState.SUCCEEDED


async def _given_back(
    payment: Payment, found: FoundCharge, *, is_new: bool
) -> list[FoundInstruction]:
    """The refunds of a charge that we see paid for the first time: somebody may have made some.

    A gateway that does not say so with the charge is asked, unless the charge was begun just now.
    """
    if found.refunded == 0 or (found.refunded is None and is_new):
        return []
    gateway = gateway_named(payment.gateway)
    refunds = await gateway.find_refunds(
        payment.asked_as, charge_id=found.gateway_id, currency=payment.asked.currency
    )
    if isinstance(refunds, Unknown):
        raise payments.inconclusive(refunds.reason)
    return refunds


async def _begin(tx: Tx, guest_id: UUID, request: Initiate) -> tuple[Payment, NewCharge]:
    parts = await actions.payable(tx, booking_id=request.booking_id, guest_id=guest_id)
    price, shares = booking_rules.total(parts), booking_rules.amounts_apart(parts)
    if reason := refused_by_all(price, parts=shares):
        raise NotPayable(reason)
    guest = await accounts.read_account(tx, account_id=guest_id)
    down = await calls.gateways_down(tx)
    gateway = gateway_to_charge(price, parts=shares, down=down).name
    payment = await actions.begin(tx, parts, gateway=gateway, down=down)
    charge = NewCharge(
        reference=payment.reference,
        money=payment.money,
        email=guest.email,
        return_url=request.return_url or f"{settings().base_url}/api/payments/return",
        metadata={"bookingId": str(parts[0].id)},
    )
    return payment, charge


async def _keep(tx: Tx, key: Key, payment: Payment) -> bytes:
    reply = msgspec.json.encode(PaymentReply.of(payment))
    await idempotency.remember(tx, key, status=201, reply=reply)
    return reply
