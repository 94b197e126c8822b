"""A town of two listings, and what people do in it: in the application and in the model alike.

Each act is done in both, and fails where they disagree on whether it can be done.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import msgspec

from app.foundation import db
from app.foundation.db import fetch_all, fetch_new_value, transaction
from tests import make
from tests.house import House, open_house
from tests.properties.house_model import WHOLE, Booking, Charge, Claim, Model

T = TypeVar("T")

SEATS: Final = ("1A", "1B", "1C")
ROOM: Final = "Room 1"
LAGOS: Final = ZoneInfo("Africa/Lagos")
SLACK: Final = timedelta(seconds=10)  # no deadline is this near when something is done

_PAYMENTS: Final = """
    SELECT id, reference, state FROM payments
     WHERE %(booking_id)s::uuid IS NULL OR booking_id = %(booking_id)s
     ORDER BY id"""


class BookingRow(msgspec.Struct, frozen=True):
    id: UUID
    state: str
    expires_at: datetime | None
    respond_by: datetime | None


class ClaimRow(msgspec.Struct, frozen=True):
    label: str
    slot: date
    booking_id: UUID
    expires_at: datetime | None


class PaymentRow(msgspec.Struct, frozen=True):
    id: UUID
    reference: str
    state: str


class Town(House):
    """A bus that is sold at once, and a guest house whose host wants to be asked."""

    departure: date

    async def fill(self) -> None:
        await super().fill()
        async with transaction() as tx:
            self.trip_id = await make.trip(
                tx, self.host, seats=len(SEATS), price=750_101, days_ahead=2
            )
            self.stay_id = await make.stay(tx, self.host, rooms=1, request_to_book=True)
            self.departure = await fetch_new_value(
                tx, date, "SELECT departure_date FROM listings WHERE id = %(id)s", id=self.trip_id
            )


class Acts:
    """The town and its model, driven step by step from outside any loop."""

    def __init__(self, runner: asyncio.Runner, url: str, books: Path) -> None:
        self.model = Model()
        self.undelivered: list[str] = []
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

    # ---- booking and paying ---------------------------------------------------------------------

    def reserve_seats(self, who: str, seats: set[str]) -> None:
        departure = datetime.combine(self.town.departure, time(8), LAGOS)
        claims = {Claim(seat, self.town.departure) for seat in seats}
        body = {"tripId": self.town.trip_id, "seatNumbers": sorted(seats)}
        self._reserve(who, body, claims, begins=departure)

    def reserve_nights(self, who: str, *, first: int, nights: int) -> None:
        dates = [self.first_night + timedelta(days=first + night) for night in range(nights + 1)]
        body = {
            "listingId": self.town.stay_id,
            "units": [ROOM],
            "checkIn": dates[0],
            "checkOut": dates[-1],
        }
        claims = {Claim(ROOM, night) for night in dates[:-1]}
        self._reserve(who, body, claims, begins=datetime.combine(dates[0], time(15), LAGOS))

    def _reserve(
        self, who: str, body: dict[str, Any], claims: set[Claim], *, begins: datetime
    ) -> None:
        now = self.now(begins)
        if begins <= now:
            return
        reply = self._post(who, "/api/bookings/reserve", body)
        if self.model.can_reserve(claims, now):
            assert reply.status_code == httpx.codes.CREATED, reply.text
            self.model.reserve(_booking(who, frozenset(claims), reply.json()))
        else:
            _refused(reply)

    def begin_to_pay(self, booking: Booking, *, fault: str = "") -> None:
        """The guest asks where to pay, while the gateway may have a fault."""
        now = self.now()
        if not self.model.begin_to_pay(booking, now):
            _refused(self._initiate(booking, ""))
            return
        before = booking.open_charge
        if before and before.known == "pending":  # the gateway is not asked
            assert self._initiate(booking, "").json()["reference"] == before.reference
        else:
            self._begun(booking, before, now, fault, self._initiate(booking, fault))

    def _initiate(self, booking: Booking, fault: str) -> httpx.Response:
        if fault:
            self.run(self.town.sandbox.fault("initialize", fault, delay_ms=1))
        reply = self._post(booking.guest, "/api/payments/initiate", {"bookingId": booking.id})
        self.run(self.town.sandbox.clear_faults())
        return reply

    def _begun(
        self,
        booking: Booking,
        before: Charge | None,
        now: datetime,
        fault: str,
        reply: httpx.Response,
    ) -> None:
        """The gateway was asked to begin a charge: a new one, or one whose answer was lost."""
        fresh = self._new_charges(booking, now)
        charge = before or fresh.pop()
        if charge.at_gateway != "absent" and fault != "error_500":
            self.model.settle(booking, charge, now)  # it is there already, and so it is looked up
            if charge.known == "created":
                charge.known = "abandoned"  # nobody knows any more where it could be paid
            if charge.known == "succeeded":
                assert reply.json()["state"] == "succeeded", reply.text
                return
            charge, fault = fresh.pop(), ""
        if fault != "error_500":
            charge.at_gateway = "open"
        if not fault:
            charge.known = "pending"
        assert reply.status_code == (httpx.codes.GATEWAY_TIMEOUT if fault else httpx.codes.CREATED)

    def _new_charges(self, booking: Booking, now: datetime) -> list[Charge]:
        known = {charge.id for charge in booking.charges}
        rows = self._rows(PaymentRow, _PAYMENTS, booking_id=booking.id)
        fresh = [
            Charge(str(row.id), row.reference, now, at_gateway="absent", known="created")
            for row in rows
            if str(row.id) not in known
        ]
        booking.charges += fresh
        return fresh

    def pay(self, charge: Charge) -> None:
        """The guest pays on the gateway's page."""
        if charge.at_gateway != "paid":
            self.run(self.town.sandbox.pay(charge.reference))
            charge.at_gateway = "paid"
            self.undelivered.append(charge.reference)

    def decline_card(self, charge: Charge) -> None:
        self.run(self.town.sandbox.decline(charge.reference))
        charge.at_gateway = "declined"

    def verify(self, booking: Booking, charge: Charge, *, is_broken: bool) -> None:
        """The guest asks what became of a charge; the gateway may be broken just then."""
        now = self.now()
        if is_broken:
            self.run(self.town.sandbox.fault("verify", "error_500"))
        reply = self._post(booking.guest, f"/api/payments/{charge.id}/verify")
        self.run(self.town.sandbox.clear_faults())
        if is_broken:
            assert reply.status_code == httpx.codes.GATEWAY_TIMEOUT, reply.text
            return
        self.model.settle(booking, charge, now)
        assert reply.json()["state"] == charge.known, reply.text

    # ---- answers, cancellations, complaints -----------------------------------------------------

    def answer(self, booking: Booking, *, accepts: bool) -> None:
        is_done = self.model.answer(booking, self.now(), accepts=accepts)
        verb = "accept" if accepts else "decline"
        _expect(is_done, self._post("host", f"/api/bookings/{booking.id}/{verb}"))

    def cancel(self, booking: Booking, who: str) -> None:
        is_done = self.model.cancel(booking, self.now(), who=who)
        name = booking.guest if who == "guest" else who
        _expect(is_done, self._post(name, f"/api/bookings/{booking.id}/cancel"))

    def complain(self, booking: Booking, kind: str, part: int) -> None:
        """The guest complains about the stay or the trip, the host of damage."""
        pot, now = booking.pots[kind], self.now()
        claimed = max(1, pot.amount * part // WHOLE)
        path = "disputes" if kind == "rental" else "damage-claims"
        body = {"reason": "Not as promised.", "claimed": _naira(claimed)}
        reply = self._post(_complainer(booking, kind), f"/api/bookings/{booking.id}/{path}", body)
        if pot.is_open(now):
            assert reply.status_code == httpx.codes.CREATED, reply.text
            pot.freeze(reply.json()["id"], claimed)
        else:
            _refused(reply)

    def withdraw(self, booking: Booking, kind: str) -> None:
        pot = booking.pots[kind]
        path = f"/api/bookings/{booking.id}/disputes/{pot.dispute}/withdraw"
        _expect(True, self._post(_complainer(booking, kind), path))
        pot.dispute = None

    def decide(self, booking: Booking, kind: str, part: int) -> None:
        """An admin grants so much of what is claimed, in hundredths of a percent."""
        pot = booking.pots[kind]
        granted = pot.claimed * part // WHOLE
        to_guest = granted if kind == "rental" else pot.amount - granted
        body = {"toGuest": _naira(to_guest), "decision": "Both are a little right."}
        _expect(True, self._post("admin", f"/api/admin/disputes/{pot.dispute}/resolve", body))
        pot.decide(to_guest)

    # ---- what happens ---------------------------------------------------------------------------

    def deliver(self) -> None:
        self.run(self.town.deliver())
        self.model.asked += self.undelivered
        self.undelivered = []

    def run_jobs(self) -> None:
        now = self.now()
        self.run(self.town.run_jobs())
        self.model.settle_asked(now)

    def sweep(self, name: str) -> None:
        now = self.now()
        self.run(self.town.sweep(name))
        match name:
            case "expire-holds":
                self.model.expire(now)
            case "refund-timeouts":
                self.model.decline_unanswered(now)
            case "release-escrow":
                self.model.release(now)
            case "reconcile-payments":
                self.model.reconcile(now)
            case _:
                pass  # what the others do shows in the end, not here

    def open_account(self) -> None:
        self.run(self.town.open_account())
        self.has_account = True

    def come_to_rest(self) -> None:
        """Everything that has begun ends; complaints are withdrawn first."""
        self.deliver()
        self.run_jobs()
        if not self.has_account:
            self.open_account()
        for booking, kind in self.model.pots(is_disputed=True):
            self.withdraw(booking, kind)
        self.run(self.town.come_to_rest())
        self.model.come_to_rest(self.now())

    # ---- looking --------------------------------------------------------------------------------

    def bookings(self) -> list[BookingRow]:
        return self._rows(BookingRow, "SELECT id, state, expires_at, respond_by FROM bookings")

    def claims(self) -> dict[Claim, tuple[str, datetime | None]]:
        """Who has each claim, and until when."""
        rows = self._rows(
            ClaimRow,
            """
            SELECT label, slot, booking_id, claims.expires_at
              FROM claims JOIN units ON units.id = unit_id""",
        )
        return {Claim(row.label, row.slot): (str(row.booking_id), row.expires_at) for row in rows}

    def payments(self) -> dict[str, str]:
        """The state of each charge by its reference."""
        rows = self._rows(PaymentRow, _PAYMENTS, booking_id=None)
        return {row.reference: row.state for row in rows}

    def money(self) -> dict[str, int]:
        """How much money each person has received, by what the gateway says."""
        payers = {charge.reference: booking.guest for booking, charge in self.model.charges}
        got = Counter[str]()
        for refund in self.run(self.town.sandbox.refunds()):
            if refund["status"] == "processed":
                got[payers[refund["transaction_reference"]]] += refund["amount"]
        for transfer in self.run(self.town.sandbox.transfers()):
            if transfer["status"] == "success":
                got["host"] += transfer["amount"]
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

    def _post(self, who: str, path: str, body: Any = None) -> httpx.Response:
        return self.run(self.town.post(getattr(self.town, who), path, body))

    def _rows(self, kind: type[T], sql: Any, **params: Any) -> list[T]:
        async def read() -> list[T]:
            async with transaction() as tx:
                return await fetch_all(tx, kind, sql, **params)

        return self.run(read())


def _booking(who: str, claims: frozenset[Claim], reply: dict[str, Any]) -> Booking:
    price, terms = reply["price"], reply["terms"]
    return Booking(
        id=reply["id"],
        guest=who,
        claims=claims,
        check_in=datetime.fromisoformat(reply["checkInAt"]),
        check_out=datetime.fromisoformat(reply["checkOutAt"]),
        rental=price["rental"]["amount"] + price["fee"]["amount"],
        deposit=price["deposit"]["amount"],
        policy=terms["policy"],
        is_stay=reply["kind"] == "stay",
        is_request=terms["requestToBook"],
        respond_within=timedelta(hours=terms["respondWithinHours"]),
        expires_at=datetime.fromisoformat(reply["expiresAt"]),
    )


def _naira(kobo: int) -> dict[str, Any]:
    return {"amount": kobo, "currency": "NGN"}


def _complainer(booking: Booking, kind: str) -> str:
    return booking.guest if kind == "rental" else "host"


def _expect(is_done: bool, reply: httpx.Response) -> None:
    if is_done:
        assert reply.status_code == httpx.codes.OK, reply.text
    else:
        _refused(reply)


def _refused(reply: httpx.Response) -> None:
    assert reply.status_code == httpx.codes.CONFLICT, reply.text
