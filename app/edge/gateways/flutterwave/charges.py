"""Charges: `POST /v3/payments`, and `GET /v3/transactions/verify_by_reference`."""

import re
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from app.edge.gateways.days import Row, listing
from app.edge.gateways.flutterwave.amounts import chargeable, fee_from_wire, from_wire
from app.edge.gateways.flutterwave.wire import (
    REASON_LENGTH_MAX,
    Refusal,
    conclude,
    is_not_found,
    look_up_refused,
    read,
    read_day,
    refused,
)
from app.edge.gateways.http import Client
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    Fact,
    Facts,
    FoundCharge,
    Listing,
    NewCharge,
    NoSuchCharge,
    Refused,
    Unknown,
)
from app.edge.gateways.retries import Repeat
from app.foundation.money import Money

_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")

# Every other word (`pending`, and new ones) may still become either.
_STATUSES: Final = {"successful": ChargeStatus.SUCCEEDED, "failed": ChargeStatus.FAILED}


class _Customer(msgspec.Struct, frozen=True, kw_only=True):
    email: str


class _NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    tx_ref: str
    amount: Decimal
    currency: str  # without it Flutterwave takes NGN
    redirect_url: str
    customer: _Customer
    meta: dict[str, str]


class _Hosted(msgspec.Struct, frozen=True, kw_only=True):
    link: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2_000)]


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of an attempt to pay. `charged_amount` is more if the payer pays the fee."""

    id: int | str
    tx_ref: str
    status: str
    amount: Decimal
    currency: str
    charged_amount: Decimal | None = None
    app_fee: Decimal | None = None
    merchant_fee: Decimal | None = None
    amount_settled: Decimal | None = None
    processor_response: Fact = None
    payment_type: Fact = None
    flw_ref: Fact = None
    created_at: str = ""

    @property
    def verdict(self) -> ChargeStatus:
        return _STATUSES.get(self.status, ChargeStatus.PENDING)


async def start(client: Client, new: NewCharge) -> CheckoutReady | Refused | Unknown:
    """`POST /v3/payments`, unless we know that Flutterwave would refuse it.

    Flutterwave does not check references: a second call makes a second link, and both can be paid.
    So only one may ever be shown.
    """
    request = _request(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/v3/payments",
        operation="payment",
        reference=new.reference,
        repeat=Repeat.NEVER,
        body=request,
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return refused(refusal)
        case reply:
            hosted = read(reply.get("data"), _Hosted)
            if hosted is None:
                return Unknown(reason="the reply to the payment makes no sense")
            return CheckoutReady(checkout_url=hosted.link)


async def list_day(client: Client, day: date, *, live: bool) -> Listing[FoundCharge] | Unknown:
    """`GET /v3/transactions`: every attempt to pay."""
    rows = await read_day(client, "/v3/transactions", day)
    return rows if isinstance(rows, Unknown) else listing(rows, partial(_read_row, live=live))


def _read_row(row: Row, *, live: bool) -> FoundCharge | None:
    transaction = read(row, Transaction)
    found = read_charge(transaction, live=live) if transaction else None
    return found if isinstance(found, FoundCharge) else None


async def find_by_id(client: Client, transaction_id: str) -> Transaction | Unknown:
    """`GET /v3/transactions/{id}/verify`, for an id that Flutterwave has given."""
    attempt = await client.call(
        "GET",
        f"/v3/transactions/{quote(transaction_id, safe='')}/verify",
        operation="verify",
        reference=transaction_id,
        repeat=Repeat.SAFE,
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return look_up_refused(refusal)
        case reply:
            found = read(reply.get("data"), Transaction)
            return found or Unknown(reason="the reply to verify makes no sense")


async def find(
    client: Client, reference: str, *, live: bool
) -> FoundCharge | NoSuchCharge | Unknown:
    """The last attempt to pay, as a charge; none before the guest has tried."""
    found = await find_attempt(client, reference)
    return read_charge(found, live=live) if isinstance(found, Transaction) else found


async def find_attempt(client: Client, reference: str) -> Transaction | NoSuchCharge | Unknown:
    """The last attempt to pay, as Flutterwave shows it; none before the guest has tried."""
    if not is_reference(reference):
        return NoSuchCharge()  # start() sends no such reference
    query = urlencode({"tx_ref": reference})
    attempt = await client.call(
        "GET",
        f"/v3/transactions/verify_by_reference?{query}",
        operation="verify",
        reference=reference,
        repeat=Repeat.SAFE,
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return NoSuchCharge() if is_not_found(refusal) else look_up_refused(refusal)
        case reply:
            found = read(reply.get("data"), Transaction)
            if found is None or found.tx_ref != reference:
                return Unknown(reason="the reply to verify makes no sense")
            return found


def is_reference(reference: str) -> bool:
    """Whether a charge could have this reference."""
    return bool(_REFERENCE.fullmatch(reference))


def read_charge(found: Transaction, *, live: bool) -> FoundCharge | Unknown:
    """`live` is that of our key: a transaction does not say it."""
    money = from_wire(_asked(found), found.currency)
    if money is None:
        return Unknown(reason=f"{_asked(found)} does not fit {found.currency}: not an amount")
    return FoundCharge(
        reference=found.tx_ref,
        gateway_id=str(found.id),
        status=found.verdict,
        money=money,
        fee=_fee(found, money),
        failure=_failure(found),
        live=live,
        data=_facts(found),
    )


def _request(new: NewCharge) -> _NewPayment | Refused:
    if not is_reference(new.reference):
        return Refused(reason=f"reference {new.reference!r}: only letters, digits, - . _ =")
    wire = chargeable(new.money)
    if isinstance(wire, Refused):
        return wire
    return _NewPayment(
        tx_ref=new.reference,
        amount=wire,
        currency=new.money.currency,
        redirect_url=new.return_url,
        customer=_Customer(email=new.email),
        meta=new.metadata,
    )


def _asked(found: Transaction) -> Decimal:
    """What the guest was asked for; what came in, if that is less."""
    return found.amount if found.charged_amount is None else min(found.amount, found.charged_amount)


def _fee(found: Transaction, money: Money) -> int | None:
    """What Flutterwave keeps of what the guest was asked for.

    That is all that is not settled, with stamp duty. Until the settled amount is known it is the
    fees, less what the payer pays of them.
    """
    asked = _asked(found)
    if found.amount_settled and 0 < found.amount_settled <= asked:
        return fee_from_wire(asked - found.amount_settled, money.currency)
    if found.app_fee is None:
        return None
    paid_by_payer = (found.charged_amount or asked) - asked
    kept = found.app_fee + (found.merchant_fee or Decimal(0)) - paid_by_payer
    return fee_from_wire(max(kept, Decimal(0)), money.currency)


def _failure(found: Transaction) -> str:
    if found.verdict is not ChargeStatus.FAILED:
        return ""
    return str(found.processor_response or found.status)[:REASON_LENGTH_MAX]


def _facts(found: Transaction) -> Facts:
    """Flutterwave's words and amounts, kept as evidence."""
    return {
        "status": found.status,
        "amount": str(found.amount),
        "charged_amount": _text(found.charged_amount),
        "app_fee": _text(found.app_fee),
        "amount_settled": _text(found.amount_settled),
        "flw_ref": found.flw_ref,
        "payment_type": found.payment_type,
        "processor_response": found.processor_response,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
