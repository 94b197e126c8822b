"""Flows with a gateway call between two transactions: commit, call, commit."""

from typing import Final
from uuid import UUID

import msgspec

from app import idempotency
from app.accounts import actions as accounts
from app.checkout import actions
from app.checkout.model import Initiate
from app.db import Tx, transaction
from app.gateways.port import NewCharge, Refused, Unknown
from app.gateways.registry import gateway_for, gateway_named
from app.idempotency import Key
from app.payments import actions as payments
from app.payments.model import GatewayRefused, Payment, PaymentReply, PaymentState
from app.settings import settings
from app.webhooks import actions as webhooks

_ATTEMPTS_MAX: Final = 2  # a charge whose checkout address was lost is begun once more
_READY: Final = frozenset({PaymentState.PENDING, PaymentState.SUCCEEDED})


async def initiate(guest_id: UUID, request: Initiate, key: Key) -> bytes | idempotency.Stored:
    """Begin to pay for a booking; the reply holds the address where the guest pays.

    Returns the encoded PaymentReply, or what is stored under the key. Asking again with the same
    key, or after a crash, goes on with the charge that was begun. Raises NotPayable, HoldExpired,
    PaymentStarting, GatewayRefused, GatewayUnclear.
    """
    for _ in range(_ATTEMPTS_MAX):
        async with transaction() as tx:
            stored = await idempotency.recall(tx, key)
            if stored and stored.reply is not None:
                return stored
            payment, charge = await _begin(tx, guest_id, request)
            if payment.state in _READY:
                return await _keep(tx, key, payment)
            await idempotency.take(tx, key, resource_id=payment.id, busy_for=payments.CALLING_FOR)
        outcome = await gateway_named(payment.gateway).start_charge(charge)
        async with transaction() as tx:
            payment = await payments.started(tx, payment, outcome)
            if payment.state in _READY:
                return await _keep(tx, key, payment)
            await idempotency.release(tx, key)
        match outcome:
            case Refused(reason=reason):
                raise GatewayRefused(f"The gateway refused: {reason}")
            case Unknown(reason=reason):
                raise payments.unclear(reason)
            case _:  # its checkout address was lost with an earlier answer: begin another
                continue
    raise payments.unclear("the checkout address was lost twice")


async def settle_payment(payment_id: UUID, *, event_id: UUID | None = None) -> Payment:
    """Ask the gateway what became of a charge, and book the answer once.

    `event_id` is the webhook that prompted this: marked processed in the same commit as its
    effect. Raises NoSuchPayment, GatewayUnclear.
    """
    async with transaction() as tx:
        payment = await payments.get(tx, payment_id)
    gateway = gateway_named(payment.gateway)
    found = await gateway.find_charge(payment.reference)
    if isinstance(found, Unknown):
        raise payments.unclear(found.reason)
    async with transaction() as tx:
        payment = await actions.settle(tx, payment, found, live=gateway.live)
        if event_id:
            await webhooks.processed(tx, event_id)
    return payment


async def _begin(tx: Tx, guest_id: UUID, request: Initiate) -> tuple[Payment, NewCharge]:
    booking = await actions.payable(tx, booking_id=request.booking_id, guest_id=guest_id)
    guest = await accounts.read_account(tx, account_id=guest_id)
    payment = await actions.begin(tx, booking, gateway=gateway_for(booking.currency).name)
    charge = NewCharge(
        reference=payment.reference,
        money=payment.money,
        email=guest.email,
        return_url=request.return_url or f"{settings().base_url}/api/payments/return",
        metadata={"bookingId": str(booking.id)},
    )
    return payment, charge


async def _keep(tx: Tx, key: Key, payment: Payment) -> bytes:
    reply = msgspec.json.encode(PaymentReply.of(payment))
    await idempotency.remember(tx, key, status=201, reply=reply)
    return reply
