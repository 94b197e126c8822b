"""Cancelling what is paid for: the preview, and the money that goes where it said."""

from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, NotCancellable, RefundChanged
from app.foundation.db import Tx, fetch_value, transaction
from app.foundation.money import Money
from app.market.bookings.model import Booking
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean

TICK: Final = timedelta(microseconds=1)
DAY: Final = timedelta(days=1)
ODD: Final[dict[str, Any]] = {"price": 1_000_003, "fee": 10_000, "deposit": 77_777}
RENTAL_AND_FEE: Final = 1_010_003


def guest_of(booking: Booking) -> Principal:
    return Principal(id=booking.guest_id, roles=(Role.GUEST,))


def host_of(booking: Booking) -> Principal:
    return Principal(id=booking.host_id, roles=(Role.GUEST, Role.HOST))


async def _cancel(tx: Tx, booking: Booking, who: Principal, **request: Any) -> Booking:
    (cancelled,) = await actions.cancel(
        tx, booking_id=booking.id, asker=who, request=Cancel(**request)
    )
    return cancelled


@pytest.mark.parametrize("currency", ["XAF", "NGN", "KWD"])
@pytest.mark.parametrize("policy", ["flexible", "moderate", "strict"])
async def test_the_money_goes_where_the_preview_said(
    pool: None, policy: str, currency: str
) -> None:
    async with transaction() as tx:
        for before in (7 * DAY + TICK, 7 * DAY, 5 * DAY, DAY + TICK, DAY, TICK):
            booking = await paid.stay(tx, policy=policy, currency=currency, **ODD)
            await paid.set_clock(tx, booking.check_in_at - before)
            told = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
            await _cancel(tx, booking, guest_of(booking), expected_refund=told.total)
            pots = await paid.pots_of(tx, booking)
            assert pots["rental"].to_guest == told.rental.amount
            assert pots["deposit"].to_guest == told.deposit.amount == ODD["deposit"]
            kept = RENTAL_AND_FEE - told.rental.amount
            assert await paid.shares(tx, booking.id) == {
                "refund": told.total.amount,
                "transfer": kept - kept // 10,
            }
            await paid.set_clock(tx, booking.created_at)
    await audit_is_clean()


async def test_each_policy_gives_what_it_promises(pool: None) -> None:
    """Odd amounts: of 1010003 the guest's half is 505001, and the odd one the host's."""
    expected = {
        ("flexible", 8): 1_010_003,
        ("flexible", 1): 505_001,
        ("moderate", 8): 1_010_003,
        ("moderate", 5): 505_001,
        ("moderate", 1): 0,
        ("strict", 8): 505_001,
        ("strict", 7): 0,
    }
    async with transaction() as tx:
        for (policy, days), rental in expected.items():
            booking = await paid.stay(tx, policy=policy, **ODD)
            await paid.set_clock(tx, booking.check_in_at - days * DAY)
            told = await actions.preview(tx, booking_id=booking.id, asker=guest_of(booking))
            assert (told.rental.amount, told.total.amount) == (rental, rental + 77_777), policy
            await paid.set_clock(tx, booking.created_at)


@pytest.mark.parametrize("by", ["host", "admin"])
async def test_host_and_admin_give_all_back_whatever_the_policy(pool: None, by: str) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, policy="strict", **ODD)
        who = host_of(booking) if by == "host" else await make.account(tx, Role.ADMIN)
        await paid.set_clock(tx, booking.check_in_at - TICK)
        cancelled = await _cancel(tx, booking, who)
        assert cancelled.state == "cancelled"
        assert await paid.shares(tx, booking.id) == {"refund": booking.total, "transfer": 0}
        assert await fetch_value(tx, int, "SELECT count(*) FROM claims") == 0
    await audit_is_clean()


