"""Statements of bookings in words and as text, and which adjustments are allowed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from itertools import groupby
from textwrap import wrap
from types import MappingProxyType
from typing import Final
from uuid import UUID

from app.foundation.errors import FieldError, Invalid
from app.foundation.money import SignedMoney
from app.money.ledger.model import (
    OF_BOOKING,
    Account,
    AccountKind,
    Entry,
    FoundEntry,
    LedgerEntry,
    NewAdjustment,
    Posting,
    PostingKind,
    Statement,
    StatementEntry,
    StatementTotal,
    StatementTransaction,
)

WORDS: Final = MappingProxyType(
    {
        PostingKind.CHARGE: "Paid by the guest",
        PostingKind.UNAPPLIED_CHARGE: "Paid by the guest, and owed back",
        PostingKind.GATEWAY_FEE: "Kept by the gateway",
        PostingKind.FEE_CORRECTION: "Corrected by the gateway",
        PostingKind.EXCHANGE: "Exchanged by the gateway",
        PostingKind.SPLIT: "Held apart, to be given back",
        PostingKind.DIVISION: "Escrow divided",
        PostingKind.HOST_DEBIT: "Taken back from the host",
        PostingKind.PLATFORM_DEBIT: "Given back at the platform's cost",
        PostingKind.REFUND: "Refunded to the guest",
        PostingKind.REFUND_REVERSAL: "Refund came back",
        PostingKind.REFUND_KEPT: "Kept, the guest has it from the bank",
        PostingKind.TRANSFER: "Paid out to the host",
        PostingKind.TRANSFER_REVERSAL: "Payout came back",
        PostingKind.PARTIAL_REVERSAL: "A part of a payout came back",
        PostingKind.TAKEN_IN: "Refunded at the gateway, without us",
        PostingKind.CHARGEBACK: "Charged back by the guest's bank",
        PostingKind.CHARGEBACK_REVERSAL: "Given back by the guest's bank",
        PostingKind.CHARGEBACK_RECOVERY: "Recovered of what was charged back",
        PostingKind.PAYOUT: "Paid out to our bank",
        PostingKind.PAYOUT_REVERSAL: "Payout to our bank came back",
        PostingKind.GATEWAY_CHARGE: "Charged by the gateway for its service",
        PostingKind.ADJUSTMENT: "Adjusted by hand",
    }
)
_WIDTH: Final = 100
_TIME: Final = "%Y-%m-%d %H:%M:%S"


def statement(booking_id: UUID, found: Sequence[FoundEntry]) -> Statement:
    """The statement of a booking, from its entries in the order in which they were written."""
    balances: defaultdict[int, int] = defaultdict(int)
    transactions: list[StatementTransaction] = []
    for _, group in groupby(found, key=lambda entry: entry.transaction_id):
        transactions.append(_transaction(list(group), balances))
    return Statement(
        booking_id=booking_id,
        transactions=transactions,
        totals=_totals(found, balances),
        sum=_sums((entry.currency, entry.amount) for entry in found),
    )


def _transaction(
    entries: Sequence[FoundEntry], balances: defaultdict[int, int]
) -> StatementTransaction:
    """One transaction of a statement. Adds its entries to `balances`."""
    lines: list[StatementEntry] = []
    for entry in entries:
        balances[entry.account_id] += entry.amount
        lines.append(
            StatementEntry(
                account_id=entry.account_id,
                account_kind=entry.account_kind,
                account=entry.account.name,
                amount=SignedMoney(amount=entry.amount, currency=entry.currency),
                balance=SignedMoney(amount=balances[entry.account_id], currency=entry.currency),
            )
        )
    first = entries[0]
    return StatementTransaction(
        id=first.transaction_id,
        at=first.at,
        kind=first.kind,
        what=WORDS[first.kind],
        memo=first.memo,
        source_id=first.source_id,
        entries=lines,
    )


def _totals(found: Iterable[FoundEntry], balances: defaultdict[int, int]) -> list[StatementTotal]:
    """The final balance of each account, in the order of their first entries."""
    met = {entry.account_id: entry for entry in found}
    return [
        StatementTotal(
            account_id=account_id,
            account_kind=entry.account_kind,
            account=entry.account.name,
            total=SignedMoney(amount=balances[account_id], currency=entry.currency),
        )
        for account_id, entry in met.items()
    ]


def _sums(amounts: Iterable[tuple[str, int]]) -> list[SignedMoney]:
    """The sum of the amounts of each currency, by its code."""
    by_currency: defaultdict[str, int] = defaultdict(int)
    for currency, amount in amounts:
        by_currency[currency] += amount
    return [
        SignedMoney(amount=amount, currency=currency)
        for currency, amount in sorted(by_currency.items())
    ]


def statement_lines(statement: Statement) -> list[str]:
    """The lines of a statement for a terminal of 100 columns. Times are in UTC."""
    rows = [
        (f"  {entry.account}", _with_plus(entry.amount), str(entry.balance))
        for transaction in statement.transactions
        for entry in transaction.entries
    ]
    ends = [(f"  {total.account}", "", str(total.total)) for total in statement.totals]
    sums = [("Sum of all accounts", "", str(money)) for money in statement.sum]
    table = iter(
        _aligned(
            [("Times are UTC", "amount", "balance"), *rows, ("In the end", "", ""), *ends, *sums]
        )
    )
    lines = [f"Statement of booking {statement.booking_id}", next(table)]
    for transaction in statement.transactions:
        lines += _title(transaction)
        lines += [next(table) for _ in transaction.entries]
    return [*lines, *table]


def _aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Lines of a name and two numbers each, with the numbers aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    widths[0] = max(widths[0], _WIDTH - 2 * 2 - widths[1] - widths[2])
    return [
        f"{name:<{widths[0]}}  {amount:>{widths[1]}}  {balance:>{widths[2]}}".rstrip()
        for name, amount, balance in rows
    ]


def _title(transaction: StatementTransaction) -> list[str]:
    at = transaction.at.strftime(_TIME)
    text = f"{at}  {transaction.what}: {transaction.memo}".removesuffix(": ")
    return wrap(text, _WIDTH, subsequent_indent=" " * (len(at) + 2))


def _with_plus(money: SignedMoney) -> str:
    return f"+{money}" if money.amount > 0 else str(money)


def ledger_entry(found: FoundEntry) -> LedgerEntry:
    """An entry as the API shows it in the list of an account."""
    return LedgerEntry(
        id=found.id,
        transaction_id=found.transaction_id,
        at=found.at,
        kind=found.kind,
        what=WORDS[found.kind],
        memo=found.memo,
        source_id=found.source_id,
        booking_id=found.booking_id,
        amount=SignedMoney(amount=found.amount, currency=found.currency),
    )


def gateway_fee(
    fee: int, clearing: Account, *, source_id: UUID, booking_id: UUID | None, memo: str
) -> Posting:
    """What a gateway charges is the platform's cost; the gateway keeps it of what it holds."""
    fees = Account(AccountKind.GATEWAY_FEES, clearing.currency, gateway=clearing.gateway)
    return Posting(
        kind=PostingKind.GATEWAY_FEE,
        source_id=source_id,
        booking_id=booking_id,
        entries=(Entry(fees, -fee), Entry(clearing, fee)),
        memo=memo,
    )


