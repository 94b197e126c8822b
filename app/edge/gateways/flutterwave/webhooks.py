"""Webhooks: who sends them, and what an event is about.

Under v3 the header holds the secret itself and covers no byte of the body; under v4 it signs the
body. An account has one of the two: never is either taken in the other's place.
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

# `charge.completed` is told of failures too.
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
    """v3: `event`. v4: `type`, and an id of its own."""

    data: _Data
    event: _ShortText | None = None
    type: _ShortText | None = None
    webhook_id: _ShortText | None = None
    id: _ShortText | None = None


class _OldTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What old settings still send of a transfer."""

    transfer: _Data


class _Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund comes without an envelope, in other words than anywhere else."""

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
        told: Any = msgspec.json.decode(body)
        return _event(cast("dict[str, Any]", told) if isinstance(told, dict) else {})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not a Flutterwave event: {error}") from error


def _check_signature(
    secrets: Sequence[bytes], scheme: Scheme, headers: Mapping[str, str], body: bytes
) -> None:
    header = _HEADERS[scheme]
    given = next((v for k, v in headers.items() if k.lower() == header), "").encode()
    genuine = [_signature(secret, scheme, body) for secret in secrets]
    if not given or not any([hmac.compare_digest(given, each) for each in genuine]):  # noqa: C419  all, always: equal time
        raise BadSignature(f"{header} is missing or wrong")


def _signature(secret: bytes, scheme: Scheme, body: bytes) -> bytes:
    if scheme is Scheme.V3:
        return secret
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest())


def _event(told: dict[str, Any]) -> Event:
    if "TransactionId" in told:
        return _refund_event(msgspec.convert(told, _Refund))
    if "transfer" in told:
        transfer = msgspec.convert(told, _OldTransfer).transfer
        return _event_of(None, "transfer.completed", transfer)
    webhook = msgspec.convert(told, _Webhook)
    name = webhook.event or webhook.type
    if name is None:
        raise BadPayload("neither event nor type is there")
    return _event_of(webhook.webhook_id or webhook.id, name, webhook.data)


def _event_of(event_id: str | None, name: str, data: _Data) -> Event:
    """Under v3 what an event is about is its identity: it has no id of its own."""
    kind = _KINDS.get(name, EventKind.OTHER)
    reference = data.reference or data.tx_ref
    if kind is EventKind.CHARGE_CHANGED:
        reference = data.tx_ref or data.reference
    key = event_id or f"{name}:{data.id}:{data.status}"
    if reference is None or kind is EventKind.OTHER:
        return Event(key=key[:500], name=name, kind=EventKind.OTHER, reference=None)
    return Event(key=key[:500], name=name, kind=kind, reference=reference)


def _refund_event(refund: _Refund) -> Event:
    """One that was not made by us is about nothing of ours."""
    reference = charge_in(refund.comments)
    return Event(
        key=f"refund:{refund.id}:{refund.status}",
        name="refund",
        kind=EventKind.REFUND_CHANGED if reference else EventKind.OTHER,
        reference=reference,
    )
