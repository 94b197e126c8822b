"""Settlements as CSV (RFC 4180), and as lines for a terminal."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from app.foundation.money import SignedMoney, decimal
from app.money.ledger.rules import WORDS
from app.money.settlements.model import Columns, Line, Settlement

_AMOUNTS: Final = (
    "gross", "platform_fee", "gateway_fees", "refunds", "chargebacks", "debts", "other", "net",
    "paid",
)  # fmt: skip
_LINE: Final = ("at", "what", "memo", "booking_id", "source_id", "transaction_id", "currency")
# What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_of_lines(lines: Iterable[Line]) -> str:
    """The lines of a settlement; a row each, under one row of titles."""
    return _csv(
        (*_LINE, *_AMOUNTS),
        (
            (
                f"{line.at:%Y-%m-%dT%H:%M:%SZ}",
                WORDS[line.kind],
                _text(line.memo),
                str(line.booking_id or ""),
                str(line.source_id),
                str(line.transaction_id),
                line.currency,
                *_decimals(line, line.currency),
            )
            for line in lines
        ),
    )


def csv_of_settlements(settlements: Iterable[Settlement]) -> str:
    """Settlements; a row each, under one row of titles."""
    return _csv(
        ("month", "host_id", "currency", "carried_over", *_AMOUNTS, "balance", "settlement_id"),
        (
            (
                f"{each.month:%Y-%m}",
                str(each.host_id),
                each.currency,
                decimal(each.carried_over, each.currency),
                *_decimals(each, each.currency),
                decimal(each.balance, each.currency),
                str(each.id),
            )
            for each in settlements
        ),
    )


def _csv(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows end with CR LF, and a cell with a comma, a quote or a line's end is quoted."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(titles)
    writer.writerows(rows)
    return file.getvalue()


def _decimals(columns: Columns, currency: str) -> Iterator[str]:
    """The amounts, with all decimals of the currency: 1500.00 NGN, 1500 XOF, 1.500 KWD."""
    for name in _AMOUNTS:
        yield decimal(getattr(columns, name), currency)


def _text(cell: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def printed(settlements: Sequence[Settlement]) -> Iterator[str]:
    """Lines for a terminal: each settlement of a month, and the sums of each currency."""
    for each in settlements:
        yield f"{each.host_id}  {_words(each, each.currency)}"
    for currency in sorted({each.currency for each in settlements}):
        of_currency = [each for each in settlements if each.currency == currency]
        total = Columns(
            **{
                name: sum(getattr(each, name) for each in of_currency)
                for name in Columns.__struct_fields__
            }
        )
        hosts = "1 host" if len(of_currency) == 1 else f"{len(of_currency):,} hosts"
        yield f"{hosts:<36}  {_words(total, currency)}"


def _words(columns: Columns, currency: str) -> str:
    amounts = ((name, getattr(columns, name)) for name in _AMOUNTS)
    return ", ".join(
        f"{name.replace('_', ' ')} {SignedMoney(amount=amount, currency=currency)}"
        for name, amount in amounts
        if amount or name in ("gross", "net", "paid")
    )
