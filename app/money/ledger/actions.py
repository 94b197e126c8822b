"""Post money in the commit of the change that moves it; read accounts, entries and statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import uuid_utils.compat

from app.foundation import audit, paging
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, Violated, plan_for_values
from app.money.ledger import queries, rules
from app.money.ledger.model import (
    AccountFilter,
    Adjustment,
    AlreadyPosted,
    FoundAccount,
    FoundEntry,
    LedgerAccount,
    LedgerAccountPage,
    LedgerEntryPage,
    Mark,
    NewAdjustment,
    NoSuchLedgerAccount,
    NothingBooked,
    Posting,
    Statement,
)
from app.people.accounts import actions as accounts

# So many entries since the last checkpoint are still summed up fast when a balance is asked for.
WORTH_A_CHECKPOINT: Final = 1_000


async def post(tx: Tx, posting: Posting) -> None:
    """Write one posting. Raises as `post_all` does."""
    await post_all(tx, [posting])


async def post_all(tx: Tx, postings: Sequence[Posting]) -> None:
    """Write postings with two statements, however many there are. Entries of zero are left out.

    Transactions that post do not wait for each other, except for debits of one escrow account.
    Pass all postings of a transaction in one call: accounts are opened in a fixed order, so that
    two transactions that open the same accounts cannot deadlock.

    Raises AlreadyPosted for a kind and source that is in the ledger already, and ValueError for a
    posting without entries. The commit raises Violated for entries that do not sum to zero
    (`ledger_balanced`) and for an overdrawn escrow account (`ledger_escrow_not_negative`).
    """
    if not postings:
        return
    moving = [_without_zeros(posting) for posting in postings]
    await queries.open_missing(
        tx, list({entry.account for posting in moving for entry in posting.entries})
    )
    try:
        await queries.insert(tx, moving)
    except Violated as error:
        if error.constraint != "ledger_transactions_once":
            raise
        raise AlreadyPosted("A posting of this kind has been made for this source.") from error


async def mark(tx: Tx) -> Mark:
    """Begin a checkpoint: read the last entry, and who is writing, before another transaction sums.

    `checkpoint` takes the mark.
    """
    return await queries.mark(tx)


async def is_settled(tx: Tx, mark: Mark) -> bool:
    """Whether no entry up to the mark can come any more."""
    return await queries.is_settled(tx, mark)


async def checkpoint(
    tx: Tx, mark: Mark, *, limit: int, worth: int = WORTH_A_CHECKPOINT
) -> int | None:
    """Store the balances of busy accounts at the mark; returns of how many accounts.

    None if it is too early: a transaction that was writing at the mark has not ended. Its entries
    may have lower ids than the mark, and the stored balance would lack them.

    Accounts with fewer than `worth` new entries are left out. Of the others at most `limit`
    entries are summed; the next checkpoint goes on from there.
    """
    if not await queries.is_settled(tx, mark):
        return None
    return await queries.insert_checkpoints(tx, mark, worth=worth, limit=limit)


def _without_zeros(posting: Posting) -> Posting:
    entries = tuple(entry for entry in posting.entries if entry.amount)
    if not entries:
        raise ValueError(f"nothing to post: {posting.kind} of {posting.source_id}")
    return msgspec.structs.replace(posting, entries=entries)


async def entries_of_hosts(tx: Tx, *, first: int, last: int, before: datetime) -> list[FoundEntry]:
    """All entries of the transactions that change a host's account, or divide a pot.

    Of those that have an entry from `first` to `last` (ids) and were made before this instant; the
    entries of a transaction come together.
    """
    return await queries.entries_of_hosts(tx, first=first, last=last, before=before)


async def first_posted_at(tx: Tx) -> datetime | None:
    """When the first entry was posted; None if the ledger is empty."""
    return await queries.first_posted_at(tx)


async def first_entry_since(tx: Tx, at: datetime, *, first: int, last: int) -> int:
    """The id of the first entry, of those from `first` to `last`, that is not from before `at`.

    Without one it is the id after `last`.
    """
    return await queries.first_entry_since(tx, at, first=first, last=last)


async def list_accounts(
    tx: Tx, wanted: AccountFilter, *, limit: int, cursor: str | None
) -> LedgerAccountPage:
    """A page of accounts with their balances, the oldest first. Raises Invalid for a bad cursor."""
    after = paging.read_row_id(cursor)
    await plan_for_values(tx)
    found = await queries.accounts(tx, wanted, after=after, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda account: account.id)
    accounts = [LedgerAccount.of(account) for account in page]
    return LedgerAccountPage(accounts=accounts, next_cursor=next_cursor)


async def get_account(tx: Tx, account_id: int, *, at: datetime | None = None) -> LedgerAccount:
    """An account with its balance, now or at an instant. Raises NoSuchLedgerAccount."""
    account = await _find_account(tx, account_id)
    if at is not None:
        balance = await queries.balance_at(tx, account_id, at)
        account = msgspec.structs.replace(account, balance=balance)
    return LedgerAccount.of(account)


async def list_entries(
    tx: Tx, account_id: int, *, limit: int, cursor: str | None
) -> LedgerEntryPage:
    """A page of an account's entries, the newest first.

    Raises NoSuchLedgerAccount, and Invalid for a bad cursor.
    """
    before = paging.read_row_id(cursor)
    await _find_account(tx, account_id)
    found = await queries.entries(tx, account_id, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda entry: entry.id)
    entries = [rules.ledger_entry(entry) for entry in page]
    return LedgerEntryPage(entries=entries, next_cursor=next_cursor)


async def get_statement(tx: Tx, booking_id: UUID) -> Statement:
    """Every posting of a booking, with running balances. Raises NothingBooked."""
    found = await queries.entries_of_booking(tx, booking_id)
    if not found:
        raise NothingBooked(f"No money has moved for booking {booking_id}.")
    return rules.statement(booking_id, found)


async def adjust(tx: Tx, *, admin_id: UUID, request: NewAdjustment) -> Adjustment:
    """Post a correction that an admin asks for, and write it to the audit log.

    Raises Invalid if it does not balance, moves escrow, or names a person or booking that does not
    exist.
    """
    posting = rules.adjustment(request, uuid_utils.compat.uuid7())
    missing = await accounts.find_missing(tx, rules.people_of(request))
    try:
        await post(tx, posting)
    except Violated as error:
        if error.constraint != "ledger_transactions_booking_id_fkey":
            raise
        raise rules.names_unknown(request, missing, is_booking_known=False) from error
    if missing:
        raise rules.names_unknown(request, missing)
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="adjust_ledger",
        subject=Subject("adjustment", posting.source_id),
        after={"bookingId": request.booking_id, "entries": request.entries},
        reason=request.reason,
    )
    return Adjustment(
        id=posting.source_id,
        booking_id=request.booking_id,
        reason=request.reason,
        entries=request.entries,
    )


async def _find_account(tx: Tx, account_id: int) -> FoundAccount:
    await plan_for_values(tx)
    found = await queries.accounts(tx, AccountFilter(id=account_id))
    if not found:
        raise NoSuchLedgerAccount(f"There is no account {account_id}.")
    return found[0]
