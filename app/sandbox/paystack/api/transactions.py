"""Initialize, verify and list transactions."""

import re
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.transactions import Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.paystack.api.reading import (
    business_of,
    read_amount,
    read_fields,
    read_page,
    require,
    with_valid_key,
)
from app.sandbox.paystack.businesses import Business
from app.sandbox.paystack.dialect import NAME
from app.sandbox.paystack.wire import errors, transactions
from app.sandbox.simulator import Simulator

_REFERENCE = re.compile(r"[A-Za-z0-9.=-]{1,200}")
# What is charged at once, on the wire.
_LEAST: Final = {"GHS": 10, "KES": 300, "NGN": 5_000, "USD": 200, "XOF": 100, "ZAR": 100}
_MOST: Final = 1_000_000_000
_PER_PAGE_MAX: Final = 1_000
_URL = re.compile(r"https?://\S+")


@post("/initialize", status_code=200)
async def initialize(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.INITIALIZE)
    await inject_before_effect(rule)
    transaction = _begin(simulator, business_of(request), read_fields(await request.body()))
    await inject_after_effect(rule)
    checkout_url = f"{request.base_url}checkout/{transaction.access_code}"
    return transactions.initialized(transaction, checkout_url=checkout_url)


@get("/verify/{reference:str}")
async def verify(
    request: Request[Any, Any, State],
    reference: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY)
    await inject_before_effect(rule)
    transaction = find_own(simulator, business_of(request), reference)
    if transaction is None:
        raise errors.transaction_not_found()
    await inject_after_effect(rule)
    return transactions.verified(_distorted(transaction, rule))


@get("/")
async def listed(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    """All transactions, with those that nobody has tried to pay."""
    rule = simulator.faults.take(Operation.CHARGES)
    await inject_before_effect(rule)
    hidden, status = simulator.books.hidden.ids("charges"), request.query_params.get("status")
    rows = [
        transactions.as_json(_distorted(each, rule))
        for each in reversed(simulator.books.transactions.all())
        if each.gateway == NAME
        and each.currency in business_of(request).currencies
        and each.id not in hidden
        and status in (None, each.status)
    ]
    shown, meta = read_page(request, rows, per_page_max=_PER_PAGE_MAX, rule=rule)
    await inject_after_effect(rule)
    return transactions.listed(shown, meta)


@get("/{transaction_id:str}")
async def read(
    request: Request[Any, Any, State],
    transaction_id: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY)
    await inject_before_effect(rule)
    found = simulator.books.transactions.find_by_id(transaction_id)
    if found is None or not is_own(business_of(request), found):
        raise errors.transaction_not_found()
    await inject_after_effect(rule)
    return transactions.found(transactions.as_json(_distorted(found, rule)))


router = Router(
    "/transaction", route_handlers=[initialize, verify, listed, read], guards=[with_valid_key]
)


def find_own(simulator: Simulator, business: Business, reference: str) -> Transaction | None:
    """A transaction of this business by its reference: another may have one of the same."""
    tries = simulator.books.transactions.tries(reference)
    return next((each for each in tries if is_own(business, each)), None)


def is_own(business: Business, transaction: Transaction) -> bool:
    return transaction.gateway == NAME and transaction.currency in business.currencies


def _begin(simulator: Simulator, business: Business, fields: dict[str, Any]) -> Transaction:
    require(fields, "email", "amount")
    currency = fields.get("currency", business.home_currency)
    if not (isinstance(currency, str) and currency in business.currencies):
        raise errors.invalid("Currency not supported by merchant", next_step="Use another currency")
    reference = _reference(fields)
    if find_own(simulator, business, reference):
        raise errors.duplicate_reference()
    return simulator.books.transactions.begin(
        gateway=NAME,
        reference=reference,
        access_code=token_hex(8),
        email=str(fields["email"]),
        amount=_amount(fields, currency),
        currency=currency,
        callback_url=_callback_url(fields),
        metadata=msgspec.json.encode(fields.get("metadata", "")).decode(),
        is_unique=False,  # in all of Paystack
    )


def _amount(fields: dict[str, Any], currency: str) -> int:
    amount = read_amount(fields["amount"], currency)
    if not _LEAST[currency] <= amount <= _MOST:
        raise errors.invalid(
            f"Amount should be between {_LEAST[currency]} and {_MOST}",
            next_step="Send an amount that this currency can be charged in",
        )
    return amount


def _distorted(transaction: Transaction, rule: Rule | None) -> Transaction:
    amount, currency = distort(rule, amount=transaction.amount, currency=transaction.currency)
    return msgspec.structs.replace(transaction, amount=amount, currency=currency)


def _reference(fields: dict[str, Any]) -> str:
    reference = fields.get("reference") or token_hex(5)
    if not (isinstance(reference, str) and _REFERENCE.fullmatch(reference)):
        raise errors.invalid(
            "Invalid transaction reference",
            next_step="Only -,., =and alphanumeric characters are allowed",
        )
    return reference


def _callback_url(fields: dict[str, Any]) -> str:
    url = fields.get("callback_url", "")
    if not (isinstance(url, str) and (not url or _URL.fullmatch(url))):
        raise errors.invalid("Invalid callback URL", next_step="Send a fully qualified URL")
    return url
