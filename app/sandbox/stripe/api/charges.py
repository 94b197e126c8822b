"""Checkout sessions, and the attempts to pay them."""

import re
import time
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.bank import NotPossible
from app.sandbox.books.transactions import ReferenceExists, Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.listing import Line, Wanted, check_query, check_single, page
from app.sandbox.stripe.api.reading import (
    ApiRequest,
    Fields,
    answer,
    check,
    check_steps,
    read_amount,
    read_metadata,
    with_valid_key,
)
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import errors, objects

CURRENCIES: Final = frozenset(
    ["eur", "gbp", "ghs", "jpy", "kes", "kwd", "ngn", "tnd", "ugx", "usd", "xaf", "xof", "zar"]
)
_PRICE: Final = "line_items[0][price_data]"
_REQUIRED: Final = (
    "mode", "success_url", "client_reference_id", "line_items[0][quantity]",
    f"{_PRICE}[currency]", f"{_PRICE}[unit_amount]", f"{_PRICE}[product_data][name]",
)  # fmt: skip
_OPTIONAL: Final = (
    "cancel_url", "customer_email", "expires_at", "metadata[*]",
    "payment_intent_data[transfer_group]", "payment_intent_data[metadata][*]",
    "adaptive_pricing[enabled]",
)  # fmt: skip
_URL = re.compile(r"https?://\S+")
_PAGE_SECONDS_MIN: Final = 1_800
_PAGE_SECONDS_MAX: Final = 86_400
_SKEW_SECONDS: Final = 60  # clocks differ
_AMOUNT_MAX: Final = 99_999_999
_LEAST: Final = {"eur": 50, "gbp": 30, "jpy": 50, "usd": 50}  # Stripe converts it for others


