"""What a breach is, and postings out of nowhere."""

from typing import Final

import msgspec


class Breach(msgspec.Struct, frozen=True):
    """How a law is broken; `also` are laws that the same deed cannot but break."""

    law: str
    how: str
    sql: str
    also: tuple[str, ...] = ()


NOBODY: Final = "gen_random_uuid()"
REVENUE: Final = "kind = 'platform_revenue' AND currency = 'NGN'"
NOTHING: Final = ((REVENUE, 5), (REVENUE, -5))  # in and out again


def posting(kind: str, source: str, *entries: tuple[str, int], names: str) -> str:
    """A posting out of nowhere, each entry on the first account that meets a condition.

    `names` is what to return of it (`id` or `source_id`), or a statement of its own.
    """
    rows = ", ".join(f"(({first('id', account)}), {amount})" for account, amount in entries)
    return f"""
        WITH posted AS (
            INSERT INTO ledger_transactions (kind, source_id, memo)
            VALUES ('{kind}', {source}, 'a breach') RETURNING id, source_id
        ), entries AS (
            INSERT INTO ledger_entries (transaction_id, account_id, amount)
            SELECT posted.id, coalesce(entry.account_id, -1), entry.amount
              FROM posted, (VALUES {rows}) AS entry (account_id, amount)
        )
        {names if " " in names else f"SELECT {names} FROM posted"}"""


def first(column: str, account: str) -> str:
    return (
        f"SELECT {column} FROM ledger_accounts WHERE {account} ORDER BY ledger_accounts.id LIMIT 1"
    )
