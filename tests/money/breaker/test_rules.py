"""What a run lets out of what waits."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.foundation.money import EXPONENTS
from app.money.breaker.model import Total, Waiting
from app.money.breaker.rules import choose, limits


def waiting(*amounts: int, currency: str = "EUR") -> list[Waiting]:
    return [Waiting(id=UUID(int=n), currency=currency, amount=a) for n, a in enumerate(amounts)]


def chosen(of: list[Waiting], *spent: Total, refunds_max: int = 50) -> list[int]:
    ids = choose(of, spent, refunds_max=refunds_max, amounts_max={"EUR": 10_000, "XAF": 65_000})
    return [uuid.int for uuid in ids]


def test_what_fits_goes_to_the_last_cent() -> None:
    assert chosen(waiting(9_999, 1)) == [0, 1]
    assert chosen(waiting(9_999, 2)) == [0]


def test_nobody_overtakes_who_does_not_fit() -> None:
    assert chosen(waiting(6_000, 6_000, 1)) == [0]


def test_what_this_run_has_let_out_counts() -> None:
    spent = Total(currency="EUR", refunds=49, amount=9_000)
    assert chosen(waiting(500, 500), spent) == [0]
    assert chosen(waiting(1_001), spent) == []
    assert chosen(waiting(1), Total(currency="EUR", refunds=50, amount=50)) == []


def test_currencies_share_the_number_but_not_the_amount() -> None:
    of = waiting(10_000, 1) + waiting(65_000, currency="XAF")
    assert len(chosen(of)) == 2
    assert len(chosen(of, refunds_max=1)) == 1


@given(st.lists(st.integers(1, 10_000)), st.integers(1, 60), st.integers(0, 10_000))
def test_no_run_lets_out_more_than_it_may(amounts: list[int], most: int, spent: int) -> None:
    total = Total(currency="EUR", refunds=1, amount=spent)
    ids = chosen(waiting(*amounts), total, refunds_max=most)
    assert len(ids) < most
    assert sum(amounts[n] for n in ids) + spent <= 10_000
    assert ids == list(range(len(ids)))


def test_every_currency_has_a_limit_and_a_setting_replaces_it() -> None:
    assert limits({}).keys() == EXPONENTS.keys()
    assert limits({})["EUR"] == 100_00
    assert limits({})["KWD"] == 100_000
    assert limits({"EUR": 5})["EUR"] == 5
