"""The verbs of payouts: queue transfers to hosts, keep back what they owe, show both to them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation import audit, paging
from app.foundation.audit import Actor
from app.foundation.db import Tx
from app.foundation.ids import derived
from app.foundation.money import Money
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionState
from app.money.payees import actions as payees
from app.money.payees.model import Payee
from app.money.payouts import queries, rules
from app.money.payouts.model import (
    BalanceList,
    BalanceReply,
    DebtPage,
    DebtReply,
    HostTransferPage,
    Payout,
)

# ---- transfers -----------------------------------------------------------------------------------


async def queue_transfers(tx: Tx, payouts: Sequence[Payout], *, by: Actor) -> None:
    """Queue the transfers of hosts' shares, with a fixed number of statements.

    What a host owes is kept back. The transfer of a host without a payout account waits for one.
    """
    if not payouts:
        return
    host_ids = sorted({payout.host_id for payout in payouts})
    recoveries = rules.recover(payouts, await queries.lock_debts(tx, host_ids))
    if recoveries:
        await queries.recover(tx, recoveries)
        await audit.record_all(tx, by=by, action="recover_debt", changes=rules.changes(recoveries))
    recipients = await payees.recipients_of(tx, host_ids)
    await instructions.queue_all(tx, rules.transfers(payouts, recoveries, recipients), by=by)


async def owe(
    tx: Tx,
    *,
    cause_id: UUID,
    host_id: UUID,
    booking_id: UUID,
    money: Money,
    reason: str,
    beside: bool = False,
) -> None:
    """Record that a host owes an amount, which is kept back from the next payouts.

    `cause_id` is the late refund or chargeback that caused it, and the id of the debt. A chargeback
    of several parts may leave a debt for each: `beside` one that has that id, another one has an id
    of its own. Transfers that are queued already stay as they are.
    """
    await queries.insert_debt(
        tx,
        debt_id=derived(cause_id, str(booking_id)) if beside else cause_id,
        cause_id=cause_id if beside else None,
        host_id=host_id,
        booking_id=booking_id,
        money=money,
        reason=reason,
    )


async def hosts_of_recipient(tx: Tx, gateway: GatewayName, recipient: str) -> list[UUID]:
    """The hosts who have, or had, an account that a gateway names so; none for no name.

    It is the gateway's code, or the bank's code and the account's number with a space between.
    """
    return await queries.hosts_of_recipient(tx, gateway, recipient) if recipient else []


async def kept_back(tx: Tx, source_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How much was kept back for debts from the payouts of these pots, by booking or part.

    Minor units; what nothing was kept back from is left out.
    """
    return await queries.kept_back(tx, source_ids)


async def owed_because_of(
    tx: Tx, host_ids: Sequence[UUID], booking_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """How much their hosts have come to owe because of each of these bookings or parts.

    Paid back or not, in minor units; what nothing is owed for is left out.
    """
    return await queries.owed_because_of(tx, host_ids, booking_ids)


async def retry_failed(tx: Tx, transfer_id: UUID) -> None:
    """Queue a new attempt of a failed transfer, to where its host is paid now."""
    transfer = await instructions.get(tx, transfer_id)
    target = await payees.recipient_of(tx, _payee(transfer))
    await instructions.retry(tx, transfer, target=target, reason="tried again")


async def lock_hold(tx: Tx, transfer: Instruction) -> datetime | None:
    """Until when a transfer must wait, for its payee's account has changed; None if it need not.

    The account stays as it is until the transaction ends. It is locked after charges, and before
    instructions.
    """
    return await payees.lock_hold(tx, _payee(transfer))


async def next_resumable(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock one transfer that waits for a payout account although its payee has one by now.

    But none of these. The account is locked too, so that nobody removes or replaces it until the
    transaction ends.
    """
    return await queries.lock_next_resumable(tx, but)


async def resume(tx: Tx, transfer_id: UUID) -> None:
    """Queue a locked transfer that has waited for a payout account."""
    transfer = await instructions.get(tx, transfer_id)
    target = await payees.recipient_of(tx, _payee(transfer))
    if target is None:
        raise LookupError(f"there is no account to send {transfer_id} to")
    await instructions.resume(tx, transfer, target=target)


def _payee(transfer: Instruction) -> Payee:
    return Payee(transfer.known_payee_id, transfer.gateway, transfer.currency)


# ---- what hosts see ------------------------------------------------------------------------------


async def read_transfers(
    tx: Tx, host_id: UUID, *, state: InstructionState | None, limit: int, cursor: str | None
) -> HostTransferPage:
    """A page of a host's transfers, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    found = await queries.transfers_of_host(
        tx, host_id, state=state, before=before, limit=limit + 1
    )
    page, next_cursor = paging.cut(found, limit, by=lambda transfer: transfer.id)
    beside = await instructions.beside(tx, [transfer.id for transfer in page])
    transfers = [rules.as_seen_by_host(transfer, beside[transfer.id]) for transfer in page]
    return HostTransferPage(transfers=transfers, next_cursor=next_cursor)


async def read_balances(tx: Tx, host_id: UUID) -> BalanceList:
    """Where a host's money is, per currency."""
    balances = await queries.balances_of_host(tx, host_id)
    return BalanceList(balances=[BalanceReply.of(balance) for balance in balances])


async def read_debts(tx: Tx, host_id: UUID, *, limit: int, cursor: str | None) -> DebtPage:
    """A page of a host's debts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    found = await queries.debts_of_host(tx, host_id, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda debt: debt.id)
    return DebtPage(debts=[DebtReply.of(debt) for debt in page], next_cursor=next_cursor)
