"""What stays of a part, and what is given back of it: units or nights, and the price of each.

What both are worth always sums to what the part was worth, to the minor unit.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from app.edge.gateways.amounts import AmountRule
from app.foundation import clock
from app.foundation.errors import FieldError, Invalid
from app.market.bookings.model import Booking
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Kind, PriceLine

_DAY = timedelta(days=1)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What of a part is to be given back: units by their labels, or a number of its nights."""

    units: Sequence[str] = ()
    first_nights: int = 0
    last_nights: int = 0

    @property
    def nights(self) -> int:
        return self.first_nights or self.last_nights


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What of a part's money is in escrow, undivided, and which amounts its gateway refunds."""

    rental: bool
    deposit: bool
    refunds: AmountRule


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A part as it was, what stays of it (the same row), and what is given back (a new part)."""

    was: Booking
    stays: Booking
    gone: Booking


def nights(booking: Booking) -> int:
    return (booking.last_slot - booking.first_slot).days + 1


def is_all(booking: Booking, wish: Wish) -> bool:
    """Whether nothing of a part would stay. Raises Invalid for what the part has not."""
    if wish.units:
        inventory_rules.refuse(
            [
                FieldError(field=f"units[{index}]", message=f"{label} is not one of this booking")
                for index, label in enumerate(wish.units)
                if label not in booking.labels
            ]
        )
        return set(wish.units) == set(booking.labels)
    field = "firstNights" if wish.first_nights else "lastNights"
    if booking.kind is Kind.TRIP:
        raise Invalid.field(field, "a trip has no nights: give back units")
    if wish.nights > nights(booking):
        raise Invalid.field(field, f"this booking has {nights(booking)} nights")
    return wish.nights == nights(booking)


def split(booking: Booking, wish: Wish, held: Held, *, part_id: UUID, part: int) -> Split:
    """Split a part: a new one, with this id and number, gets what is given back.

    What is given back has no share of the fee. A rental that is not in escrow any more stays with
    what stays. Raises Invalid for nights that clocks leave no time between.
    """
    stays, gone = _lines(booking, wish, held)
    deposit = _deposit(booking, held, units=len(gone)) if wish.units else 0
    discount = _discount(booking, _sum(gone), held.refunds.step) if held.rental else 0
    both = _at_the_door(booking, wish) if wish.nights else (booking, booking)
    return Split(
        was=booking,
        stays=_priced(
            both[0],
            stays,
            fee=booking.fee,
            deposit=booking.deposit - deposit,
            discount=booking.discount - discount,
        ),
        gone=msgspec.structs.replace(
            _priced(both[1], gone, fee=0, deposit=deposit, discount=discount),
            id=part_id,
            part_of=booking.whole_id,
            part=part,
            parts=1,
            stand_alone=False,
            split_from=booking.id,
        ),
    )


def _priced(
    booking: Booking, lines: list[PriceLine], *, fee: int, deposit: int, discount: int
) -> Booking:
    rental = _sum(lines)
    return msgspec.structs.replace(
        booking,
        unit_ids=[line.unit_id for line in lines],
        lines=lines,
        rental=rental,
        fee=fee,
        deposit=deposit,
        discount=discount,
        total=rental + fee + deposit - discount,
    )


# ---- price --------------------------------------------------------------------------------------


def _lines(booking: Booking, wish: Wish, held: Held) -> tuple[list[PriceLine], list[PriceLine]]:
    """The prices of what stays and of what is given back, this in whole steps of the gateway's."""
    if not held.rental:
        stays = [_with(line, line.amount, None) for line in booking.lines]
        return stays, [_with(line, 0, None) for line in booking.lines]
    both = _by_units(booking, wish) if wish.units else _by_nights(booking, wish)
    return _in_steps(*both, step=held.refunds.step)


def _by_units(booking: Booking, wish: Wish) -> tuple[list[PriceLine], list[PriceLine]]:
    gone = [line for line in booking.lines if line.label in wish.units]
    stays = [line for line in booking.lines if line.label not in wish.units]
    return stays, gone


def _by_nights(booking: Booking, wish: Wish) -> tuple[list[PriceLine], list[PriceLine]]:
    """Each unit's price, by what each night costs; what does not divide stays with what stays."""
    count = nights(booking)
    cut = wish.first_nights or count - wish.last_nights
    both: list[tuple[PriceLine, PriceLine]] = []
    for line in booking.lines:
        each = line.nights or _evenly(line.amount, count, gone_first=bool(wish.first_nights))
        first = PriceLine.of(line.unit_id, line.label, each[:cut])
        last = PriceLine.of(line.unit_id, line.label, each[cut:])
        both.append((last, first) if wish.first_nights else (first, last))
    return [stays for stays, _ in both], [gone for _, gone in both]


