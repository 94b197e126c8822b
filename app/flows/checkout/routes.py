"""Paying over HTTP: begin, see the state, verify, and the page that guests return to."""

from typing import Annotated
from uuid import UUID

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from app.flows.checkout import stories
from app.flows.checkout.model import Initiate
from app.foundation import web
from app.foundation.db import transaction
from app.foundation.idempotency import Stored
from app.foundation.limited import by_account, by_address
from app.foundation.limits import COME_BACK, VERIFY
from app.money.payments import actions as payments
from app.money.payments.model import NoSuchPayment, Payment, PaymentReply
from app.people.accounts.guards import AuthenticatedRequest, require_proved_email
from app.people.accounts.model import Principal, Role

Reference = Annotated[
    str, QueryParameter(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9.=_-]+$")
]

_RETURN_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Thank you</title>
<h1>Thank you</h1>
<p>We are asking the payment gateway for the result. You can close this page:
your booking shows it in a moment, and a mail follows.</p>
</html>
"""


@post(
    "/api/payments/initiate",
    guards=[require_proved_email],
    tags=["payments"],
    summary="Begin to pay for a booking",
    examples={
        "a booking": {
            "bookingId": "0198c0de-0000-7000-8000-000000000003",
            "returnUrl": "https://shop.example/thank-you",
        }
    },
)
async def initiate(
    request: AuthenticatedRequest, data: JSONBody[Initiate]
) -> Response[PaymentReply]:
    web.check_return(data.return_url, field="returnUrl")
    key = await web.require_idempotency_key(request)
    reply = await stories.initiate(request.user.id, data, key)
    if isinstance(reply, Stored):
        return web.replayed(reply)
    return web.created(reply)


@get("/api/payments/status", tags=["payments"], summary="The state of a payment")
async def status(request: AuthenticatedRequest, reference: Reference) -> PaymentReply:
    async with transaction() as tx:
        payment = await payments.find_by_reference(tx, reference)
    if payment is None:
        raise NoSuchPayment("You have no payment of this reference.")
    return PaymentReply.of(_own(payment, request.user))


@post(
    "/api/payments/{payment_id:uuid}/verify",
    status_code=200,
    guards=[by_account(VERIFY)],
    tags=["payments"],
    summary="Ask the gateway for the state of a payment, once in five seconds at most",
)
async def verify(request: AuthenticatedRequest, payment_id: FromPath[UUID]) -> PaymentReply:
    async with transaction() as tx:
        _own(await payments.get(tx, payment_id), request.user)
    return PaymentReply.of(await stories.verify(payment_id, asker_id=request.user.id))


@get(
    "/api/payments/return",
    media_type=MediaType.HTML,
    exclude_from_auth=True,
    guards=[by_address(COME_BACK)],
    tags=["payments"],
    summary="Where a gateway sends the guest back to. The visit only has the gateway asked",
)
async def come_back(reference: Reference) -> str:
    async with transaction() as tx:
        await payments.ask_about(tx, reference)
    return _RETURN_PAGE


def _own(payment: Payment, asker: Principal) -> Payment:
    """The payment, if it is the asker's or the asker is an admin."""
    if payment.payer_id == asker.id or Role.ADMIN in asker.roles:
        return payment
    raise NoSuchPayment("You have no such payment.")


routes: list[HTTPRouteHandler] = [initiate, status, verify, come_back]
