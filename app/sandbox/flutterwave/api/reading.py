"""What the calls have in common: the key, the JSON object, the amount, the pages of lists."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from app.sandbox.faults import Faults, Kind, Rule, distort
from app.sandbox.flutterwave.dialect import NAME
from app.sandbox.flutterwave.wire import errors, objects
from app.sandbox.simulator import Simulator

ApiRequest = Request[Any, Any, State]

CURRENCIES: Final = frozenset(
    ["EUR", "GBP", "GHS", "KES", "NGN", "UGX", "USD", "XAF", "XOF", "ZAR"]
)
_REPLIES: Final = msgspec.json.Encoder(decimal_format="number")
_REQUESTS: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def with_valid_key(connection: ASGIConnection[Any, Any, Any, State], _: BaseRouteHandler) -> None:
    """Guard: the secret key as bearer token."""
    simulator: Simulator = connection.state.simulator
    given = connection.headers.get("authorization", "")
    if given not in {f"Bearer {key}" for key in simulator.secret_keys[NAME]}:
        raise errors.invalid_key()


def answer(body: dict[str, Any]) -> Response[bytes]:
    """A reply in which amounts are numbers with a point."""
    return Response(_REPLIES.encode(body), media_type="application/json")


def read_fields(body: bytes, *required: str) -> dict[str, Any]:
    """The JSON object that was sent."""
    try:
        fields = _REQUESTS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.invalid("Invalid JSON") from error
    for name in required:
        if fields.get(name) in (None, ""):
            raise errors.invalid(f"{name} is required")
    return fields


def read_currency(fields: dict[str, Any]) -> str:
    currency = fields.get("currency", "NGN")
    if currency not in CURRENCIES:
        raise errors.invalid(f"currency {currency} is not supported")
    return currency


def read_amount(given: Any, currency: str) -> int:
    """An amount in major units, a number or a text, in minor units as the books have it."""
    try:
        minor = Decimal(str(given)).scaleb(objects.exponent(currency))
    except InvalidOperation as error:
        raise errors.invalid("amount must be a number") from error
    if isinstance(given, bool) or not minor.is_finite() or minor <= 0 or minor != int(minor):
        raise errors.invalid("amount is invalid")
    return int(minor)


def page(
    request: ApiRequest,
    message: str,
    rows: Sequence[dict[str, Any]],
    *,
    filters: Sequence[str] = (),
    rule: Rule | None = None,
    size: int = objects.PER_PAGE,
) -> Response[bytes]:
    """A page of the rows that match; `from` and `to` are days of `created_at`.

    Pages are counted from the newest row: a row that comes meanwhile shifts those of the next page.
    """
    query = request.query_params
    found = [
        row
        for row in rows
        if _day(request, "from", "0000") <= row["created_at"][:10] <= _day(request, "to", "9999")
        and all(str(row[name]) == query.get(name, str(row[name])) for name in filters)
    ]
    faults: Faults = request.state.simulator.faults
    found = list(faults.without_late(rule, found, lambda row: str(row["id"])))
    number = query.get("page", "1")
    if not number.isdecimal():
        raise errors.invalid("page must be a number")
    repeats = int(bool(rule and rule.kind is Kind.REPEATED_ROW))
    return answer(objects.page(message, found, max(1, int(number)), size=size, repeats=repeats))


def _day(request: ApiRequest, name: str, default: str) -> str:
    """A filter by day: whatever time it has is ignored."""
    return request.query_params.get(name, default)[:10]


def distorted(rule: Rule | None, of: Any) -> Any:
    """A row of the books with the amount and currency that the fault reports."""
    amount, currency = distort(rule, amount=of.amount, currency=of.currency)
    return msgspec.structs.replace(of, amount=amount, currency=currency)
