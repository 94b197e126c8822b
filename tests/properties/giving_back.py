"""Some of a part is given back: what the model says of it, and what people do."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from tests.properties.acts import Acts
from tests.properties.house_model import Model
from tests.properties.records import WHOLE, WINDOWS, Booking, Claim, Pot


class Wish(NamedTuple):
    """What is to be given back: units, or so many of the first or the last nights; else all."""

    units: tuple[str, ...] = ()
    first_nights: int = 0
    last_nights: int = 0

    @property
    def body(self) -> dict[str, Any]:
        given = {
            "units": list(self.units),
            "firstNights": self.first_nights,
            "lastNights": self.last_nights,
        }
        return {name: value for name, value in given.items() if value} or {"all": True}

    def claims_of(self, part: Booking) -> frozenset[Claim]:
        """What of the claims of a part would be free."""
        slots = part.slots
        cut = len(slots) - self.last_nights if self.last_nights else len(slots)
        if self.first_nights or self.last_nights:
            gone = {*slots[: self.first_nights], *slots[cut:]}
            return frozenset(claim for claim in part.claims if claim.slot in gone)
        if self.units:
            return frozenset(claim for claim in part.claims if claim.label in self.units)
        return part.claims


def wish(part: Booking, how: str, count: int) -> Wish:
    """So much of a part, or all of it if it is not so much."""
    slots, labels = len(part.slots), part.labels
    if how == "units" and count < len(labels):
        return Wish(units=tuple(labels[:count]))
    if part.is_stay and count < slots and how in ("first", "last"):
        return Wish(first_nights=count) if how == "first" else Wish(last_nights=count)
    return Wish()


class GivingActs(Acts):
    """What people do in a town, and what they give back of it."""

    def give_back(self, part: Booking, who: str, wanted: Wish) -> None:
        """The preview, the money that goes back, and the model say the same."""
        now = self.now()
        path, name = f"/api/bookings/{part.id}/give-back", self.named(part, who)
        asker = getattr(self.town, name)
        preview = self.run(
            self.town.api.get(path, params=wanted.body, headers=self.town.headers(asker))
        )
        if not can_give_back(part, now, wanted):
            assert preview.status_code == httpx.codes.CONFLICT, preview.text
            self.refused(self.post(name, path, wanted.body))
            return
        assert preview.is_success, preview.text
        told = preview.json()
        done = self.post(name, path, wanted.body | {"expectedRefund": told["total"]})
        assert done.status_code == httpx.codes.CREATED, done.text
        said = done.json()
        back = give_back(self.model, part, now, who, wanted, part_id=said["givenBack"]["id"])
        assert said["total"]["amount"] == told["total"]["amount"] == back, part
        if said["stays"]:
            total = said["stays"]["price"]["total"]["amount"]
            assert total == part.total, part


def can_give_back(part: Booking, now: datetime, wanted: Wish) -> bool:
    if part.state == "awaiting_host":
        return not _is_disputed(part)
    if part.state != "confirmed":
        return False
    if part.check_in > now:
        return True
    is_to_come = bool(wanted.last_nights) and _check_out(part, wanted) > now
    return is_to_come and not _is_disputed(part)


def give_back(
    model: Model, part: Booking, now: datetime, who: str, wanted: Wish, *, part_id: str
) -> int:
    """Give this back, which can be; what the guest gets back of it."""
    gone = wanted.claims_of(part)
    if gone == part.claims:
        model.end([part], now, who=who)
        return sum(pot.to_guest or 0 for pot in part.pots.values())
    bps = _bps(part, now, who)
    new = _split(part, gone, wanted, now, bps=bps, part_id=part_id)
    model.bookings[new.id] = new
    part.whole.parts.append(new)
    model.own_or_free(part, is_over=False)
    model.free(new, is_guests_end=who == "guest")
    return sum(pot.to_guest or 0 for pot in new.pots.values())


def _bps(part: Booking, now: datetime, who: str) -> int:
    if part.state == "awaiting_host" or part.check_in > now:
        return part.back(now, who)
    return 0 if who == "guest" or part.pots["rental"].to_guest is not None else WHOLE


def _split(
    part: Booking, claims: frozenset[Claim], wanted: Wish, now: datetime, *, bps: int, part_id: str
) -> Booking:
    """What is given back, as a part of its own; the other one shrinks."""
    units = len({claim.label for claim in claims}) if wanted.units else 0
    is_held = part.pots["rental"].to_guest is None
    price = part.price * len(claims) // len(part.claims) if is_held else 0
    discount = part.discount * price // (part.rental + part.discount)
    deposit = part.deposit * units // len(part.labels)
    new = Booking(
        id=part_id,
        whole=part.whole,
        host=part.host,
        claims=claims,
        check_in=part.check_in,
        check_out=part.check_out,
        price=price,
        rental=price - discount,
        discount=discount,
        deposit=deposit,
        policy=part.policy,
        is_stay=part.is_stay,
        is_request=part.is_request,
        respond_within=part.respond_within,
        expires_at=None,
        respond_by=part.respond_by,
    )
    new.agreed = part.agreed
    part.claims -= claims
    part.price -= price
    part.rental -= new.rental
    part.discount -= discount
    part.deposit -= deposit
    if is_held:
        new.pots["rental"] = _part_of(part.pots["rental"], new.rental, discount, bps)
    if deposit:
        new.pots["deposit"] = _part_of(part.pots["deposit"], deposit, 0, WHOLE)
    _move(part, new, wanted, now)
    return new


def _part_of(pot: Pot, amount: int, discount: int, bps: int) -> Pot:
    """What of a pot goes with what is given back, and is divided at once.

    The guest gets the difference that it makes, so that no order of giving back gives more.
    """
    before = pot.amount * bps // WHOLE
    pot.amount -= amount
    voucher = discount if pot.voucher else 0
    pot.voucher -= voucher
    to_guest = before - pot.amount * bps // WHOLE
    return Pot(amount, pot.commission, on_release=0, voucher=voucher, to_guest=to_guest)


def _move(part: Booking, new: Booking, wanted: Wish, now: datetime) -> None:
    """Instants and windows of what stays follow its nights."""
    begins, ends = part.check_in, part.check_out
    part.check_in += timedelta(days=wanted.first_nights)
    part.check_out = _check_out(part, wanted)
    if wanted.first_nights:
        new.check_out = begins + (ends - part.check_in) % timedelta(days=1)
    elif wanted.last_nights:
        new.check_in = begins + timedelta(days=len(part.slots))
    if part.respond_by:
        part.respond_by = min(part.respond_by, part.check_out)
    if deposit := part.pots.get("deposit"):
        deposit.on_release = deposit.amount
        _move_window(deposit, "deposit", ends, part.check_out, now)
    if part.is_stay:
        _move_window(part.pots["rental"], "rental", begins, part.check_in, now)


def _move_window(pot: Pot, kind: str, was: datetime, opens: datetime, now: datetime) -> None:
    if pot.opens_at == was and was > now:
        pot.opens_at, pot.closes_at = opens, opens + WINDOWS[kind]


def _check_out(part: Booking, wanted: Wish) -> datetime:
    return part.check_out - timedelta(days=wanted.last_nights)


def _is_disputed(part: Booking) -> bool:
    return any(pot.dispute for pot in part.pots.values())
