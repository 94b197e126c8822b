"""A Stripe in this process that lists what a test puts into it, page by page, and looks it up.

What Stripe's API does with it is in the simulator; this is for lists that change while they are
read, that break off, and that are long.
"""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

Row = dict[str, Any]
KINDS = ("charges", "refunds", "transfers", "disputes", "payouts", "balance_transactions")


class StripeLists(httpx.AsyncBaseTransport):
    """`before_page` is called with a list's name before each of its pages; `pages` counts them.

    A page begins `overlap` rows before the end of the one before; `listed` are the rows of the last
    one.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
        self.pages = 0
        self.down = False
        self.before_page: Callable[[str], None] = lambda _: None
        self.overlap = 0
        self.listed: list[Row] = []

    # ---- what a test does ----

    def charge(self, reference: str, amount: int, *, fee: int | None = 0, **more: Any) -> Row:
        number = len(self.rows["charges"]) + 1
        balance = {"amount": amount, "currency": "eur", "fee": fee}
        return self._add(
            "charges",
            {
                "id": f"ch_{number:08d}",
                "transfer_group": reference,
                "status": "succeeded",
                "amount": amount,
                "currency": "eur",
                "livemode": False,
                "balance_transaction": None if fee is None else balance,
                **more,
            },
        )

    def refund(self, charge: Row, amount: int, *, reference: str = "", **more: Any) -> Row:
        metadata = {"reference": reference, "charge_reference": charge["transfer_group"]}
        return self._add(
            "refunds",
            {
                "id": f"re_{len(self.rows['refunds']) + 1:08d}",
                "status": "succeeded",
                "amount": amount,
                "currency": charge["currency"],
                "charge": charge["id"],
                "metadata": metadata if reference else {},
                **more,
            },
        )

    def transfer(
        self, charge: Row, amount: int, *, reference: str = "", to: str = "", **more: Any
    ) -> Row:
        return self._add(
            "transfers",
            {
                "id": f"tr_{len(self.rows['transfers']) + 1:08d}",
                "amount": amount,
                "amount_reversed": 0,
                "reversed": False,
                "currency": charge["currency"],
                "destination": to,
                "source_transaction": charge["id"],
                "transfer_group": charge["transfer_group"],
                "livemode": False,
                "metadata": {"reference": reference} if reference else {},
                **more,
            },
        )

    def dispute(self, charge: Row, amount: int, *, taken: bool = True, **more: Any) -> Row:
        number = len(self.rows["disputes"]) + 1
        moved = [{"amount": -amount, "currency": charge["currency"], "fee": 0}]
        return self._add(
            "disputes",
            {
                "id": f"dp_{number:08d}",
                "status": "needs_response",
                "amount": amount,
                "currency": charge["currency"],
                "reason": "fraudulent",
                "livemode": False,
                "charge": charge,
                "balance_transactions": moved if taken else [],
                "evidence_details": {},
                **more,
            },
        )

    def change(self, net: int, type_: str, **more: Any) -> Row:
        number = len(self.rows["balance_transactions"]) + 1
        row = {"id": f"txn_{number:08d}", "type": type_, "net": net, "currency": "eur"}
        return self._add("balance_transactions", {**row, **more})

    def payout(self, amount: int, **more: Any) -> Row:
        number = len(self.rows["payouts"]) + 1
        return self._add(
            "payouts",
            {
                "id": f"po_{number:08d}",
                "status": "paid",
                "amount": amount,
                "currency": "eur",
                "livemode": False,
                **more,
            },
        )

    def _add(self, kind: str, row: Row) -> Row:
        row.setdefault("created", int(time.time()))
        self.rows[kind].append(row)
        return row

    # ---- what Stripe does ----

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(503, json={})
        parts = urlsplit(str(request.url)).path.removeprefix("/v1/").split("/")
        if request.method == "POST":
            form = parse_qs((await request.aread()).decode())
            return self._begin(parts[0], {name: values[0] for name, values in form.items()})
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        return self._one(*parts) if len(parts) > 1 else self._page(parts[0], query)

    def _begin(self, kind: str, form: dict[str, str]) -> httpx.Response:
        charge = self._charge(form.get("charge") or form["source_transaction"])
        reference, amount = form["metadata[reference]"], int(form["amount"])
        if kind == "refunds":
            return httpx.Response(200, json=self.refund(charge, amount, reference=reference))
        to = form["destination"]
        return httpx.Response(200, json=self.transfer(charge, amount, reference=reference, to=to))

    def _newest_first(self, kind: str) -> list[Row]:
        return sorted(self.rows[kind], key=lambda row: (row["created"], row["id"]), reverse=True)

    def _charge(self, charge_id: str) -> Row:
        return next(row for row in self.rows["charges"] if row["id"] == charge_id)

    def _one(self, kind: str, row_id: str) -> httpx.Response:
        found = [row for row in self.rows[kind] if row["id"] == row_id]
        error = {"error": {"type": "invalid_request_error", "message": "No such thing"}}
        return httpx.Response(200, json=found[0]) if found else httpx.Response(404, json=error)

    def _page(self, kind: str, query: dict[str, str]) -> httpx.Response:
        self.before_page(kind)
        self.pages += 1
        rows = [row for row in self._newest_first(kind) if _fits(row, query)]
        after = query.get("starting_after")
        start = next((n + 1 for n, row in enumerate(rows) if row["id"] == after), 0)
        page = rows[max(start - self.overlap, 0) : start + int(query["limit"]) - self.overlap]
        has_more = bool(page) and page[-1] is not rows[-1]
        self.listed = page
        return httpx.Response(200, json={"data": page, "has_more": has_more})


def _fits(row: Row, query: dict[str, str]) -> bool:
    of_charge = row.get("charge")
    charge_id = of_charge["id"] if isinstance(of_charge, dict) else of_charge
    return (
        int(query.get("created[gte]", 0)) <= row["created"] < int(query.get("created[lt]", 2**40))
        and query.get("transfer_group") in (None, row.get("transfer_group"))
        and query.get("charge") in (None, charge_id)
    )
