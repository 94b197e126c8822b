"""One statement per function on `host_debts` and `debt_recoveries`, and on hosts' transfers."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import (
    Tx,
    execute,
    fetch_all,
    fetch_value,
    fetch_values,
    json,
)
from app.foundation.money import Money
from app.money.instructions.model import InstructionState
from app.money.payouts.model import (
    Debt,
    DebtWithRecoveries,
    HostBalance,
    HostTransfer,
    Recovery,
)


class _OfBooking(msgspec.Struct):
    """A sum in minor units, and the booking or part that it is about."""

    booking_id: UUID
    amount: int


async def lock_next_resumable(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one transfer that waits for an account although there is one, and that account.

    But none of these.
    """
    return await fetch_value(
        tx,
        UUID,
        """
        SELECT waiting.id
          FROM instructions AS waiting
          JOIN payout_accounts AS account
            ON account.host_id = payee_id AND account.gateway = waiting.gateway
           AND account.currency = waiting.currency AND account.state = 'active'
         WHERE waiting.state = 'waiting_for_payee' AND waiting.id <> ALL(%(but)s::uuid[])
         LIMIT 1
           FOR SHARE OF account SKIP LOCKED
           FOR NO KEY UPDATE OF waiting SKIP LOCKED""",
        but=list(but),
    )


async def insert_debt(
    tx: Tx,
    *,
    debt_id: UUID,
    cause_id: UUID | None,
    host_id: UUID,
    booking_id: UUID,
    money: Money,
    reason: str,
) -> None:
    await execute(
        tx,
        """
        INSERT INTO host_debts (id, cause_id, host_id, booking_id, amount, currency, reason)
        VALUES (%(id)s, %(cause_id)s, %(host_id)s, %(booking_id)s, %(amount)s, %(currency)s,
                %(reason)s)""",
        id=debt_id,
        cause_id=cause_id,
        host_id=host_id,
        booking_id=booking_id,
        amount=money.amount,
        currency=money.currency,
        reason=reason,
    )


async def lock_debts(tx: Tx, host_ids: Sequence[UUID]) -> list[Debt]:
    """Lock the debts that these hosts still owe, oldest first: a fixed order cannot deadlock."""
    return await fetch_all(
        tx,
        Debt,
        """
        SELECT * FROM host_debts
         WHERE host_id = ANY(%(host_ids)s) AND recovered < amount
         ORDER BY id
           FOR NO KEY UPDATE""",
        host_ids=list(host_ids),
    )


async def recover(tx: Tx, recoveries: Sequence[Recovery]) -> int:
    """Insert what is kept back, and count it towards its debts."""
    return await execute(
        tx,
        """
        WITH kept AS (
            INSERT INTO debt_recoveries (debt_id, source_id, booking_id, amount)
            SELECT debt_id, source_id, booking_id, amount
              FROM jsonb_populate_recordset(NULL::debt_recoveries, %(recoveries)s)
         RETURNING debt_id, amount
        )
        UPDATE host_debts SET recovered = recovered + sums.amount
          FROM (SELECT debt_id, sum(amount)::bigint AS amount FROM kept GROUP BY debt_id) AS sums
         WHERE host_debts.id = sums.debt_id""",
        recoveries=json(recoveries),
    )


async def hosts_of_recipient(tx: Tx, gateway: GatewayName, recipient: str) -> list[UUID]:
    """The hosts of accounts with this code, or with this bank's code and number."""
    return await fetch_values(
        tx,
        UUID,
        """
        SELECT host_id FROM payout_accounts
         WHERE gateway = %(gateway)s AND recipient = %(recipient)s
         UNION
        SELECT host_id FROM payout_accounts
         WHERE gateway = %(gateway)s
           AND account_number = split_part(%(recipient)s, ' ', 2)
           AND bank_code = split_part(%(recipient)s, ' ', 1)""",
        gateway=gateway,
        recipient=recipient,
    )


