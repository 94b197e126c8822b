"""The verbs of vouchers: make, list, end; and hold, keep and give back the use of one.

What uses a voucher locks its row, always at the same place: after the booking (a new one is
nobody's to wait for), and before any claim. So two bookings that want the same voucher and the same
units never wait for each other. A use counts from the lock on; uses whose hold has run out do not,
whether a sweep has been there or not.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import uuid_utils.compat

from app.foundation import audit, paging
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, Violated, now
from app.foundation.errors import FieldError, Invalid
from app.market.inventory import actions as inventory
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Listing, ListingNotFound
from app.market.vouchers import queries, rules
from app.market.vouchers.model import (
    BorneBy,
    CodeTaken,
    NewPlatformVoucher,
    NewVoucher,
    Priced,
    Voucher,
    VoucherNotFound,
    VoucherPage,
    VoucherReply,
    VoucherUsedBefore,
    VoucherUsedUp,
)
from app.people.accounts import actions as accounts

# ---- make, list, end ----------------------------------------------------------------------------


async def make_as_host(tx: Tx, *, host_id: UUID, new: NewVoucher) -> VoucherReply:
    """Make a voucher for a host's own listings, at the host's cost. Raises Invalid, CodeTaken."""
    by = Actor(ActorRole.HOST, host_id)
    return await _make(tx, new, by=by, made_by=host_id, host_id=host_id)


async def make_as_admin(tx: Tx, *, admin_id: UUID, new: NewPlatformVoucher) -> VoucherReply:
    """Make a voucher at the cost of the platform. Raises Invalid, CodeTaken."""
    if new.host_id and await accounts.find_missing(tx, [new.host_id]):
        raise Invalid.field("hostId", "there is no such account")
    by = Actor(ActorRole.ADMIN, admin_id)
    return await _make(tx, new, by=by, made_by=admin_id, host_id=new.host_id)


async def read_page(tx: Tx, *, host_id: UUID | None, limit: int, cursor: str | None) -> VoucherPage:
    """A page of the vouchers that a host bears, or of all, newest first. Raises Invalid."""
    before = paging.read_id(cursor)
    rows = await queries.page(tx, host_id=host_id, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(rows, limit, by=lambda voucher: voucher.id)
    vouchers = [VoucherReply.of(voucher) for voucher in page]
    return VoucherPage(vouchers=vouchers, next_cursor=next_cursor)


async def end(tx: Tx, voucher_id: UUID, *, by: Actor) -> VoucherReply:
    """End a voucher: nobody begins to use it any more. Bookings that have it keep it.

    A host ends those that the host bears, an admin any. One that has ended stays as it is. Raises
    VoucherNotFound.
    """
    voucher = await queries.find(tx, voucher_id)
    is_own = by.role is ActorRole.ADMIN or (
        voucher is not None and voucher.borne_by is BorneBy.HOST and voucher.made_by == by.id
    )
    if voucher is None or not is_own:
        raise VoucherNotFound(f"There is no voucher {voucher_id} of yours.")
    ended = await queries.end(tx, voucher_id)
    if ended is None:
        return VoucherReply.of(await _read(tx, voucher_id))
    await audit.record(
        tx,
        by=by,
        action="end_voucher",
        subject=Subject("voucher", voucher_id),
        before={"endedAt": None, "uses": ended.uses},
        after={"endedAt": ended.ended_at},
    )
    return VoucherReply.of(ended)


async def of_booking(tx: Tx, booking_id: UUID) -> Voucher | None:
    """The voucher that a booking uses, or has used; None if it has none."""
    return await queries.of_booking(tx, booking_id)


async def _read(tx: Tx, voucher_id: UUID) -> Voucher:
    if voucher := await queries.find(tx, voucher_id):
        return voucher
    raise VoucherNotFound(f"There is no voucher {voucher_id}.")


async def _make(
    tx: Tx, new: NewVoucher, *, by: Actor, made_by: UUID, host_id: UUID | None
) -> VoucherReply:
    moment = await now(tx)
    listing = await _listing(tx, new)
    starts_at = new.starts_at or moment
    days = {"startsAt": starts_at, "endsAt": new.ends_at}
    inventory_rules.refuse(inventory_rules.year_errors(days))
    inventory_rules.refuse(
        [
            *rules.errors(new, listing, starts_at=starts_at),
            *rules.listing_errors(listing, new, host_id),
        ]
    )
    voucher = Voucher(
        id=uuid_utils.compat.uuid7(),
        code=new.code,
        name=new.name,
        amount=new.amount.amount if new.amount else None,
        currency=rules.currency_of(new),
        percent_bps=new.percent_bps,
        discount_max=new.discount_max.amount if new.discount_max else None,
        borne_by=BorneBy.HOST if by.role is ActorRole.HOST else BorneBy.PLATFORM,
        made_by=made_by,
        host_id=host_id,
        listing_id=new.listing_id,
        kind=new.kind,
        starts_at=starts_at,
        ends_at=new.ends_at,
        uses_max=new.uses_max,
        uses=0,
        once_per_guest=new.once_per_guest,
        least=new.least.amount if new.least else 0,
        ended_at=None,
        created_at=moment,
        updated_at=moment,
    )
    await _insert(tx, voucher)
    reply = VoucherReply.of(voucher)
    subject = Subject("voucher", voucher.id)
    await audit.record(tx, by=by, action="make_voucher", subject=subject, after={"voucher": reply})
    return reply


async def _listing(tx: Tx, new: NewVoucher) -> Listing | None:
    """The listing that a new voucher names, if it does. Raises Invalid."""
    if new.listing_id is None:
        return None
    try:
        return await inventory.find_listing(tx, new.listing_id)
    except ListingNotFound as error:
        raise Invalid.field("listingId", "there is no such listing") from error


async def _insert(tx: Tx, voucher: Voucher) -> None:
    try:
        await queries.insert(tx, voucher)
    except Violated as error:
        if error.constraint != "vouchers_code_once":
            raise
        message = "is the code of another voucher"
        errors = [FieldError(field="code", message=message)]
        raise CodeTaken(f"{voucher.code} {message}.", errors=errors) from error


# ---- the use of one -----------------------------------------------------------------------------


async def take(tx: Tx, code: str, *, guest_id: UUID) -> Voucher:
    """Lock a voucher that this guest may use now, before any claim of the booking is made.

    Raises Invalid for a code that nobody has, or has now; VoucherUsedUp, VoucherUsedBefore.
    """
    locked = await queries.lock_by_code(tx, code)
    if locked is None:
        raise rules.unknown(code)
    rules.check_period(locked, await now(tx))
    return await _check_free(tx, locked, guest_id)


def discounts(voucher: Voucher, parts: Sequence[Priced]) -> list[int]:
    """What a voucher pays of each part, in minor units. Raises Invalid: see `rules.discounts`."""
    return rules.discounts(voucher, parts)


async def hold(
    tx: Tx,
    voucher: Voucher,
    *,
    booking_id: UUID,
    guest_id: UUID,
    amount: int,
    currency: str,
    until: datetime,
) -> None:
    """Hold the use of a voucher that was taken, for as long as the booking's units are held."""
    await queries.insert_use(
        tx,
        voucher.id,
        booking_id=booking_id,
        guest_id=guest_id,
        amount=amount,
        currency=currency,
        until=until,
    )


