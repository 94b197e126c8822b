"""Webhooks: who sends them, and what an event is about.

In v3 the header holds the secret itself and does not sign the body; in v4 it signs the body. An
account has one of the two schemes, and a header of the other one is never accepted.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, cast

import msgspec
from msgspec import Meta

from app.edge.gateways.flutterwave.refunds import charge_in
from app.edge.gateways.port import BadPayload, BadSignature, Event, EventKind


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

_ShortText = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Id = int | _ShortText


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    id: _Id
    status: str = ""
    tx_ref: _ShortText | None = None
    reference: _ShortText | None = None


class _Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An event: in v3 its name is in `event`; in v4 it is in `type`, and the event has an id."""

    data: _Data
    event: _ShortText | None = None
    type: _ShortText | None = None
    webhook_id: _ShortText | None = None
    id: _ShortText | None = None


class _OldTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """An event about a transfer, as accounts with old settings get it."""

    transfer: _Data


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """An event about a refund: it has no envelope, and its fields have names of their own."""

    id: _Id
    status: _ShortText
    transaction_id: _Id = msgspec.field(name="TransactionId")
    comments: str | None = None


def read_webhook(
    secrets: Sequence[bytes], scheme: Scheme, headers: Mapping[str, str], body: bytes
) -> Event:
    """Check the header of the account's scheme, then read. Raises BadSignature, BadPayload."""
    _check_signature(secrets, scheme, headers, body)
    try:
        payload: Any = msgspec.json.decode(body)
        return _event(cast("dict[str, Any]", payload) if isinstance(payload, dict) else {})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not a Flutterwave event: {error}") from error


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


def _event(payload: dict[str, Any]) -> Event:
    if "TransactionId" in payload:
        return _refund_event(msgspec.convert(payload, _Refund))
    if "transfer" in payload:
        transfer = msgspec.convert(payload, _OldTransfer).transfer
        return _event_of(None, "transfer.completed", transfer)
    webhook = msgspec.convert(payload, _Webhook)
    name = webhook.event or webhook.type
    if name is None:
        raise BadPayload("neither event nor type is there")
    return _event_of(webhook.webhook_id or webhook.id, name, webhook.data)


def _event_of(event_id: str | None, name: str, data: _Data) -> Event:
    """An event; in v3 it has no id, and its key is made of what it is about."""
    kind = _KINDS.get(name, EventKind.OTHER)
    reference = data.reference or data.tx_ref
    if kind is EventKind.CHARGE_CHANGED:
        reference = data.tx_ref or data.reference
    key = event_id or f"{name}:{data.id}:{data.status}"
    if reference is None or kind is EventKind.OTHER:
        return Event(key=key[:500], name=name, kind=EventKind.OTHER, reference=None)
    return Event(key=key[:500], name=name, kind=kind, reference=reference)


def _refund_event(refund: _Refund) -> Event:
    """An event about a refund; if we did not make that refund, its kind is OTHER."""
    reference = charge_in(refund.comments)
    return Event(
        key=f"refund:{refund.id}:{refund.status}",
        name="refund",
        kind=EventKind.REFUND_CHANGED if reference else EventKind.OTHER,
        reference=reference,
    )