def adjustment(request: NewAdjustment, source_id: UUID) -> Posting:
    """The posting of an adjustment. Raises Invalid if it moves escrow or does not balance.

    Escrow accounts hold what the pots hold, so only the division of a pot may change them.
    """
    if errors := _of_escrow(request):
        raise Invalid("An adjustment leaves escrow alone.", errors=errors)
    amounts = [entry.amount for entry in request.entries]
    off = [
        str(money)
        for money in _sums((money.currency, money.amount) for money in amounts)
        if money.amount
    ]
    if off:
        raise Invalid.field("entries", f"must sum to zero per currency, not {', '.join(off)}")
    return Posting(
        kind=PostingKind.ADJUSTMENT,
        source_id=source_id,
        booking_id=request.booking_id,
        entries=tuple(Entry(entry.account, entry.amount.amount) for entry in request.entries),
        memo=request.reason,
    )


def _of_escrow(request: NewAdjustment) -> list[FieldError]:
    return [
        FieldError(
            field=f"entries[{number}].kind",
            message="escrow is not adjusted: cancel the booking, or decide its dispute",
        )
        for number, entry in enumerate(request.entries)
        if entry.kind in OF_BOOKING
    ]


def people_of(request: NewAdjustment) -> set[UUID]:
    """The ids of the people whose accounts an adjustment changes."""
    return {entry.owner_id for entry in request.entries if entry.owner_id}


def names_unknown(
    request: NewAdjustment, missing: Set[UUID], *, is_booking_known: bool = True
) -> Invalid:
    """The refusal of an adjustment that names people, or a booking, that do not exist."""
    errors = [
        FieldError(field=f"entries[{number}].ownerId", message="does not exist")
        for number, entry in enumerate(request.entries)
        if entry.owner_id in missing
    ]
    if not is_booking_known:
        errors.append(FieldError(field="bookingId", message="does not exist"))
    return Invalid("The adjustment names what does not exist.", errors=errors)