@post("/checkout/sessions", status_code=200)
async def create_session(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        transaction = _begin(simulator, fields)
        url = f"{request.base_url}checkout/{transaction.access_code}"
        return objects.session(transaction, url=url)

    return await answer(request, simulator, Operation.INITIALIZE, do)


@get("/checkout/sessions")
async def list_sessions(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = await _begun(simulator, Operation.CHARGES)
    check_query(request, "payment_intent")
    intent = request.query_params.get("payment_intent")
    everything = [
        Line(objects.session_id(each), each.created_at, each)
        for each in simulator.books.transactions.all()
        if each.gateway == NAME and each.first_id is None and objects.session_request(each).has_page
    ]
    lines = [each for each in everything if intent in (None, objects.intent_id(each.of.id))]
    await inject_after_effect(rule)
    wanted = Wanted(request, "checkout.session", rule)
    return page(wanted, lines, lambda of: _session(simulator, request, of), everything=everything)


@get("/checkout/sessions/{session_id:str}")
async def read_session(
    session_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = await _begun(simulator, Operation.VERIFY)
    check_single(request)
    first = _find_session(simulator, session_id)
    await inject_after_effect(rule)
    return _session(simulator, request, first)


@post("/checkout/sessions/{session_id:str}/expire", status_code=200)
async def expire_session(
    session_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        check(fields, required=[])
        first = _find_session(simulator, session_id)
        try:
            simulator.cashier.close(first)
        except NotPossible as error:
            status = _session(simulator, request, first)["status"]
            raise errors.refused(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
                f"Session has a status of `{status}`."
            ) from error
        return _session(simulator, request, _find_session(simulator, session_id))

    return await answer(request, simulator, Operation.CLOSE, do)


@get("/charges")
async def list_charges(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    filters = [request.query_params.get(name) for name in ("transfer_group", "payment_intent")]
    rule = await _begun(simulator, Operation.VERIFY if any(filters) else Operation.CHARGES)
    expands = check_query(
        request, "transfer_group", "payment_intent", expands=["data.balance_transaction"]
    )
    group, intent = filters
    tried = _tried(simulator, naming=group)
    everything = [Line(objects.charge_id(each.id), each.at, each) for each in tried]
    lines = [
        each
        for each in everything
        if group in (None, objects.session_request(each.of).transfer_group)
        and intent in (None, objects.intent_id(each.of.root_id))
    ]
    hidden = set[int]() if group or intent else simulator.books.hidden.ids("charges")
    await inject_after_effect(rule)
    return page(
        Wanted(request, "charge", rule),
        [each for each in lines if each.of.id not in hidden],
        lambda of: charge_as_json(simulator, of, rule, has_balance=bool(expands)),
        everything=everything,
    )


@get("/charges/{charge_id:str}")
async def read_charge(
    charge_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = await _begun(simulator, Operation.VERIFY)
    expands = check_single(request, expands=["balance_transaction"])
    found = simulator.books.transactions.find_by_id(charge_id.removeprefix("ch_"))
    if found is None or found.gateway != NAME or found.status == "abandoned":
        raise errors.not_found("charge", charge_id, param="id")
    await inject_after_effect(rule)
    return charge_as_json(simulator, found, rule, has_balance=bool(expands))


@get("/payment_intents/{intent_id:str}")
async def read_intent(
    intent_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = await _begun(simulator, Operation.VERIFY)
    check_single(request)
    found = [each for each in _tried(simulator) if objects.intent_id(each.root_id) == intent_id]
    if not found:
        raise errors.not_found("payment_intent", intent_id, param="intent")
    await inject_after_effect(rule)
    return objects.intent(next((each for each in found if each.paid_at), found[0]))


router = Router(
    "/v1",
    route_handlers=[
        create_session, list_sessions, read_session, expire_session, list_charges, read_charge,
        read_intent,
    ],
    guards=[with_valid_key],
)  # fmt: skip


async def _begun(simulator: Simulator, operation: Operation) -> Rule | None:
    """The fault of a call that only reads, after what it does before the effect."""
    rule = simulator.faults.take(operation)
    await inject_before_effect(rule)
    return rule


def _find_session(simulator: Simulator, session_id: str) -> Transaction:
    """The first attempt of a session."""
    first = simulator.books.transactions.find_by_access_code(session_id)
    if first is None or first.gateway != NAME or not objects.session_request(first).has_page:
        raise errors.not_found("checkout.session", session_id, param="session")
    return first


def _session(simulator: Simulator, request: ApiRequest, first: Transaction) -> dict[str, Any]:
    attempts = simulator.books.transactions.attempts(first)
    return objects.session(
        first,
        url=f"{request.base_url}checkout/{first.access_code}",
        paid=next((each for each in attempts if each.paid_at), None),
        is_tried=attempts[0].status != "abandoned",
    )


def _begin(simulator: Simulator, fields: Fields) -> Transaction:
    check(fields, required=_REQUIRED, optional=_OPTIONAL)
    if fields["mode"] != "payment":
        raise errors.invalid("The sandbox knows only payment", param="mode")
    for name in ("success_url", "cancel_url"):
        if not _URL.fullmatch(fields.get(name, "http://-")):
            raise errors.invalid("Not a valid URL", param=name, code="url_invalid")
    given = objects.SessionRequest(
        cancel_url=fields.get("cancel_url", ""),
        metadata=read_metadata(fields, "metadata"),
        intent_metadata=read_metadata(fields, "payment_intent_data[metadata]"),
        transfer_group=fields.get("payment_intent_data[transfer_group]"),
        expires_at=_expires_at(fields),
    )
    try:
        return simulator.books.transactions.begin(
            gateway=NAME,
            reference=fields["client_reference_id"],
            access_code=f"cs_test_{token_hex(16)}",
            email=fields.get("customer_email", ""),
            amount=_amount(fields),
            currency=fields[f"{_PRICE}[currency]"].upper(),
            callback_url=fields["success_url"],
            metadata=msgspec.json.encode(given).decode(),
        )
    except ReferenceExists as error:  # Stripe accepts this: for us it is a mistake
        raise errors.invalid("Used before", param="client_reference_id") from error


def _amount(fields: Fields) -> int:
    currency, param = fields[f"{_PRICE}[currency]"], f"{_PRICE}[unit_amount]"
    if currency not in CURRENCIES:
        raise errors.invalid(f"Invalid currency: {currency}", param=f"{_PRICE}[currency]")
    amount = read_amount(fields, param) * read_amount(fields, "line_items[0][quantity]")
    if amount > _AMOUNT_MAX:
        raise errors.refused("Amount must be no more than 99999999", code="amount_too_large")
    check_steps(amount, currency, param=param)
    if amount < _LEAST.get(currency, 1):
        raise errors.invalid(
            "The Checkout Session's total amount due must add up to at least "
            f"{_LEAST[currency]} {currency}",
            param=param,
            code="amount_too_small",
        )
    return amount


def _expires_at(fields: Fields) -> int | None:
    """When the page closes: half an hour to a day ahead."""
    if "expires_at" not in fields:
        return None
    at = read_amount(fields, "expires_at")
    if not _PAGE_SECONDS_MIN - _SKEW_SECONDS <= at - time.time() <= _PAGE_SECONDS_MAX:
        raise errors.invalid(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from "
            "Checkout Session creation.",
            param="expires_at",
        )
    return at


def _tried(simulator: Simulator, *, naming: str | None = None) -> list[Transaction]:
    """Attempts to pay, newest first; perhaps only those whose metadata has a text."""
    books = simulator.books.transactions
    ours = [
        each for each in (books.naming(naming) if naming else books.all()) if each.gateway == NAME
    ]
    return [each for each in reversed(ours) if each.status != "abandoned"]


def charge_as_json(
    simulator: Simulator,
    transaction: Transaction,
    rule: Rule | None = None,
    *,
    has_balance: bool = False,
) -> dict[str, Any]:
    """A charge, in a list or alone."""
    amount, currency = distort(rule, amount=transaction.amount, currency=transaction.currency)
    return objects.charge(
        msgspec.structs.replace(transaction, amount=amount, currency=currency),
        refunded=simulator.books.refunds.given_back(transaction),
        is_disputed=simulator.books.chargebacks.left_of(transaction) < transaction.amount,
        has_balance=has_balance,
    )
