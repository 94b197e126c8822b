"""What the calls have in common: the key, the JSON object, the amount."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.sandbox.faults import Faults, Kind, Rule
from app.sandbox.paystack.businesses import Business, read_businesses
from app.sandbox.paystack.dialect import NAME
from app.sandbox.paystack.wire import errors
from app.sandbox.simulator import Simulator

_PER_PAGE: Final = 50


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token, of the business that is then asked."""
    simulator: Simulator = connection.state.simulator
    given = connection.headers.get("authorization", "")
    for business in read_businesses(simulator.secret_keys[NAME]):
        if given in {f"Bearer {key}" for key in business.keys}:
            connection.state.business = business
            return
    raise errors.invalid_key()


def business_of(request: Request[Any, Any, State]) -> Business:
    """The business whose key a call has."""
    return request.state.business


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
    request: Request[Any, Any, State],
    rows: Sequence[dict[str, Any]],
    *,
    per_page_max: int,
    rule: Rule | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a page, newest first, between `from` and `to`; and the `meta` of the list.

    Pages are counted from the newest row: a row that comes meanwhile shifts those of the next page.
    With `use_cursor` a page begins after the row that `next` names.
    """
    begin, end = (_time(request, name) for name in ("from", "to"))
    found = [
        row
        for row in rows
        if (begin is None or begin <= read_time(row["createdAt"]))
        and (end is None or read_time(row["createdAt"]) <= end)
    ]
    faults: Faults = request.state.simulator.faults
    found = list(faults.without_late(rule, found, lambda row: str(row["id"])))
    repeats = int(bool(rule and rule.kind is Kind.REPEATED_ROW))
    per_page = _number(request, "perPage", default=_PER_PAGE, most=per_page_max)
    if request.query_params.get("use_cursor") == "true":
        return _after_cursor(request, found, per_page, repeats)
    page = _number(request, "page", default=1, most=1_000_000)
    meta = {
        "total": len(found),
        "skipped": (page - 1) * per_page,
        "perPage": str(per_page),
        "page": page,
        "pageCount": -(-len(found) // per_page),
    }
    first = max(0, (page - 1) * per_page - repeats)
    return found[first : first + per_page], meta


def _after_cursor(
    request: Request[Any, Any, State], found: list[dict[str, Any]], per_page: int, repeats: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A page after the row of the cursor; what comes meanwhile does not shift it."""
    cursor = request.query_params.get("next", "")
    first = 0
    if cursor:
        last = _row_of(cursor)
        first = max(0, sum(row["id"] >= last for row in found) - repeats)
    shown = found[first : first + per_page]
    has_more = len(found) > first + per_page
    meta = {
        "next": _cursor(shown[-1]) if has_more else None,
        "previous": _cursor(shown[0]) if first and shown else None,
        "perPage": per_page,
    }
    return shown, meta


def _cursor(row: dict[str, Any]) -> str:
    return urlsafe_b64encode(f"id:{row['id']}".encode()).decode()


def _row_of(cursor: str) -> int:
    try:
        return int(urlsafe_b64decode(cursor).decode().removeprefix("id:"))
    except ValueError as error:
        raise errors.invalid("Invalid cursor", next_step="Send meta.next as it was") from error


def read_time(text: str) -> datetime:
    """A time in ISO 8601; without a zone it is in UTC. Raises ValueError."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _time(request: Request[Any, Any, State], name: str) -> datetime | None:
    given = request.query_params.get(name)
    try:
        return read_time(given) if given else None
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
