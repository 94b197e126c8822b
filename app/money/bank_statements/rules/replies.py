"""Statements and payouts as the API, an alert and a terminal show them."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.foundation.money import SignedMoney
from app.money.bank_statements.model import (
    Entry,
    EntryReply,
    FileStatement,
    Imported,
    ImportResult,
    Payout,
    PayoutReply,
    PayoutState,
    Statement,
    StatementReply,
)


def imported(new: FileStatement, *, is_new: bool, new_entries: int) -> Imported:
    """What became of a statement of a file."""
    return Imported(
        account=new.account,
        currency=new.currency,
        number=new.number,
        entries=len(new.entries),
        new_entries=new_entries,
        is_new=is_new,
    )


def statement(found: Statement) -> StatementReply:
    """A statement as the API shows it."""
    return StatementReply(
        id=found.id,
        account=found.account,
        number=found.number,
        format=found.format,
        from_on=found.from_on,
        to_on=found.to_on,
        opening=SignedMoney(amount=found.opening, currency=found.currency),
        closing=SignedMoney(amount=found.closing, currency=found.currency),
        entry_count=found.entries,
        file_name=found.file_name,
        imported_at=found.imported_at,
    )


def entry(found: Entry, currency: str) -> EntryReply:
    """An entry as the API shows it."""
    return EntryReply(
        id=found.id,
        booked_on=found.booked_on,
        value_on=found.value_on,
        amount=SignedMoney(amount=found.amount, currency=currency),
        is_reversal=found.is_reversal,
        bank_reference=found.bank_reference,
        text=found.text,
    )


def payout(found: Payout, state: PayoutState) -> PayoutReply:
    """A payout as the API shows it."""
    arrived = found.arrived_amount
    return PayoutReply(
        id=found.id,
        gateway=found.gateway,
        gateway_id=found.gateway_id,
        amount=found.money,
        arrives_on=found.arrives_on,
        reference=found.reference,
        state=state,
        arrived_on=found.arrived_on,
        arrived_amount=None
        if arrived is None
        else SignedMoney(amount=arrived, currency=found.currency),
        failure=found.failure,
    )


def subject(found: Payout) -> str:
    """What an alert is about."""
    return f"{found.gateway} {found.gateway_id}"


def details(found: Payout) -> dict[str, Any]:
    """What an alert says of a payout."""
    arrived = found.arrived_amount
    said = {
        "amount": str(found.money),
        "arrivesOn": str(found.arrives_on),
        "reference": found.reference,
    }
    if arrived is not None:
        said["arrived"] = str(SignedMoney(amount=arrived, currency=found.currency))
    return said


def lines_of_import(file_name: str, result: ImportResult) -> Iterator[str]:
    """What was imported, for a terminal."""
    for each in result.statements:
        news = f"{each.new_entries} of {each.entries} entries are new"
        what = news if each.is_new else "known already"
        yield f"{file_name}: {each.account} {each.currency}, statement {each.number}: {what}"
    for found in result.arrived:
        yield f"arrived: {found.money} from {found.gateway} ({found.gateway_id})"


def lines_of_missing(payouts: Sequence[Payout]) -> Iterator[str]:
    """What did not arrive, for a terminal."""
    for found in payouts:
        yield (
            f"{found.arrives_on}  {found.money}  from {found.gateway}  {found.gateway_id}  "
            f"{found.reference}".rstrip()
        )
