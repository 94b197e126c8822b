"""What Stripe's requests and replies have in common: nested forms, lists, errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any, Final, TypeAlias, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from app.edge.gateways.http import Answered, Client, Denied, Form, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, page_of
from app.edge.gateways.port import ReferenceTaken, Refused, Unknown
from app.edge.gateways.retries import Repeat
from app.foundation.money import AMOUNT_MAX

T = TypeVar("T")
Field: TypeAlias = "str | int | bool | Mapping[str, Field] | Sequence[Field]"

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Id = Annotated[str, Meta(min_length=1, max_length=100)]
REASON_LENGTH_MAX: Final = 500

_PER_PAGE: Final = 100
_PAGES_MAX: Final = 20
# For a call that should begin something these say nothing: it may be running, or have run.
_INCONCLUSIVE: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.FAILED_DEPENDENCY})
_CONCLUSIVE: Final = frozenset({"card_error", "invalid_request_error"})


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Stripe's own refusal."""

    type: str
    message: str = "no reason given"
    code: str | None = None
    param: str | None = None


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    error: Error


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    data: list[dict[str, Any]]
    has_more: bool


def form(fields: Mapping[str, Field]) -> Form:
    """Nested fields in Stripe's format: `line_items[0][price_data][currency]=usd`."""
    return Form(fields=list(_flat("", fields)))


async def read_list(
    client: Client,
    path: str,
    *,
    operation: str,
    reference: str,
    filters: Mapping[str, str],
    pages_max: int = _PAGES_MAX,
) -> list[dict[str, Any]] | Unknown:
    """All rows of a list, newest first."""
    found: list[dict[str, Any]] = []
    for _ in range(pages_max):
        after = {"starting_after": str(found[-1].get("id"))} if found else {}
        query = urlencode({**filters, "limit": _PER_PAGE, **after})
        page = await _read_page(client, f"{path}?{query}", operation=operation, reference=reference)
        if isinstance(page, Unknown):
            return page
        found += page.data
        if not (page.has_more and page.data):
            return found
    return Unknown(reason=f"the list {path} has no end after {pages_max} pages")


async def list_page(
    client: Client,
    path: str,
    span: Span,
    cursor: str | None,
    reader: Callable[[Row], T | None],
    *,
    filters: Mapping[str, str] | None = None,
) -> Page[T] | Unknown:
    """A page of what was created in a span, newest first. The cursor is the last id before it."""
    query = {
        "created[gte]": str(ceil(span.since.timestamp())),
        "created[lt]": str(ceil(span.until.timestamp())),
        **(filters or {}),
        "limit": str(_PER_PAGE),
        **({"starting_after": cursor} if cursor else {}),
    }
    page = await _read_page(
        client, f"{path}?{urlencode(query)}", operation="list", reference=str(span)
    )
    if isinstance(page, Unknown):
        return page
    has_more = page.has_more and page.data
    return page_of(page.data, reader, str(page.data[-1].get("id")) if has_more else None)


async def read_one(
    client: Client, path: str, *, operation: str, reference: str
) -> Row | Denied | Unknown:
    """One object by its id."""
    attempt = await client.call(
        "GET", path, operation=operation, reference=reference, repeat=Repeat.SAFE
    )
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return attempt
        case Answered(body=body):
            return read(body, Row) or Unknown(reason=f"the reply to {operation} makes no sense")


def read(value: Any, kind: type[T]) -> T | None:
    """The value as `kind`; None if it does not have that shape."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def read_error(denied: Denied) -> Error | None:
    """Stripe's error; None if it was not Stripe that refused."""
    refusal = read(denied.body, _Refusal)
    return refusal.error if refusal else None


def refused(denied: Denied) -> Refused | ReferenceTaken | Unknown:
    """What follows from a refusal of a call that should begin something.

    A key that was used with other parameters belongs to an earlier call, which arrived.
    """
    error = read_error(denied)
    if error is None:
        return Unknown(reason=f"HTTP {denied.status}, but not from Stripe")
    reason = f"{error.message} (HTTP {denied.status})"[:REASON_LENGTH_MAX]
    if denied.status in _INCONCLUSIVE:
        return Unknown(reason=reason)
    if error.type == "idempotency_error":
        return ReferenceTaken()
    is_conclusive = error.type in _CONCLUSIVE and not denied.follows_inconclusive
    return Refused(reason=reason) if is_conclusive else Unknown(reason=reason)


def look_up_refused(denied: Denied) -> Unknown:
    """A refused look-up (a wrong key, a blocked address) says nothing about what is looked up."""
    error = read_error(denied)
    message = error.message if error else "not from Stripe"
    return Unknown(reason=f"look-up refused: {message} (HTTP {denied.status})"[:REASON_LENGTH_MAX])


async def _read_page(
    client: Client, path: str, *, operation: str, reference: str
) -> _Page | Unknown:
    attempt = await client.call(
        "GET", path, operation=operation, reference=reference, repeat=Repeat.SAFE
    )
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return look_up_refused(attempt)
        case Answered(body=body):
            return read(body, _Page) or Unknown(reason=f"the reply to {operation} makes no sense")


def _flat(prefix: str, value: Field) -> Iterator[tuple[str, str]]:
    match value:
        case bool():
            yield prefix, "true" if value else "false"
        case str() | int():
            yield prefix, str(value)
        case Mapping():
            for name, inner in value.items():
                yield from _flat(f"{prefix}[{name}]" if prefix else name, inner)
        case _:
            for index, inner in enumerate(value):
                yield from _flat(f"{prefix}[{index}]", inner)
