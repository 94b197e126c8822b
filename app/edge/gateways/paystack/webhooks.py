"""Webhooks: the signature over the raw body, and what an event is about."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from app.edge.gateways import events
from app.edge.gateways.port import BadSignature, Event, EventKind

_SIGNATURE_HEADER: Final = "x-paystack-signature"
_SIGNATURE = re.compile(r"[0-9a-f]{128}")

_KINDS: Final = {
    "charge.failed": EventKind.CHARGE_CHANGED,  # not documented, but seen
    "charge.success": EventKind.CHARGE_CHANGED,
    "charge.dispute.create": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.remind": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.resolve": EventKind.CHARGEBACK_CHANGED,
    "refund.failed": EventKind.REFUND_CHANGED,
    "refund.needs-attention": EventKind.REFUND_CHANGED,
    "refund.pending": EventKind.REFUND_CHANGED,
    "refund.processed": EventKind.REFUND_CHANGED,
    "refund.processing": EventKind.REFUND_CHANGED,
    "transfer.failed": EventKind.TRANSFER_CHANGED,
    "transfer.reversed": EventKind.TRANSFER_CHANGED,
    "transfer.success": EventKind.TRANSFER_CHANGED,
}


def read_webhook(
    keys: Sequence[tuple[bytes, str]], headers: Mapping[str, str], body: bytes
) -> Event:
    """Check `x-paystack-signature`, the HMAC-SHA512 of the raw body in lower-case hex; then read.

    `keys` are those of all businesses, each with the name of its business. Two businesses may send
    what looks alike: so the name, if there is one, is in the event and in its key. Raises
    BadSignature, BadPayload.
    """
    account = _signer(keys, headers, body)
    event = _read(body)
    if not account:
        return event
    return msgspec.structs.replace(event, key=f"{account}/{event.key}", account=account)


def _read(body: bytes) -> Event:
    webhook = events.fields(events.read_json(body))
    name = events.text(webhook.get("event"))
    if name is None:
        return events.unreadable(body)
    data, kind = events.fields(webhook.get("data")), _KINDS.get(name, EventKind.OTHER)
    match kind:
        case EventKind.REFUND_CHANGED:
            return _refund_event(name, data, body)
        case EventKind.CHARGEBACK_CHANGED:
            return _chargeback_event(name, data, body)
        case _:
            return _event(name, kind, data, body)


def _signer(keys: Sequence[tuple[bytes, str]], headers: Mapping[str, str], body: bytes) -> str:
    """The business with whose key this body is signed. Raises BadSignature."""
    given = next((v for k, v in headers.items() if k.lower() == _SIGNATURE_HEADER), "")
    if not _SIGNATURE.fullmatch(given):
        raise BadSignature(f"{_SIGNATURE_HEADER} is missing or malformed")
    genuine = [(hmac.new(key, body, hashlib.sha512).hexdigest(), name) for key, name in keys]
    # All keys, always: it takes the same time.
    signers = [name for signature, name in genuine if hmac.compare_digest(given, signature)]
    if not signers:
        raise BadSignature(f"{_SIGNATURE_HEADER} was made with another key or body")
    return signers[0]


def _event(name: str, kind: EventKind, data: Mapping[str, Any], body: bytes) -> Event:
    return events.event(
        key=_key(name, data, body),
        name=name,
        kind=kind,
        body=body,
        reference=events.text(data.get("reference")),
        gateway_id=_gateway_id(kind, data),
    )


def _gateway_id(kind: EventKind, data: Mapping[str, Any]) -> str | None:
    """Paystack's id of a charge, or its code of a transfer."""
    if kind is EventKind.TRANSFER_CHANGED:
        return events.text(data.get("transfer_code"))
    return events.text(data.get("id"))


def _key(name: str, data: Mapping[str, Any], body: bytes) -> str:
    """The key of an event: Paystack's events have no ids, so it is made of their subject.

    If the subject has no id either (a customer), it is the event's bytes.
    """
    subject = events.text(data.get("id"))
    if subject is None:
        return f"{name}:{events.digest(body)}"
    reference = data.get("reference") or ""
    about = events.text(data.get("transfer_code")) or f"{subject}:{reference}"
    return f"{name}:{about}:{data.get('status') or ''}"


def _refund_event(name: str, data: Mapping[str, Any], body: bytes) -> Event:
    """An event about a refund. Without the refund's id, two equal refunds have the same event.

    So each delivery then is an event of its own: to look twice is better than to miss the second.
    """
    is_named = events.text(data.get("id")) or events.text(data.get("refund_reference"))
    return events.event(
        key=f"{name}:{events.digest(body)}" + ("" if is_named else f":{uuid4().hex}"),
        name=name,
        kind=EventKind.REFUND_CHANGED,
        body=body,
        reference=events.text(data.get("transaction_reference")),
    )


def _chargeback_event(name: str, data: Mapping[str, Any], body: bytes) -> Event:
    """An event about a chargeback: reminders of it come more than once, with the same status."""
    charge = events.fields(data.get("transaction"))
    return events.event(
        key=f"{name}:{events.text(data.get('id'))}:{events.digest(body)}",
        name=name,
        kind=EventKind.CHARGEBACK_CHANGED,
        body=body,
        reference=events.text(charge.get("reference")),
        gateway_id=events.text(charge.get("id")),
    )
