"""What people do in a town: in the application and in the model alike.

Each act is done in both, and fails where they disagree on whether it can be done.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import httpx

from tests.properties.records import WHOLE, Booking, Charge, Claim, Whole
from tests.properties.seen import PAYMENTS, PaymentRow, Seen
from tests.properties.town import LAGOS


class Wanted(NamedTuple):
    """A part that somebody wants: its body for the API, what it claims, and when it begins."""

    body: dict[str, Any]
    claims: frozenset[Claim]
    begins: datetime


class Acts(Seen):
    """What people do, and what happens by itself."""

    # ---- booking and paying ---------------------------------------------------------------------

    def seats(self, listing: str, seats: Iterable[str]) -> Wanted:
        day = self.town.departures[listing]
        trip_id = self.town.trip_id if listing == "bus" else self.town.ferry_id
        return Wanted(
            {"tripId": trip_id, "seatNumbers": sorted(seats)},
            frozenset(Claim(listing, seat, day) for seat in seats),
            datetime.combine(day, time(8), LAGOS),
        )

    def nights(self, rooms: Iterable[str], *, first: int, nights: int) -> Wanted:
        dates = [self.first_night + timedelta(days=first + night) for night in range(nights + 1)]
        body = {
            "listingId": self.town.stay_id,
            "units": sorted(rooms),
            "checkIn": dates[0],
            "checkOut": dates[-1],
        }
        claims = frozenset(Claim("house", room, night) for room in rooms for night in dates[:-1])
        return Wanted(body, claims, datetime.combine(dates[0], time(15), LAGOS))

    def reserve(
        self, who: str, *parts: Wanted, stand_alone: bool = False, voucher: str = ""
    ) -> None:
        """All parts are held, and the use of the voucher, or nothing."""
        now = self.now(*(part.begins for part in parts))
        if any(part.begins <= now for part in parts):
            return
        body = parts[0].body if len(parts) == 1 else {"parts": [part.body for part in parts]}
        more: dict[str, Any] = {"partsStandAlone": stand_alone} if len(parts) > 1 else {}
        if voucher:
            more["voucherCode"] = voucher
        reply = self.post(who, "/api/bookings/reserve", body | more)
        whole = Whole(who, stand_alone=stand_alone, voucher=voucher)
        if self.model.can_reserve(whole, {each for part in parts for each in part.claims}, now):
            assert reply.status_code == httpx.codes.CREATED, reply.text
            said = reply.json()
            whole.parts = [
                _part(whole, part.claims, each)
                for part, each in zip(parts, said.get("parts", [said]), strict=True)
            ]
            assert whole.total == said["price"]["total"]["amount"]
            assert bool(voucher) == any(part.discount for part in whole.parts)
            self.model.reserve(whole)
        else:
            self.refused(reply)

    def begin_to_pay(self, whole: Whole, *, fault: str = "") -> None:
        """The guest asks where to pay, while the gateway may have a fault."""
        now = self.now()
        if not self.model.begin_to_pay(whole, now):
            self.refused(self._initiate(whole, ""))
            return
        before = whole.open_charge
        if before and before.known == "pending":  # the gateway is not asked
            assert self._initiate(whole, "").json()["reference"] == before.reference
        else:
            self._begun(whole, before, now, fault, self._initiate(whole, fault))

    def _initiate(self, whole: Whole, fault: str) -> httpx.Response:
        if fault:
            self.run(self.town.sandbox.fault("initialize", fault, delay_ms=1))
        reply = self.post(whole.guest, "/api/payments/initiate", {"bookingId": whole.parts[-1].id})
        self.run(self.town.sandbox.clear_faults())
        return reply

    def _begun(
        self,
        whole: Whole,
        before: Charge | None,
        now: datetime,
        fault: str,
        reply: httpx.Response,
    ) -> None:
        """The gateway was asked to begin a charge: a new one, or one whose answer was lost."""
        fresh = self._new_charges(whole, now)
        charge = before or fresh.pop()
        if charge.at_gateway != "absent" and fault != "error_500":
            self.model.settle(whole, charge, now)  # it is there already, and so it is looked up
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
        else:
            self.starting.append((whole, charge))
        assert reply.status_code == (httpx.codes.GATEWAY_TIMEOUT if fault else httpx.codes.CREATED)

    def _started_later(self, whole: Whole, charge: Charge, now: datetime) -> None:
        """A job has begun a charge again of which the gateway had given no answer."""
        is_wanted = self.model.begin_to_pay(whole, now) and charge.known in ("created", "abandoned")
        before = whole.open_charge
        if not is_wanted or (before and before.known == "pending"):
            return
        fresh = self._new_charges(whole, now)
        charge = before or fresh.pop(0)
        if charge.at_gateway != "absent":
            self.model.settle(whole, charge, now)
            if charge.known == "created":
                charge.known = "abandoned"
            if charge.known != "abandoned":
                return
            charge = fresh.pop(0)
        charge.at_gateway, charge.known = "open", "pending"

    def _new_charges(self, whole: Whole, now: datetime) -> list[Charge]:
        known = {charge.id for charge in whole.charges}
        rows = self.rows(PaymentRow, PAYMENTS, booking_id=whole.id)
        fresh = [
            Charge(str(row.id), row.reference, now, at_gateway="absent", known="created")
            for row in rows
            if str(row.id) not in known
        ]
        whole.charges += fresh
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

    def verify(self, whole: Whole, charge: Charge, *, is_broken: bool) -> None:
        """The guest asks what became of a charge; the gateway may be broken just then."""
        now = self.now()
        if is_broken:
            self.run(self.town.sandbox.fault("verify", "error_500"))
        reply = self.post(whole.guest, f"/api/payments/{charge.id}/verify")
        self.run(self.town.sandbox.clear_faults())
        if is_broken:
            assert reply.status_code == httpx.codes.GATEWAY_TIMEOUT, reply.text
            return
        self.model.settle(whole, charge, now)
        assert reply.json()["state"] == charge.known, reply.text

    # ---- answers, cancellations, complaints -----------------------------------------------------

    def answer(self, booking: Booking, *, accepts: bool) -> None:
        is_done = self.model.answer(booking, self.now(), accepts=accepts)
        verb = "accept" if accepts else "decline"
        self.expect(is_done, self.post(booking.host, f"/api/bookings/{booking.id}/{verb}"))

    def cancel(self, booking: Booking, who: str) -> None:
        back = self.model.cancel(booking, self.now(), who=who)
        expected = {} if back is None else {"expectedRefund": _naira(back)}
        path = f"/api/bookings/{booking.id}/cancel"
        reply = self.post(self.named(booking, who), path, expected)
        self.expect(back is not None, reply)

    def named(self, booking: Booking, role: str) -> str:
        """Who has this role in a booking."""
        return {"guest": booking.guest, "host": booking.host}.get(role, role)

    def complain(self, booking: Booking, kind: str, part: int) -> None:
        """The guest complains about the stay or the trip, the host of damage."""
        pot, now = booking.pots[kind], self.now()
        claimed = max(1, pot.amount * part // WHOLE)
        path = "disputes" if kind == "rental" else "damage-claims"
        body = {"reason": "Not as promised.", "claimed": _naira(claimed)}
        reply = self.post(_complainer(booking, kind), f"/api/bookings/{booking.id}/{path}", body)
        if pot.is_open(now):
            assert reply.status_code == httpx.codes.CREATED, reply.text
            pot.freeze(reply.json()["id"], claimed)
        else:
            self.refused(reply)

    def withdraw(self, booking: Booking, kind: str) -> None:
        pot = booking.pots[kind]
        path = f"/api/bookings/{booking.id}/disputes/{pot.dispute}/withdraw"
        self.expect(True, self.post(_complainer(booking, kind), path))
        pot.dispute = None

    def decide(self, booking: Booking, kind: str, part: int) -> None:
        """An admin grants so much of what is claimed, in hundredths of a percent."""
        pot = booking.pots[kind]
        granted = pot.claimed * part // WHOLE
        to_guest = granted if kind == "rental" else pot.amount - granted
        body = {"toGuest": _naira(to_guest), "decision": "Both are a little right."}
        self.expect(True, self.post("admin", f"/api/admin/disputes/{pot.dispute}/resolve", body))
        pot.decide(to_guest)

    # ---- what happens ---------------------------------------------------------------------------

    def deliver(self) -> None:
        self.run(self.town.deliver())
        self.model.asked += self.undelivered
        self.undelivered = []

    def run_jobs(self) -> None:
        now = self.now()
        self.run(self.town.run_jobs())
        starting, self.starting = self.starting, []
        for whole, charge in starting:
            self._started_later(whole, charge, now)
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
        self.run(self.town.open_account(self.town.driver, number="0009876543"))
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


def _part(whole: Whole, claims: frozenset[Claim], reply: dict[str, Any]) -> Booking:
    terms = reply["terms"]
    price = {name: amount["amount"] for name, amount in reply["price"].items()}
    [listing] = {claim.listing for claim in claims}
    return Booking(
        id=reply["id"],
        whole=whole,
        host="driver" if listing == "ferry" else "host",
        claims=claims,
        check_in=datetime.fromisoformat(reply["checkInAt"]),
        check_out=datetime.fromisoformat(reply["checkOutAt"]),
        price=price["rental"],
        rental=price["rental"] + price["fee"] - price["discount"],
        discount=price["discount"],
        deposit=price["deposit"],
        policy=terms["policy"],
        is_stay=reply["kind"] == "stay",
        is_request=terms["requestToBook"],
        respond_within=timedelta(hours=terms["respondWithinHours"]),
        expires_at=datetime.fromisoformat(reply["expiresAt"]),
    )


def _naira(kobo: int) -> dict[str, Any]:
    return {"amount": kobo, "currency": "NGN"}


def _complainer(booking: Booking, kind: str) -> str:
    return booking.guest if kind == "rental" else booking.host
