"""Bookings whose money moves at the three gateways after the last copy of a lost database.

`begin` makes them, `go_on` moves their money, and `ends_well` says what must hold in the end, by
the gateways' own books, once the application works with a database that lacks what `go_on` did.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.flows.mending.stories import reconcile
from app.foundation import db
from app.foundation.business_clock import read_clock
from app.foundation.db import transaction
from app.foundation.settings import settings
from tests.flows.movements.world import CURRENCIES
from tests.house import House
from tests.laws import audit_is_clean
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop
from tests.stories.clearing import agree_on_clearing
from tests.stories.trips import trip_in_euros, trip_in_naira, trip_in_shillings

Booking = dict[str, Any]
Bookings = dict[str, Booking]
"""By what becomes of them."""

LATER: Final = timedelta(days=4)
_TRIPS: Final = {
    GatewayName.STRIPE: trip_in_euros,
    GatewayName.PAYSTACK: trip_in_naira,
    GatewayName.FLUTTERWAVE: trip_in_shillings,
}
_ACCOUNTS: Final[dict[GatewayName, dict[str, Any]]] = {
    GatewayName.STRIPE: {
        "kind": "gateway_account",
        "country": "FR",
        "currency": "EUR",
        "accountNumber": None,
        "bankCode": None,
    },
    GatewayName.PAYSTACK: {},
    GatewayName.FLUTTERWAVE: {
        "kind": "mobile_money",
        "currency": "UGX",
        "bankCode": "MPS",
        "accountNumber": "256700000001",
    },
}
_ROUNDS_MAX: Final = 20
_SWEEPS: Final = (
    "reconcile-payments",
    "expire-holds",
    "release-escrow",
    "complete-bookings",
    "process-refunds",
    "resolve-unknown",
    "retry-failed-transfers",
    "ask-for-facts",
)
_DUE: Final = """
    SELECT count(*) FROM procrastinate_jobs
     WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"""
# A booking that was made after the copy is not here any more: what was paid for it is given back.
_REFUNDED: Final = ("refunded", "refunding", "cancelled later", "new", "new, cancelled")
_PAID_OUT: Final = ("paid out", "due", "kept", "paid later")


async def begin(house: House, gateway: GatewayName) -> Bookings:
    """What there is when the last copy of the database is taken."""
    await open_account(house, gateway)
    await settle(house)
    bookings = {
        "paid out": await _paid(house, gateway, days_ahead=2),
        "refunded": await _paid(house, gateway),
    }
    await _cancel(house, bookings["refunded"])
    await settle(house)
    await _pass(house, LATER)
    bookings |= {
        "due": await _paid(house, gateway, days_ahead=2),
        "kept": await _paid(house, gateway),
        "cancelled later": await _paid(house, gateway),
        "refunding": await _paid(house, gateway),
        "paid later": await _TRIPS[gateway](house, days_ahead=30),
    }
    bookings["paid later"]["payment"] = await house.pending(bookings["paid later"])
    await settle(house)
    await _cancel(house, bookings["refunding"])
    return bookings


async def open_account(shop: Shop, name: GatewayName, **otherwise: Any) -> None:
    """The host can be paid through a gateway."""
    opened = await add_account(shop, **_ACCOUNTS[name] | otherwise)
    assert opened.status_code == 201, opened.text
    for account in await shop.sandbox.accounts():
        await shop.sandbox.onboard(account["code"])


async def go_on(house: House, gateway: GatewayName, bookings: Bookings) -> None:
    """What happens after it, and is lost."""
    await house.sandbox.pay(bookings["paid later"]["payment"]["reference"])
    await _cancel(house, bookings["cancelled later"])
    bookings["new"] = await _paid(house, gateway)
    bookings["new, cancelled"] = await _paid(house, gateway)
    await _cancel(house, bookings["new, cancelled"])
    await settle(house)
    await _pass(house, LATER)


async def go_on_with(house: House, url: str, patch: pytest.MonkeyPatch) -> None:
    """Have the application go on with another database, which has what another had once."""
    async with transaction() as tx:
        was = await read_clock(tx)
    await db.close_pool()
    patch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    await db.open_pool(url, size_max=1)
    house.url = url
    async with transaction() as tx:
        clock = await read_clock(tx)
    await house.forward(was.shift - clock.shift)


async def ends_well(house: House, gateway: GatewayName, bookings: Bookings) -> None:
    """Let all end, and assert that nothing is paid twice, and that nothing is left unexplained."""
    await settle(house)
    await _reconcile(house, gateway)
    await _pass(house, timedelta(hours=2))
    await _pass(house, timedelta(days=31))
    await _pass(house, timedelta(days=3))
    for _ in range(3):
        await _reconcile(house, gateway)
        await _pass(house, timedelta(days=1))
    wrong = [
        *await house.values(_DIFFERENCES),
        *await _paid_twice(house, bookings),
        *await _charges_without_end(house),
    ]
    assert not wrong, "\n".join(wrong)
    await agree_on_clearing(house, gateway, CURRENCIES[gateway])
    await audit_is_clean()


async def settle(house: House) -> None:
    """Webhooks arrive, banks work, and what they ask for is done; hardly any time passes."""
    for _ in range(2):
        await _work(house)
        await house.banks_work()
        await house.deliver()
        await house.forward(timedelta(minutes=2))
    await _work(house)


async def _work(house: House) -> None:
    """The sweeps that move money, and jobs, in turn. The test says when lists are read."""
    for _ in range(_ROUNDS_MAX):
        for name in _SWEEPS:
            await house.sweep(name)
        if not await house.count(_DUE):
            return
        await house.run_jobs()
    raise AssertionError("jobs and sweeps go on for ever")


# ---- steps ---------------------------------------------------------------------------------------


async def _paid(house: House, gateway: GatewayName, *, days_ahead: int = 30) -> Booking:
    booking = await _TRIPS[gateway](house, days_ahead=days_ahead)
    return booking | {"payment": await house.paid(booking)}


async def _cancel(house: House, booking: Booking) -> None:
    reply = await house.post(house.admin, f"/api/bookings/{booking['id']}/cancel")
    assert reply.status_code == 200, reply.text


async def _pass(house: House, by: timedelta) -> None:
    await house.forward(by)
    await settle(house)


async def _reconcile(house: House, gateway: GatewayName) -> None:
    """Over the gateways' time, which tests do not move: it all happened within the hour."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    await reconcile(gateway, Span(since=now - hour, until=now + hour))
    await settle(house)


