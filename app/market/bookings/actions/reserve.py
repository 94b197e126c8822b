"""Reserve: hold units for a guest, with price and terms frozen."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways.registry import refused_by_all
from app.foundation import ids
from app.foundation.db import Tx
from app.foundation.errors import Invalid, Problem
from app.foundation.settings import settings
from app.market.bookings import queries, rules
from app.market.bookings.actions.passengers import replace_passengers
from app.market.bookings.model import Booking, Reserve, WantedPart
from app.market.bookings.model.quotas import COUNTED
from app.market.claims import actions as claims
from app.market.claims import rules as claim_rules
from app.market.claims.model import Claimed
from app.market.inventory import actions as inventory
from app.market.inventory.model import OfferedUnit
from app.market.vouchers import actions as vouchers
from app.market.vouchers.model import Voucher


async def reserve(tx: Tx, *, guest_id: UUID, request: Reserve) -> list[Booking]:
    """Hold all units of all parts that are asked for, or none, with price and terms frozen.

    Raises UnitsTaken or SoldOut, which name what is free instead; StayRuleBroken, which names a
    rule of the host; Invalid for a request that contradicts itself or a listing; ListingNotFound,
    ListingClosed, DatesBlocked, OwnListing, TripDeparted. What is wrong with one part of several
    names it by its number, as `part`. A voucher that cannot be used here: Invalid, VoucherUsedUp,
    VoucherUsedBefore. QuotaReached, CoolingDown: the guest holds too much that is unpaid; that is
    exact only if the caller has taken the guest's token of the limit RESERVE.
    """
    wanted = rules.wanted_parts(request)
    orders: list[rules.Order] = []
    for place, part in zip(_places(request, len(wanted)), wanted, strict=True):
        try:
            orders.append(await _order(tx, guest_id, request, place, part))
        except Problem as problem:
            raise claim_rules.in_part(problem, place.named) from problem.__cause__
    if len(orders) > 1:
        rules.check_together(orders)
    voucher = await _take_voucher(tx, guest_id, request)
    parts = await _hold(tx, orders, voucher)
    if voucher:
        await _hold_voucher(tx, voucher, parts)
    for order, part in zip(orders, parts, strict=True):
        if order.passengers:
            await replace_passengers(tx, part, order.passengers)
    return parts


async def _order(
    tx: Tx, guest_id: UUID, request: Reserve, place: rules.Place, part: WantedPart
) -> rules.Order:
    asked = rules.read(part)
    offer = await inventory.read_offer(
        tx, asked.listing_id, asked.labels, asked.check_in, asked.check_out
    )
    return rules.Order(
        asked=asked,
        offer=offer,
        dates=rules.slots(asked, offer, guest_id),
        place=place,
        guest_id=guest_id,
        hold=timedelta(minutes=request.hold_duration_minutes),
        commission_bps=settings().commission_bps,
        deposit_multiple_max=settings().deposit_multiple_max,
        passengers=part.passengers,
    )


async def _take_voucher(tx: Tx, guest_id: UUID, request: Reserve) -> Voucher | None:
    """The voucher that is asked for, locked before any claim is made: see `vouchers.actions`."""
    if request.voucher_code is None:
        return None
    return await vouchers.take(tx, request.voucher_code, guest_id=guest_id)


async def _hold_voucher(tx: Tx, voucher: Voucher, parts: Sequence[Booking]) -> None:
    first = parts[0]
    if first.expires_at is None:
        raise ValueError("what has just been held has a deadline")
    await vouchers.hold(
        tx,
        voucher,
        booking_id=first.id,
        guest_id=first.guest_id,
        amount=sum(part.discount for part in parts),
        currency=first.currency,
        until=first.expires_at,
    )


async def _hold(tx: Tx, orders: Sequence[rules.Order], voucher: Voucher | None) -> list[Booking]:
    """Hold the units that are named, and any others where a number is asked for; all in one."""
    named = {
        order.place.part: _held(order, _named_units(order))
        for order in orders
        if order.asked.labels is not None
    }
    sought = [part.sought for part in named.values()]
    if len(named) == len(orders):
        parts = _payable(list(named.values()), voucher)
        await claims.keep_apart(tx, sought)
        for short, got in claim_rules.short(sought, await _claim(tx, parts)):
            raise await claims.units_taken(tx, short, got)
        return parts
    others = [order for order in orders if order.place.part not in named]

    async def hold(picked: list[list[OfferedUnit]]) -> list[Booking] | None:
        any_units = {
            order.place.part: _held(order, units)
            for order, units in zip(others, picked, strict=True)
        }
        by_number = named | any_units
        parts = _payable([by_number[order.place.part] for order in orders], voucher)
        short = claim_rules.short([part.sought for part in parts], await _claim(tx, parts))
        for each, got in short:
            if each.part in named:
                raise await claims.units_taken(tx, each, got)
        return None if short else parts

    return await claims.claim_any(tx, [order.pick for order in others], named=sought, claim=hold)


async def _claim(tx: Tx, parts: Sequence[Booking]) -> list[Claimed]:
    """Raises QuotaReached, CoolingDown. Two requests of a guest do not pass here at once: the first
    statement of each has locked the guest's bucket of the limit on reserving.
    """
    since = ids.earlier(parts[0].id, COUNTED)
    if len(parts) > 1:
        attempt = await queries.hold_several(tx, parts, since=since)
    else:
        attempt = await queries.hold(tx, parts[0], since=since)
    rules.check_standing(parts, attempt.standing)
    return attempt.claimed


def _named_units(order: rules.Order) -> list[OfferedUnit]:
    try:
        return rules.units_by_label(order.asked, order.offer)
    except Problem as problem:
        raise claim_rules.in_part(problem, order.place.named) from problem.__cause__


def _held(order: rules.Order, units: Sequence[OfferedUnit]) -> Booking:
    try:
        return rules.held(order, units)
    except Problem as problem:
        raise claim_rules.in_part(problem, order.place.named) from problem.__cause__


def _payable(parts: list[Booking], voucher: Voucher | None) -> list[Booking]:
    """The parts at the price that is paid, if a gateway can charge their total and pay its shares:
    else a hold is useless.

    Raises Invalid.
    """
    if voucher:
        shares = vouchers.discounts(voucher, [rules.priced(part) for part in parts])
        parts = rules.discounted(parts, shares, voucher.name)
    if reason := refused_by_all(rules.total(parts), parts=rules.amounts_apart(parts)):
        field = "listingId" if len(parts) == 1 else "parts"
        raise Invalid.field(field, f"cannot be paid so: {reason}")
    return parts


def _places(request: Reserve, count: int) -> list[rules.Place]:
    """The place of each part, with new ids in the order of the parts."""
    if count == 1:
        return [rules.Place(booking_id=uuid_utils.compat.uuid7(), listed=bool(request.parts))]
    first, *others = sorted(uuid_utils.compat.uuid7() for _ in range(count))
    stand_alone = request.parts_stand_alone
    return [
        rules.Place(booking_id=first, parts=count, stand_alone=stand_alone, listed=True),
        *(
            rules.Place(booking_id=other, part_of=first, part=number, listed=True)
            for number, other in enumerate(others, start=2)
        ),
    ]