def _evenly(amount: int, count: int, *, gone_first: bool) -> list[int]:
    """An amount for each night; the night that is given back last has what does not divide."""
    each = [amount // count] * count
    each[-1 if gone_first else 0] += amount % count
    return each


def _in_steps(
    stays: list[PriceLine], gone: list[PriceLine], *, step: int
) -> tuple[list[PriceLine], list[PriceLine]]:
    """What is given back in whole steps; what is left of a step stays, with the first unit."""
    spare = left = _sum(gone) % step
    if not spare:
        return stays, gone
    less: list[PriceLine] = []
    for line in gone:
        taken = min(left, line.amount)
        left -= taken
        less.append(_with(line, line.amount - taken, None) if taken else line)
    first, *others = stays
    nights = [first.nights[0] + spare, *first.nights[1:]] if first.nights else None
    return [_with(first, first.amount + spare, nights), *others], less


def _with(line: PriceLine, amount: int, nights: list[int] | None) -> PriceLine:
    return msgspec.structs.replace(line, amount=amount, nights=nights)


def _sum(lines: Sequence[PriceLine]) -> int:
    return sum(line.amount for line in lines)


def _deposit(booking: Booking, held: Held, *, units: int) -> int:
    """The deposit of so many units, if the gateway can refund it and what stays, each alone."""
    if not held.deposit:
        return 0
    share = held.refunds.share(booking.deposit * units // len(booking.lines))
    return share if held.refunds.pays(booking.deposit - share) else 0


def _discount(booking: Booking, rental: int, step: int) -> int:
    """What a voucher pays of a rental that is given back, in whole steps, rounded down.

    But so much that the guest has paid at least a step of what stays, and so little that the guest
    has paid one of what is given back, if it was enough for both: for a pot is never empty.
    """
    whole = booking.rental + booking.fee
    if booking.discount in (0, whole):
        return min(booking.discount, rental)
    share = booking.discount * rental // whole
    most = rental - step
    least = booking.discount - (whole - rental) + step
    return min(booking.discount, rental, max(min(share - share % step, most), least, 0))


# ---- instants -----------------------------------------------------------------------------------


def _at_the_door(booking: Booking, wish: Wish) -> tuple[Booking, Booking]:
    """What stays and what is given back of a stay, each with its nights and instants."""
    first = wish.first_nights
    door = booking.first_slot + first * _DAY if first else _last_door(booking, wish)
    begins, ends = _begin(booking, door), _end(booking, door)
    before, after = _until(booking, ends, door), _from(booking, begins, door)
    if min(before.check_out_at - before.check_in_at, after.check_out_at - after.check_in_at) <= (
        timedelta(0)
    ):
        field = "firstNights" if first else "lastNights"
        raise Invalid.field(field, "a change of clocks leaves no time between these nights")
    return (after, before) if first else (before, after)


def _last_door(booking: Booking, wish: Wish) -> date:
    return booking.last_slot + _DAY - wish.last_nights * _DAY


def _until(booking: Booking, ends: datetime, door: date) -> Booking:
    zone = booking.terms.check_out_zone or booking.terms.zone
    return msgspec.structs.replace(
        booking,
        last_slot=door - _DAY,
        check_out_at=inventory_rules.instant(ends, zone),
        terms=msgspec.structs.replace(booking.terms, check_out_local=ends.isoformat()),
    )


def _from(booking: Booking, begins: datetime, door: date) -> Booking:
    return msgspec.structs.replace(
        booking,
        first_slot=door,
        check_in_at=inventory_rules.instant(begins, booking.terms.zone),
        terms=msgspec.structs.replace(booking.terms, check_in_local=begins.isoformat()),
    )


def _begin(booking: Booking, door: date) -> datetime:
    """When a stay begins on a day, by the clocks of the place, as it was agreed on or as it is."""
    agreed, zone = booking.terms.check_in_local, booking.terms.zone
    begins = _wall(agreed, booking.check_in_at, zone)
    return datetime.combine(door + (begins.date() - booking.first_slot), begins.time())


def _end(booking: Booking, door: date) -> datetime:
    agreed, zone = booking.terms.check_out_local, booking.terms.check_out_zone
    ends = _wall(agreed, booking.check_out_at, zone or booking.terms.zone)
    return datetime.combine(door + (ends.date() - booking.last_slot - _DAY), ends.time())


def _wall(agreed: str | None, at: datetime, zone: str) -> datetime:
    if agreed:
        return datetime.fromisoformat(agreed)
    return clock.local(at, zone).replace(tzinfo=None)
