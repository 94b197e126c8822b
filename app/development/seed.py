"""Demo people, a stay and a trip: added at every start of `berthold dev`, never twice."""

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from app.foundation.audit import SYSTEM
from app.foundation.business_clock import read_clock
from app.foundation.clock import instant
from app.foundation.db import Tx, transaction
from app.foundation.money import Money
from app.market.inventory import actions as inventory
from app.market.inventory.model import (
    Kind,
    ListingReply,
    NewListing,
    NewUnits,
    Policy,
    RoomPlan,
    SeatPlan,
)
from app.market.stay_rules.model import NewStayRules
from app.people.accounts import actions as accounts
from app.people.accounts.model import NewAccount, Role
from app.people.second_factors import actions as second_factors

PASSWORD: Final = "berthold-demo"  # noqa: S105  printed at every start
_LISTINGS_MAX: Final = 1_000
_DAYS_AHEAD: Final = 7

ADMIN: Final = "admin@berthold.example"
PEOPLE: Final = (
    ("guest@berthold.example", "Guest Demo", "en", "Europe/London", (Role.GUEST,)),
    ("ama.guest@berthold.example", "Ama Kouassi", "fr", "Africa/Abidjan", (Role.GUEST,)),
    ("host@berthold.example", "Host Demo", "en", "Africa/Lagos", (Role.GUEST, Role.HOST)),
    (ADMIN, "Admin Demo", "en", "UTC", (Role.ADMIN,)),
    ("second.admin@berthold.example", "Ada Admin", "en", "UTC", (Role.ADMIN,)),
)


async def seed() -> None:
    """Add what is missing of: people, a stay with rooms, and a trip that has not departed."""
    people = [await _person(*person) for person in PEOPLE]
    for (email, *_, roles), account_id in zip(PEOPLE, people, strict=True):
        if Role.ADMIN in roles:
            await _set_second_factor(account_id, email)
    host_id = people[2]
    async with transaction() as tx:
        now = (await read_clock(tx)).now
        page = await inventory.list_of_host(tx, host_id=host_id, limit=_LISTINGS_MAX, cursor=None)
        if not any(listing.kind is Kind.STAY for listing in page.listings):
            await _add_stay(tx, host_id)
        if not any(_departs_after(listing, now) for listing in page.listings):
            await _add_trip(tx, host_id, now.date() + timedelta(days=_DAYS_AHEAD))


async def _person(email: str, name: str, locale: str, zone: str, roles: tuple[Role, ...]) -> UUID:
    async with transaction() as tx:
        known = await accounts.find_credentials(tx, email=email)
    if known:
        return known.account_id
    password_hash = await accounts.hash_password(PASSWORD)
    new = NewAccount(email=email, password=PASSWORD, name=name, locale=locale, zone=zone)
    async with transaction() as tx:
        account = await accounts.create_account(
            tx, new=new, roles=roles, password_hash=password_hash
        )
    return account.id


async def _set_second_factor(account_id: UUID, email: str) -> None:
    """Give an admin a second factor: `berthold admins code` stands in for the app."""
    async with transaction() as tx:
        if await second_factors.is_set(tx, account_id=account_id):
            return
        await second_factors.begin(tx, account_id=account_id, email=email)
        code = await second_factors.find_code(tx, account_id=account_id)
        await second_factors.confirm(tx, by=SYSTEM, account_id=account_id, code=str(code))


def _departs_after(listing: ListingReply, now: datetime) -> bool:
    if listing.departure_date is None or listing.departure_time is None:
        return False
    departs_at = instant(listing.departure_date, listing.departure_time, listing.zone)
    return departs_at > now + timedelta(days=1)


async def _add_stay(tx: Tx, host_id: UUID) -> None:
    stay = await inventory.create_listing(
        tx,
        host_id=host_id,
        new=NewListing(
            kind=Kind.STAY,
            title="Ikeja Garden Guest House",
            description="Twelve quiet rooms around a garden.",
            place="Lagos",
            zone="Africa/Lagos",
            price=Money(amount=2_500_000, currency="NGN"),
            deposit=Money(amount=1_000_000, currency="NGN"),
            policy=Policy.MODERATE,
            check_in_time=time(15),
            check_out_time=time(11),
            rules=NewStayRules(nights_max=28, notice_hours=2, ahead_days=540),
        ),
    )
    rooms = NewUnits(rooms=RoomPlan(count=12))
    await inventory.add_units(tx, stay.id, host_id=host_id, new=rooms)


async def _add_trip(tx: Tx, host_id: UUID, day: date) -> None:
    trip = await inventory.create_listing(
        tx,
        host_id=host_id,
        new=NewListing(
            kind=Kind.TRIP,
            title="Lagos to Abuja by day",
            description="Sixty seats, four in a row.",
            place="Lagos",
            destination="Abuja",
            zone="Africa/Lagos",
            price=Money(amount=1_800_000, currency="NGN"),
            policy=Policy.FLEXIBLE,
            departure_date=day,
            departure_time=time(7),
            arrival_date=day,
            arrival_time=time(17, 30),
            arrival_zone="Africa/Lagos",
        ),
    )
    seats = NewUnits(seats=SeatPlan(rows=15, columns="AB_CD"))
    await inventory.add_units(tx, trip.id, host_id=host_id, new=seats)
