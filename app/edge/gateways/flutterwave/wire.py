"""What Flutterwave's replies have in common: an envelope, refusals, lists by pages."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode

import msgspec

from app.edge.gateways import days
from app.edge.gateways.days import Row
from app.edge.gateways.http import Answered, Attempt, Denied, Line, Unclear
from app.edge.gateways.port import Refused, Unknown
from app.edge.gateways.retries import Repeat

T = TypeVar("T")

REASON_LENGTH_MAX: Final = 500
_PAGES_MAX: Final = 1_000
_ERROR: Final = "error"
# Errors have no codes, only words. These are said of what is not there.
_NOT_FOUND = re.compile(r"\bno transaction was found|\bnot found\b", re.IGNORECASE)


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Flutterwave's own no, which may come with HTTP 200."""

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
        """A list that does not say how long it is ends with an empty page."""
        info = self.meta.page_info if self.meta else None
        return not self.data or (info is not None and info.current_page >= info.total_pages)


def conclude(attempt: Attempt) -> Row | Refusal | Unknown:
    """The reply if the call worked, Flutterwave's no, or that nothing can be concluded."""
    match attempt:
        case Unclear(reason=reason):
            return Unknown(reason=reason)
        case Answered(body=body, status=status) | Denied(body=body, status=status):
            refusal = read(body, Refusal)
    if refusal and refusal.status == _ERROR:
        return msgspec.structs.replace(refusal, http=status)
    if isinstance(attempt, Denied):
        return Unknown(reason=f"HTTP {status}, but not from Flutterwave")
    if refusal is None or refusal.status != "success":
        return Unknown(reason="the answer makes no sense")
    return cast("Row", body)


def read(value: Any, kind: type[T]) -> T | None:
    """The value, if it has the shape of `kind`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def refused(refusal: Refusal) -> Refused:
    """What a no to a call that should begin something concludes."""
    return Refused(reason=f"{refusal.message} (HTTP {refusal.http})"[:REASON_LENGTH_MAX])


def is_not_found(refusal: Refusal) -> bool:
    """Whether nothing is there of what was looked up: by HTTP status, or only in words."""
    if refusal.http in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return False
    return refusal.http == HTTPStatus.NOT_FOUND or bool(_NOT_FOUND.search(refusal.message))


def look_up_refused(refusal: Refusal) -> Unknown:
    """A wrong key, a blocked address: says nothing about what was looked up."""
    told = f"look-up refused: {refusal.message} (HTTP {refusal.http})"
    return Unknown(reason=told[:REASON_LENGTH_MAX])


async def read_list(
    line: Line,
    path: str,
    *,
    operation: str,
    reference: str,
    filters: Mapping[str, str],
    is_enough: Callable[[Row], bool] = lambda _: False,
) -> list[Row] | Unknown:
    """What a list holds, page by page: all, or up to the page where one row is enough.

    A row that comes twice, since the list has grown meanwhile, is told once.
    """
    rows: dict[str, Row] = {}
    for number in range(1, _PAGES_MAX + 1):
        query = urlencode({**filters, "page": number})
        attempt = await line.call(
            "GET", f"{path}?{query}", operation=operation, reference=reference, repeat=Repeat.SAFE
        )
        page = _page(conclude(attempt), operation)
        if isinstance(page, Unknown):
            return page
        rows |= {str(row.get("id")): row for row in page.data}
        if page.is_last or any(is_enough(row) for row in page.data):
            return list(rows.values())
    return Unknown(reason=f"the list {path} has no end after {_PAGES_MAX} pages")


async def read_day(line: Line, path: str, day: date) -> list[Row] | Unknown:
    """All that a list has of a day. Its days are of a zone that is not told: so a day more on
    either side is asked for, and left out again.
    """
    one = timedelta(days=1)
    rows = await read_list(
        line,
        path,
        operation="list",
        reference=day.isoformat(),
        filters={"from": (day - one).isoformat(), "to": (day + one).isoformat()},
    )
    if isinstance(rows, Unknown):
        return rows
    return [row for row in rows if days.is_of(day, row.get("created_at"))]


def _page(reply: Row | Refusal | Unknown, operation: str) -> _Page | Unknown:
    match reply:
        case Unknown():
            return reply
        case Refusal():
            return look_up_refused(reply)
        case _:
            return read(reply, _Page) or Unknown(reason=f"the answer to {operation} makes no sense")
