"""Which of the refunds that wait a run of the refund gate admits."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.foundation.money import EXPONENTS
from app.money.instructions.model import AdmittedTotal, WaitingRefund
from app.money.instructions.rules.refund_gate import choose, limits


def waiting(*amounts: int, currency: str = "EUR") -> list[WaitingRefund]:
    return [
        WaitingRefund(id=UUID(int=n), currency=currency, amount=a) for n, a in enumerate(amounts)
    ]


def chosen(of: list[WaitingRefund], *admitted: AdmittedTotal, refunds_max: int = 50) -> list[int]:
    ids = choose(of, admitted, refunds_max=refunds_max, amounts_max={"EUR": 10_000, "XAF": 65_000})
    return [uuid.int for uuid in ids]


def test_refunds_are_admitted_up_to_the_last_cent_of_the_limit() -> None:
    assert chosen(waiting(9_999, 1)) == [0, 1]
    assert chosen(waiting(9_999, 2)) == [0]


def test_no_refund_overtakes_an_older_one_that_does_not_fit() -> None:
    assert chosen(waiting(6_000, 6_000, 1)) == [0]


def test_what_this_run_has_admitted_counts_against_its_limits() -> None:
    spent = AdmittedTotal(currency="EUR", refunds=49, amount=9_000)
    assert chosen(waiting(500, 500), spent) == [0]
    assert chosen(waiting(1_001), spent) == []
    assert chosen(waiting(1), AdmittedTotal(currency="EUR", refunds=50, amount=50)) == []


def test_currencies_share_the_limit_of_refunds_but_not_of_amounts() -> None:
    of = waiting(10_000, 1) + waiting(65_000, currency="XAF")
    assert len(chosen(of)) == 2
    assert len(chosen(of, refunds_max=1)) == 1


@given(st.lists(st.integers(1, 10_000)), st.integers(1, 60), st.integers(0, 10_000))
def test_no_run_admits_more_than_it_may(amounts: list[int], most: int, spent: int) -> None:
    total = AdmittedTotal(currency="EUR", refunds=1, amount=spent)
    ids = chosen(waiting(*amounts), total, refunds_max=most)
    assert len(ids) < most
    assert sum(amounts[n] for n in ids) + spent <= 10_000
    assert ids == list(range(len(ids)))


def test_every_currency_has_a_limit_that_a_setting_replaces() -> None:
    assert limits({}).keys() == EXPONENTS.keys()
    assert limits({})["EUR"] == 100_00
    assert limits({})["KWD"] == 100_000
    assert limits({"EUR": 5})["EUR"] == 5
