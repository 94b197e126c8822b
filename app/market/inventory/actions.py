"""The verbs of listings: hosts offer and change them, and their units, prices and blocked dates."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec
import uuid_utils.compat
from msgspec import UNSET

from app.edge.gateways.registry import refused_by_all, unpayable_by_all
from app.foundation import paging
from app.foundation.db import Tx, Violated, now
from app.foundation.errors import FieldError
from app.foundation.money import Money
from app.foundation.settings import settings
from app.market.inventory import queries, rules
from app.market.inventory.model import (
    UNITS_MAX,
    BlockList,
    BlockReply,
    Kind,
    LabelTaken,
    Listing,
    ListingChanges,
    ListingFull,
    ListingNotFound,
    ListingPage,
    ListingReply,
    ListingState,
    NewBlock,
    NewListing,
    NewOverride,
    NewUnits,
    NotYourListing,
    Offer,
    OverrideList,
    OverrideReply,
    RangeNotFound,
    UnitChanges,
    UnitList,
    UnitNotFound,
    UnitReply,
)


async def create_listing(tx: Tx, *, host_id: UUID, new: NewListing) -> ListingReply:
    """Create a stay or trip. Raises Invalid, naming every field that is wrong; NewHostQuota."""
    listing = _new_listing(host_id, new)
    errors = [
        *rules.currency_errors(listing.currency, _amounts(new)),
        *rules.listing_errors(listing),
        *rules.deposit_errors(listing, settings().deposit_multiple_max),
    ]
    errors = errors or _uncharged(listing, _amounts(new))
    if listing.kind is Kind.TRIP and not errors:
        errors += rules.trip_time_errors(listing, now=await now(tx))
    rules.refuse(errors)
    await queries.insert_listing(tx, listing)
    await _check_new_host(tx, host_id)
    return await _with_warnings(tx, listing)


async def _check_new_host(tx: Tx, host_id: UUID) -> None:
    """Raises NewHostQuota. It is exact only if the caller has taken the host's token of the limit
    LISTINGS, so that two requests of a host do not pass here at once.
    """
    offers = await queries.count_offers(tx, host_id)
    if not offers.has_completed:
        scale = settings().limits_scale
        rules.check_new_host(listings=offers.listings, units=offers.units, scale=scale)


def _new_listing(host_id: UUID, new: NewListing) -> Listing:
    zone_of_arrival = new.zone if new.kind is Kind.TRIP else None
    return Listing(
        id=uuid_utils.compat.uuid7(),
        host_id=host_id,
        kind=new.kind,
        state=ListingState.OPEN,
        title=new.title,
        description=new.description,
        place=new.place,
        country=new.country,
        destination=new.destination,
        zone=new.zone,
        currency=new.price.currency,
        price=new.price.amount,
        weekend_price=new.weekend_price.amount if new.weekend_price else None,
        fee=new.fee.amount if new.fee else 0,
        deposit=new.deposit.amount if new.deposit else 0,
        policy=new.policy,
        request_to_book=new.request_to_book,
        respond_within_h=new.respond_within_hours,
        check_in_time=new.check_in_time,
        check_out_time=new.check_out_time,
        departure_date=new.departure_date,
        departure_time=new.departure_time,
        arrival_date=new.arrival_date,
        arrival_time=new.arrival_time,
        arrival_zone=new.arrival_zone or zone_of_arrival,
        rules=new.rules,
    )


def _amounts(given: NewListing | ListingChanges) -> dict[str, Money | None]:
    """The amounts of a request under their names on the wire, those that are absent as None."""
    amounts = {
        "price": given.price,
        "weekendPrice": given.weekend_price,
        "fee": given.fee,
        "deposit": given.deposit,
    }
    return {name: money or None for name, money in amounts.items()}


async def change_listing(
    tx: Tx, listing_id: UUID, *, host_id: UUID, changes: ListingChanges
) -> ListingReply:
    """Change the fields that are given. The state `closed` ends new bookings, not existing ones.

    Raises ListingNotFound, NotYourListing, Invalid.
    """
    listing = await _own_listing(tx, listing_id, host_id)
    given = {name: value for name, value in _fields(changes).items() if value is not UNSET}
    if "respond_within_hours" in given:
        given["respond_within_h"] = given.pop("respond_within_hours")
    for name in ("price", "weekend_price", "fee", "deposit"):
        if isinstance(money := given.get(name), Money):
            given[name] = money.amount
    changed = msgspec.structs.replace(listing, **given)
    amounts = _amounts(changes)
    errors = [
        *rules.currency_errors(listing.currency, amounts),
        *rules.listing_errors(changed),
    ]
    if changes.price or changes.deposit:
        errors += rules.deposit_errors(changed, settings().deposit_multiple_max)
    if any(amounts.values()):
        reply = ListingReply.of(changed, rules_in_words=[])
        prices = {"price": reply.price, "weekendPrice": reply.weekend_price}
        beside = {"fee": reply.fee, "deposit": reply.deposit}
        errors = errors or _uncharged(changed, prices | beside)
    rules.refuse(errors)
    await queries.update_listing(tx, changed)
    return await _with_warnings(tx, changed)


async def _with_warnings(tx: Tx, listing: Listing) -> ListingReply:
    reply = rules.reply(listing, await now(tx))
    return msgspec.structs.replace(reply, warnings=rules.warnings(listing))


def _fields(changes: ListingChanges) -> dict[str, object]:
    return msgspec.structs.asdict(changes)


async def read_listing(tx: Tx, listing_id: UUID) -> ListingReply:
    """A listing, also a closed one, which may have bookings. Raises ListingNotFound."""
    offer = await read_offer(tx, listing_id, [], None, None)
    return rules.reply(offer, offer.now)


async def list_of_host(tx: Tx, *, host_id: UUID, limit: int, cursor: str | None) -> ListingPage:
    """A host's own listings, closed ones too, the oldest first."""
    after = paging.read_id(cursor) or UUID(int=0)
    found = await queries.read_listings_of_host(tx, host_id, after=after, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda listing: listing.id)
    moment = await now(tx)
    return ListingPage(
        listings=[rules.reply(listing, moment) for listing in page], next_cursor=next_cursor
    )


