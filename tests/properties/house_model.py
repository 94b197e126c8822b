"""A model of the application in plain Python: who owns what, and the state of each booking.

It knows no database, no jobs and no gateway. Each act is given the time at which it happens.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from tests.properties.records import (
    BORNE_BY_US,
    COMMISSION,
    ENDED,
    HOSTS,
    LOOK_AGAIN_IN,
    LOOK_FOR,
    PAYMENT_TIME,
    POLICIES,
    UNPAID,
    VOUCHERS,
    WHOLE,
    WINDOWS,
    Booking,
    Charge,
    Claim,
    Pot,
    Whole,
)


class Model:
    """All bookings, the booking that owns each claim, and the charges that will be asked about."""

    def __init__(self) -> None:
        self.wholes: list[Whole] = []
        self.bookings: dict[str, Booking] = {}  # all parts
        self.owners: dict[Claim, str] = {}
        self.asked: list[str] = []

    @property
    def unpaid(self) -> list[Whole]:
        return [whole for whole in self.wholes if whole.state in UNPAID]

    @property
    def requested(self) -> list[Booking]:
        return [booking for booking in self.plain if booking.state == "awaiting_host"]

    @property
    def plain(self) -> list[Booking]:
        return [booking for booking in self.bookings.values() if not booking.is_contested]

    @property
    def living(self) -> list[Booking]:
        """Parts of which something may be given back, or could have been."""
        return [
            booking for booking in self.plain if booking.state in ("awaiting_host", "confirmed")
        ]

    @property
    def contested(self) -> list[Whole]:
        return [whole for whole in self.wholes if whole.is_contested]

    @property
    def charges(self) -> list[tuple[Whole, Charge]]:
        return [(whole, charge) for whole in self.wholes for charge in whole.charges]

    @property
    def paid(self) -> list[tuple[Whole, Charge]]:
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
                booking.agreed,
                *(booking.agreed - before for before, _ in POLICIES[booking.policy]),
                *(charge.look_at for charge in booking.whole.charges),
                *(pot.opens_at for pot in booking.pots.values()),
                *(pot.closes_at for pot in booking.pots.values()),
            )
        ]
        return [moment for moment in moments if moment]

    # ---- people ---------------------------------------------------------------------------------

    def can_reserve(self, whole: Whole, claims: Iterable[Claim], now: datetime) -> bool:
        return self._can_use(whole, now) and all(self._is_free(claim, now) for claim in claims)

    def reserve(self, whole: Whole) -> None:
        whole.is_used = any(part.discount for part in whole.parts)
        self.wholes.append(whole)
        for part in whole.parts:
            self.bookings[part.id] = part
            self._own(part)

    def begin_to_pay(self, whole: Whole, now: datetime) -> bool:
        """The guest asks where to pay; False if it is refused."""
        if whole.state not in UNPAID or whole.expires_at is None or whole.expires_at <= now:
            return False
        if whole.state == "held":
            until = max(whole.expires_at, now + PAYMENT_TIME)
            for part in whole.parts:
                part.state, part.expires_at = "awaiting_payment", until
                self._own(part)
        return True

    def answer(self, booking: Booking, now: datetime, *, accepts: bool) -> bool:
        """The host answers a request; False if it is refused."""
        if booking.state != "awaiting_host" or (accepts and _is_too_late(booking, now)):
            return False
        if accepts:
            self._confirm(booking, now)
        else:
            self._decline(booking, now)
        return True

    def cancel(self, booking: Booking, now: datetime, *, who: str) -> int | None:
        """Somebody cancels what the id of a part means; what comes back, None if it is refused."""
        parts = self._meant(booking, who)
        ending = [
            part for part in parts if part.state in (*UNPAID, "awaiting_host") or part.is_ahead(now)
        ]
        if not ending:
            return None
        self.end(ending, now, who=who)
        return sum(pot.to_guest or 0 for part in ending for pot in part.pots.values())

    def _meant(self, booking: Booking, who: str) -> Sequence[Booking]:
        """What an id means to somebody; nothing, if it is of one part that nobody has paid for."""
        whole = booking.whole
        is_first = booking is whole.parts[0]
        if booking.state in UNPAID:
            return whole.parts if who == "host" or is_first else []
        return whole.parts if is_first and who != "host" else [booking]

    # ---- the application -----------------------------------------------------------------------

    def settle(self, whole: Whole, charge: Charge, now: datetime) -> None:
        """The application has asked the gateway about a charge."""
        in_time = whole.expires_at is not None and whole.expires_at > now
        if charge.at_gateway == "paid":
            if charge.known != "succeeded":
                charge.known, charge.look_at = "succeeded", None
                self._paid(whole, charge, now)
        elif charge.is_open and charge.at_gateway == "declined":
            charge.known = "failed"
        elif charge.is_open and not in_time:
            charge.known = "abandoned"

    def settle_asked(self, now: datetime) -> None:
        known = {charge.reference: (whole, charge) for whole, charge in self.charges}
        asked, self.asked = self.asked, []
        for reference in asked:
            self.settle(*known[reference], now)

    def expire(self, now: datetime) -> None:
        lapsed = [whole for whole in self.unpaid if whole.expires_at and whole.expires_at <= now]
        for whole in sorted(lapsed, key=lambda each: (each.expires_at, each.id)):
            self._end(whole.parts, "expired")

    def decline_unanswered(self, now: datetime) -> None:
        late = [
            (booking.respond_by, number, booking)
            for number, booking in enumerate(self.bookings.values())
            if booking.state == "awaiting_host" and _is_too_late(booking, now)
        ]
        for _, _, booking in sorted(late, key=lambda each: each[:2]):
            if booking.state == "awaiting_host":  # it has not ended with another part
                self._decline(booking, now)

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
        due = Counter[str]()
        for whole, charge in self.charges:
            if charge.known == "succeeded" and not charge.is_wanted and not whole.is_contested:
                due[whole.guest] += whole.total
        for booking in self.plain:
            for pot in booking.pots.values():
                due[booking.guest] += pot.to_guest or 0
                due[booking.host] += pot.to_host
        if self.contested:  # hosts may owe some of it
            for host in HOSTS:
                due.pop(host, None)
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

    def _can_use(self, whole: Whole, now: datetime) -> bool:
        """Whether a voucher can be used for this booking, beside those that use it already."""
        if not whole.voucher:
            return True
        voucher = VOUCHERS[whole.voucher]
        others = [
            each
            for each in self.wholes
            if each is not whole and each.voucher == whole.voucher and each.uses(now)
        ]
        is_left = voucher.uses_max is None or len(others) < voucher.uses_max
        return is_left and not (
            voucher.once_per_guest and whole.guest in {each.guest for each in others}
        )

    def _paid(self, whole: Whole, charge: Charge, now: datetime) -> None:
        is_wanted = whole.state in ("awaiting_payment", "expired")
        can_begin = all(_can_begin(part, now) for part in whole.parts)
        if is_wanted and can_begin and self._is_available(whole, now):
            self._secure(whole, now)
            return
        charge.is_wanted = False
        if whole.state == "awaiting_payment":
            self._end(whole.parts, "expired")

    def _is_available(self, whole: Whole, now: datetime) -> bool:
        return self._can_use(whole, now) and all(
            self._is_free(claim, now, part.id) for part in whole.parts for claim in part.claims
        )

    def _secure(self, whole: Whole, now: datetime) -> None:
        whole.is_used = any(part.discount for part in whole.parts)
        for part in whole.parts:
            part.expires_at = None
            ours = part.discount if whole.voucher == BORNE_BY_US else 0
            part.pots = {"rental": Pot(part.rental, COMMISSION, on_release=0, voucher=ours)}
            if part.deposit:
                part.pots["deposit"] = Pot(part.deposit, 0, on_release=part.deposit)
            self._own(part)
            if part.is_request:
                part.state, part.respond_by = "awaiting_host", _respond_by(part, now)
            else:
                self._confirm(part, now)

    def _confirm(self, booking: Booking, now: datetime) -> None:
        booking.state = "confirmed"
        opens_at = {
            "rental": booking.check_in if booking.is_stay else booking.check_out,
            "deposit": booking.check_out,
        }
        for kind, pot in booking.pots.items():
            pot.opens_at = max(opens_at[kind], now)
            pot.closes_at = pot.opens_at + WINDOWS[kind]

    def _decline(self, booking: Booking, now: datetime) -> None:
        """One host's no ends the parts that do not stand alone."""
        whole = booking.whole
        others = [
            part
            for part in ([] if whole.stand_alone else whole.parts)
            if part is not booking and (part.state == "awaiting_host" or part.is_ahead(now))
        ]
        for part in (booking, *others):
            part.divide(WHOLE)
        booking.state = "declined"  # before it is asked what of a voucher still lives
        self._end(others, "cancelled")
        self._end([booking], "declined")

    def end(self, parts: Sequence[Booking], now: datetime, *, who: str) -> None:
        """Somebody cancels these parts of a booking, and their pots are divided."""
        for part in parts:
            part.divide(part.back(now, who))
            part.is_guests_end = who == "guest" and part.state not in UNPAID
        self._end(parts, "cancelled")

    def free(self, part: Booking, *, is_guests_end: bool) -> None:
        """A part that was split off has ended, and its pots are divided."""
        part.is_guests_end = is_guests_end
        self._end([part], "cancelled")

    def _end(self, parts: Sequence[Booking], state: str) -> None:
        for part in parts:
            self.owners = {claim: of for claim, of in self.owners.items() if of != part.id}
            part.state, part.expires_at = state, None
        if not parts:
            return
        whole = parts[0].whole
        self.give_voucher_back(whole, parts)
        if whole.open_charge:
            self.asked.append(whole.open_charge.reference)

    def give_voucher_back(self, whole: Whole, ended: Sequence[Booking]) -> None:
        """The use of a voucher is free again, unless what it paid for lives, or the guest left."""
        paid_for = [part for part in whole.parts if part.discount]
        if any(part.discount for part in ended) and all(
            part.state in ENDED and not part.is_guests_end for part in paid_for
        ):
            whole.is_used = False

    def own_or_free(self, booking: Booking, *, is_over: bool) -> None:
        """Give a booking the claims that it is for, or take them from it if it has ended."""
        self.owners = {claim: of for claim, of in self.owners.items() if of != booking.id}
        if not is_over:
            self._own(booking)

    def _own(self, booking: Booking) -> None:
        self.owners |= dict.fromkeys(booking.claims, booking.id)


def _is_too_late(booking: Booking, now: datetime) -> bool:
    return booking.respond_by is not None and booking.respond_by <= now


def _can_begin(part: Booking, now: datetime) -> bool:
    tonight = part.is_stay and part.is_in_time(now) and part.check_out > now
    return part.check_in > now or tonight


def _respond_by(part: Booking, now: datetime) -> datetime:
    """A host answers in time, and before other parts begin that end with this one."""
    others = [] if part.whole.stand_alone else part.whole.parts
    begins = [each.check_in for each in others if each is not part and each.check_in > now]
    latest = part.check_in if part.check_in > now else part.check_out
    return min(now + part.respond_within, latest, *begins)
