"""Webhooks: `Stripe-Signature` over the time and the raw body, and what an event is about."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeGuard

import msgspec
from msgspec import Meta

from app.edge.gateways.port import BadPayload, BadSignature, Event, EventKind
from app.edge.gateways.stripe import chargebacks

TOLERANCE_S: Final = 300

_HEADER: Final = "stripe-signature"
_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SIGNATURES_MAX: Final = 16
_CHARGE_ID = re.compile(r"[A-Za-z0-9_]{1,100}")
_UNPAID: Final = "unpaid"

_KINDS: Final = {
    "checkout.session.async_payment_failed": EventKind.CHARGE_CHANGED,
    "checkout.session.async_payment_succeeded": EventKind.CHARGE_CHANGED,
    "checkout.session.completed": EventKind.CHARGE_CHANGED,
    "checkout.session.expired": EventKind.CHARGE_CHANGED,
    "payment_intent.canceled": EventKind.CHARGE_CHANGED,
    "payment_intent.payment_failed": EventKind.CHARGE_CHANGED,
    "payment_intent.succeeded": EventKind.CHARGE_CHANGED,
    "charge.updated": EventKind.CHARGE_CHANGED,
    "charge.dispute.closed": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.created": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.funds_reinstated": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.funds_withdrawn": EventKind.CHARGEBACK_CHANGED,
    "charge.dispute.updated": EventKind.CHARGEBACK_CHANGED,
    "charge.refund.updated": EventKind.REFUND_CHANGED,
    "charge.refunded": EventKind.REFUND_CHANGED,
    "refund.created": EventKind.REFUND_CHANGED,
    "refund.failed": EventKind.REFUND_CHANGED,
    "refund.updated": EventKind.REFUND_CHANGED,
    "transfer.created": EventKind.TRANSFER_CHANGED,
    "transfer.reversed": EventKind.TRANSFER_CHANGED,
    "transfer.updated": EventKind.TRANSFER_CHANGED,
    "account.application.deauthorized": EventKind.PAYEE_CHANGED,
    "account.updated": EventKind.PAYEE_CHANGED,
    "capability.updated": EventKind.PAYEE_CHANGED,
}

_ShortText = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Our metadata, if the object is ours; else it may be anything."""

    reference: _ShortText | None = None
    charge_reference: _ShortText | None = None


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    """What an event is about: the fields that all kinds of objects may have."""

    metadata: _Metadata | None = None
    transfer_group: _ShortText | None = None
    payment_status: str | None = None
    charge: Any = None


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    object: _Object


class _Webhook(msgspec.Struct, frozen=True, kw_only=True):
    id: _ShortText
    type: _ShortText
    data: _Data
    account: _ShortText | None = None


def read_webhook(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> Event:
    """Check `Stripe-Signature`, then read the event.

    The header is `t=<unix>,v1=<hex>[,v1=<hex>]`. A v1 is the HMAC-SHA256, with the endpoint's
    secret, of the time, a dot and the raw body.

    Raises BadSignature, BadPayload.
    """
    _check_signature(secrets, headers, body)
    try:
        webhook = msgspec.json.decode(body, type=_Webhook)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"not a Stripe event: {error}") from error
    kind, reference = _about(webhook)
    return Event(
        key=f"{webhook.account or 'platform'}:{webhook.id}",
        name=webhook.type,
        kind=kind,
        reference=reference,
    )


def _check_signature(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> None:
    given = next((v for k, v in headers.items() if k.lower() == _HEADER), "")
    pairs = [part.strip().partition("=")[::2] for part in given.split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "v1" and _SIGNATURE.fullmatch(value)]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        raise BadSignature(f"{_HEADER} is missing or malformed")
    message = times[0].encode() + b"." + body
    genuine = [hmac.new(secret, message, hashlib.sha256).hexdigest() for secret in secrets]
    if not _any_equal(signatures[:_SIGNATURES_MAX], genuine):
        raise BadSignature(f"{_HEADER} was made with another secret, body or time")
    if int(times[0]) < time.time() - TOLERANCE_S:
        raise BadSignature(f"{_HEADER} is older than {TOLERANCE_S} s: sent again, or a wrong clock")


def _any_equal(given: Sequence[str], genuine: Sequence[str]) -> bool:
    """Whether two are equal. All are always compared with all, so that it takes the same time."""
    return any([hmac.compare_digest(a, b) for a in given for b in genuine])  # noqa: C419


def _about(webhook: _Webhook) -> tuple[EventKind, str | None]:
    """The kind and the reference of an event. Without a reference of ours its kind is OTHER."""
    kind, about = _KINDS.get(webhook.type, EventKind.OTHER), webhook.data.object
    ours = about.metadata or _Metadata()
    match kind:
        case EventKind.CHARGE_CHANGED if about.payment_status == _UNPAID and _is_done(webhook):
            reference = None  # the payment takes days: another event reports how it ends
        case EventKind.CHARGE_CHANGED | EventKind.TRANSFER_CHANGED:
            reference = ours.reference
        case EventKind.REFUND_CHANGED:
            reference = ours.charge_reference or about.transfer_group
        case EventKind.CHARGEBACK_CHANGED:
            reference = chargebacks.named(about.charge) if _is_id(about.charge) else None
        case EventKind.PAYEE_CHANGED:
            reference = webhook.account  # None for the platform's own account
        case _:
            reference = None
    return (kind, reference) if reference else (EventKind.OTHER, None)


def _is_id(charge: Any) -> TypeGuard[str]:
    return isinstance(charge, str) and bool(_CHARGE_ID.fullmatch(charge))


def _is_done(webhook: _Webhook) -> bool:
    return webhook.type == "checkout.session.completed"
