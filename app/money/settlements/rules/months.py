"""Months, as the first of their days, in UTC; the ids of what is settled for them."""

from datetime import UTC, date, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from app.foundation.errors import Invalid


def month_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def month_after(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def beginning(month: date) -> datetime:
    """The instant at which a month begins."""
    return datetime(month.year, month.month, month.day, tzinfo=UTC)


def read_month(text: str | None, field: str = "month") -> date | None:
    """The first day of a month such as `2026-10`; None for None. Raises Invalid."""
    if text is None:
        return None
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Invalid.field(field, "must be a month such as 2026-10") from error


def settlement_id(month: date, host_id: UUID, currency: str) -> UUID:
    """The id of a settlement, the same again if the database was restored from before it."""
    return uuid5(NAMESPACE_URL, f"urn:berthold:settlement:{month}:{host_id}:{currency}")
