"""Paying and cancelling, again and again: from the third within a day the gateway's fee is kept."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from app.edge.gateways.port import GatewayName
from app.flows.cancellation import actions
from app.flows.cancellation.model import Cancel, GiveBack
from app.foundation.db import Tx, transaction
from app.foundation.settings import settings
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking
from app.market.bookings.model.quotas import CANCELLED_COUNTED, CANCELLED_FREE_MAX
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import PotKind
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.laws import audit_is_clean
from tests.money.escrow import pots

FEE: Final = 13_500
PRICED: Final[dict[str, Any]] = {
    "price": 900_000,
    "currency": "NGN",
    "policy": "flexible",
    "deposit": 0,
}


@pytest.fixture(autouse=True)
def no_scale(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


async def _paid(tx: Tx, guest: Principal, *, fee: int | None = FEE, **listing: Any) -> Booking:
    booking = await paid.unpaid_stay(tx, guest=guest, **(PRICED | listing))
    await paid.settle(tx, await paid.begin(tx, booking), fee=fee)
    return await bookings.lock(tx, booking.id)


async def _cancel(tx: Tx, booking: Booking, who: Principal) -> dict[str, int]:
    """Cancel as the preview says; returns what came back, and what was kept."""
    told = await actions.preview(tx, booking_id=booking.id, asker=who)
    await actions.cancel(
        tx, booking_id=booking.id, asker=who, request=Cancel(expected_refund=told.total)
    )
    pot = (await paid.pots_of(tx, booking))["rental"]
    assert (pot.to_guest, pot.kept_fee) == (told.rental.amount, told.kept_fee.amount)
    shares = await paid.shares(tx, booking.id)
    assert shares == {"refund": told.total.amount, "transfer": pot.to_host or 0}
    return {"back": told.total.amount, "kept": told.kept_fee.amount}


async def test_paying_and_cancelling_is_free_twice_a_day_and_then_costs_the_fee(pool: None) -> None:
    async with transaction() as tx:
        guest = await make.account(tx)
        results = [await _cancel(tx, await _paid(tx, guest), guest) for _ in range(4)]
    assert CANCELLED_FREE_MAX == 2
    free, charged = {"back": 900_000, "kept": 0}, {"back": 886_500, "kept": FEE}
    assert results == [free, free, charged, charged]
    await audit_is_clean()


async def test_the_preview_says_why_how_much_and_until_when(pool: None) -> None:
    async with transaction() as tx:
        guest = await make.account(tx)
        first = await _paid(tx, guest)
        free = await actions.preview(tx, booking_id=first.id, asker=guest)
        assert free.kept_fee.amount == 0
        assert "gateway" not in free.rule
        for _ in range(2):
            await _cancel(tx, await _paid(tx, guest), guest)
        told = await actions.preview(tx, booking_id=first.id, asker=guest)
        assert "less 135.00 NGN, which the gateway keeps" in told.rule
        assert told.until
        assert f"From {told.until:%Y-%m-%d %H:%M} UTC on" in told.rule
        assert told.until <= first.created_at + CANCELLED_COUNTED + timedelta(seconds=1)
        await paid.set_clock(tx, told.until)
        assert (await _cancel(tx, first, guest)) == {"back": 900_000, "kept": 0}
    await audit_is_clean()


async def test_a_hosts_and_an_admins_cancels_neither_count_nor_keep_the_fee(pool: None) -> None:
    async with transaction() as tx:
        guest, admin = await make.account(tx), await make.account(tx, Role.ADMIN)
        host = await make.account(tx, Role.GUEST, Role.HOST)
        for who in (host, admin, host, admin, host):
            result = await _cancel(tx, await _paid(tx, guest, host=host), who)
            assert result == {"back": 900_000, "kept": 0}
        for kept in (0, 0, FEE):
            assert (await _cancel(tx, await _paid(tx, guest, host=host), guest))["kept"] == kept
        assert (await _cancel(tx, await _paid(tx, guest, host=host), host))["kept"] == 0
    await audit_is_clean()


async def test_what_is_not_paid_and_what_others_cancel_does_not_count(pool: None) -> None:
    async with transaction() as tx:
        guest, other = await make.account(tx), await make.account(tx)
        for _ in range(4):
            unpaid = await paid.unpaid_stay(tx, guest=guest, **PRICED)
            await actions.cancel(tx, booking_id=unpaid.id, asker=guest, request=Cancel())
            await _cancel(tx, await _paid(tx, other), other)
        assert (await _cancel(tx, await _paid(tx, guest), guest))["kept"] == 0


async def test_giving_all_back_counts_and_costs_as_cancelling_does(pool: None) -> None:
    async with transaction() as tx:
        guest = await make.account(tx)
        for fee in (0, 0, FEE):
            booking = await _paid(tx, guest)
            request = GiveBack(everything=True)
            told = await actions.preview_give_back(
                tx, booking_id=booking.id, asker=guest, request=request
            )
            done = await actions.give_back(tx, booking_id=booking.id, asker=guest, request=request)
            assert told.kept_fee.amount == done.kept_fee.amount == fee
            assert told.total == done.total
        assert (await _cancel(tx, await _paid(tx, guest), guest))["kept"] == FEE
    await audit_is_clean()


async def test_a_part_bears_its_part_of_the_fee_and_a_booking_counts_once(pool: None) -> None:
    """Three nights: one is given back, then the two others; together that is one cancellation."""
    async with transaction() as tx:
        guest = await make.account(tx)
        for kept in ((0, 0), (0, 0), (4_500, 9_000)):
            booking = await _paid(tx, guest, nights=3, price=300_000)
            night = GiveBack(last_nights=1)
            given = await actions.give_back(tx, booking_id=booking.id, asker=guest, request=night)
            rest = GiveBack(everything=True)
            others = await actions.give_back(tx, booking_id=booking.id, asker=guest, request=rest)
            assert (given.kept_fee.amount, others.kept_fee.amount) == kept
    await audit_is_clean()


async def test_no_fee_that_is_not_known_is_kept_nor_more_than_comes_back(pool: None) -> None:
    async with transaction() as tx:
        guest = await make.account(tx)
        for _ in range(2):
            await _cancel(tx, await _paid(tx, guest), guest)
        unknown = await _cancel(tx, await _paid(tx, guest, fee=None), guest)
        assert unknown == {"back": 900_000, "kept": 0}
        whole = await _cancel(tx, await _paid(tx, guest, price=10_000, deposit=7_000), guest)
        assert whole == {"back": 7_000, "kept": 10_000}, "the deposit comes back, always"
    await audit_is_clean()


async def test_cancels_at_the_same_moment_do_not_slip_past_the_count(pool: None) -> None:
    async with transaction() as tx:
        guest = await make.account(tx)
        ids = [(await _paid(tx, guest)).id for _ in range(8)]

    async def cancel(booking_id: UUID) -> None:
        async with transaction() as tx:
            await actions.cancel(tx, booking_id=booking_id, asker=guest, request=Cancel())

    await asyncio.gather(*(cancel(booking_id) for booking_id in ids))
    async with transaction() as tx:
        found = [await paid.pots_of(tx, await bookings.lock(tx, each)) for each in ids]
    assert sorted(each["rental"].kept_fee for each in found) == [0, 0] + [FEE] * 6
    await audit_is_clean()


@given(
    gateway=st.sampled_from(GatewayName),
    currency=st.sampled_from(["NGN", "XAF", "KWD", "EUR", "UGX"]),
    amount=st.integers(1, 10**9),
    back=st.integers(0, 10_000),
    fee=st.integers(0, 10**9),
)
def test_a_kept_fee_changes_no_share_but_the_guests(
    gateway: GatewayName, currency: str, amount: int, back: int, fee: int
) -> None:
    pot = structs.replace(pots.pot(PotKind.RENTAL, amount, currency=currency), gateway=gateway)
    to_guest = escrow_rules.part(amount, back)
    free = escrow_rules.divide(pot, to_guest=to_guest, reason="cancelled")
    kept = escrow_rules.divide(pot, to_guest=to_guest, reason="cancelled", fee=fee)
    assert kept.to_host == free.to_host
    assert 0 <= kept.kept_fee <= min(fee, free.to_guest)
    assert kept.to_guest == free.to_guest - kept.kept_fee
    assert kept.commission == free.commission + kept.kept_fee
    again = escrow_rules.divide(pot, to_guest=kept.to_guest, reason="it can be paid")
    assert again.to_guest == kept.to_guest
    assert sum(entry.amount for entry in escrow_rules.posting(kept).entries) == 0
