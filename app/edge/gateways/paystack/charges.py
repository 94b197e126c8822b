"""Charges: `/transaction/initialize` and `/transaction/verify`."""

import re
from typing import Annotated, Any, Final

import httpx
import msgspec
from msgspec import Meta

from app.edge.gateways.http import Answered, Attempt, Client, Denied, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant, texts
from app.edge.gateways.paystack.amounts import chargeable, fee_from_wire, from_wire
from app.edge.gateways.paystack.wire import (
    LIVE,
    REASON_LENGTH_MAX,
    Amount,
    Domain,
    is_not_found,
    list_page,
    look_up_refused,
    read,
    read_data,
    read_refusal,
    refused,
)
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    Fact,
    Facts,
    FoundCharge,
    NewCharge,
    NoSuchCharge,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat
from app.foundation.money import Money

REVERSED: Final = "reversed"

_REFERENCE = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9.=-]{1,100}")

# `reversed` was paid, and given back in full. Every other word (`ongoing`, `pending`, `processing`,
# `queued`, and new ones) may still become either.
_STATUSES: Final = {
    "success": ChargeStatus.SUCCEEDED,
    "failed": ChargeStatus.FAILED,
    REVERSED: ChargeStatus.SUCCEEDED,
    "abandoned": ChargeStatus.ABANDONED,
}


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
    """What we use of a transaction. Its `metadata` comes in five different types."""

    id: int | str
    domain: Domain
    status: str
    reference: str
    amount: Amount
    currency: str
    requested_amount: Amount | None = None
    fees: Fact = None
    channel: Fact = None
    gateway_response: Fact = None
    paid_at: Fact = None
    metadata: Any = None
    created_at: Fact = None
    created: Fact = msgspec.field(name="createdAt", default=None)


async def start(
    client: Client, new: NewCharge
) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
    """`POST /transaction/initialize`, unless we know that Paystack would refuse it."""
    request = _initialize(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/transaction/initialize",
        operation="initialize",
        reference=new.reference,
        repeat=Repeat.SAFE,  # it makes one charge for one reference
        body=request,
    )
    return _started(new, attempt)


async def list_span(client: Client, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
    """`GET /transaction`."""
    return await list_page(client, "/transaction", span, cursor, _read_row)


async def find(client: Client, reference: str) -> FoundCharge | NoSuchCharge | Unknown:
    """`GET /transaction/verify/{reference}`. Its status is 200 for a failed payment too."""
    if not is_reference(reference):
        return NoSuchCharge()  # start() sends no such reference, and it may not be valid in a path
    attempt = await client.call(
        "GET",
        f"/transaction/verify/{reference}",
        operation="verify",
        reference=reference,
        repeat=Repeat.SAFE,
    )
    return _found(reference, attempt)


def is_reference(reference: str) -> bool:
    """Whether a charge could have this reference."""
    return bool(_REFERENCE.fullmatch(reference))


def _initialize(new: NewCharge) -> _Initialize | Refused:
    if not is_reference(new.reference):
        return Refused(reason=f"reference {new.reference!r}: only letters, digits, - . =")
    wire = chargeable(new.money)
    if isinstance(wire, Refused):
        return wire
    return _Initialize(
        email=new.email,
        amount=wire,
        currency=new.money.currency,
        reference=new.reference,
        callback_url=new.return_url,
        metadata={**new.metadata, "cancel_action": _with_reference(new)},
    )


def _with_reference(new: NewCharge) -> str:
    """Where a guest who cancels is sent: the return URL with the reference, as after paying."""
    return str(httpx.URL(new.return_url).copy_merge_params({"reference": new.reference}))


def _started(
    new: NewCharge, attempt: Attempt
) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            refusal = read_refusal(attempt)
            is_taken = refusal and refusal.code == "duplicate_reference"
            return ReferenceTaken() if is_taken else refused(attempt)
        case Answered(body=body):
            reply = read_data(body, _Initialized)
            if reply is None or reply.reference != new.reference:
                return Unknown(reason="the reply to initialize makes no sense")
            return CheckoutReady(checkout_url=reply.authorization_url)


def _found(reference: str, attempt: Attempt) -> FoundCharge | NoSuchCharge | Unknown:
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            if is_not_found(attempt, code="transaction_not_found"):
                return NoSuchCharge()
            return look_up_refused(attempt)
        case Answered(body=body):
            transaction = read_data(body, _Transaction)
            if transaction is None or transaction.reference != reference:
                return Unknown(reason="the reply to verify makes no sense")
            return _charge(transaction)


def _read_row(row: Row) -> FoundCharge | None:
    transaction = read(row, _Transaction)
    charge = _charge(transaction) if transaction else None
    return charge if isinstance(charge, FoundCharge) else None


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
        live=transaction.domain == LIVE,
        at=instant(transaction.created or transaction.created_at),
        metadata=texts(transaction.metadata),
        refunded=money.amount if transaction.status == REVERSED else None,
        data=_facts(transaction),
    )


def _asked(transaction: _Transaction) -> int:
    """What the guest was asked for, on the wire; what came in, if that is less.

    `amount` exceeds `requested_amount` if the payer pays Paystack's fee.
    """
    if transaction.requested_amount is None:
        return transaction.amount
    return min(transaction.requested_amount, transaction.amount)


def _fee(transaction: _Transaction, money: Money) -> int | None:
    """Paystack's fee, as far as it is taken out of what the guest was asked for.

    If the payer pays it, it is what came in beyond that.
    """
    if not isinstance(transaction.fees, int) or transaction.fees < 0:
        return None
    kept = max(0, transaction.fees - (transaction.amount - _asked(transaction)))
    return fee_from_wire(kept, money.currency)


def _failure(transaction: _Transaction, status: ChargeStatus) -> str:
    if status not in (ChargeStatus.FAILED, ChargeStatus.ABANDONED):
        return ""
    return str(transaction.gateway_response or transaction.status)[:REASON_LENGTH_MAX]


def _facts(transaction: _Transaction) -> Facts:
    """Paystack's words and amounts, kept as evidence."""
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
