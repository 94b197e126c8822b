"""Payment links, and the attempts to pay them."""

import re
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.bank import NotPossible
from app.sandbox.books.transactions import Transaction
from app.sandbox.faults import Operation, inject_after_effect, inject_before_effect
from app.sandbox.flutterwave.api.reading import (
    ApiRequest,
    answer,
    distorted,
    page,
    read_amount,
    read_currency,
    read_fields,
    with_valid_key,
)
from app.sandbox.flutterwave.dialect import NAME
from app.sandbox.flutterwave.wire import errors, objects
from app.sandbox.simulator import Simulator

_REQUIRED: Final = ("tx_ref", "amount", "redirect_url", "customer")
_URL = re.compile(r"https?://\S+")


@post("/payments", status_code=200)
async def create_link(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    """A second call with the same `tx_ref` makes a second link; paying makes a transaction."""
    rule = simulator.faults.take(Operation.INITIALIZE)
    await inject_before_effect(rule)
    link = _begin(simulator, read_fields(await request.body(), *_REQUIRED))
    await inject_after_effect(rule)
    url = f"{request.base_url}checkout/{link.access_code}"
    return answer(objects.success("Hosted Link", {"link": url}))


@post("/payments/link/disable", status_code=200)
async def disable_link(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.CLOSE)
    await inject_before_effect(rule)
    url = str(read_fields(await request.body(), "link")["link"])
    link = simulator.books.transactions.find_by_access_code(url.rpartition("/")[2])
    if link is None or link.gateway != NAME:
        raise errors.invalid("Link not found")
    try:
        simulator.cashier.close(link)
    except NotPossible as error:
        raise errors.invalid("Link is already disabled, or was paid") from error
    await inject_after_effect(rule)
    return answer(objects.success("Link disabled", None))


@get("/transactions/verify_by_reference")
async def verify(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[bytes]:
    """Return the last attempt to pay."""
    rule = simulator.faults.take(Operation.VERIFY)
    await inject_before_effect(rule)
    reference = request.query_params.get("tx_ref", "")
    found = [each for each in attempts(simulator) if each.reference == reference]
    if not found:
        raise errors.transaction_not_found()
    await inject_after_effect(rule)
    found_json = objects.transaction(distorted(rule, found[0]))
    return answer(objects.success("Transaction fetched successfully", found_json))


@get("/transactions/{transaction_id:str}/verify")
async def verify_by_id(
    transaction_id: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.VERIFY)
    await inject_before_effect(rule)
    found = [each for each in attempts(simulator) if str(each.id) == transaction_id]
    if not found:
        raise errors.transaction_not_found()
    await inject_after_effect(rule)
    found_json = objects.transaction(distorted(rule, found[0]))
    return answer(objects.success("Transaction fetched successfully", found_json))


@get("/transactions")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[bytes]:
    rule = simulator.faults.take(Operation.CHARGES)
    await inject_before_effect(rule)
    hidden = simulator.books.hidden.ids("charges")
    rows = [
        objects.transaction(distorted(rule, each))
        for each in attempts(simulator)
        if each.id not in hidden
    ]
    await inject_after_effect(rule)
    filters = ("tx_ref", "status", "currency")
    return page(request, "Transactions fetched", rows, filters=filters, rule=rule)


router = Router(
    "/v3",
    route_handlers=[create_link, disable_link, verify, verify_by_id, listed],
    guards=[with_valid_key],
)


def attempts(simulator: Simulator) -> list[Transaction]:
    """Links that somebody has tried to pay, newest first."""
    ours = [each for each in simulator.books.transactions.all() if each.gateway == NAME]
    return [each for each in reversed(ours) if each.status != "abandoned"]


def _begin(simulator: Simulator, fields: dict[str, Any]) -> Transaction:
    customer, url, currency = fields["customer"], fields["redirect_url"], read_currency(fields)
    if not (isinstance(customer, dict) and "email" in customer):
        raise errors.invalid("customer.email is required")
    if not (isinstance(url, str) and _URL.fullmatch(url)):
        raise errors.invalid("redirect_url is invalid")
    return simulator.books.transactions.begin(
        gateway=NAME,
        reference=str(fields["tx_ref"]),
        access_code=token_hex(10),
        email=str(customer["email"]),  # pyright: ignore[reportUnknownArgumentType]
        amount=read_amount(fields["amount"], currency),
        currency=currency,
        callback_url=url,
        metadata=msgspec.json.encode(fields.get("meta")).decode(),
        is_unique=False,
    )
