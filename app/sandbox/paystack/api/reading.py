"""What the calls have in common: the key, the JSON object, the amount."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.sandbox.paystack.dialect import NAME
from app.sandbox.paystack.wire import errors
from app.sandbox.simulator import Simulator

CURRENCIES: Final = frozenset({"GHS", "KES", "NGN", "USD", "XOF", "ZAR"})

_PER_PAGE: Final = 50


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token."""
    simulator: Simulator = connection.state.simulator
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
    """Raise an error if one of these fields is missing."""
    for name in names:
        if given.get(name) in (None, ""):
            raise errors.missing(name)


def read_page(
    request: Request[Any, Any, State], rows: Sequence[dict[str, Any]], *, per_page_max: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a page, newest first, between `from` and `to`; and the `meta` of the list."""
    begin, end = (_time(request, name) for name in ("from", "to"))
    found = [
        row
        for row in rows
        if (begin is None or begin <= datetime.fromisoformat(row["createdAt"]))
        and (end is None or datetime.fromisoformat(row["createdAt"]) <= end)
    ]
    page = _number(request, "page", default=1, most=1_000_000)
    per_page = _number(request, "perPage", default=_PER_PAGE, most=per_page_max)
    meta = {
        "total": len(found),
        "skipped": (page - 1) * per_page,
        "perPage": str(per_page),
        "page": page,
        "pageCount": -(-len(found) // per_page),
    }
    return found[(page - 1) * per_page : page * per_page], meta


def _time(request: Request[Any, Any, State], name: str) -> datetime | None:
    given = request.query_params.get(name)
    try:
        return datetime.fromisoformat(given) if given else None
    except ValueError as error:
        raise errors.invalid(f"{name} is not a time", next_step="Send ISO 8601") from error


def _number(request: Request[Any, Any, State], name: str, *, default: int, most: int) -> int:
    given = request.query_params.get(name, "")
    return min(most, max(1, int(given))) if given.isdecimal() else default


def read_amount(given: Any, currency: str) -> int:
    """A whole number, or one as text. For XOF the last two digits are ignored."""
    if isinstance(given, bool) or not re.fullmatch(r"[1-9][0-9]{0,9}", str(given)):
        raise errors.invalid("Invalid Amount Sent", next_step="Send an amount in the subunit")
    return int(given) // 100 * 100 if currency == "XOF" else int(given)
