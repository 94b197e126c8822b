"""A Stripe whose lists of one day are long: a process of its own, which makes rows as it is asked.

    uv run python -m tests.benchmarks.long_lists PORT CHARGES REFUNDS TRANSFERS DAY

What it lists is what `reconcile.py` puts into the database: charge number n is `ch_` n, with the
reference `pay-` n, and an amount of 1000 + n.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

DAY_S: Final = 86_400
_EMPTY: Final = {"data": [], "has_more": False}


class Day:
    """How many rows of each kind a day has, and when it begins (Unix seconds)."""

    def __init__(self, charges: int, refunds: int, transfers: int, start: int) -> None:
        self.start = start
        self.kinds: dict[str, tuple[int, Callable[[int], dict[str, Any]]]] = {
            "charges": (charges, self._charge),
            "refunds": (refunds, self._refund),
            "transfers": (transfers, self._transfer),
        }

    def page(self, kind: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """Newest first, and only what was created in the span that is asked for."""
        if kind not in self.kinds:
            return _EMPTY
        count, row = self.kinds[kind]
        after = query.get("starting_after")
        last = int(after[0][3:]) - 1 if after else count - 1
        first = max(last - int(query["limit"][0]) + 1, 0)
        least, end = int(query["created[gte]"][0]), int(query["created[lt]"][0])
        rows = [row(n) for n in range(last, first - 1, -1)]
        data = [each for each in rows if least <= each["created"] < end]
        return {"data": data, "has_more": bool(data) and first > 0}

    def _at(self, n: int, count: int) -> int:
        return self.start + n * DAY_S // count

    def _charge(self, n: int) -> dict[str, Any]:
        return {
            "id": f"ch_{n:08d}",
            "object": "charge",
            "created": self._at(n, self.kinds["charges"][0]),
            "transfer_group": f"pay-{n:032x}",
            "status": "succeeded",
            "amount": 1_000 + n,
            "amount_refunded": 0,
            "currency": "eur",
            "livemode": False,
            "disputed": False,
            "payment_intent": f"pi_{n:08d}",
            "outcome": {"seller_message": "Payment complete."},
            "balance_transaction": {"amount": 1_000 + n, "currency": "eur", "fee": 30},
            # What Stripe sends beside it, and nobody reads.
            "billing_details": {"address": {"city": None, "country": None}, "email": None},
            "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}, "type": "card"},
            "receipt_url": "https://pay.stripe.com/receipts/" + "x" * 200,
        }

    def _refund(self, n: int) -> dict[str, Any]:
        return {
            "id": f"re_{n:08d}",
            "created": self._at(n, self.kinds["refunds"][0]),
            "status": "succeeded",
            "amount": 100 + n % 50,
            "currency": "eur",
            "charge": f"ch_{n:08d}",
            "metadata": {
                "reference": f"rf-{n:032x}-1",
                "charge_reference": f"pay-{n:032x}",
            },
        }

    def _transfer(self, n: int) -> dict[str, Any]:
        return {
            "id": f"tr_{n:08d}",
            "created": self._at(n, self.kinds["transfers"][0]),
            "amount": 200 + n % 50,
            "amount_reversed": 0,
            "reversed": False,
            "currency": "eur",
            "destination": "acct_1",
            "source_transaction": f"ch_{n:08d}",
            "transfer_group": f"pay-{n:032x}",
            "livemode": False,
            "metadata": {"reference": f"tr-{n:032x}-1"},
        }


async def serve(port: int, day: Day) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                target = urlsplit(request.split(b" ", 2)[1].decode())
                page = day.page(target.path.removeprefix("/v1/"), parse_qs(target.query))
                body = msgspec.json.encode(page)
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    port, charges, refunds, transfers = (int(argument) for argument in sys.argv[1:5])
    start = int(datetime.fromisoformat(f"{sys.argv[5]}T00:00:00+00:00").timestamp())
    asyncio.run(serve(port, Day(charges, refunds, transfers, start)))


if __name__ == "__main__":
    main()
