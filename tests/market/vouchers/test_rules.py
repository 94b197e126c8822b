"""What a voucher may be used for, and what it pays of each part."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.errors import Invalid
from app.market.inventory.model import Kind
from app.market.vouchers import rules
from app.market.vouchers.model import Priced, Voucher
from tests import make
from tests.market.vouchers.made import HOST, LISTING, NOON, priced, voucher


def _why_not(made: Voucher, *parts: Priced) -> str:
    with pytest.raises(Invalid) as refused:
        rules.discounts(made, parts)
    [error] = refused.value.errors
    assert error.field == "voucherCode"
    return error.message


@pytest.mark.parametrize(
    ("fields", "rentals", "pays"),
    [
        ({}, [10_000], [1_000]),
        ({}, [10_005], [1_000]),  # rounded down
        ({"discount_max": 700, "currency": "NGN"}, [10_000], [700]),
        ({"amount": 2_500, "currency": "NGN"}, [10_000], [2_500]),
        ({"amount": 2_500, "currency": "NGN"}, [10_000, 30_000], [625, 1_875]),
        ({"amount": 5, "currency": "NGN"}, [2, 2, 4], [1, 1, 3]),
        ({"percent_bps": 9_900}, [100], [99]),
        ({"percent_bps": 3_333}, [100, 100, 100], [33, 33, 33]),
    ],
)
def test_a_voucher_pays_its_worth_in_proportion_to_the_rentals(
    fields: dict[str, Any], rentals: list[int], pays: list[int]
) -> None:
    assert rules.discounts(voucher(**fields), [priced(each) for each in rentals]) == pays


def test_a_voucher_pays_only_for_the_parts_that_it_is_for() -> None:
    parts = [priced(10_000), priced(10_000, host_id=make.new_id(), listing_id=make.new_id())]
    trip = priced(10_000, kind=Kind.TRIP, listing_id=make.new_id())
    assert rules.discounts(voucher(host_id=HOST), parts) == [1_000, 0]
    assert rules.discounts(voucher(listing_id=LISTING), parts) == [1_000, 0]
    assert rules.discounts(voucher(kind=Kind.TRIP), [*parts, trip]) == [0, 0, 1_000]


def test_a_voucher_pays_neither_fee_nor_deposit() -> None:
    assert rules.discounts(voucher(), [priced(10_000, fee=5_000, rest=7_000)]) == [1_000]
    whole = voucher(amount=99_999, currency="NGN")
    assert rules.discounts(whole, [priced(10_000, fee=5_000, rest=7_000)]) == [10_000]


@pytest.mark.parametrize(
    ("fields", "part", "why"),
    [
        ({"host_id": make.new_id()}, {}, "is for nothing of what is booked here"),
        ({"kind": Kind.TRIP}, {}, "is for nothing of what is booked here"),
        ({"amount": 5, "currency": "EUR"}, {}, "is for prices in EUR, and not in NGN"),
        ({"least": 10_001, "currency": "NGN"}, {}, "at least 100.01 NGN"),
        ({"percent_bps": 1}, {"rental": 100}, "pays nothing of this price"),
        ({"amount": 10_000, "currency": "NGN"}, {}, "leaves nothing to pay"),
        ({"amount": 10_000, "currency": "NGN"}, {"rest": 5_000}, "leaves nothing to pay"),
    ],
)
def test_a_refusal_says_why_a_voucher_cannot_be_used(
    fields: dict[str, Any], part: dict[str, Any], why: str
) -> None:
    assert why in _why_not(voucher(**fields), priced(**({"rental": 10_000} | part)))


def test_the_least_rental_is_that_of_all_parts_that_it_is_for() -> None:
    made = voucher(least=20_000, currency="NGN")
    assert rules.discounts(made, [priced(10_000), priced(10_000)]) == [1_000, 1_000]
    assert "at least" in _why_not(made, priced(19_999, fee=10_000, rest=10_000))


def test_a_voucher_can_be_used_from_its_start_until_just_before_its_end() -> None:
    made = voucher(starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    rules.check_period(made, NOON)
    rules.check_period(made, NOON + timedelta(minutes=59))
    for moment, why in (
        (NOON - timedelta(microseconds=1), "from 2027-03-01 12:00 UTC on"),
        (NOON + timedelta(hours=1), "until 2027-03-01 13:00 UTC"),
    ):
        with pytest.raises(Invalid, match=why):
            rules.check_period(made, moment)
    with pytest.raises(Invalid, match="ended"):
        rules.check_period(voucher(ended_at=NOON), NOON)


@given(
    rentals=st.lists(st.integers(0, 10**9), min_size=1, max_size=12),
    amount=st.integers(0, 10**11),
    step=st.sampled_from([1, 10, 100]),
)
def test_a_split_loses_nothing_and_no_share_is_more_than_its_rental(
    rentals: list[int], amount: int, step: int
) -> None:
    whole = [rental * step for rental in rentals]
    shares = rules.spread(amount, whole, step=step)
    within = min(amount, sum(whole))
    assert sum(shares) == within - within % step
    assert all(0 <= share <= rental for share, rental in zip(shares, whole, strict=True))
    assert not any(share % step for share in shares)


@given(
    rentals=st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
    amount=st.integers(0, 10**7),
    step=st.sampled_from([1, 10, 100]),
)
def test_rentals_that_are_no_whole_steps_get_at_most_their_steps(
    rentals: list[int], amount: int, step: int
) -> None:
    shares = rules.spread(amount, rentals, step=step)
    assert sum(shares) <= amount
    assert all(share <= rental for share, rental in zip(shares, rentals, strict=True))
    assert not any(share % step for share in shares)
