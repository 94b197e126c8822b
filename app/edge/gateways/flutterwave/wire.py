"""What Flutterwave's replies have in common: an envelope, refusals, lists by pages."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode

import msgspec

from app.edge.gateways import conclusions
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, page_of
from app.edge.gateways.port import Refused, Unknown
from app.edge.gateways.retries import Repeat

T = TypeVar("T")

REASON_LENGTH_MAX: Final = 500
_PAGES_MAX: Final = 1_000
_ERROR: Final = "error"
# Errors have no codes, only messages. These mean that something does not exist.
_NOT_FOUND = re.compile(r"\bno transaction was found|\bnot found\b", re.IGNORECASE)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Flutterwave's own refusal, which may come with HTTP 200."""

    status: str
    message: str = "no reason given"
    http: int = 0


class _PageInfo(msgspec.Struct, frozen=True, kw_only=True):
    current_page: int
    total_pages: int


class _Meta(msgspec.Struct, frozen=True, kw_only=True):
    page_info: _PageInfo


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    data: list[Row]
    meta: _Meta | None = None

    @property
    def is_last(self) -> bool:
        """Whether this is the last page: an empty one, if the list has no number of pages."""
        info = self.meta.page_info if self.meta else None
        return not self.data or (info is not None and info.current_page >= info.total_pages)


def conclude(attempt: Attempt) -> Row | Refusal | Unknown:
    """The reply if the call worked, Flutterwave's refusal, or Unknown."""
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt)
        case Answered(body=body, status=status) | Denied(body=body, status=status):
            refusal = read(body, Refusal)
    if refusal and refusal.status == _ERROR:
        return msgspec.structs.replace(refusal, http=status)
    if isinstance(attempt, Denied):
        return Unknown(reason=f"HTTP {status}, but not from Flutterwave")
    if refusal is None or refusal.status != "success":
        return Unknown(reason="the reply makes no sense")
    return cast("Row", body)


def read(value: Any, kind: type[T]) -> T | None:
    """The value as `kind`; None if it does not have that shape."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def text(amount: Decimal | None) -> str | None:
    """An amount as Flutterwave writes it, to be kept as evidence; None if there is none."""
    return None if amount is None else str(amount)


def refused(refusal: Refusal) -> Refused:
    """What follows from a refusal of a call that should begin something."""
    return Refused(reason=f"{refusal.message} (HTTP {refusal.http})"[:REASON_LENGTH_MAX])


def is_not_found(refusal: Refusal) -> bool:
    """Whether what was looked up does not exist, by HTTP status or by the message."""
    if refusal.http in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return False
    return refusal.http == HTTPStatus.NOT_FOUND or bool(_NOT_FOUND.search(refusal.message))


def look_up_refused(refusal: Refusal) -> Unknown:
    """A refused look-up (a wrong key, a blocked address) says nothing about what is looked up."""
    reason = f"look-up refused: {refusal.message} (HTTP {refusal.http})"
    return Unknown(reason=reason[:REASON_LENGTH_MAX])


async def read_list(
    client: Client,
    path: str,
    *,
    operation: str,
    reference: str,
    filters: Mapping[str, str],
    is_enough: Callable[[Row], bool] = lambda _: False,
) -> list[Row] | Unknown:
    """The rows of a list, page by page: all, or up to the page with a row that `is_enough`.

    A row that comes twice, because the list grows meanwhile, is returned once.
    """
    rows: dict[str, Row] = {}
    for number in range(1, _PAGES_MAX + 1):
        query = urlencode({**filters, "page": number})
        attempt = await client.call(
            "GET", f"{path}?{query}", operation=operation, reference=reference, repeat=Repeat.SAFE
        )
        page = _page(conclude(attempt), operation)
        if isinstance(page, Unknown):
            return page
        rows |= {str(row.get("id")): row for row in page.data}
        if page.is_last or any(is_enough(row) for row in page.data):
            return list(rows.values())
    return Unknown(reason=f"the list {path} has no end after {_PAGES_MAX} pages")


async def list_page(
    client: Client, path: str, span: Span, cursor: str | None, reader: Callable[[Row], T | None]
) -> Page[T] | Unknown:
    """A page of what was created in a span. The cursor is the number of the page.

    A list is of whole days, in a zone that is unknown: so it is asked for one day more on either
    side, and what is not in the span is left out.
    """
    page = await read_rows(client, path, span, cursor)
    return page if isinstance(page, Unknown) else page_of(page.rows, reader, page.next_cursor)


async def read_rows(
    client: Client, path: str, span: Span, cursor: str | None
) -> Page[Row] | Unknown:
    """The rows of a page that are in a span, as Flutterwave writes them."""
    one, number = timedelta(days=1), int(cursor or "1")
    days = {
        "from": (span.since - one).date().isoformat(),
        "to": (span.until + one).date().isoformat(),
    }
    attempt = await client.call(
        "GET",
        f"{path}?{urlencode({**days, 'page': number})}",
        operation="list",
        reference=str(span),
        repeat=Repeat.SAFE,
    )
    page = _page(conclude(attempt), "list")
    if isinstance(page, Unknown):
        return page
    rows = [row for row in page.data if span.has(row.get("created_at"))]
    return Page(rows=rows, unreadable=[], next_cursor=None if page.is_last else str(number + 1))


def _page(reply: Row | Refusal | Unknown, operation: str) -> _Page | Unknown:
    match reply:
        case Unknown():
            return reply
        case Refusal():
            return look_up_refused(reply)
        case _:
            return read(reply, _Page) or Unknown(reason=f"the reply to {operation} makes no sense")