async def add_units(tx: Tx, listing_id: UUID, *, host_id: UUID, new: NewUnits) -> UnitList:
    """Add units in bulk; returns all units of the listing.

    Raises ListingNotFound, NotYourListing, Invalid, LabelTaken, ListingFull, NewHostQuota.
    """
    listing = await _own_listing(tx, listing_id, host_id)
    units = rules.planned_units(new)
    _check_prices(listing, rules.unit_prices(new))
    try:
        added = await queries.insert_units(tx, listing_id, units)
    except Violated as error:
        if error.constraint != "units_label_taken":
            raise
        raise LabelTaken("One of the labels is a unit of this listing already.") from error
    if added == 0:
        raise ListingFull(f"A listing has at most {UNITS_MAX} units.")
    await _check_new_host(tx, host_id)
    return await list_units(tx, listing_id)


async def change_unit(
    tx: Tx, listing_id: UUID, label: str, *, host_id: UUID, changes: UnitChanges
) -> UnitReply:
    """Change a unit. An inactive one is not sold any more; its bookings stay.

    Raises ListingNotFound, NotYourListing, UnitNotFound, Invalid.
    """
    listing = await _own_listing(tx, listing_id, host_id)
    price = changes.price or None
    _check_prices(listing, {"price": price})
    amount = price.amount if price else None
    if not await queries.update_unit(tx, listing_id, label, changes, price=amount):
        raise UnitNotFound(f"The listing has no unit {label!r}.")
    units = await queries.read_units(tx, listing_id)
    return next(unit for unit in units if unit.label == label)


async def list_units(tx: Tx, listing_id: UUID) -> UnitList:
    """All units of a listing, in the order in which they were made. Raises ListingNotFound."""
    await find_listing(tx, listing_id)
    return UnitList(units=await queries.read_units(tx, listing_id))


async def add_override(
    tx: Tx, listing_id: UUID, *, host_id: UUID, new: NewOverride
) -> OverrideReply:
    """Set a price for a range of slots. Raises ListingNotFound, NotYourListing, Invalid,
    ListingFull."""
    listing = await _own_listing(tx, listing_id, host_id)
    errors = rules.slot_range_errors(new.first_slot, new.last_slot)
    _check_prices(listing, {"price": new.price}, errors)
    override_id = await queries.insert_override(tx, listing_id, new)
    if override_id is None:
        raise ListingFull("Delete price overrides that are past first.")
    return OverrideReply(**msgspec.structs.asdict(new), id=override_id)


async def list_overrides(tx: Tx, listing_id: UUID, *, host_id: UUID) -> OverrideList:
    """The price overrides, the oldest first. Raises ListingNotFound, NotYourListing."""
    await _own_listing(tx, listing_id, host_id)
    return OverrideList(overrides=await queries.read_overrides(tx, listing_id))