async def test_at_check_in_nobody_cancels_any_more(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await paid.set_clock(tx, booking.check_in_at)
        for who in (guest_of(booking), host_of(booking), await make.account(tx, Role.ADMIN)):
            with pytest.raises(NotCancellable):
                await actions.preview(tx, booking_id=booking.id, asker=who)
            with pytest.raises(NotCancellable):
                await _cancel(tx, booking, who)


async def test_a_preview_that_no_longer_holds_stops_the_cancelling(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, policy="flexible", **ODD)
        guest = guest_of(booking)
        told = await actions.preview(tx, booking_id=booking.id, asker=guest)
        assert told.until == booking.check_in_at - DAY
        await paid.set_clock(tx, booking.check_in_at - DAY)
        with pytest.raises(RefundChanged) as refused:
            await _cancel(tx, booking, guest, expected_refund=told.total)
        now = await actions.preview(tx, booking_id=booking.id, asker=guest)
        assert refused.value.members["preview"]["total"]["amount"] == now.total.amount
        for wrong in (Money(now.total.amount + 1, "NGN"), Money(now.total.amount, "XAF")):
            with pytest.raises(RefundChanged):
                await _cancel(tx, booking, guest, expected_refund=wrong)
        assert (await paid.pots_of(tx, booking))["rental"].state == "held"
        await _cancel(tx, booking, guest, expected_refund=now.total)


async def test_before_the_host_accepts_the_guest_gets_all_back(pool: None) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, policy="strict", request_to_book=True, **ODD)
        assert booking.state == "awaiting_host"
        await _cancel(tx, booking, guest_of(booking))
        assert await paid.shares(tx, booking.id) == {"refund": booking.total, "transfer": 0}


async def test_nothing_comes_back_of_what_was_not_paid(api: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        host, guest = await make.account(tx, Role.HOST), await make.account(tx)
        trip_id = await make.trip(tx, host)
    body = {"tripId": str(trip_id), "seatCount": 1}
    headers = make.bearer(guest)
    booking = (await api.post("/api/bookings/reserve", json=body, headers=headers)).json()
    path = f"/api/bookings/{booking['id']}"
    nothing = {"amount": 0, "currency": "NGN"}
    told = (await api.get(f"{path}/cancellation", headers=headers)).json()
    assert told == {
        "bookingId": booking["id"],
        "rule": "nothing is paid yet",
        "until": booking["expiresAt"],
        "rental": nothing,
        "deposit": nothing,
        "total": nothing,
        "keptFee": nothing,
    }
    done = await api.post(f"{path}/cancel", json={"expectedRefund": nothing}, headers=headers)
    assert (done.status_code, done.json()["state"]) == (200, "cancelled")
    again = await api.get(f"{path}/cancellation", headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "move_refused")


async def test_over_http_a_guest_sees_the_rule_and_then_gets_it(api: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, policy="strict", **ODD)
    headers = make.bearer(guest_of(booking))
    path = f"/api/bookings/{booking.id}"
    told = (await api.get(f"{path}/cancellation", headers=headers)).json()
    assert told["rule"] == "strict policy: 50 % of rental and fee comes back, and the deposit"
    assert datetime.fromisoformat(told["until"]) == booking.check_in_at - 7 * DAY
    assert told["total"] == {"amount": 505_001 + 77_777, "currency": "NGN"}
    wrong = {"expectedRefund": {"amount": 1, "currency": "NGN"}}
    refused = await api.post(f"{path}/cancel", json=wrong, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_changed")
    assert refused.json()["preview"] == told
    body = {"expectedRefund": told["total"], "reason": "Ill"}
    done = await api.post(f"{path}/cancel", json=body, headers=headers)
    assert done.json()["state"] == "cancelled"
    async with transaction() as tx:
        recorded = await fetch_value(
            tx, dict[str, Any], "SELECT after FROM audit_log WHERE action = 'cancel_booking'"
        )
    assert recorded == {"state": "cancelled", "refund": told["total"], "rule": told["rule"]}


async def test_what_was_agreed_is_shown_and_stays(api: httpx.AsyncClient) -> None:
    async with transaction() as tx:
        booking = await paid.stay(tx, policy="moderate")
    seen = (
        await api.get(f"/api/bookings/{booking.id}", headers=make.bearer(guest_of(booking)))
    ).json()
    tiers = seen["terms"]["cancellation"]
    assert [(datetime.fromisoformat(t["until"]), t["backBps"]) for t in tiers] == [
        (booking.check_in_at - 5 * DAY, 10_000),
        (booking.check_in_at - DAY, 5_000),
    ]
