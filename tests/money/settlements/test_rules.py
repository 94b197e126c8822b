"""What each posting is to a host; months; files."""

import csv
import io
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Invalid
from app.foundation.money import EXPONENTS, decimal
from app.money.ledger.model import AccountKind, FoundEntry, PostingKind
from app.money.settlements.model import Columns, Line
from app.money.settlements.rules import files, months, postings
from tests import make

K = AccountKind
HOST, GUEST, BOOKING, POT = (make.new_id() for _ in range(4))
OWNERS = {
    K.ESCROW_RENTAL: BOOKING,
    K.ESCROW_DEPOSIT: BOOKING,
    K.HOST_PAYABLE: HOST,
    K.GUEST_REFUNDABLE: GUEST,
}


def entries(kind: PostingKind, *sides: tuple[AccountKind, int]) -> list[FoundEntry]:
    return [
        FoundEntry(
            id=number,
            amount=amount,
            transaction_id=1,
            at=datetime(2026, 10, 9, tzinfo=UTC),
            kind=kind,
            source_id=POT,
            booking_id=None,
            memo="",
            account_id=number,
            account_kind=account,
            currency="NGN",
            owner_id=OWNERS.get(account),
            gateway=GatewayName.STRIPE if "gateway" in account else None,
        )
        for number, (account, amount) in enumerate(sides)
    ]


def columns(*sides: tuple[AccountKind, int], kind: PostingKind) -> list[Columns]:
    found = postings.lines(entries(kind, *sides), {POT: HOST})
    assert all(line.host_id == HOST for line in found)
    return [
        Columns(**{name: getattr(line, name) for name in Columns.__struct_fields__})
        for line in found
    ]


def test_each_kind_of_posting_is_judged() -> None:
    """A new kind fails here until somebody has said what it is to a host."""
    assert postings.COLUMNS.keys() == set(PostingKind)


def test_a_rental_is_gross_with_the_guests_part_and_the_fee_taken_off() -> None:
    sides = (
        (K.ESCROW_RENTAL, -100), (K.GUEST_REFUNDABLE, 40), (K.PLATFORM_REVENUE, 6),
        (K.HOST_PAYABLE, 54),
    )  # fmt: skip
    (found,) = columns(*sides, kind=PostingKind.DIVISION)
    assert found == Columns(gross=100, refunds=40, platform_fee=6)
    assert found.net == 54


def test_a_rental_that_went_back_whole_is_the_months_of_its_pots_host() -> None:
    sides = ((K.ESCROW_RENTAL, -100), (K.GUEST_REFUNDABLE, 100))
    assert columns(*sides, kind=PostingKind.DIVISION) == [Columns(gross=100, refunds=100)]
    assert postings.lines(entries(PostingKind.DIVISION, *sides), {}) == []


def test_of_a_deposit_only_what_the_host_gets_is_income() -> None:
    whole = ((K.ESCROW_DEPOSIT, -100), (K.GUEST_REFUNDABLE, 100))
    assert columns(*whole, kind=PostingKind.DIVISION) == []
    part = ((K.ESCROW_DEPOSIT, -100), (K.GUEST_REFUNDABLE, 70), (K.HOST_PAYABLE, 30))
    assert columns(*part, kind=PostingKind.DIVISION) == [Columns(gross=30)]


def test_what_is_left_to_the_platform_by_rounding_is_a_fee() -> None:
    sides = (
        (K.ESCROW_DEPOSIT, -100), (K.GUEST_REFUNDABLE, 65), (K.PLATFORM_REVENUE, 5),
        (K.HOST_PAYABLE, 30),
    )  # fmt: skip
    assert columns(*sides, kind=PostingKind.DIVISION) == [Columns(gross=35, platform_fee=5)]


@pytest.mark.parametrize(
    "kind", [kind for kind, column in postings.COLUMNS.items() if column is None]
)
def test_a_posting_that_should_not_be_a_hosts_is_not_lost_if_it_is(kind: PostingKind) -> None:
    sides = ((K.HOST_PAYABLE, -5), (K.CHARGEBACK_LOSSES, 5))
    assert columns(*sides, kind=kind) == [Columns(other=-5)]


@given(
    st.sampled_from(sorted(PostingKind)),
    st.lists(
        st.tuples(st.sampled_from(sorted(AccountKind)), st.integers(-1_000, 1_000)), min_size=1
    ),
)
def test_a_line_moves_what_its_transaction_moves(
    kind: PostingKind, sides: list[tuple[AccountKind, int]]
) -> None:
    moved = sum(amount for account, amount in sides if account is K.HOST_PAYABLE)
    assert sum(each.net - each.paid for each in columns(*sides, kind=kind)) == moved


# ---- months and files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "after"), [("2026-01", "2026-02"), ("2026-12", "2027-01"), ("2028-02", "2028-03")]
)
def test_months_follow_each_other(month: str, after: str) -> None:
    read = months.read_month(month)
    assert read is not None
    assert months.month_after(read) == months.read_month(after)


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-00", "0000-01", "x", "2026-1", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        months.read_month(text)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (150_000, "NGN", "1500.00"), (1_500, "XOF", "1500"), (1_500, "KWD", "1.500"),
        (-5, "NGN", "-0.05"), (0, "KWD", "0.000"), (-150_000, "NGN", "-1500.00"),
    ],
)  # fmt: skip
def test_decimals_have_the_whole_exponent(amount: int, currency: str, text: str) -> None:
    assert decimal(amount, currency) == text


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(EXPONENTS)))
def test_decimals_lose_nothing(amount: int, currency: str) -> None:
    sign = -1 if decimal(amount, currency).startswith("-") else 1
    digits = "".join(filter(str.isdigit, decimal(amount, currency)))
    assert int(digits) * sign == amount


def test_a_line_of_a_posting_about_several_hosts_names_the_part_of_its_own_host() -> None:
    whole, part, other = (make.new_id() for _ in range(3))
    taken = [
        msgspec.structs.replace(each, booking_id=whole, owner_id=owner)
        for each, owner in zip(
            entries(PostingKind.CHARGEBACK_RECOVERY, (K.HOST_PAYABLE, -5), (K.HOST_PAYABLE, -7)),
            (HOST, other),
            strict=True,
        )
    ]
    found = postings.lines(taken, {}, {(whole, other): part})
    assert [(each.host_id, each.booking_id, each.chargebacks) for each in found] == [
        (HOST, whole, 5),
        (other, part, 7),
    ]


def line(memo: str) -> Line:
    (found,) = postings.lines(entries(PostingKind.ADJUSTMENT, (K.HOST_PAYABLE, 123_456)), {})
    return msgspec.structs.replace(found, memo=memo)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_a_file_can_be_read_back(memo: str) -> None:
    text = files.csv_of_lines([line(memo), line("")])
    titles, first, second = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(titles) == len(first) == len(second)
    row = dict(zip(titles, first, strict=True))
    assert row["memo"].removeprefix("'") == memo.removeprefix("'")
    assert (row["other"], row["net"], row["gross"]) == ("1234.56", "1234.56", "0.00")


def test_a_file_is_as_the_standard_wants_it() -> None:
    text = files.csv_of_lines([line('a "b", c')])
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n") == 2
    assert ',"a ""b"", c",' in text


@pytest.mark.parametrize("memo", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_no_text_is_taken_for_a_formula(memo: str) -> None:
    assert f"'{memo}" in files.csv_of_lines([line(memo)])


def test_months_begin_at_midnight_utc() -> None:
    assert months.beginning(date(2026, 10, 1)) == datetime(2026, 10, 1, tzinfo=UTC)
