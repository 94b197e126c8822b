"""Times of the books, as Stripe has them."""

from datetime import UTC, datetime, timedelta


def unix(time: str) -> int:
    """A time of the books in Unix seconds."""
    return int(datetime.fromisoformat(time).timestamp())


def iso(seconds: int, number: int) -> str:
    """The number-th thing of a second, as a time of the books that keeps their order."""
    at = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=number % 1_000_000)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