# ---- what must hold ------------------------------------------------------------------------------


async def _paid_twice(house: House, bookings: Bookings) -> list[str]:
    """What is wrong by the gateway's own books, for guests and for hosts.

    A guest gets back what was cancelled, and what was paid for a booking that is lost, once. A
    transfer goes out once under its reference, and together no more than what guests did not get.
    """
    back: defaultdict[int, int] = defaultdict(int)
    for refund in await house.sandbox.refunds():
        if refund["status"] == "processed":
            back[refund["transaction_id"]] += refund["amount"]
    charges = {each["reference"]: each for each in await house.sandbox.charges()}
    wrong: list[str] = []
    for fate, booking in bookings.items():
        charge = charges[booking["payment"]["reference"]]
        wanted = charge["amount"] if fate in _REFUNDED else 0
        if back[charge["id"]] != wanted:
            wrong.append(f"{fate}: {back[charge['id']]} given back, not {wanted}")
    sent = [each for each in await house.sandbox.transfers() if each["status"] == "success"]
    times = Counter(each["reference"] for each in sent)
    wrong += [
        f"{reference} was sent {count} times" for reference, count in times.items() if count > 1
    ]
    if len(sent) != len(_PAID_OUT):
        wrong.append(f"{len(sent)} transfers, not {len(_PAID_OUT)}")
    return wrong


async def _charges_without_end(house: House) -> list[str]:
    paid = {each["reference"] for each in await house.sandbox.charges() if each["paid_at"]}
    known = await house.values("SELECT reference FROM payments WHERE state = 'succeeded'")
    return [f"paid, and not here: {each}" for each in paid - set(known)] + await house.values(
        _UNENDED
    )


_DIFFERENCES: Final = """
    SELECT concat_ws(' ', 'difference:', gateway, what, kind, subject, reference, charge_reference,
                     'there', at_gateway, 'here', here, 'ledger', in_ledger, gateway_state, state)
      FROM differences WHERE closed_at IS NULL AND explained_at IS NULL ORDER BY 1"""
_UNENDED: Final = """
    SELECT concat_ws(' ', 'booking', id, state) FROM bookings
     WHERE state NOT IN ('completed', 'cancelled', 'expired', 'declined')
     UNION ALL
    SELECT concat_ws(' ', 'instruction', kind, id, state) FROM instructions
     WHERE state NOT IN ('confirmed', 'cancelled')
     UNION ALL
    SELECT concat_ws(' ', 'payment', reference, state) FROM payments
     WHERE state IN ('created', 'pending')"""
