"""Checkout sessions, and the attempts to pay them."""

import re
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency

from app.sandbox.books.transactions import ReferenceExists, Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.reading import (
    ApiRequest,
    Fields,
    answer,
    check,
    check_query,
    page,
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
_AMOUNT_MAX: Final = 99_999_999
_LEGACY: Final = frozenset({"ugx"})  # in hundredths, which must be whole units
_THREE_DECIMALS: Final = frozenset({"kwd", "tnd"})  # in thousandths, whose last digit must be 0


@post("/checkout/sessions", status_code=200)
async def create_session(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        transaction = _begin(simulator, fields)
        url = f"{request.base_url}checkout/{transaction.access_code}"
        return objects.session(transaction, url=url)

    return await answer(request, simulator, Operation.INITIALIZE, do)


@get("/charges")
async def list_charges(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY)
    await inject_before_effect(rule)
    check_query(request, "transfer_group", "expand[]")
    group = request.query_params.get("transfer_group")
    found = [
        each
        for each in _attempts(simulator)
        if group in (None, objects.session_request(each).transfer_group)
    ]
    await inject_after_effect(rule)
    return page(request, [charge_as_json(simulator, each, rule) for each in found])


router = Router("/v1", route_handlers=[create_session, list_charges], guards=[with_valid_key])


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
    if (currency in _LEGACY and amount % 100) or (currency in _THREE_DECIMALS and amount % 10):
        raise errors.invalid(f"Invalid amount for {currency}", param=param)
    return amount


def _attempts(simulator: Simulator) -> list[Transaction]:
    """Sessions that somebody has tried to pay, newest first."""
    ours = [each for each in simulator.books.transactions.all() if each.gateway == NAME]
    return [each for each in reversed(ours) if each.status != "abandoned"]


def charge_as_json(
    simulator: Simulator, transaction: Transaction, rule: Rule | None = None
) -> dict[str, Any]:
    """A charge in a list."""
    amount, currency = distort(rule, amount=transaction.amount, currency=transaction.currency)
    return objects.charge(
        msgspec.structs.replace(transaction, amount=amount, currency=currency),
        refunded=simulator.books.refunds.given_back(transaction),
        is_disputed=simulator.books.chargebacks.left_of(transaction) < transaction.amount,
    )