async def extend(tx: Tx, booking_id: UUID, *, until: datetime) -> None:
    """Hold the use of a booking's voucher for longer, before its claims are extended.

    One that had run out is taken again. Raises VoucherUsedUp, VoucherUsedBefore.
    """
    await _hold_again(tx, booking_id, until)


async def keep(tx: Tx, booking_id: UUID) -> bool:
    """Make the use of a booking's voucher permanent, since it is paid for; before its claims.

    One that had run out is taken again. False if others have used the voucher up meanwhile.
    """
    try:
        await _hold_again(tx, booking_id, None)
    except (VoucherUsedUp, VoucherUsedBefore):
        return False
    return True


async def lock(tx: Tx, booking_id: UUID) -> None:
    """Lock the voucher of a booking, if it has one, before its claims are changed."""
    await queries.lock_of_booking(tx, booking_id)


async def give_back(tx: Tx, booking_id: UUID) -> None:
    """Give the use of a booking's voucher back, if it has one; before its claims are released."""
    if await queries.lock_of_booking(tx, booking_id):
        await queries.give_back(tx, booking_id)


async def _hold_again(tx: Tx, booking_id: UUID, until: datetime | None) -> None:
    voucher = await queries.lock_of_booking(tx, booking_id)
    use = await queries.use(tx, booking_id)
    if voucher is None or use is None:
        return
    if use.given_back_at is not None:
        await _check_free(tx, voucher, use.guest_id)
    await queries.hold_until(tx, booking_id, until)


async def _check_free(tx: Tx, locked: Voucher, guest_id: UUID) -> Voucher:
    """Check that a locked voucher may be used once more, without the uses that have run out."""
    voucher = locked
    if locked.is_used_up or locked.once_per_guest:
        voucher = await queries.give_back_expired(tx, locked.id)
    if voucher.is_used_up:
        raise VoucherUsedUp(
            f"{voucher.code} was used {voucher.uses} times. A use that is only held may come free."
        )
    if voucher.once_per_guest and await queries.has_used(tx, voucher.id, guest_id):
        raise VoucherUsedBefore(f"{voucher.code} can be used once by each guest.")
    return voucher
