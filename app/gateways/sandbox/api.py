"""The two API calls that the simulator knows: initialize and verify."""

import re
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from app.gateways.sandbox import wire
from app.gateways.sandbox.books import ReferenceExists, Transaction
from app.gateways.sandbox.faults import Operation, distort, strike_after, strike_before
from app.gateways.sandbox.simulator import Simulator

CURRENCIES: Final = frozenset({"GHS", "KES", "NGN", "USD", "XOF", "ZAR"})

_REFERENCE = re.compile(r"[A-Za-z0-9.=-]{1,200}")
_URL = re.compile(r"https?://\S+")


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token."""
    simulator: Simulator = connection.app.state.simulator
    given = connection.headers.get("authorization", "")
    if given not in {f"Bearer {key}" for key in simulator.secret_keys}:
        raise wire.invalid_key()


@post("/initialize", status_code=200)
async def initialize(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.INITIALIZE)
    await strike_before(rule)
    transaction = _begin(simulator, _fields(await request.body()))
    await strike_after(rule)
    checkout_url = f"{request.base_url}checkout/{transaction.access_code}"
    return wire.initialized(transaction, checkout_url=checkout_url)


@get("/verify/{reference:str}")
async def verify(reference: FromPath[str], simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY)
    await strike_before(rule)
    transaction = simulator.books.transaction(reference)
    if transaction is None:
        raise wire.transaction_not_found()
    await strike_after(rule)
    amount, currency = distort(rule, amount=transaction.amount, currency=transaction.currency)
    told = msgspec.structs.replace(transaction, amount=amount, currency=currency)
    return wire.verified(told)


router = Router("/transaction", route_handlers=[initialize, verify], guards=[with_valid_key])


def _fields(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wire.invalid("Invalid JSON", next_step="Send a JSON object") from error


def _begin(simulator: Simulator, fields: dict[str, Any]) -> Transaction:
    for required in ("email", "amount"):
        if fields.get(required) in (None, ""):
            raise wire.missing(required)
    currency = fields.get("currency", "NGN")
    if not (isinstance(currency, str) and currency in CURRENCIES):
        raise wire.invalid("Currency not supported by merchant", next_step="Use another currency")
    try:
        return simulator.books.begin(
            reference=_reference(fields),
            email=str(fields["email"]),
            amount=_amount(fields["amount"], currency),
            currency=currency,
            callback_url=_callback_url(fields),
            metadata=msgspec.json.encode(fields.get("metadata", "")).decode(),
        )
    except ReferenceExists as error:
        raise wire.duplicate_reference() from error


def _reference(fields: dict[str, Any]) -> str:
    reference = fields.get("reference") or token_hex(5)
    if not (isinstance(reference, str) and _REFERENCE.fullmatch(reference)):
        raise wire.invalid(
            "Invalid transaction reference",
            next_step="Only -,., =and alphanumeric characters are allowed",
        )
    return reference


def _amount(given: Any, currency: str) -> int:
    """A whole number, also as text. Of XOF the last two digits are ignored."""
    if isinstance(given, bool) or not re.fullmatch(r"[1-9][0-9]{0,9}", str(given)):
        raise wire.invalid("Invalid Amount Sent", next_step="Send an amount in the subunit")
    return int(given) // 100 * 100 if currency == "XOF" else int(given)


def _callback_url(fields: dict[str, Any]) -> str:
    url = fields.get("callback_url", "")
    if not (isinstance(url, str) and (not url or _URL.fullmatch(url))):
        raise wire.invalid("Invalid callback URL", next_step="Send a fully qualified URL")
    return url
