"""Posting: money moves in the same commit as the state that says why."""

from collections.abc import Sequence

import msgspec

from app.db import Tx, Violated
from app.ledger import queries
from app.ledger.model import AlreadyPosted, Posting


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


def _without_zeros(posting: Posting) -> Posting:
    entries = tuple(entry for entry in posting.entries if entry.amount)
    if not entries:
        raise ValueError(f"nothing to post: {posting.kind} of {posting.source_id}")
    return msgspec.structs.replace(posting, entries=entries)
