"""Money: nothing is lost by splitting, nothing is mixed by adding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.money import AMOUNT_MAX, EXPONENTS, Money, split

AMOUNTS = st.integers(0, AMOUNT_MAX)
WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=8).filter(any)


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_the_parts_of_a_split_sum_to_the_amount(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    assert len(parts) == len(weights)


@given(amount=AMOUNTS, weights=WEIGHTS)
def test_each_part_of_a_split_is_its_share_and_the_last_has_the_remainder(
    amount: int, weights: list[int]
) -> None:
    parts = split(amount, weights)
    for part, weight in zip(parts[:-1], weights[:-1], strict=True):
        assert 0 <= amount * weight - part * sum(weights) < sum(weights)
    exact_last = amount * weights[-1] // sum(weights)
    assert 0 <= parts[-1] - exact_last < len(weights), "less than one unit for each other part"


@given(amount=AMOUNTS, weights=WEIGHTS, factor=st.integers(1, 1000))
def test_in_a_split_only_the_proportion_of_the_weights_matters(
    amount: int, weights: list[int], factor: int
) -> None:
    assert split(amount, weights) == split(amount, [weight * factor for weight in weights])


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [-1, 2]])
def test_a_split_by_weights_that_are_no_shares_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(500_000, "NGN"), "5,000.00 NGN"),
        (Money(5, "NGN"), "0.05 NGN"),
        (Money(500_000, "XAF"), "500,000 XAF"),
        (Money(1_234_567, "KWD"), "1,234.567 KWD"),
        (Money(0, "UGX"), "0 UGX"),
    ],
)
def test_money_in_words_is_in_whole_units(money: Money, text: str) -> None:
    assert str(money) == text


@given(amount=AMOUNTS, currency=st.sampled_from(sorted(EXPONENTS)))
def test_money_in_words_says_the_whole_amount(amount: int, currency: str) -> None:
    digits = str(Money(amount, currency)).removesuffix(currency)
    assert int("".join(letter for letter in digits if letter.isdigit())) == amount
