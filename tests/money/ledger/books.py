"""Short ways to write postings, and to read sums without the ledger's own queries."""

from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import Tx, fetch_all, fetch_new_value, transaction
from app.money.ledger.actions import post_all
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from tests.make import new_id

CLEARING = Account(AccountKind.GATEWAY_CLEARING, "NGN", gateway=GatewayName.PAYSTACK)
REVENUE = Account(AccountKind.PLATFORM_REVENUE, "NGN")


def escrow(booking_id: UUID, currency: str = "NGN") -> Account:
    return Account(AccountKind.ESCROW_RENTAL, currency, owner_id=booking_id)


def posting(
    *entries: tuple[Account, int],
    kind: PostingKind = PostingKind.CHARGE,
    source_id: UUID | None = None,
    booking_id: UUID | None = None,
    memo: str = "A test",
) -> Posting:
    return Posting(
        kind=kind,
        source_id=source_id or new_id(),
        booking_id=booking_id,
        entries=tuple(Entry(account, amount) for account, amount in entries),
        memo=memo,
    )


async def commit(*postings: Posting) -> None:
    async with transaction() as tx:
        await post_all(tx, postings)


async def account_id(tx: Tx, account: Account) -> int:
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT id FROM ledger_accounts
         WHERE (kind, currency) = (%(kind)s, %(currency)s)
           AND owner_id IS NOT DISTINCT FROM %(owner_id)s
           AND gateway IS NOT DISTINCT FROM %(gateway)s""",
        kind=account.kind,
        currency=account.currency,
        owner_id=account.owner_id,
        gateway=account.gateway,
    )


async def plain_sum(tx: Tx, account: Account) -> int:
    """The balance of an account the slow way: all of its entries; 0 if there is no such account."""
    return await fetch_new_value(
        tx,
        int,
        """
        SELECT coalesce(sum(amount), 0)::bigint
          FROM ledger_entries JOIN ledger_accounts AS account ON account.id = account_id
         WHERE (kind, currency) = (%(kind)s, %(currency)s)
           AND owner_id IS NOT DISTINCT FROM %(owner_id)s
           AND gateway IS NOT DISTINCT FROM %(gateway)s""",
        kind=account.kind,
        currency=account.currency,
        owner_id=account.owner_id,
        gateway=account.gateway,
    )


class Balance(msgspec.Struct, frozen=True):
    kind: str
    amount: int


async def balances() -> dict[str, int]:
    """Every account kind's balance that is not zero."""
    async with transaction() as tx:
        rows = await fetch_all(
            tx,
            Balance,
            """
            SELECT kind, sum(amount)::bigint AS amount
              FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
             GROUP BY kind HAVING sum(amount) <> 0""",
        )
    return {row.kind: row.amount for row in rows}
