"""Read a gateway's list to its end, as a reconciliation does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.edge.gateways.lists import Page, Span
from app.edge.gateways.port import Unknown

T = TypeVar("T")
PAGES_MAX = 100


def around_today(days: int = 1) -> Span:
    """Today and as many days on either side: it may be midnight meanwhile."""
    now = datetime.now(UTC)
    return Span(since=now - timedelta(days=days), until=now + timedelta(days=days))


async def all_of(
    list_page: Callable[[Span, str | None], Awaitable[Page[T] | Unknown]], span: Span
) -> list[T]:
    """The rows of all pages; none of them may be unreadable."""
    rows: list[T] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await list_page(span, cursor)
        assert isinstance(page, Page), page
        assert page.unreadable == []
        rows += page.rows
        if (cursor := page.next_cursor) is None:
            return rows
    raise AssertionError(f"the list has no end after {PAGES_MAX} pages")
