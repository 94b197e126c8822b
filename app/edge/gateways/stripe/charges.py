"""Charges: `POST /v1/checkout/sessions`, and `GET /v1/charges` of a group."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import httpx
import msgspec
from msgspec import Meta

from app.edge.gateways.http import Answered, Attempt, Client, Denied, Form, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant, texts
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
from app.edge.gateways.stripe.amounts import chargeable, fee_from_wire, from_wire
from app.edge.gateways.stripe.wire import (
    REASON_LENGTH_MAX,
    Amount,
    Id,
    form,
    list_page,
    look_up_refused,
    read,
    read_list,
    read_one,
    refused,
)
from app.foundation.money import Money

# It is the Idempotency-Key too, and a filter of lists.
_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")

_WITH_FEES: Final = {"expand[]": "data.balance_transaction"}
_WITH_FEE: Final = urlencode({"expand[]": "balance_transaction"})
_ID = re.compile(r"[A-Za-z0-9_]{1,100}")

# At most one attempt to pay a session succeeds: that one counts, else one that still may.
_STATUSES: Final = {
    "succeeded": ChargeStatus.SUCCEEDED,
    "failed": ChargeStatus.FAILED,
}
_RANKS: Final = (ChargeStatus.SUCCEEDED, ChargeStatus.PENDING, ChargeStatus.FAILED)


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to a new session. `url` is null once it cannot be paid any more."""

    id: Id
    client_reference_id: str
    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2_000)] | None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a charge or refund does to our balance; in another currency if it was exchanged."""

    amount: int
    currency: str
    fee: int


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    seller_message: Fact = None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of an attempt to pay."""

    id: Id
    transfer_group: str | None
    status: str
    amount: Amount
    currency: str
    livemode: bool
    created: int | None = None
    metadata: Any = None
    amount_refunded: Amount = 0
    disputed: bool = False
    payment_intent: Fact = None
    failure_code: Fact = None
    failure_message: Fact = None
    outcome: _Outcome | None = None
    balance_transaction: Balance | str | None = None

    @property
    def verdict(self) -> ChargeStatus:
        return _STATUSES.get(self.status, ChargeStatus.PENDING)


async def start(
    client: Client, new: NewCharge
) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
    """`POST /v1/checkout/sessions`, unless we know that Stripe would refuse it.

    For a day, a second call with the same reference gets the same reply.
    """
    request = _request(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/v1/checkout/sessions",
        operation="checkout",
        reference=new.reference,
        body=request,
        idempotency_key=new.reference,
        repeat=Repeat.SAFE,
    )
    return _started(new, attempt)


async def list_span(client: Client, span: Span, cursor: str | None) -> Page[FoundCharge] | Unknown:
    """`GET /v1/charges`: every attempt to pay."""
    return await list_page(client, "/v1/charges", span, cursor, _read_row, filters=_WITH_FEES)


async def find(
    client: Client, reference: str, charge_id: str | None = None
) -> FoundCharge | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as a charge; none before the guest has tried."""
    if charge_id:
        charge = await find_by_id(client, charge_id)
        return _found(reference, charge) if isinstance(charge, Charge) else charge
    listed = await _attempts(client, reference)
    if isinstance(listed, Unknown):
        return listed
    charge = _pick(reference, listed)
    if not isinstance(charge, Charge):
        return charge
    found = _found(reference, charge)
    if isinstance(found, Unknown):
        return found
    return msgspec.structs.replace(found, also_paid=_also_paid(charge, listed))


async def find_id(client: Client, reference: str) -> str | Refused:
    """Stripe's id of what was paid, for a call that moves money out of it.

    Refused if it is not found: the call is not made then, and that is conclusive.
    """
    charge = await find_attempt(client, reference)
    match charge:
        case Unknown(reason=reason):
            return Refused(reason=f"the charge could not be looked up: {reason}")
        case NoSuchCharge():
            return Refused(reason=f"there is no charge {reference!r} at Stripe")
        case Charge():
            return charge.id


async def find_attempt(client: Client, reference: str) -> Charge | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as Stripe shows it; none before the guest has tried."""
    listed = await _attempts(client, reference)
    return listed if isinstance(listed, Unknown) else _pick(reference, listed)


async def find_by_id(client: Client, charge_id: str) -> Charge | NoSuchCharge | Unknown:
    """`GET /v1/charges/{id}`."""
    if not _ID.fullmatch(charge_id):
        return NoSuchCharge()
    row = await read_one(
        client,
        f"/v1/charges/{charge_id}?{_WITH_FEE}",
        operation="find_charge",
        reference=charge_id,
    )
    match row:
        case Unknown():
            return row
        case Denied(status=HTTPStatus.NOT_FOUND):
            return NoSuchCharge()
        case Denied():
            return look_up_refused(row)
        case _:
            return read(row, Charge) or Unknown(reason=f"the charge {charge_id} makes no sense")


async def _attempts(client: Client, reference: str) -> list[Row] | Unknown:
    if not is_reference(reference):
        return []  # start() sends no such reference
    return await read_list(
        client,
        "/v1/charges",
        operation="find_charge",
        reference=reference,
        filters={"transfer_group": reference, **_WITH_FEES},
    )


