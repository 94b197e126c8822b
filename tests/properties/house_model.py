"""A model of the application in plain Python: who owns what, and the state of each booking.

It knows no database, no jobs and no gateway. Each act is given the time at which it happens.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

WHOLE: Final = 10_000  # hundredths of a percent
COMMISSION: Final = 1_000
# How long before it begins a guest may cancel, and what of the rental comes back then.
POLICIES: Final = {
    "flexible": [(timedelta(hours=24), WHOLE), (timedelta(0), 5_000)],
    "moderate": [(timedelta(days=5), WHOLE), (timedelta(hours=24), 5_000)],
}

DISPUTES_MAX: Final = 3  # of one pot, with those that were withdrawn
WINDOWS: Final = {"rental": timedelta(hours=1), "deposit": timedelta(hours=2)}

PAYMENT_TIME: Final = timedelta(minutes=30)
LOOK_AGAIN_IN: Final = timedelta(hours=1)
LOOK_FOR: Final = timedelta(days=7)
UNPAID: Final = ("held", "awaiting_payment")
ENDED: Final = ("cancelled", "declined", "expired")


class Claim(NamedTuple):
    label: str
    slot: date


@dataclass
class Charge:
    """An attempt to pay: what happened at the gateway, and what the application knows of it."""

    id: str
    reference: str
    begun_at: datetime
    at_gateway: str = "open"  # absent, open, declined, paid
    known: str = "pending"
    is_wanted: bool = True  # what it paid for could be had
    look_at: datetime | None = None  # when the application asks by itself
    wanted_back: int = 0  # by the guest's bank

    def __post_init__(self) -> None:
        self.look_at = self.begun_at + LOOK_AGAIN_IN

    @property
    def is_open(self) -> bool:
        return self.known in ("created", "pending")


@dataclass
class Pot:
    """Money held for a booking; divided when somebody knows what is the guest's of it."""

    amount: int
    commission: int  # of what the guest does not get, in hundredths of a percent
    on_release: int  # what the guest gets if nobody complains
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    dispute: str | None = None
    claimed: int = 0  # in the dispute
    disputes: int = 0  # with those that were withdrawn
    to_guest: int | None = None

    @property
    def is_held(self) -> bool:
        return self.to_guest is None and self.dispute is None

    @property
    def to_host(self) -> int:
        rest = self.amount - (self.to_guest or 0)
        return rest - rest * self.commission // WHOLE

    def is_open(self, now: datetime) -> bool:
        """Whether somebody may complain about it."""
        in_window = self.opens_at and self.closes_at and self.opens_at <= now < self.closes_at
        return self.is_held and bool(in_window) and self.disputes < DISPUTES_MAX

    def freeze(self, dispute: str, claimed: int) -> None:
        self.dispute, self.claimed = dispute, claimed
        self.disputes += 1

    def decide(self, to_guest: int) -> None:
        self.dispute, self.to_guest = None, to_guest


