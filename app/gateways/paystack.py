"""Paystack: its wire format, and nothing of it beyond this file.

Sources: Paystack's OpenAPI file (PaystackOSS/openapi, 2025-10-24) and its documentation, pages
Accept Payments, Verify Payments, Webhooks, API errors.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar, cast

import httpx
import msgspec
from msgspec import Meta

from app.gateways.http import Answered, Attempt, Denied, Line, Unclear
from app.gateways.port import (
    BadPayload,
    BadSignature,
    ChargeStatus,
    CheckoutReady,
    Event,
    EventKind,
    Fact,
    Facts,
    FoundCharge,
    GatewayName,
    NewCharge,
    NoSuchCharge,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.money import AMOUNT_MAX, EXPONENTS, Money

T = TypeVar("T")

SIGNATURE_HEADER: Final = "x-paystack-signature"

# Smallest charge per currency, on the wire; these currencies are offered, and no other.
WIRE_MIN: Final = {
    "GHS": 10,
    "KES": 300,
    "NGN": 5_000,
    "USD": 200,
    "XOF": 100,
    "ZAR": 100,
}
WIRE_MAX: Final = 1_000_000_000  # 10,000,000 of any currency
_WIRE_PER_MAJOR: Final = 100  # always, also where ISO 4217 has no minor unit (XOF)

_REFERENCE = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9.=-]{1,100}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_LIVE_KEY: Final = "sk_live_"
_NOT_FOUND_CODE: Final = "transaction_not_found"

# Only `success` is paid. `reversed` was paid and given back in full: no money is here. Every other
# word (`ongoing`, `pending`, `processing`, `queued`, and those to come) may still turn to either.
_STATUSES: Final = {
    "success": ChargeStatus.SUCCEEDED,
    "failed": ChargeStatus.FAILED,
    "reversed": ChargeStatus.FAILED,
    "abandoned": ChargeStatus.ABANDONED,
}
_CHARGE_EVENTS: Final = frozenset({"charge.success"})  # Paystack has none for failure

_ShortText = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00]*$")]


class _Initialize(msgspec.Struct, frozen=True, kw_only=True):
    email: str
    amount: int
    currency: str
    reference: str
    callback_url: str
    metadata: dict[str, str]


class _Initialized(msgspec.Struct, frozen=True, kw_only=True):
    authorization_url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2_000)]
    reference: str


class _Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of a transaction. `metadata` is not: it comes in five different types."""

    id: int | str
    domain: Literal["test", "live"]
    status: str
    reference: str
    amount: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    currency: str
    requested_amount: Annotated[int, Meta(ge=0, le=AMOUNT_MAX)] | None = None
    fees: Fact = None
    channel: Fact = None
    gateway_response: Fact = None
    paid_at: Fact = None


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Paystack's own no. `status` (false, or "false") tells it from that of a proxy before it."""

    status: bool | str
    message: str = "no reason given"
    code: str = ""


class _EventData(msgspec.Struct, frozen=True, kw_only=True):
    id: int | _ShortText | None = None
    reference: _ShortText | None = None
    status: _ShortText | None = None


class _Webhook(msgspec.Struct, frozen=True, kw_only=True):
    event: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    data: msgspec.Raw


