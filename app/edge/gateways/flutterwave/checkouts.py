"""The pages where guests pay: `POST /v3/payments/link/disable`.

https://developer.flutterwave.com/v3.0.0/docs/flutterwave-standard-1: it takes the link itself, and
answers 400 for one that is disabled already. A guest who has the page open may go on for a while.
"""

import msgspec

from app.edge.gateways.flutterwave.wire import Refusal, conclude, refused
from app.edge.gateways.http import Client
from app.edge.gateways.port import CheckoutClosed, Refused, Unknown
from app.edge.gateways.retries import Repeat


class _Link(msgspec.Struct, frozen=True, kw_only=True):
    link: str


async def close(client: Client, reference: str, link: str) -> CheckoutClosed | Refused | Unknown:
    """Disable a link. It may be done again: the second call is refused."""
    attempt = await client.call(
        "POST",
        "/v3/payments/link/disable",
        operation="close_checkout",
        reference=reference,
        repeat=Repeat.SAFE,
        body=_Link(link=link),
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal(http=401 | 403) as refusal:
            return Unknown(reason=refusal.message)
        case Refusal() as refusal:
            return refused(refusal)
        case _:
            return CheckoutClosed()
