"""Webhooks: `Stripe-Signature` over the time and the raw body, and what an event is about."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.edge.gateways import events
from app.edge.gateways.port import BadSignature, Event, EventKind
from app.edge.gateways.stripe import chargebacks

TOLERANCE_S: Final = 300

_HEADER: Final = "stripe-signature"
_TIME = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SIGNATURES_MAX: Final = 16
_ID = re.compile(r"[A-Za-z0-9_]{1,100}")
_CHARGE: Final = "charge"  # the word in `object`
_DONE: Final = "checkout.session.completed"
_UNPAID: Final = "unpaid"

_KINDS: Final = {
    "checkout.session.async_payment_failed": EventKind.CHARGE_CHANGED,
    "checkout.session.async_payment_succeeded": EventKind.CHARGE_CHANGED,
    "checkout.session.completed": EventKind.CHARGE_CHANGED,
    "checkout.session.expired": EventKind.CHARGE_CHANGED,
    "payment_intent.canceled": EventKind.CHARGE_CHANGED,
    "payment_intent.payment_failed": EventKind.CHARGE_CHANGED,
    "payment_intent.succeeded": EventKind.CHARGE_CHANGED,
    "charge.failed": EventKind.CHARGE_CHANGED,
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
    "payout.failed": EventKind.PAYEE_PAYOUT_CHANGED,
    "payout.paid": EventKind.PAYEE_PAYOUT_CHANGED,
    "account.application.deauthorized": EventKind.PAYEE_CHANGED,
    "account.updated": EventKind.PAYEE_CHANGED,
    "capability.updated": EventKind.PAYEE_CHANGED,
}


_OF_PAYEES: Final = (EventKind.PAYEE_CHANGED, EventKind.PAYEE_PAYOUT_CHANGED)


def read_webhook(secrets: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> Event:
    """Check `Stripe-Signature`, then read the event.

    The header is `t=<unix>,v1=<hex>[,v1=<hex>]`. A v1 is the HMAC-SHA256, with the endpoint's
    secret, of the time, a dot and the raw body.

    Raises BadSignature, BadPayload.
    """
    _check_signature(secrets, headers, body)
    webhook = events.fields(events.read_json(body))
    name, event_id = events.text(webhook.get("type")), events.text(webhook.get("id"))
    if name is None or event_id is None:
        return events.unreadable(body)
    account = events.text(webhook.get("account"))
    about = events.fields(events.fields(webhook.get("data")).get("object"))
    kind = _KINDS.get(name, EventKind.OTHER)
    return events.event(
        key=f"{account or 'platform'}:{event_id}",
        name=name,
        kind=kind,
        body=body,
        reference=account if kind in _OF_PAYEES else _reference(name, kind, about),
        gateway_id=_gateway_id(kind, about),
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


def _reference(name: str, kind: EventKind, about: Mapping[str, Any]) -> str | None:
    """The reference that an event's object has: ours, another's, or none."""
    ours = events.fields(about.get("metadata"))
    group = events.text(about.get("transfer_group"))
    match kind:
        case EventKind.CHARGE_CHANGED if name == _DONE and about.get("payment_status") == _UNPAID:
            return None  # the payment takes days: another event reports how it ends
        case EventKind.CHARGE_CHANGED:
            return events.text(ours.get("reference")) or group
        case EventKind.REFUND_CHANGED:
            return events.text(ours.get("charge_reference")) or group
        case EventKind.TRANSFER_CHANGED:
            return events.text(ours.get("reference"))
        case EventKind.CHARGEBACK_CHANGED:
            charge_id = _charge_id(about)
            return chargebacks.named(charge_id) if charge_id else None
        case _:
            return None


def _gateway_id(kind: EventKind, about: Mapping[str, Any]) -> str | None:
    """Stripe's id of the charge or transfer that an event is about."""
    match kind:
        case EventKind.REFUND_CHANGED | EventKind.CHARGEBACK_CHANGED:
            return _charge_id(about)
        case EventKind.CHARGE_CHANGED if about.get("object") == _CHARGE:
            return _id(about.get("id"))
        case EventKind.TRANSFER_CHANGED | EventKind.PAYEE_PAYOUT_CHANGED:
            return _id(about.get("id"))
        case _:
            return None


def _charge_id(about: Mapping[str, Any]) -> str | None:
    """The charge that a refund or dispute is of; a charge itself is in an event too."""
    return _id(about.get("id") if about.get("object") == _CHARGE else about.get("charge"))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
