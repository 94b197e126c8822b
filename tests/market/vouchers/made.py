"""Vouchers for tests: one made up for rules, one that is committed, and bookings to use it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.foundation.db import fetch_value, now, transaction
from app.foundation.money import Money
from app.market.inventory.model import Kind
from app.market.vouchers import actions
from app.market.vouchers.model import BorneBy, NewPlatformVoucher, NewVoucher, Priced, Voucher
from app.people.accounts.model import Principal, Role
from tests import make
from tests.market import make as market

HOST = make.new_id()
LISTING = make.new_id()
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def voucher(**fields: Any) -> Voucher:
    """Ten percent, of everything, for a year, at the cost of the platform."""
    worth = {"percent_bps": 1_000} if "amount" not in fields else {"percent_bps": None}
    return Voucher(**{
        "id": make.new_id(),
        "code": "SUMMER-10",
        "name": "Summer",
        "amount": None,
        "currency": None,
        **worth,
        "discount_max": None,
        "borne_by": BorneBy.PLATFORM,
        "made_by": make.new_id(),
        "host_id": None,
        "listing_id": None,
        "kind": None,
        "starts_at": NOON,
        "ends_at": NOON + timedelta(days=365),
        "uses_max": None,
        "uses": 0,
        "once_per_guest": False,
        "least": 0,
        "ended_at": None,
        "created_at": NOON,
        "updated_at": NOON,
        **fields,
    })  # fmt: skip


def priced(rental: int, **fields: Any) -> Priced:
    """A stay of this rental in naira, without fee and deposit."""
    return Priced(**{
        "listing_id": LISTING,
        "host_id": HOST,
        "kind": Kind.STAY,
        "currency": "NGN",
        "rental": rental,
        "fee": 0,
        "rest": 0,
        **fields,
    })  # fmt: skip


async def of_platform(**fields: Any) -> UUID:
    """A voucher of 1,000.00 NGN at the cost of the platform, which is committed; its id."""
    worth = {} if "percent_bps" in fields else {"amount": Money(100_000, "NGN")}
    async with transaction() as tx:
        admin = await make.account(tx, Role.ADMIN)
        ends_at = await now(tx) + timedelta(days=365)
        new = NewPlatformVoucher(
            **{"code": "WELCOME", "name": "Welcome", "ends_at": ends_at, **worth, **fields}
        )
        return (await actions.make_as_admin(tx, admin_id=admin.id, new=new)).id


async def of_host(host: Principal, **fields: Any) -> UUID:
    """A voucher of ten percent that a host bears, which is committed; its id."""
    async with transaction() as tx:
        ends_at = await now(tx) + timedelta(days=365)
        new = NewVoucher(
            **{"code": "HOST-10", "name": "Ten", "ends_at": ends_at, "percent_bps": 1_000, **fields}
        )
        return (await actions.make_as_host(tx, host_id=host.id, new=new)).id


async def bookings(count: int) -> list[UUID]:
    """So many bookings of one room, a night each."""
    async with transaction() as tx:
        host = await make.account(tx, Role.HOST)
        listing = await market.stay(tx, host, rooms=1)
        day = await make.today(tx) + timedelta(days=5)
        return [
            await market.claim(tx, listing, "Room 1", day + timedelta(days=n)) for n in range(count)
        ]


async def use(booking_id: UUID, guest_id: UUID, *, code: str = "WELCOME", for_s: int = 900) -> None:
    """Hold the use of a voucher for a booking, as reserving does."""
    async with transaction() as tx:
        taken = await actions.take(tx, code, guest_id=guest_id)
        await actions.hold(
            tx,
            taken,
            booking_id=booking_id,
            guest_id=guest_id,
            amount=100,
            currency="NGN",
            until=await now(tx) + timedelta(seconds=for_s),
        )


async def uses(voucher_id: UUID) -> tuple[int, int]:
    """How many uses a voucher counts, and how many there are."""
    async with transaction() as tx:
        counted = await fetch_value(
            tx, int, "SELECT uses FROM vouchers WHERE id = %(id)s", id=voucher_id
        )
        there = await fetch_value(
            tx,
            int,
            """
            SELECT count(*) FROM voucher_uses
             WHERE voucher_id = %(id)s AND given_back_at IS NULL""",
            id=voucher_id,
        )
    return counted or 0, there or 0