def is_reference(reference: str) -> bool:
    """Whether a charge could have this reference."""
    return bool(_REFERENCE.fullmatch(reference))


def _request(new: NewCharge) -> Form | Refused:
    if not is_reference(new.reference):
        return Refused(reason=f"reference {new.reference!r}: only letters, digits, - . _ =")
    wire = chargeable(new.money)
    if isinstance(wire, Refused):
        return wire
    way_back = _with_reference(new)
    price = {
        "currency": new.money.currency.lower(),
        "unit_amount": wire,
        "product_data": {"name": f"Booking {new.reference}"},
    }
    return form(
        {
            "mode": "payment",
            "client_reference_id": new.reference,
            "customer_email": new.email,
            "line_items": [{"quantity": 1, "price_data": price}],
            "success_url": way_back,
            "cancel_url": way_back,
            "metadata": {**new.metadata, "reference": new.reference},
            # A session's own metadata is not copied to what is made when it is paid.
            "payment_intent_data": {
                "transfer_group": new.reference,
                "metadata": {**new.metadata, "reference": new.reference},
            },
            # The guest pays in the currency of the price, and the amounts can be compared.
            "adaptive_pricing": {"enabled": False},
        }
    )


def _with_reference(new: NewCharge) -> str:
    return str(httpx.URL(new.return_url).copy_merge_params({"reference": new.reference}))


def _started(
    new: NewCharge, attempt: Attempt
) -> CheckoutReady | Refused | ReferenceTaken | Unknown:
    match attempt:
        case Inconclusive(is_replay=True):
            # Stripe repeats this error for this key from now on. If there is a session, its address
            # is lost, and nobody can pay it.
            return ReferenceTaken()
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            session = read(body, _Session)
            if session is None or session.client_reference_id != new.reference:
                return Unknown(reason="the reply to the session makes no sense")
            return CheckoutReady(checkout_url=session.url) if session.url else ReferenceTaken()


def _pick(reference: str, listed: Sequence[Row]) -> Charge | NoSuchCharge | Unknown:
    """The attempt that counts: of several that succeeded the first, else the newest."""
    if not listed:
        return NoSuchCharge()
    charges = [charge for each in listed if (charge := read(each, Charge))]
    if len(charges) < len(listed) or any(each.transfer_group != reference for each in charges):
        return Unknown(reason=f"a charge of {reference} makes no sense")
    if paid := _succeeded(charges):
        return paid[-1]
    return min(charges, key=lambda each: _RANKS.index(each.verdict))


def _also_paid(first: Charge, listed: Sequence[Row]) -> tuple[str, ...]:
    charges = [charge for each in listed if (charge := read(each, Charge))]
    return tuple(each.id for each in _succeeded(charges) if each.id != first.id)


def _succeeded(charges: Sequence[Charge]) -> list[Charge]:
    return [each for each in charges if each.verdict is ChargeStatus.SUCCEEDED]


def _read_row(row: Row) -> FoundCharge | None:
    charge = read(row, Charge)
    found = _found(charge.transfer_group or "", charge) if charge else None
    return found if isinstance(found, FoundCharge) else None


def _found(reference: str, charge: Charge) -> FoundCharge | Unknown:
    money = from_wire(charge.amount, charge.currency)
    if money is None:
        return Unknown(reason=f"{charge.amount} does not fit {charge.currency}: not an amount")
    refunded = from_wire(charge.amount_refunded, charge.currency)
    balance = charge.balance_transaction
    return FoundCharge(
        reference=reference,
        gateway_id=charge.id,
        status=charge.verdict,
        money=money,
        fee=_fee(balance) if isinstance(balance, Balance) else None,
        settled=exchanged(balance, charge.currency),
        refunded=refunded.amount if refunded else None,
        failure=_failure(charge),
        live=charge.livemode,
        at=instant(charge.created),
        metadata=texts(charge.metadata),
        data=_facts(charge),
    )


def exchanged(balance: Balance | str | None, currency: str) -> Money | None:
    """What was added to our balance, or taken from it, if that is in another currency."""
    if not isinstance(balance, Balance) or balance.currency == currency:
        return None
    return from_wire(abs(balance.amount), balance.currency)


def _fee(balance: Balance) -> int | None:
    """Stripe's fee in minor units of the balance's currency, rounded down."""
    is_known = balance.fee >= 0 and from_wire(0, balance.currency)
    return fee_from_wire(balance.fee, balance.currency) if is_known else None


def _failure(charge: Charge) -> str:
    if charge.verdict is not ChargeStatus.FAILED:
        return ""
    message = charge.outcome.seller_message if charge.outcome else None
    reason = charge.failure_message or message or charge.failure_code or charge.status
    return str(reason)[:REASON_LENGTH_MAX]


def _facts(charge: Charge) -> Facts:
    """Stripe's words and amounts, kept as evidence."""
    return {
        "status": charge.status,
        "amount": charge.amount,
        "amount_refunded": charge.amount_refunded,
        "currency": charge.currency,
        "payment_intent": charge.payment_intent,
        "failure_code": charge.failure_code,
        "disputed": charge.disputed,
    }