class Paystack:
    """The adapter. The first key calls the API; webhooks may be signed with any of them."""

    name = GatewayName.PAYSTACK
    currencies = frozenset(WIRE_MIN)

    def __init__(
        self,
        *,
        secret_keys: Sequence[str],
        base_url: str,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.live = secret_keys[0].startswith(_LIVE_KEY)
        self._keys = [key.encode() for key in secret_keys]
        self._line = Line(
            self.name,
            base_url=base_url,
            secret_key=secret_keys[0],
            timeout_s=timeout_s,
            transport=transport,
        )

    def refuses(self, money: Money) -> str | None:
        """Another currency than Paystack's, or less or more than it takes in one charge."""
        return _refuses(money)

    async def start_charge(
        self, new: NewCharge
    ) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
        """`POST /transaction/initialize`."""
        request = _initialize(new)
        if isinstance(request, Refused):
            return request
        attempt = await self._line.call(
            "POST",
            "/transaction/initialize",
            operation="initialize",
            reference=new.reference,
            body=request,
        )
        return _started(new, attempt)

    async def find_charge(self, reference: str) -> FoundCharge | NoSuchCharge | Unknown:
        """`GET /transaction/verify/{reference}`. Answers 200 for a failed payment too."""
        if not _REFERENCE.fullmatch(reference):
            return (
                NoSuchCharge()
            )  # start_charge sends no such reference, and a path may not hold it
        attempt = await self._line.call(
            "GET",
            f"/transaction/verify/{reference}",
            operation="verify",
            reference=reference,
        )
        return _found(reference, attempt)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> Event:
        """Check `x-paystack-signature`, HMAC-SHA512 of the raw body, in lower-case hex."""
        self._check_signature(headers, body)
        try:
            webhook = msgspec.json.decode(body, type=_Webhook)
            data = msgspec.json.decode(webhook.data, type=_EventData)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(f"not a Paystack event: {error}") from error
        return _event(webhook.event, data, body)

    async def close(self) -> None:
        await self._line.close()

    def _check_signature(self, headers: Mapping[str, str], body: bytes) -> None:
        given = next((v for k, v in headers.items() if k.lower() == SIGNATURE_HEADER), "")
        if not _SIGNATURE.fullmatch(given):
            raise BadSignature(f"{SIGNATURE_HEADER} is missing or malformed")
        genuine = [hmac.new(key, body, hashlib.sha512).hexdigest() for key in self._keys]
        if not any([hmac.compare_digest(given, signature) for signature in genuine]):  # noqa: C419  all keys, always: equal time
            raise BadSignature(f"{SIGNATURE_HEADER} was made with another key or body")


def to_wire(money: Money) -> int | None:
    """Paystack's amount: a hundredth of the major unit; None where that is no whole number."""
    exponent = EXPONENTS.get(money.currency)
    if exponent is None:
        return None
    wire, rest = divmod(money.amount * _WIRE_PER_MAJOR, 10**exponent)
    return None if rest else wire


def from_wire(amount: int, currency: str) -> Money | None:
    """The reverse: minor units by ISO 4217, or None where the amount does not fit the currency."""
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        return None
    minor, rest = divmod(amount * 10**exponent, _WIRE_PER_MAJOR)
    return None if rest else Money(amount=minor, currency=currency)


def _refuses(money: Money) -> str | None:
    smallest = WIRE_MIN.get(money.currency)
    if smallest is None:
        return f"Paystack does not take {money.currency}"
    wire = to_wire(money)
    if wire is None or wire > WIRE_MAX:
        return f"{money} is more than Paystack takes in one charge"
    if wire < smallest:
        return (
            f"{money} is less than {from_wire(smallest, money.currency)}, Paystack's least charge"
        )
    return None


def _initialize(new: NewCharge) -> _Initialize | Refused:
    """The request, or why Paystack would refuse it: then it is not even asked."""
    if not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"reference {new.reference!r}: only letters, digits, - . =")
    wire = to_wire(new.money)
    reason = _refuses(new.money)
    if wire is None or reason:
        return Refused(reason=reason or f"{new.money} is no amount of Paystack's")
    return _Initialize(
        email=new.email,
        amount=wire,
        currency=new.money.currency,
        reference=new.reference,
        callback_url=new.return_url,
        metadata={**new.metadata, "cancel_action": _with_reference(new)},
    )


def _with_reference(new: NewCharge) -> str:
    """Where a guest who cancels is sent: the way back, with the reference as after paying."""
    return str(httpx.URL(new.return_url).copy_merge_params({"reference": new.reference}))


def _started(
    new: NewCharge, attempt: Attempt
) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Unclear(reason=reason):
            return Unknown(reason=reason)
        case Denied(status=status, body=body):
            refusal = _read(body, _Refusal)
            if refusal is None:
                return Unknown(reason=f"HTTP {status}, but not from Paystack")
            if refusal.code == "duplicate_reference":
                return ReferenceTaken()
            return Refused(reason=f"{refusal.message} (HTTP {status})")
        case Answered(body=body):
            reply = _data(body, _Initialized)
            if reply is None or reply.reference != new.reference:
                return Unknown(reason="the answer to initialize makes no sense")
            return CheckoutReady(checkout_url=reply.authorization_url)


