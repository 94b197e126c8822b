"""A town beside its model, and what can be seen of it: bookings, claims, charges, money."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
import msgspec

from app.foundation import db
from app.foundation.db import fetch_all, transaction
from tests.house import open_house
from tests.properties.house_model import Model
from tests.properties.records import HOSTS, Charge, Claim, Whole
from tests.properties.town import LAGOS, Town

T = TypeVar("T")

SLACK: Final = timedelta(seconds=10)  # no deadline is this near when something is done

PAYMENTS: Final = """
    SELECT id, reference, state FROM payments
     WHERE %(booking_id)s::uuid IS NULL OR booking_id = %(booking_id)s
     ORDER BY id"""


# Of each transfer the reference, and to whom it went.
_PAYEES: Final = """
    SELECT DISTINCT concat(history.reference, ' ', host_id)
      FROM instruction_history AS history
      JOIN instructions ON instructions.id = instruction_id
      JOIN bookings ON bookings.id = instructions.booking_id
     WHERE instructions.kind = 'transfer' AND history.reference IS NOT NULL"""
_USES: Final = """
    SELECT booking_id::text FROM voucher_uses
     WHERE given_back_at IS NULL AND (expires_at IS NULL OR expires_at > business_now())"""


class BookingRow(msgspec.Struct, frozen=True):
    id: UUID
    state: str
    expires_at: datetime | None
    respond_by: datetime | None


class ClaimRow(msgspec.Struct, frozen=True):
    listing_id: UUID
    label: str
    slot: date
    booking_id: UUID
    expires_at: datetime | None


class PaymentRow(msgspec.Struct, frozen=True):
    id: UUID
    reference: str
    state: str


class Seen:
    """The town and its model, driven step by step from outside any loop."""

    def __init__(self, runner: asyncio.Runner, url: str, books: Path) -> None:
        self.model = Model()
        self.undelivered: list[str] = []
        self.starting: list[tuple[Whole, Charge]] = []  # charges that a job will begin again
        self.has_account = False
        self._runner = runner
        self._opened = AsyncExitStack()
        opening = open_house(Town, url, books)
        self.town = self.run(self._opened.enter_async_context(opening))
        self.run(self.town.fill())
        self.first_night = self.now().astimezone(LAGOS).date() + timedelta(days=1)

    def close(self) -> None:
        self.run(self._opened.aclose())

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(doing)

    # ---- looking --------------------------------------------------------------------------------

    def bookings(self) -> list[BookingRow]:
        return self.rows(BookingRow, "SELECT id, state, expires_at, respond_by FROM bookings")

    def claims(self) -> dict[Claim, tuple[str, datetime | None]]:
        """Who has each claim, and until when."""
        rows = self.rows(
            ClaimRow,
            """
            SELECT listing_id, label, slot, booking_id, claims.expires_at
              FROM claims JOIN units ON units.id = unit_id""",
        )
        names = self.town.names
        return {
            Claim(names[row.listing_id], row.label, row.slot): (str(row.booking_id), row.expires_at)
            for row in rows
        }

    def uses(self) -> list[str]:
        """The bookings that use a voucher, whose uses count."""
        return sorted(self.run(self.town.values(_USES)))

    def payments(self) -> dict[str, str]:
        """The state of each charge by its reference."""
        rows = self.rows(PaymentRow, PAYMENTS, booking_id=None)
        return {row.reference: row.state for row in rows}

    def money(self) -> dict[str, int]:
        """How much money each person has received, by what the gateway says."""
        payers = {charge.reference: whole.guest for whole, charge in self.model.charges}
        payees = dict(each.split() for each in self.run(self.town.values(_PAYEES)))
        ids = {str(getattr(self.town, host).id): host for host in HOSTS}
        got = Counter[str]()
        for refund in self.run(self.town.sandbox.refunds()):
            if refund["status"] == "processed":
                got[payers[refund["transaction_reference"]]] += refund["amount"]
        for transfer in self.run(self.town.sandbox.transfers()):
            if transfer["status"] == "success":
                got[ids[payees[transfer["reference"]]]] += transfer["amount"]
        return dict(got)

    def now(self, *more: datetime) -> datetime:
        """Business time, at which no deadline is so near that it matters who is quicker."""

        async def read() -> datetime:
            async with transaction() as tx:
                return await db.now(tx)

        now = self.run(read())
        if any(now < moment < now + SLACK for moment in (*self.model.deadlines(), *more)):
            self.run(self.town.forward(SLACK))
            return self.now(*more)
        return now

    def refused(self, reply: httpx.Response) -> None:
        assert reply.status_code == httpx.codes.CONFLICT, reply.text

    def expect(self, is_done: bool, reply: httpx.Response) -> None:
        if is_done:
            assert reply.status_code == httpx.codes.OK, reply.text
        else:
            self.refused(reply)

    def post(self, who: str, path: str, body: Any = None) -> httpx.Response:
        return self.run(self.town.post(getattr(self.town, who), path, body))

    def rows(self, kind: type[T], sql: Any, **params: Any) -> list[T]:
        async def read() -> list[T]:
            async with transaction() as tx:
                return await fetch_all(tx, kind, sql, **params)

        return self.run(read())