async def delete_override(tx: Tx, listing_id: UUID, override_id: int, *, host_id: UUID) -> None:
    """Delete a price override. Raises ListingNotFound, NotYourListing, RangeNotFound."""
    await _own_listing(tx, listing_id, host_id)
    if not await queries.delete_override(tx, listing_id, override_id):
        raise RangeNotFound("The listing has no such price override.")


async def add_block(tx: Tx, listing_id: UUID, *, host_id: UUID, new: NewBlock) -> BlockReply:
    """Take a range of slots off sale. Raises ListingNotFound, NotYourListing, Invalid,
    ListingFull."""
    await _own_listing(tx, listing_id, host_id)
    errors = rules.slot_range_errors(new.first_slot, new.last_slot)
    labels = {unit.label for unit in await queries.read_units(tx, listing_id)}
    if new.unit is not None and new.unit not in labels:
        errors.append(FieldError(field="unit", message="is no unit of this listing"))
    rules.refuse(errors)
    block_id = await queries.insert_block(tx, listing_id, new)
    if block_id is None:
        raise ListingFull("Delete blocked dates that are past first.")
    return BlockReply(**msgspec.structs.asdict(new), id=block_id)


async def list_blocks(tx: Tx, listing_id: UUID, *, host_id: UUID) -> BlockList:
    """The blocked dates of a listing, the oldest first. Raises ListingNotFound, NotYourListing."""
    await _own_listing(tx, listing_id, host_id)
    return BlockList(blocks=await queries.read_blocks(tx, listing_id))


async def delete_block(tx: Tx, listing_id: UUID, block_id: int, *, host_id: UUID) -> None:
    """Put blocked dates on sale again. Raises ListingNotFound, NotYourListing, RangeNotFound."""
    await _own_listing(tx, listing_id, host_id)
    if not await queries.delete_block(tx, listing_id, block_id):
        raise RangeNotFound("The listing has no such blocked dates.")


async def read_offer(
    tx: Tx, listing_id: UUID, labels: list[str] | None, first: date | None, last: date | None
) -> Offer:
    """All that is needed to price and freeze a booking of these units and dates.

    Raises ListingNotFound.
    """
    offer = await queries.read_offer(tx, listing_id, labels, first, last)
    if offer is None:
        raise _no_listing()
    return offer


async def still_sells(
    tx: Tx, listing_id: UUID, *, unit_ids: Sequence[int], first: date, last: date
) -> bool:
    """Whether the host sells these units on these dates now, whether they are free or not."""
    return await queries.still_sells(tx, listing_id, unit_ids=unit_ids, first=first, last=last)


async def find_listing(tx: Tx, listing_id: UUID) -> Listing:
    """A listing, open or closed. Raises ListingNotFound."""
    listing = await queries.read_listing(tx, listing_id)
    if listing is None:
        raise _no_listing()
    return listing


async def _own_listing(tx: Tx, listing_id: UUID, host_id: UUID) -> Listing:
    """A host's own listing, locked against other changes by its host."""
    listing = await queries.lock_listing(tx, listing_id)
    if listing is None:
        raise _no_listing()
    if listing.host_id != host_id:
        raise NotYourListing("Only the host of a listing may see and change this.")
    return listing


def _check_prices(
    listing: Listing, prices: Mapping[str, Money | None], errors: Sequence[FieldError] = ()
) -> None:
    errors = [*errors, *rules.money_errors(listing, prices)]
    rules.refuse(errors or _uncharged(listing, prices))


def _uncharged(listing: Listing, prices: Mapping[str, Money | None]) -> list[FieldError]:
    """Errors for prices, by field name, at which no gateway can charge one unit for one slot.

    Also for prices, fee and deposit of which no gateway could pay a part back.
    """
    given = {name: price for name, price in prices.items() if price and price.amount}
    reasons = {name: unpayable_by_all(price) for name, price in given.items()}
    if not any(reasons.values()):
        beside = [listing.fee, listing.deposit]
        reasons = {
            name: refused_by_all(
                Money(price.amount + sum(beside), listing.currency), parts=[price.amount, *beside]
            )
            for name, price in given.items()
            if name not in ("fee", "deposit")
        }
    return [
        FieldError(field=name, message=f"cannot be paid: {reason}")
        for name, reason in reasons.items()
        if reason
    ]


def _no_listing() -> ListingNotFound:
    return ListingNotFound("There is no listing with this id.")
