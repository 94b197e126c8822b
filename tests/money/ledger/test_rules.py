"""Statements: they add up, and they can be read."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation.money import SignedMoney
from app.money.ledger.model import AccountKind, FoundEntry, PostingKind
from app.money.ledger.rules import WORDS, statement, statement_lines

BOOKING = UUID("019a8c3e-0000-7000-8000-000000000001")
HOST = UUID("019a8c3e-0000-7000-8000-000000000002")
GUEST = UUID("019a8c3e-0000-7000-8000-000000000003")
START = datetime(2026, 3, 1, 14, 5, 9, tzinfo=UTC)

K = AccountKind
IDS = {kind: number for number, kind in enumerate(K, start=1)}
OWNERS = {
    K.ESCROW_RENTAL: BOOKING,
    K.ESCROW_DEPOSIT: BOOKING,
    K.HOST_PAYABLE: HOST,
    K.GUEST_REFUNDABLE: GUEST,
}


def told(
    *transactions: tuple[PostingKind, str, dict[AccountKind, int]], currency: str = "NGN"
) -> list[FoundEntry]:
    """The entries of transactions an hour apart."""
    found: list[FoundEntry] = []
    for number, (kind, memo, amounts) in enumerate(transactions):
        for account_kind, amount in amounts.items():
            at_gateway = account_kind in (K.GATEWAY_CLEARING, K.GATEWAY_FEES)
            found.append(
                FoundEntry(
                    id=len(found) + 1,
                    amount=amount,
                    transaction_id=number + 1,
                    at=START + timedelta(hours=number),
                    kind=kind,
                    source_id=BOOKING,
                    booking_id=BOOKING,
                    memo=memo,
                    account_id=IDS[account_kind],
                    account_kind=account_kind,
                    currency=currency,
                    owner_id=OWNERS.get(account_kind),
                    gateway=GatewayName.PAYSTACK if at_gateway else None,
                )
            )
    return found


def whole_story() -> list[FoundEntry]:
    return told(
        (
            PostingKind.CHARGE,
            "for the booking",
            {K.GATEWAY_CLEARING: -5_500_000, K.ESCROW_RENTAL: 5_000_000, K.ESCROW_DEPOSIT: 500_000},
        ),
        (
            PostingKind.DIVISION,
            "rental released",
            {K.ESCROW_RENTAL: -5_000_000, K.PLATFORM_REVENUE: 500_000, K.HOST_PAYABLE: 4_500_000},
        ),
        (PostingKind.TRANSFER, "", {K.HOST_PAYABLE: -4_500_000, K.GATEWAY_CLEARING: 4_500_000}),
    )


def test_a_statement_runs_from_zero_to_zero() -> None:
    said = statement(BOOKING, whole_story())
    clearing = [
        (entry.amount.amount, entry.balance.amount)
        for transaction in said.transactions
        for entry in transaction.entries
        if entry.account_kind is K.GATEWAY_CLEARING
    ]
    assert clearing == [(-5_500_000, -5_500_000), (4_500_000, -1_000_000)]
    assert {total.account: total.total.amount for total in said.totals} == {
        "Clearing at Paystack": -1_000_000,
        "Escrow of the rental": 0,
        "Escrow of the deposit": 500_000,
        "Revenue of the platform": 500_000,
        "Owed to the host": 0,
    }
    assert said.sum == [SignedMoney(amount=0, currency="NGN")]


def test_a_statement_reads_like_one() -> None:
    assert statement_lines(statement(BOOKING, whole_story())) == EXPECTED.splitlines()


EXPECTED = """\
Statement of booking 019a8c3e-0000-7000-8000-000000000001
Times are UTC                                                                 amount         balance
2026-03-01 14:05:09  Paid by the guest: for the booking
  Clearing at Paystack                                                -55,000.00 NGN  -55,000.00 NGN
  Escrow of the rental                                                +50,000.00 NGN   50,000.00 NGN
  Escrow of the deposit                                                +5,000.00 NGN    5,000.00 NGN
2026-03-01 15:05:09  Escrow divided: rental released
  Escrow of the rental                                                -50,000.00 NGN        0.00 NGN
  Revenue of the platform                                              +5,000.00 NGN    5,000.00 NGN
  Owed to the host                                                    +45,000.00 NGN   45,000.00 NGN
2026-03-01 16:05:09  Paid out to the host
  Owed to the host                                                    -45,000.00 NGN        0.00 NGN
  Clearing at Paystack                                                +45,000.00 NGN  -10,000.00 NGN
In the end
  Clearing at Paystack                                                                -10,000.00 NGN
  Escrow of the rental                                                                      0.00 NGN
  Escrow of the deposit                                                                 5,000.00 NGN
  Revenue of the platform                                                               5,000.00 NGN
  Owed to the host                                                                          0.00 NGN
Sum of all accounts                                                                         0.00 NGN
"""


def test_the_widest_amounts_fit_into_100_columns() -> None:
    whole = 10**15
    for currency in ("XAF", "NGN", "KWD"):
        found = told(
            (PostingKind.CHARGE, "x " * 200, {K.GATEWAY_CLEARING: -whole, K.ESCROW_DEPOSIT: whole}),
            currency=currency,
        )
        assert max(map(len, statement_lines(statement(BOOKING, found)))) <= 100


def test_every_kind_of_posting_has_its_words() -> None:
    assert WORDS.keys() == set(PostingKind)
    assert len(set(WORDS.values())) == len(WORDS)
