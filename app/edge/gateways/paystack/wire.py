"""What Paystack's replies have in common: an envelope, refusals, lists, and types of fields."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from app.edge.gateways import lists
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Inconclusive
from app.edge.gateways.lists import Row, Span, page_of
from app.edge.gateways.port import Refused, Unknown
from app.edge.gateways.retries import Repeat
from app.foundation.money import AMOUNT_MAX

T = TypeVar("T")

Amount = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Domain = Literal["test", "live"]
LIVE: Final = "live"
REASON_LENGTH_MAX: Final = 500

_PER_PAGE: Final = 100
_PAGES_MAX: Final = 20


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Paystack's own refusal: a proxy's has no `status`, which is false or "false" here."""

    status: bool | str
    message: str = "no reason given"
    code: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list. `total` is the number of rows of all pages, None if it is not given."""

    rows: list[Row]
    total: int | None

    def is_last(self, seen: int) -> bool:
        """Whether nothing follows after `seen` rows. Pages may differ in size."""
        return not self.rows or (self.total is not None and seen >= self.total)


def read_data(body: Any, kind: type[T]) -> T | None:
    """The `data` of a reply whose `status` says that the call worked."""
    reply = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    return read(reply.get("data"), kind) if reply.get("status") is True else None


def read_refusal(denied: Denied) -> Refusal | None:
    """Paystack's reason for a refusal; None if it was not Paystack that refused."""
    return read(denied.body, Refusal)


def read(value: Any, kind: type[T]) -> T | None:
    """The value as `kind`; None if it does not have that shape."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def refused(denied: Denied) -> Refused | Unknown:
    """What follows from a refusal of a call that should begin something."""
    refusal = read_refusal(denied)
    if refusal is None:
        return Unknown(reason=f"HTTP {denied.status}, but not from Paystack")
    reason = f"{refusal.message} (HTTP {denied.status})"[:REASON_LENGTH_MAX]
    return Unknown(reason=reason) if denied.follows_inconclusive else Refused(reason=reason)


def is_not_found(denied: Denied, *, code: str) -> bool:
    """Whether Paystack itself says that it does not have the reference that was looked up."""
    refusal = read_refusal(denied)
    if refusal is None:
        return False
    return denied.status == HTTPStatus.NOT_FOUND or refusal.code == code


def look_up_refused(denied: Denied) -> Unknown:
    """A refused look-up (a wrong key, a blocked address) says nothing about what is looked up."""
    refusal = read_refusal(denied)
    message = refusal.message if refusal else "not from Paystack"
    return Unknown(reason=f"look-up refused: {message} (HTTP {denied.status})"[:REASON_LENGTH_MAX])


async def read_list(
    client: Client, path: str, *, operation: str, reference: str, filters: Mapping[str, str]
) -> list[Row] | Unknown:
    """All rows of a list, page by page; if it grows meanwhile, a row may be there twice."""
    rows: list[Row] = []
    for number in range(1, _PAGES_MAX + 1):
        query = urlencode({**filters, "perPage": _PER_PAGE, "page": number})
        attempt = await client.call(
            "GET", f"{path}?{query}", operation=operation, reference=reference, repeat=Repeat.SAFE
        )
        page = read_page(attempt)
        if isinstance(page, Unknown):
            return page
        rows += page.rows
        if page.is_last(len(rows)):
            return rows
    return Unknown(reason=f"the list {path} has no end after {_PAGES_MAX} pages")


async def list_page(
    client: Client, path: str, span: Span, cursor: str | None, reader: Callable[[Row], T | None]
) -> lists.Page[T] | Unknown:
    """A page of what was created in a span, newest first. The cursor is the number of the page."""
    number = int(cursor or "1")
    query = urlencode(
        {
            "from": span.since.isoformat(),
            "to": span.until.isoformat(),
            "perPage": _PER_PAGE,
            "page": number,
        }
    )
    attempt = await client.call(
        "GET", f"{path}?{query}", operation="list", reference=str(span), repeat=Repeat.SAFE
    )
    page = read_page(attempt)
    if isinstance(page, Unknown):
        return page
    rows = [row for row in page.rows if span.has(created_at(row))]
    is_last = page.is_last(number * _PER_PAGE)
    return page_of(rows, reader, None if is_last else str(number + 1))


def read_page(attempt: Attempt) -> Page | Unknown:
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return look_up_refused(attempt)
        case Answered(body=body):
            rows = read_data(body, list[Row])
            if rows is None:
                return Unknown(reason="the list makes no sense")
            meta = read(body.get("meta"), Row) or {}
            return Page(rows=rows, total=read(meta.get("total"), int))


def created_at(row: Row) -> object:
    """When something was created: Paystack spells the field in two ways."""
    return row.get("createdAt", row.get("created_at"))
