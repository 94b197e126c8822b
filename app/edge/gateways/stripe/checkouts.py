"""The pages where guests pay: `POST /v1/checkout/sessions/{id}/expire`."""

import re

from app.edge.gateways import conclusions
from app.edge.gateways.http import Answered, Client, Denied, Inconclusive
from app.edge.gateways.port import CheckoutClosed, Refused, Unknown
from app.edge.gateways.retries import Repeat
from app.edge.gateways.stripe.wire import form, read_error

_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


async def close(
    client: Client, reference: str, session_id: str
) -> CheckoutClosed | Refused | Unknown:
    """Expire a session. One that was paid or has expired is refused, with its status."""
    if not _SESSION.fullmatch(session_id):
        return Refused(reason=f"{session_id[:40]!r} is not a session of Stripe")
    attempt = await client.call(
        "POST",
        f"/v1/checkout/sessions/{session_id}/expire",
        operation="close_checkout",
        reference=reference,
        body=form({}),
        repeat=Repeat.SAFE,
    )
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt)
        case Denied(status=status):
            if (error := read_error(attempt)) and error.type == "invalid_request_error":
                return Refused(reason=f"{error.message} (HTTP {status})")
            return Unknown(reason=f"the session could not be expired: HTTP {status}")
        case Answered():
            return CheckoutClosed()
