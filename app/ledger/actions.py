"""Posting: money moves in the same commit as the state that says why."""

from collections.abc import Sequence
from typing import Final

import msgspec

from app.db import Tx, Violated
from app.ledger import queries
from app.ledger.model import AlreadyPosted, Mark, Posting

# Fewer are summed up quickly enough when a balance is asked for.
WORTH_A_CHECKPOINT: Final = 1_000


async def post(tx: Tx, posting: Posting) -> None:
    """Write one posting; see post_all."""
    await post_all(tx, [posting])


async def post_all(tx: Tx, postings: Sequence[Posting]) -> None:
    """Write postings, in two statements however many there are; entries of zero are left out.

    Takes no lock that two postings could meet on, except that debits of the same escrow account
    wait for each other. Several postings of one transaction belong in one call: then no two
    transactions can deadlock over accounts that both open.

    Raises AlreadyPosted if one of them was posted before, and ValueError for one without entries.
    That the entries sum to zero and leave escrow above it is judged at the commit, which raises
    Violated: `ledger_balanced`, `ledger_escrow_not_negative`.
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
    """Begin a checkpoint: how far the ledger has come, before the transaction that takes it."""
    return await queries.mark(tx)


async def checkpoint(
    tx: Tx, mark: Mark, *, limit: int, worth: int = WORTH_A_CHECKPOINT
) -> int | None:
    """Sum up the busy accounts as far as the mark; returns how many, None if it is too early.

    An account with fewer than `worth` new entries is left; of others `limit` entries are taken at
    the most. Too early is as long as somebody is writing who was so at the mark: an entry of his
    may have a lower id than one that can be seen, and would be lost for the balance.
    """
    if not await queries.is_settled(tx, mark):
        return None
    return await queries.insert_checkpoints(tx, mark, worth=worth, limit=limit)


def _without_zeros(posting: Posting) -> Posting:
    entries = tuple(entry for entry in posting.entries if entry.amount)
    if not entries:
        raise ValueError(f"nothing to post: {posting.kind} of {posting.source_id}")
    return msgspec.structs.replace(posting, entries=entries)
