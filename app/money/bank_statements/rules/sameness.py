"""Which entries of a statement are stored already, by another statement of the same days."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import msgspec

from app.money.bank_statements.model import Entry, FileEntry, FileStatement, Format, Statement

_Move = tuple[date, int, bool]  # when how much was moved; whether it takes something back


def content(statement: FileStatement) -> str:
    """A hash of all that a statement says, whatever file it came in."""
    entries = [msgspec.structs.replace(entry, line=0) for entry in statement.entries]
    opening, closing = (
        msgspec.structs.replace(balance, line=0)
        for balance in (statement.opening, statement.closing)
    )
    said = msgspec.structs.replace(
        statement, opening=opening, closing=closing, entries=tuple(entries)
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def follows(new: FileStatement, other: Statement) -> bool:
    """Whether one of two statements of the same day begins where the other ends.

    Then they share no entry, even if both have one that looks the same. Two that have the same
    balances and days are one statement, written twice.
    """
    if _place(new) == (other.opening, other.closing, other.from_on, other.to_on):
        return False
    after = other.closing == new.opening.amount and other.to_on <= new.from_on
    before = new.closing.amount == other.opening and new.to_on <= other.from_on
    return after or before


def _place(new: FileStatement) -> tuple[object, ...]:
    return new.opening.amount, new.closing.amount, new.from_on, new.to_on


def pair(new: FileStatement, known: Sequence[Entry]) -> list[int | None]:
    """For each entry of a statement the id of the known entry that it is; None for a new one.

    A known entry is one entry of a statement at most. First those that are equal word for word are
    paired, then those that a bank may have written in another way.
    """
    left: defaultdict[_Move, list[Entry]] = defaultdict(list)
    for each in known:
        left[_move(each)].append(each)
    found: list[int | None] = [None] * len(new.entries)
    for is_same in (_is_equal, _is_alike):
        for number, entry in enumerate(new.entries):
            if found[number] is not None:
                continue
            candidates = left[_move(entry)]
            same = next((each for each in candidates if is_same(entry, new.format, each)), None)
            if same:
                found[number] = same.id
                candidates.remove(same)
    return found


def _move(entry: Entry | FileEntry) -> _Move:
    return entry.booked_on, entry.amount, entry.is_reversal


def _is_equal(entry: FileEntry, form: Format, known: Entry) -> bool:
    return form is known.format and (entry.bank_reference, entry.text) == (
        known.bank_reference,
        known.text,
    )


def _is_alike(entry: FileEntry, form: Format, known: Entry) -> bool:
    """Whether the bank's references allow that an entry of a file is one that we know."""
    ours, theirs = entry.bank_reference, known.bank_reference
    if ours and theirs:
        return ours == theirs
    return form is not known.format
