"""Charges: `POST /v3/payments`, and `GET /v3/transactions/verify_by_reference`."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from app.edge.gateways.flutterwave.amounts import chargeable, fee_from_wire, from_wire
from app.edge.gateways.flutterwave.wire import (
    REASON_LENGTH_MAX,
    Refusal,
    conclude,
    is_not_found,
    list_page,
    look_up_refused,
    read,
    read_list,
    refused,
    text,
)
from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page, Row, Span, instant, texts
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    Fact,
    Facts,
    FoundCharge,
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
_RANKS: Final = (ChargeStatus.SUCCEEDED, ChargeStatus.PENDING, ChargeStatus.FAILED)


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
    meta: Any = None

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
            return CheckoutReady(checkout_url=hosted.link, checkout_id=hosted.link)


async def list_span(
    client: Client, span: Span, cursor: str | None, *, live: bool
) -> Page[FoundCharge] | Unknown:
    """`GET /v3/transactions`: every attempt to pay."""
    return await list_page(client, "/v3/transactions", span, cursor, partial(_read_row, live=live))


def _read_row(row: Row, *, live: bool) -> FoundCharge | None:
    transaction = read(row, Transaction)
    found = read_charge(transaction, live=live) if transaction else None
    return found if isinstance(found, FoundCharge) else None


async def find(
    client: Client, reference: str, charge_id: str | None = None, *, live: bool
) -> FoundCharge | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as a charge; none before the guest has tried."""
    found = await find_attempt(client, reference, charge_id)
    return read_charge(found, live=live) if isinstance(found, Transaction) else found


async def find_attempt(
    client: Client, reference: str, charge_id: str | None = None
) -> Transaction | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as Flutterwave shows it; none before the guest has tried.

    Each attempt is a transaction of its own, all of them with one reference, and to verify a
    reference shows the last one. So if that has not succeeded, the others are looked at.
    """
    if charge_id:
        return await find_by_id(client, charge_id)
    if not is_reference(reference):
        return NoSuchCharge()  # start() sends no such reference
    last = await _verify(client, reference)
    if not isinstance(last, Transaction) or last.verdict is ChargeStatus.SUCCEEDED:
        return last
    listed = await read_list(
        client,
        "/v3/transactions",
        operation="find_charge",
        reference=reference,
        filters={"tx_ref": reference},
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, last, listed)


async def find_by_id(client: Client, transaction_id: str) -> Transaction | NoSuchCharge | Unknown:
    """`GET /v3/transactions/{id}/verify`, for an id that Flutterwave has given."""
    path = f"/v3/transactions/{quote(transaction_id, safe='')}/verify"
    return await _read_transaction(client, path, about=transaction_id)


async def _verify(client: Client, reference: str) -> Transaction | NoSuchCharge | Unknown:
    query = urlencode({"tx_ref": reference})
    path = f"/v3/transactions/verify_by_reference?{query}"
    found = await _read_transaction(client, path, about=reference)
    if isinstance(found, Transaction) and found.tx_ref != reference:
        return Unknown(reason="the reply to verify makes no sense")
    return found


async def _read_transaction(
    client: Client, path: str, *, about: str
) -> Transaction | NoSuchCharge | Unknown:
    attempt = await client.call(
        "GET", path, operation="verify", reference=about, repeat=Repeat.SAFE
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return NoSuchCharge() if is_not_found(refusal) else look_up_refused(refusal)
        case reply:
            found = read(reply.get("data"), Transaction)
            return found or Unknown(reason="the reply to verify makes no sense")


def _pick(reference: str, last: Transaction, listed: Sequence[Row]) -> Transaction | Unknown:
    """The first attempt that succeeded; else one that still may, else the last."""
    ours = [row for row in listed if row.get("tx_ref") == reference]
    attempts = [attempt for row in ours if (attempt := read(row, Transaction))]
    if len(attempts) < len(ours):
        return Unknown(reason=f"an attempt to pay {reference} makes no sense")
    attempts.sort(key=lambda each: each.created_at)
    ranked = [*attempts, last]
    return min(ranked, key=lambda each: _RANKS.index(each.verdict))


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
        at=instant(found.created_at),
        metadata=texts(found.meta),
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
        "charged_amount": text(found.charged_amount),
        "app_fee": text(found.app_fee),
        "amount_settled": text(found.amount_settled),
        "flw_ref": found.flw_ref,
        "payment_type": found.payment_type,
        "processor_response": found.processor_response,
    }
