"""What the calls have in common: the key, the JSON object, the amount."""

import re
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.gateways.sandbox.paystack.dialect import NAME
from app.gateways.sandbox.paystack.wire import errors
from app.gateways.sandbox.simulator import Simulator

CURRENCIES: Final = frozenset({"GHS", "KES", "NGN", "USD", "XOF", "ZAR"})


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token."""
    simulator: Simulator = connection.app.state.simulator
    given = connection.headers.get("authorization", "")
    if given not in {f"Bearer {key}" for key in simulator.secret_keys[NAME]}:
        raise errors.invalid_key()


def read_fields(body: bytes) -> dict[str, Any]:
    """The JSON object that was sent."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.invalid("Invalid JSON", next_step="Send a JSON object") from error


def require(given: dict[str, Any], *names: str) -> None:
    """Refuse what lacks one of these."""
    for name in names:
        if given.get(name) in (None, ""):
            raise errors.missing(name)


def read_amount(given: Any, currency: str) -> int:
    """A whole number, also as text. Of XOF the last two digits are ignored."""
    if isinstance(given, bool) or not re.fullmatch(r"[1-9][0-9]{0,9}", str(given)):
        raise errors.invalid("Invalid Amount Sent", next_step="Send an amount in the subunit")
    return int(given) // 100 * 100 if currency == "XOF" else int(given)
