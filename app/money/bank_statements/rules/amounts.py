"""Amounts, accounts, references and balances in files of any format; how a file is refused."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from app.foundation.money import AMOUNT_MAX, EXPONENTS, decimal
from app.money.bank_statements.model import Balance, FileEntry, FileStatement

_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_IBAN_REMAINDER: Final = 1  # ISO 13616: the number that an IBAN spells, modulo 97
# What banks write where there is no reference (ISO 20022, SWIFT).
_NO_REFERENCE: Final = frozenset({"NOTPROVIDED", "NONREF", "NOREF"})


class Refused(Exception):
    """What is wrong with a file, and the line that shows it, from 1; 0 if it is the whole file."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def minor_units(number: Decimal, currency: str, line: int) -> int:
    """An amount without a sign, in minor units: `1500.00` XOF is 1500.

    `line` is where it stands in the file. Raises Refused for what is no amount of the currency,
    such as `1500.50` XOF.
    """
    if currency not in EXPONENTS:
        raise Refused(line, f"the currency {currency} is none of {', '.join(EXPONENTS)}")
    if not number.is_finite() or number < 0:
        raise Refused(line, f"{number} is no amount: it must not have a sign")
    shifted = number.scaleb(EXPONENTS[currency])
    if shifted != shifted.to_integral_value():
        raise Refused(line, f"{number} {currency} has more decimals than the currency")
    if shifted > AMOUNT_MAX:
        raise Refused(line, f"{number} {currency} is too large")
    return int(shifted)


def account_of(text: str, currency: str, line: int) -> str:
    """The number of an account, the same whether a bank writes blanks or the currency with it.

    Raises Refused if there is none.
    """
    account = re.sub(r"\s", "", text).upper()
    if not account:
        raise Refused(line, "it does not say of which account it is")
    without = account.removesuffix(currency)
    return without if without != account and _is_iban(without) else account


def _is_iban(account: str) -> bool:
    if not _IBAN.fullmatch(account):
        return False
    moved = account[4:] + account[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == _IBAN_REMAINDER


def check_sum(statement: FileStatement) -> None:
    """Check that the opening balance and all entries make the closing balance. Raises Refused."""
    made = statement.opening.amount + sum(entry.amount for entry in statement.entries)
    difference = statement.closing.amount - made
    if not difference:
        return

    def money(amount: int) -> str:
        return f"{decimal(amount, statement.currency)} {statement.currency}"

    why = (
        f"statement {statement.number}: the opening balance {money(statement.opening.amount)} and "
        f"{len(statement.entries)} booked entries make {money(made)}, but the closing balance is "
        f"{money(statement.closing.amount)}"
    )
    wrong = _wrong_entry(statement.entries, difference)
    if wrong:
        how = "without" if difference == -wrong.amount else "with the opposite of"
        why += f"; it would be right {how} the entry in line {wrong.line}"
    raise Refused(wrong.line if wrong else statement.closing.line, why)


def _wrong_entry(entries: Sequence[FileEntry], difference: int) -> FileEntry | None:
    """The one entry that explains the difference: it should not count, or has the wrong sign."""
    found = [entry for entry in entries if difference in (-entry.amount, -2 * entry.amount)]
    return found[0] if len(found) == 1 else None


def reference_of(text: str) -> str:
    """A reference, without blanks around it; empty if the bank says that there is none."""
    found = text.strip()
    return "" if found.upper() in _NO_REFERENCE else found


def required(balance: Balance | None, what: str, line: int) -> Balance:
    """The balance. Raises Refused if there is none."""
    if balance is None:
        raise Refused(line, f"the statement has no {what} balance")
    return balance
