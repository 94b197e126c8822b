"""Webhooks: who sends them, and what an event is about.

In v3 the header holds the secret itself and does not sign the body; in v4 it signs the body. An
account has one of the two schemes, and a header of the other one is never accepted.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from app.edge.gateways import events
from app.edge.gateways.flutterwave.refunds import charge_in
from app.edge.gateways.port import BadSignature, Event, EventKind


class Scheme(StrEnum):
    """How an account's webhooks are signed and shaped."""

    V3 = "v3"
    V4 = "v4"


_HEADERS: Final = {Scheme.V3: "verif-hash", Scheme.V4: "flutterwave-signature"}

# `charge.completed` comes for failures too.
_KINDS: Final = {
    "charge.completed": EventKind.CHARGE_CHANGED,
    "transfer.completed": EventKind.TRANSFER_CHANGED,
    "transfer.disburse": EventKind.TRANSFER_CHANGED,  # v4
    "transfer.reversal": EventKind.TRANSFER_CHANGED,  # v4; the name is not documented
}


def read_webhook(
    secrets: Sequence[bytes], scheme: Scheme, headers: Mapping[str, str], body: bytes
) -> Event:
    """Check the header of the account's scheme, then read. Raises BadSignature, BadPayload."""
    _check_signature(secrets, scheme, headers, body)
    payload = events.fields(events.read_json(body))
    if "TransactionId" in payload:
        return _refund_event(payload, body)
    if "transfer" in payload:  # accounts with old settings get events of this shape
        transfer = events.fields(payload.get("transfer"))
        return _event_of(None, "transfer.completed", transfer, body)
    name = events.text(payload.get("event")) or events.text(payload.get("type"))
    if name is None:
        return events.unreadable(body)
    event_id = events.text(payload.get("webhook_id")) or events.text(payload.get("id"))
    return _event_of(event_id, name, events.fields(payload.get("data")), body)


def _check_signature(
    secrets: Sequence[bytes], scheme: Scheme, headers: Mapping[str, str], body: bytes
) -> None:
    header = _HEADERS[scheme]
    given = next((v for k, v in headers.items() if k.lower() == header), "").encode()
    genuine = [_signature(secret, scheme, body) for secret in secrets]
    if not given or not any([hmac.compare_digest(given, each) for each in genuine]):  # noqa: C419  all, always: it takes the same time
        raise BadSignature(f"{header} is missing or wrong")


def _signature(secret: bytes, scheme: Scheme, body: bytes) -> bytes:
    if scheme is Scheme.V3:
        return secret
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())


def _event_of(event_id: str | None, name: str, data: Mapping[str, Any], body: bytes) -> Event:
    """An event; in v3 it has no id, and its key is made of what it is about.

    In v3 the charge's reference is in `tx_ref`; in v4, and for a transfer, it is in `reference`.
    """
    kind = _KINDS.get(name, EventKind.OTHER)
    references = [events.text(data.get(field)) for field in ("tx_ref", "reference")]
    if kind is not EventKind.CHARGE_CHANGED:
        references.reverse()
    subject = events.text(data.get("id"))
    made = f"{name}:{subject}:{data.get('status') or ''}" if subject else events.digest(body)
    return events.event(
        key=event_id or made,
        name=name,
        kind=kind,
        body=body,
        reference=references[0] or references[1],
        gateway_id=subject,
    )


def _refund_event(refund: Mapping[str, Any], body: bytes) -> Event:
    """An event about a refund: it has no envelope, and its fields have names of their own.

    It names the charge; one that we made has our references in its comments.
    """
    subject = events.text(refund.get("id"))
    made = f"refund:{subject}:{refund.get('status') or ''}" if subject else events.digest(body)
    return events.event(
        key=made,
        name="refund",
        kind=EventKind.REFUND_CHANGED,
        body=body,
        reference=events.text(charge_in(refund.get("comments"))),
        gateway_id=events.text(refund.get("TransactionId")),
    )
