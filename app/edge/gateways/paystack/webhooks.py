"""Webhooks: the signature over the raw body, and what an event is about."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import uuid4

import msgspec
from msgspec import Meta

from app.edge.gateways.port import BadPayload, BadSignature, Event, EventKind

_SIGNATURE_HEADER: Final = "x-paystack-signature"
_SIGNATURE = re.compile(r"[0-9a-f]{128}")

_KINDS: Final = {
    "charge.success": EventKind.CHARGE_CHANGED,  # Paystack has no event for failure
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

_ShortText = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00]*$")]


class _Webhook(msgspec.Struct, frozen=True, kw_only=True):
    event: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    data: msgspec.Raw


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    id: int | _ShortText | None = None
    reference: _ShortText | None = None
    status: _ShortText | None = None
    transfer_code: _ShortText | None = None


class _Charge(msgspec.Struct, frozen=True, kw_only=True):
    reference: Annotated[_ShortText, Meta(min_length=1)]


class _DisputeData(msgspec.Struct, frozen=True, kw_only=True):
    id: int | _ShortText
    transaction: _Charge


class _RefundData(msgspec.Struct, frozen=True, kw_only=True):
    """An event about a refund has the reference of the charge, and the refund's only sometimes."""

    transaction_reference: Annotated[_ShortText, Meta(min_length=1)]
    id: int | _ShortText | None = None
    refund_reference: int | _ShortText | None = None


def read_webhook(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> Event:
    """Check `x-paystack-signature`, the HMAC-SHA512 of the raw body in lower-case hex; then read.

    Raises BadSignature, BadPayload.
    """
    _check_signature(keys, headers, body)
    try:
        webhook = msgspec.json.decode(body, type=_Webhook)
        kind = _KINDS.get(webhook.event, EventKind.OTHER)
        if kind is EventKind.REFUND_CHANGED:
            refund = msgspec.json.decode(webhook.data, type=_RefundData)
            return _refund_event(webhook.event, refund, body)
        if kind is EventKind.CHARGEBACK_CHANGED:
            dispute = msgspec.json.decode(webhook.data, type=_DisputeData)
            return _chargeback_event(webhook.event, dispute, body)
        data = msgspec.json.decode(webhook.data, type=_Data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not a Paystack event: {error}") from error
    return _event(webhook.event, kind, data, body)


def _check_signature(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> None:
    given = next((v for k, v in headers.items() if k.lower() == _SIGNATURE_HEADER), "")
    if not _SIGNATURE.fullmatch(given):
        raise BadSignature(f"{_SIGNATURE_HEADER} is missing or malformed")
    genuine = [hmac.new(key, body, hashlib.sha512).hexdigest() for key in keys]
    if not any([hmac.compare_digest(given, signature) for signature in genuine]):  # noqa: C419  all keys, always: it takes the same time
        raise BadSignature(f"{_SIGNATURE_HEADER} was made with another key or body")


def _event(name: str, kind: EventKind, data: _Data, body: bytes) -> Event:
    if kind is not EventKind.OTHER and not (data.id and data.reference):
        raise BadPayload(f"{name} without id or reference")
    return Event(key=_key(name, data, body), name=name, kind=kind, reference=data.reference)


def _key(name: str, data: _Data, body: bytes) -> str:
    """The key of an event: Paystack's events have no ids, so it is made of their subject.

    If the subject has no id either (a customer), it is the event's bytes.
    """
    if data.id is None:
        return f"{name}:{_digest(body)}"
    about = data.transfer_code or f"{data.id}:{data.reference or ''}"
    return f"{name}:{about}:{data.status or ''}"


def _refund_event(name: str, refund: _RefundData, body: bytes) -> Event:
    """An event about a refund. Without the refund's id, two equal refunds have the same event.

    So each delivery then is an event of its own: to look twice is better than to miss the second.
    """
    is_named = refund.id or refund.refund_reference
    return Event(
        key=f"{name}:{_digest(body)}" + ("" if is_named else f":{uuid4().hex}"),
        name=name,
        kind=EventKind.REFUND_CHANGED,
        reference=refund.transaction_reference,
    )


def _chargeback_event(name: str, dispute: _DisputeData, body: bytes) -> Event:
    """An event about a chargeback: reminders of it come more than once, with the same status."""
    return Event(
        key=f"{name}:{dispute.id}:{_digest(body)}",
        name=name,
        kind=EventKind.CHARGEBACK_CHANGED,
        reference=dispute.transaction.reference,
    )


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