def _found(reference: str, attempt: Attempt) -> FoundCharge | NoSuchCharge | Unknown:
    match attempt:
        case Unclear(reason=reason):
            return Unknown(reason=reason)
        case Denied(status=status, body=body):
            refusal = _read(body, _Refusal)
            if refusal and (status == HTTPStatus.NOT_FOUND or refusal.code == _NOT_FOUND_CODE):
                return NoSuchCharge()
            # A wrong key, a blocked address: says nothing about the charge.
            message = refusal.message if refusal else "not from Paystack"
            return Unknown(reason=f"look-up refused: {message} (HTTP {status})")
        case Answered(body=body):
            transaction = _data(body, _Transaction)
            if transaction is None or transaction.reference != reference:
                return Unknown(reason="the answer to verify makes no sense")
            return _charge(transaction)


def _charge(transaction: _Transaction) -> FoundCharge | Unknown:
    money = from_wire(_asked(transaction), transaction.currency)
    if money is None:
        return Unknown(
            reason=f"{_asked(transaction)} does not fit {transaction.currency}: not an amount"
        )
    status = _STATUSES.get(transaction.status, ChargeStatus.PENDING)
    return FoundCharge(
        reference=transaction.reference,
        gateway_id=str(transaction.id),
        status=status,
        money=money,
        fee=_fee(transaction, money),
        failure=_failure(transaction, status),
        live=transaction.domain == "live",
        data=_facts(transaction),
    )


def _asked(transaction: _Transaction) -> int:
    """What the guest was asked for, on the wire; what came in, if that is less.

    `amount` exceeds `requested_amount` where the payer bears Paystack's fee.
    """
    if transaction.requested_amount is None:
        return transaction.amount
    return min(transaction.requested_amount, transaction.amount)


def _fee(transaction: _Transaction, money: Money) -> int | None:
    """Paystack's fee, as far as it comes out of what the guest was asked for.

    Where the payer bears it, it is what came in beyond that.
    """
    if not isinstance(transaction.fees, int) or transaction.fees < 0:
        return None
    kept = max(0, transaction.fees - (transaction.amount - _asked(transaction)))
    return kept * 10 ** EXPONENTS[money.currency] // _WIRE_PER_MAJOR


def _failure(transaction: _Transaction, status: ChargeStatus) -> str:
    if status not in (ChargeStatus.FAILED, ChargeStatus.ABANDONED):
        return ""
    return str(transaction.gateway_response or transaction.status)[:500]


def _facts(transaction: _Transaction) -> Facts:
    """Paystack's words and wire amounts, as evidence."""
    return {
        "status": transaction.status,
        "domain": transaction.domain,
        "amount": transaction.amount,
        "requested_amount": transaction.requested_amount,
        "fees": transaction.fees,
        "channel": transaction.channel,
        "gateway_response": transaction.gateway_response,
        "paid_at": transaction.paid_at,
    }


def _event(name: str, data: _EventData, body: bytes) -> Event:
    is_charge = name in _CHARGE_EVENTS
    if is_charge and not (data.id and data.reference):
        raise BadPayload(f"{name} without id or reference")
    return Event(
        key=_key(name, data, body),
        name=name,
        kind=EventKind.CHARGE_CHANGED if is_charge else EventKind.OTHER,
        reference=data.reference,
    )


def _key(name: str, data: _EventData, body: bytes) -> str:
    """Paystack gives its events no id: what they are about is their identity.

    An event about nothing that has an id (refunds, customers) is known by its bytes.
    """
    if data.id is None:
        return f"{name}:sha256:{hashlib.sha256(body).hexdigest()}"
    return f"{name}:{data.id}:{data.reference or ''}:{data.status or ''}"


def _data(body: Any, kind: type[T]) -> T | None:
    """The `data` of a reply whose `status` says that the call worked."""
    reply = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    return _read(reply.get("data"), kind) if reply.get("status") is True else None


def _read(value: Any, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
