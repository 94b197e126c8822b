"""Factories: the shortest way for a test to a thing that exists."""

import time
from datetime import date
from uuid import UUID

import uuid_utils.compat

from app.foundation.db import Tx, execute, fetch_new_value
from app.foundation.ids import derived
from app.foundation.settings import settings
from app.people.accounts import rules
from app.people.accounts.model import Access, Principal, Role
from app.people.second_factors import rules as factor_rules

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of every second factor that is made here


def new_id() -> UUID:
    """An id of the kind that everything has."""
    return uuid_utils.compat.uuid7()


async def today(tx: Tx) -> date:
    """Today's date in UTC, in business time."""
    return await fetch_new_value(tx, date, "SELECT (business_now() AT TIME ZONE 'UTC')::date")


async def account(tx: Tx, *roles: Role, email: str = "") -> Principal:
    """Somebody who is registered; with no role given, a guest."""
    account_id = new_id()
    chosen = roles or (Role.GUEST,)
    await execute(
        tx,
        """
        INSERT INTO accounts (id, email, name, roles, password_hash)
        VALUES (%(id)s, %(email)s, 'Somebody', %(roles)s, 'none')""",
        id=account_id,
        email=email or f"{account_id.hex}@example.com",
        roles=[str(role) for role in chosen],
    )
    await execute(
        tx,
        """
        INSERT INTO sessions (id, account_id, created_at, proved_at)
        VALUES (%(id)s, %(account_id)s, now(), now())""",
        id=session_of(account_id),
        account_id=account_id,
    )
    if Role.ADMIN in chosen:
        await second_factor(tx, account_id)
    return Principal(id=account_id, roles=chosen)


async def second_factor(tx: Tx, account_id: UUID) -> None:
    """A second factor in use, which was confirmed in the session that `account` has made."""
    await execute(
        tx,
        """
        INSERT INTO second_factors (account_id, secret, began_at, confirmed_at)
        VALUES (%(account_id)s, %(secret)s, now(), now())""",
        account_id=account_id,
        secret=factor_rules.encrypt(SECRET, keys=settings().secret_keys),
    )


def session_of(account_id: UUID) -> UUID:
    """The id of the session in which somebody is logged in whom `account` has made."""
    return derived(account_id, "session")


def bearer(principal: Principal, *, lives_for_s: int = 3_600) -> dict[str, str]:
    """The headers of a mobile client that is logged in."""
    now = time.time()
    access = Access(
        principal=principal,
        session_id=session_of(principal.id),
        expires_at=int(now) + lives_for_s,
    )
    token = rules.write_access(access, keys=settings().secret_keys, now=now)
    return {"authorization": f"Bearer {token}"}


async def trip(
    tx: Tx,
    host: Principal,
    *,
    seats: int = 4,
    price: int = 500_000,
    currency: str = "NGN",
    days_ahead: int = 10,
    fee: int = 0,
    policy: str = "moderate",
    request_to_book: bool = False,
) -> UUID:
    """A bus with four seats (A to D) in each row, leaving Lagos for Abuja at 08:00."""
    listing_id = new_id()
    await execute(
        tx,
        """
        INSERT INTO listings (
            id, host_id, kind, title, place, destination, zone, currency, price, fee, policy,
            request_to_book, departure_date, departure_time, arrival_date, arrival_time,
            arrival_zone)
        SELECT %(id)s, %(host_id)s, 'trip', 'Lagos to Abuja', 'Lagos', 'Abuja', 'Africa/Lagos',
               %(currency)s, %(price)s, %(fee)s, %(policy)s, %(request_to_book)s,
               day, '08:00', day, '18:00', 'Africa/Lagos'
          FROM (SELECT (business_now() + %(days_ahead)s * interval '1 day')::date) AS date (day)""",
        id=listing_id,
        host_id=host.id,
        currency=currency,
        price=price,
        fee=fee,
        policy=policy,
        request_to_book=request_to_book,
        days_ahead=days_ahead,
    )
    await execute(
        tx,
        """
        INSERT INTO units (listing_id, label, seat_row, seat_column)
        SELECT %(id)s, (n / 4 + 1)::text || substr('ABCD', n %% 4 + 1, 1), n / 4 + 1, n %% 4 + 1
          FROM generate_series(0, %(seats)s - 1) AS n""",
        id=listing_id,
        seats=seats,
    )
    return listing_id


async def stay(
    tx: Tx,
    host: Principal,
    *,
    rooms: int = 2,
    price: int = 2_000_000,
    fee: int = 0,
    deposit: int = 500_000,
    currency: str = "NGN",
    zone: str = "Africa/Lagos",
    policy: str = "flexible",
    check_in: str = "15:00",
    request_to_book: bool = False,
) -> UUID:
    """A guest house with numbered rooms, check-in 15:00, check-out 11:00."""
    listing_id = new_id()
    await execute(
        tx,
        """
        INSERT INTO listings (
            id, host_id, kind, title, place, zone, currency, price, fee, deposit, policy,
            request_to_book, check_in_time, check_out_time)
        VALUES (%(id)s, %(host_id)s, 'stay', 'Guest house', 'Ikeja', %(zone)s, %(currency)s,
                %(price)s, %(fee)s, %(deposit)s, %(policy)s, %(request_to_book)s, %(check_in)s,
                '11:00')""",
        id=listing_id,
        host_id=host.id,
        zone=zone,
        price=price,
        fee=fee,
        deposit=deposit,
        currency=currency,
        policy=policy,
        check_in=check_in,
        request_to_book=request_to_book,
    )
    await execute(
        tx,
        """
        INSERT INTO units (listing_id, label)
        SELECT %(id)s, 'Room ' || n FROM generate_series(1, %(rooms)s) AS n""",
        id=listing_id,
        rooms=rooms,
    )
    return listing_id
