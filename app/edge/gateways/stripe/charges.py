"""Charges: `POST /v1/checkout/sessions`, and `GET /v1/charges` of a group."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

import httpx
import msgspec
from msgspec import Meta

from app.edge.gateways.days import Row, listing
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Form, Inconclusive
from app.edge.gateways.port import (
    ChargeStatus,
    CheckoutReady,
    Fact,
    Facts,
    FoundCharge,
    Listing,
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
    read,
    read_day,
    read_list,
    refused,
)

# It is the Idempotency-Key too, and a filter of lists.
_REFERENCE = re.compile(r"[A-Za-z0-9._=-]{1,100}")

_WITH_FEES: Final = {"expand[]": "data.balance_transaction"}

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


class _Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a charge does to our balance; in another currency if it was exchanged."""

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
    amount_refunded: Amount = 0
    disputed: bool = False
    payment_intent: Fact = None
    failure_code: Fact = None
    failure_message: Fact = None
    outcome: _Outcome | None = None
    balance_transaction: _Balance | str | None = None

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


async def list_day(client: Client, day: date) -> Listing[FoundCharge] | Unknown:
    """`GET /v1/charges`: every attempt to pay."""
    rows = await read_day(client, "/v1/charges", day, _WITH_FEES)
    return rows if isinstance(rows, Unknown) else listing(rows, _read_row)


async def find(client: Client, reference: str) -> FoundCharge | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as a charge; none before the guest has tried."""
    charge = await find_attempt(client, reference)
    return _found(reference, charge) if isinstance(charge, Charge) else charge


async def find_attempt(client: Client, reference: str) -> Charge | NoSuchCharge | Unknown:
    """The attempt to pay that counts, as Stripe shows it; none before the guest has tried."""
    if not is_reference(reference):
        return NoSuchCharge()  # start() sends no such reference
    listed = await read_list(
        client,
        "/v1/charges",
        operation="find_charge",
        reference=reference,
        filters={"transfer_group": reference, **_WITH_FEES},
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, listed)


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


def _pick(reference: str, listed: Sequence[dict[str, Any]]) -> Charge | NoSuchCharge | Unknown:
    if not listed:
        return NoSuchCharge()
    charges = [charge for each in listed if (charge := read(each, Charge))]
    if len(charges) < len(listed) or any(each.transfer_group != reference for each in charges):
        return Unknown(reason=f"a charge of {reference} makes no sense")
    if sum(each.verdict is ChargeStatus.SUCCEEDED for each in charges) > 1:
        return Unknown(reason=f"{reference} was paid more than once: see Stripe's dashboard")
    return min(charges, key=lambda each: _RANKS.index(each.verdict))  # of equals the newest


def _read_row(row: Row) -> FoundCharge | None:
    charge = read(row, Charge)
    found = _found(charge.transfer_group or "", charge) if charge else None
    return found if isinstance(found, FoundCharge) else None


def _found(reference: str, charge: Charge) -> FoundCharge | Unknown:
    money = from_wire(charge.amount, charge.currency)
    if money is None:
        return Unknown(reason=f"{charge.amount} does not fit {charge.currency}: not an amount")
    return FoundCharge(
        reference=reference,
        gateway_id=charge.id,
        status=charge.verdict,
        money=money,
        fee=_fee(charge),
        failure=_failure(charge),
        live=charge.livemode,
        data=_facts(charge),
    )


def _fee(charge: Charge) -> int | None:
    """Stripe's fee in minor units, rounded down; None if it was taken in another currency."""
    balance = charge.balance_transaction
    if not isinstance(balance, _Balance) or balance.currency != charge.currency or balance.fee < 0:
        return None
    return fee_from_wire(balance.fee, balance.currency)


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