async def kept_back(tx: Tx, source_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How much was kept back for debts from the payouts of these pots, by booking or part."""
    found = await fetch_all(
        tx,
        _OfBooking,
        """
        SELECT booking_id, sum(amount)::bigint AS amount FROM debt_recoveries
         WHERE source_id = ANY(%(source_ids)s)
         GROUP BY booking_id""",
        source_ids=list(source_ids),
    )
    return {each.booking_id: each.amount for each in found}


async def owed_because_of(
    tx: Tx, host_ids: Sequence[UUID], booking_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """How much these hosts have come to owe because of bookings or parts, paid back or not."""
    found = await fetch_all(
        tx,
        _OfBooking,
        """
        SELECT booking_id, sum(amount)::bigint AS amount FROM host_debts
         WHERE host_id = ANY(%(host_ids)s) AND booking_id = ANY(%(booking_ids)s)
         GROUP BY booking_id""",
        host_ids=list(host_ids),
        booking_ids=list(booking_ids),
    )
    return {each.booking_id: each.amount for each in found}


async def transfers_of_host(
    tx: Tx, host_id: UUID, *, state: InstructionState | None, before: UUID | None, limit: int
) -> list[HostTransfer]:
    """Newest first (ids are in the order of time)."""
    return await fetch_all(
        tx,
        HostTransfer,
        """
        SELECT id, booking_id, state, gateway, amount, currency, reason, failure, next_try_at,
               created_at, sent_at, confirmed_at, not_before,
               CASE state WHEN 'queued' THEN waits_for WHEN 'waiting_for_payee' THEN 'payee'
                    END AS waits_for,
               CASE state WHEN 'cancelled' THEN (
                    SELECT history.reason FROM instruction_history AS history
                     WHERE instruction_id = instructions.id AND history.state = 'cancelled')
                    END AS cancelled_because,
               (SELECT coalesce(sum(kept.amount), 0)::bigint FROM debt_recoveries AS kept
                 WHERE kept.source_id = instructions.source_id
                   AND NOT instructions.from_balance) AS kept_back
          FROM instructions
         WHERE payee_id = %(host_id)s AND kind = 'transfer'
           AND (%(state)s::text IS NULL OR state = %(state)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        state=state,
        before=before,
        limit=limit,
    )


async def balances_of_host(tx: Tx, host_id: UUID) -> list[HostBalance]:
    """Per currency: what is not paid out yet, by where it is, and what the host owes.

    What came back of a transfer, all or a part, counts until another instruction sends it again.
    """
    return await fetch_all(
        tx,
        HostBalance,
        """
        WITH part AS (
            SELECT currency,
                   CASE state WHEN 'confirmed' THEN returned ELSE amount END
                       - coalesce((SELECT sum(again.amount) FROM instructions AS again
                                    WHERE again.source_id = instructions.id), 0) AS amount,
                   CASE WHEN state = 'waiting_for_payee' THEN 'waiting'
                        WHEN state IN ('reversed', 'confirmed') THEN 'back'
                        WHEN state <> 'queued' OR waits_for IS NULL THEN 'way'
                        WHEN waits_for = 'minimum' THEN 'minimum'
                        ELSE 'held' END AS kind
              FROM instructions
             WHERE payee_id = %(host_id)s AND kind = 'transfer'
               AND (state NOT IN ('confirmed', 'cancelled')
                    OR (state = 'confirmed' AND returned > 0))
             UNION ALL
            SELECT currency, amount - recovered, 'debt' FROM host_debts
             WHERE host_id = %(host_id)s AND recovered < amount
        )
        SELECT currency,
               coalesce(sum(amount) FILTER (WHERE kind <> 'debt'), 0)::bigint AS owed,
               coalesce(sum(amount) FILTER (WHERE kind = 'way'), 0)::bigint AS on_its_way,
               coalesce(sum(amount) FILTER (WHERE kind = 'waiting'), 0)::bigint AS waiting,
               coalesce(sum(amount) FILTER (WHERE kind = 'minimum'), 0)::bigint AS too_small,
               coalesce(sum(amount) FILTER (WHERE kind = 'held'), 0)::bigint AS held,
               coalesce(sum(amount) FILTER (WHERE kind = 'back'), 0)::bigint AS came_back,
               coalesce(sum(amount) FILTER (WHERE kind = 'debt'), 0)::bigint AS debt
          FROM part
         WHERE amount > 0
         GROUP BY currency
         ORDER BY currency""",
        host_id=host_id,
    )


async def debts_of_host(
    tx: Tx, host_id: UUID, *, before: UUID | None, limit: int
) -> list[DebtWithRecoveries]:
    """The debts of a host, newest first, recovered or not, each with what was kept back for it."""
    return await fetch_all(
        tx,
        DebtWithRecoveries,
        """
        SELECT host_debts.*, kept.recoveries
          FROM host_debts
         CROSS JOIN LATERAL (
               SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'booking_id', booking_id, 'amount', debt_recoveries.amount, 'at', at
                      ) ORDER BY id), '[]') AS recoveries
                 FROM debt_recoveries WHERE debt_id = host_debts.id) AS kept
         WHERE host_id = %(host_id)s AND (%(before)s::uuid IS NULL OR host_debts.id < %(before)s)
         ORDER BY host_debts.id DESC
         LIMIT %(limit)s""",
        host_id=host_id,
        before=before,
        limit=limit,
    )