@dataclass
class Booking:
    id: str
    guest: str
    claims: frozenset[Claim]
    check_in: datetime
    check_out: datetime
    rental: int
    deposit: int
    policy: str
    is_stay: bool
    is_request: bool
    respond_within: timedelta
    expires_at: datetime | None
    state: str = "held"
    respond_by: datetime | None = None
    charges: list[Charge] = field(default_factory=list)
    pots: dict[str, Pot] = field(default_factory=dict)
    is_contested: bool = False  # a bank wants money back: see banks.py

    @property
    def total(self) -> int:
        return self.rental + self.deposit

    @property
    def open_charge(self) -> Charge | None:
        return next((charge for charge in self.charges if charge.is_open), None)

    def is_in_time(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at > now

    def states_possible(self, now: datetime) -> set[str]:
        """One that is over completes by itself, once its money is divided."""
        return {self.state, "completed"} if self.is_over(now) else {self.state}

    def is_over(self, now: datetime) -> bool:
        is_divided = all(pot.to_guest is not None for pot in self.pots.values())
        return self.state == "confirmed" and self.check_out <= now and is_divided

    def divide(self, bps: int) -> None:
        """So much of the rental goes back, in hundredths of a percent, and all of the deposit."""
        for kind, pot in self.pots.items():
            pot.to_guest = pot.amount * bps // WHOLE if kind == "rental" else pot.amount


class Model:
    """All bookings, the booking that owns each claim, and the charges that will be asked about."""

    def __init__(self) -> None:
        self.bookings: dict[str, Booking] = {}
        self.owners: dict[Claim, str] = {}
        self.asked: list[str] = []

    @property
    def unpaid(self) -> list[Booking]:
        return [booking for booking in self.bookings.values() if booking.state in UNPAID]

    @property
    def requested(self) -> list[Booking]:
        return [booking for booking in self.plain if booking.state == "awaiting_host"]

    @property
    def plain(self) -> list[Booking]:
        return [booking for booking in self.bookings.values() if not booking.is_contested]

    @property
    def contested(self) -> list[Booking]:
        return [booking for booking in self.bookings.values() if booking.is_contested]

    @property
    def charges(self) -> list[tuple[Booking, Charge]]:
        return [
            (booking, charge) for booking in self.bookings.values() for charge in booking.charges
        ]

    @property
    def paid(self) -> list[tuple[Booking, Charge]]:
        return [each for each in self.charges if each[1].known == "succeeded"]

    @property
    def payable(self) -> list[Charge]:
        """Charges that the gateway would take money for, wanted or not."""
        return [charge for _, charge in self.charges if charge.at_gateway in ("open", "declined")]

    def pots(self, *, is_disputed: bool) -> list[tuple[Booking, str]]:
        """Pots that somebody complains about, or else that somebody could complain about."""
        return [
            (booking, kind)
            for booking in self.bookings.values()
            for kind, pot in booking.pots.items()
            if (pot.dispute is not None if is_disputed else pot.is_held)
        ]

    def deadlines(self) -> list[datetime]:
        """Every instant at which time alone changes what may be done."""
        moments = [
            moment
            for booking in self.bookings.values()
            for moment in (
                booking.expires_at,
                booking.respond_by,
                booking.check_in,
                booking.check_out,
                *(booking.check_in - before for before, _ in POLICIES[booking.policy]),
                *(charge.look_at for charge in booking.charges),
                *(pot.opens_at for pot in booking.pots.values()),
                *(pot.closes_at for pot in booking.pots.values()),
            )
        ]
        return [moment for moment in moments if moment]

    # ---- people ---------------------------------------------------------------------------------

    def can_reserve(self, claims: Iterable[Claim], now: datetime) -> bool:
        return all(self._is_free(claim, now) for claim in claims)

    def reserve(self, booking: Booking) -> None:
        self.bookings[booking.id] = booking
        self._own(booking)

    def begin_to_pay(self, booking: Booking, now: datetime) -> bool:
        """The guest asks where to pay; False if it is refused."""
        if booking.state not in UNPAID or booking.expires_at is None:
            return False
        if not booking.is_in_time(now):
            return False
        if booking.state == "held":
            booking.state = "awaiting_payment"
            booking.expires_at = max(booking.expires_at, now + PAYMENT_TIME)
            self._own(booking)
        return True

    def answer(self, booking: Booking, now: datetime, *, accepts: bool) -> bool:
        """The host answers a request; False if it is refused."""
        if booking.state != "awaiting_host" or (accepts and _is_too_late(booking, now)):
            return False
        if accepts:
            self._confirm(booking, now)
        else:
            self._decline(booking)
        return True

    def cancel(self, booking: Booking, now: datetime, *, who: str) -> bool:
        """Somebody cancels; False if it is refused."""
        back = WHOLE
        if booking.state == "confirmed":
            if booking.check_in <= now:
                return False
            back = _back(booking, now) if who == "guest" else WHOLE
        elif booking.state not in (*UNPAID, "awaiting_host"):
            return False
        booking.divide(back)
        self._end(booking, "cancelled")
        return True

    # ---- the application -----------------------------------------------------------------------

    def settle(self, booking: Booking, charge: Charge, now: datetime) -> None:
        """The application has asked the gateway about a charge."""
        in_time = booking.is_in_time(now)
        if charge.at_gateway == "paid":
            if charge.known != "succeeded":
                charge.known, charge.look_at = "succeeded", None
                self._paid(booking, charge, now)
        elif charge.is_open and charge.at_gateway == "declined":
            charge.known = "failed"
        elif charge.is_open and not in_time:
            charge.known = "abandoned"

    def settle_asked(self, now: datetime) -> None:
        known = {charge.reference: (booking, charge) for booking, charge in self.charges}
        asked, self.asked = self.asked, []
        for reference in asked:
            self.settle(*known[reference], now)

    def expire(self, now: datetime) -> None:
        lapsed = [
            (booking.expires_at, booking.id)
            for booking in self.bookings.values()
            if booking.state in UNPAID and booking.expires_at and booking.expires_at <= now
        ]
        for _, booking_id in sorted(lapsed):
            self._end(self.bookings[booking_id], "expired")

    def decline_unanswered(self, now: datetime) -> None:
        for booking in self.bookings.values():
            if booking.state == "awaiting_host" and _is_too_late(booking, now):
                self._decline(booking)

    def release(self, now: datetime) -> None:
        for booking in self.bookings.values():
            for pot in booking.pots.values():
                if pot.is_held and pot.closes_at and pot.closes_at <= now:
                    pot.to_guest = pot.on_release

    def complete(self, now: datetime) -> None:
        for booking in self.bookings.values():
            if booking.is_over(now):
                booking.state = "completed"

    def come_to_rest(self, now: datetime) -> None:
        """All deadlines have passed, and the application has asked about every charge."""
        self.expire(now)
        self.decline_unanswered(now)
        self.settle_asked(now)
        self.release(now)
        self.complete(now)

    def money(self) -> dict[str, int]:
        """What each person is to have in the end, in minor units."""
        due: dict[str, int] = {}
        for booking, charge in self.charges:
            if charge.known == "succeeded" and not charge.is_wanted and not booking.is_contested:
                due[booking.guest] = due.get(booking.guest, 0) + booking.total
        for booking in self.plain:
            for pot in booking.pots.values():
                due[booking.guest] = due.get(booking.guest, 0) + (pot.to_guest or 0)
                due["host"] = due.get("host", 0) + pot.to_host
        if self.contested:  # the host may owe some of it
            due.pop("host", None)
        return {who: amount for who, amount in due.items() if amount}

    def reconcile(self, now: datetime) -> None:
        due = [
            (charge.look_at, charge)
            for _, charge in self.charges
            if charge.look_at and charge.look_at <= now
        ]
        for _, charge in sorted(due, key=lambda each: each[0]):
            self.asked.append(charge.reference)
            age = now - charge.begun_at
            look_in = LOOK_AGAIN_IN if charge.is_open else max(LOOK_AGAIN_IN, age)
            charge.look_at = now + look_in if charge.is_open or age < LOOK_FOR else None

    # ---- steps ----------------------------------------------------------------------------------

    def _is_free(self, claim: Claim, now: datetime, but: str = "") -> bool:
        owner = self.owners.get(claim)
        if owner is None or owner == but:
            return True
        until = self.bookings[owner].expires_at
        return until is not None and until <= now

    def _paid(self, booking: Booking, charge: Charge, now: datetime) -> None:
        tonight = booking.is_stay and booking.is_in_time(now) and booking.check_out > now
        is_wanted = booking.state in ("awaiting_payment", "expired")
        can_begin = booking.check_in > now or tonight
        is_free = all(self._is_free(claim, now, booking.id) for claim in booking.claims)
        if is_wanted and can_begin and is_free:
            self._secure(booking, now)
            return
        charge.is_wanted = False
        if booking.state == "awaiting_payment":
            self._end(booking, "expired")

    def _secure(self, booking: Booking, now: datetime) -> None:
        booking.expires_at = None
        booking.pots = {"rental": Pot(booking.rental, COMMISSION, on_release=0)}
        if booking.deposit:
            booking.pots["deposit"] = Pot(booking.deposit, 0, on_release=booking.deposit)
        self._own(booking)
        if booking.is_request:
            booking.state = "awaiting_host"
            latest = booking.check_in if booking.check_in > now else booking.check_out
            booking.respond_by = min(now + booking.respond_within, latest)
        else:
            self._confirm(booking, now)

    def _confirm(self, booking: Booking, now: datetime) -> None:
        booking.state = "confirmed"
        opens_at = {
            "rental": booking.check_in if booking.is_stay else booking.check_out,
            "deposit": booking.check_out,
        }
        for kind, pot in booking.pots.items():
            pot.opens_at = max(opens_at[kind], now)
            pot.closes_at = pot.opens_at + WINDOWS[kind]

    def _decline(self, booking: Booking) -> None:
        booking.divide(WHOLE)
        self._end(booking, "declined")

    def _end(self, booking: Booking, state: str) -> None:
        self.owners = {claim: of for claim, of in self.owners.items() if of != booking.id}
        booking.state = state
        booking.expires_at = None
        if booking.open_charge:
            self.asked.append(booking.open_charge.reference)

    def own_or_free(self, booking: Booking, *, is_over: bool) -> None:
        """Give a booking the claims that it is for, or take them from it if it has ended."""
        self.owners = {claim: of for claim, of in self.owners.items() if of != booking.id}
        if not is_over:
            self._own(booking)

    def _own(self, booking: Booking) -> None:
        self.owners |= dict.fromkeys(booking.claims, booking.id)


def _is_too_late(booking: Booking, now: datetime) -> bool:
    return booking.respond_by is not None and booking.respond_by <= now


def _back(booking: Booking, now: datetime) -> int:
    """What of the rental comes back if the guest cancels now."""
    left = booking.check_in - now
    return next((bps for before, bps in POLICIES[booking.policy] if left > before), 0)
