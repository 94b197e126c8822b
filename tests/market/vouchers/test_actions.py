"""The uses of a voucher: counted, held, kept, given back; never more than there may be."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from app.foundation.db import execute, now, transaction
from app.foundation.errors import Invalid
from app.market.vouchers import actions
from app.market.vouchers.model import VoucherUsedBefore, VoucherUsedUp
from tests import make
from tests.market.vouchers import made

pytestmark = pytest.mark.usefixtures("pool")


async def _guest() -> UUID:
    async with transaction() as tx:
        return (await make.account(tx)).id


async def _later(by: timedelta) -> None:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)


async def _keep(booking_id: UUID) -> bool:
    async with transaction() as tx:
        return await actions.keep(tx, booking_id)


async def _give_back(booking_id: UUID) -> None:
    async with transaction() as tx:
        await actions.give_back(tx, booking_id)


async def _extend(booking_id: UUID, by: timedelta) -> None:
    async with transaction() as tx:
        await actions.extend(tx, booking_id, until=await now(tx) + by)


async def test_of_a_hundred_guests_at_once_exactly_ten_use_a_voucher_for_ten() -> None:
    voucher_id = await made.of_platform(uses_max=10)
    guest_id = await _guest()

    async def try_it(booking_id: UUID) -> bool:
        try:
            await made.use(booking_id, guest_id)
        except VoucherUsedUp:
            return False
        return True

    outcomes = await asyncio.gather(*(try_it(each) for each in await made.bookings(100)))
    assert sum(outcomes) == 10
    assert await made.uses(voucher_id) == (10, 10)


async def test_one_guest_at_once_in_ten_places_uses_a_voucher_once() -> None:
    voucher_id = await made.of_platform(once_per_guest=True)
    guest_id = await _guest()

    async def try_it(booking_id: UUID) -> bool:
        try:
            await made.use(booking_id, guest_id)
        except VoucherUsedBefore:
            return False
        return True

    outcomes = await asyncio.gather(*(try_it(each) for each in await made.bookings(10)))
    assert sum(outcomes) == 1
    assert await made.uses(voucher_id) == (1, 1)


async def test_a_use_whose_hold_has_run_out_is_taken_over_at_once() -> None:
    voucher_id = await made.of_platform(uses_max=1)
    first, second = await made.bookings(2)
    await made.use(first, await _guest(), for_s=60)
    with pytest.raises(VoucherUsedUp):
        await made.use(second, await _guest())
    await _later(timedelta(seconds=61))
    await made.use(second, await _guest())
    assert await made.uses(voucher_id) == (1, 1)
    assert not await _keep(first)
    assert await _keep(second)
    assert await made.uses(voucher_id) == (1, 1)


async def test_a_guest_whose_hold_ran_out_may_use_a_voucher_for_one_use_each_again() -> None:
    voucher_id = await made.of_platform(once_per_guest=True)
    first, second, third = await made.bookings(3)
    guest_id = await _guest()
    await made.use(first, guest_id, for_s=60)
    await _later(timedelta(seconds=61))
    await made.use(second, guest_id)
    assert await _keep(second)
    await _later(timedelta(days=1))
    with pytest.raises(VoucherUsedBefore):
        await made.use(third, guest_id)
    assert not await _keep(first)
    assert await made.uses(voucher_id) == (1, 1)


async def test_what_was_paid_late_takes_its_use_again_while_there_is_one() -> None:
    voucher_id = await made.of_platform(uses_max=1)
    [booking_id] = await made.bookings(1)
    await made.use(booking_id, await _guest())
    await _give_back(booking_id)
    assert await made.uses(voucher_id) == (0, 0)
    assert await _keep(booking_id)
    assert await made.uses(voucher_id) == (1, 1)


async def test_a_use_is_given_back_once_however_often_that_is_asked() -> None:
    voucher_id = await made.of_platform(uses_max=5)
    first, second, none = await made.bookings(3)
    await made.use(first, await _guest())
    await made.use(second, await _guest())
    for booking_id in (first, first, none):
        await _give_back(booking_id)
    assert await made.uses(voucher_id) == (1, 1)


async def test_a_use_is_held_for_longer_while_its_booking_is() -> None:
    await made.of_platform(uses_max=1)
    first, second = await made.bookings(2)
    await made.use(first, await _guest(), for_s=60)
    await _extend(first, timedelta(minutes=30))
    await _later(timedelta(minutes=5))
    with pytest.raises(VoucherUsedUp):
        await made.use(second, await _guest())
    await _later(timedelta(minutes=30))
    await made.use(second, await _guest())
    with pytest.raises(VoucherUsedUp):
        await _extend(first, timedelta(minutes=30))


async def test_what_is_paid_for_never_runs_out() -> None:
    voucher_id = await made.of_platform(uses_max=1)
    first, second = await made.bookings(2)
    await made.use(first, await _guest(), for_s=60)
    assert await _keep(first)
    await _later(timedelta(days=10))
    with pytest.raises(VoucherUsedUp):
        await made.use(second, await _guest())
    assert await made.uses(voucher_id) == (1, 1)


async def test_a_code_is_the_same_in_upper_and_lower_case_and_unknown_ones_are_refused() -> None:
    await made.of_platform(code="Welcome-1")
    [booking_id] = await made.bookings(1)
    await made.use(booking_id, await _guest(), code="wELCOME-1")
    with pytest.raises(Invalid, match="there is no voucher OTHER"):
        await made.use(booking_id, await _guest(), code="OTHER")
