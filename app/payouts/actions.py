"""The verbs of payouts: know hosts' accounts, queue what they are to get, less what they owe."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app import audit, states
from app.alerts import Severity, raise_alert, resolve_alert
from app.audit import SYSTEM, Actor, ActorRole, Subject
from app.db import Tx
from app.gateways.port import GatewayName, RecipientReady, Refused, Unknown
from app.instructions import actions as instructions
from app.instructions.model import Instruction, InstructionKind, InstructionState
from app.instructions.queries import lock_next_failed
from app.money import Money
from app.payouts import queries, rules
from app.payouts.model import (
    MOVES,
    BalanceList,
    BalanceReply,
    DebtPage,
    DebtReply,
    HostTransferPage,
    NewPayoutAccount,
    NoSuchPayoutAccount,
    Payee,
    Payout,
    PayoutAccount,
    PayoutAccountPage,
    PayoutAccountReply,
    PayoutAccountState,
)
from app.wire import read_cursor, write_cursor

_S = PayoutAccountState
_STUCK: Final = "payout_account_stuck"

# Longer than any call lasts, also one that a job repeats (PATIENCE_OF_JOBS_S, and a time-out):
# after it, a call that has not ended was cut off by a crash.
CALLING_FOR: Final = timedelta(minutes=1)


# ---- transfers -----------------------------------------------------------------------------------


async def queue_transfers(tx: Tx, payouts: Sequence[Payout], *, by: Actor) -> None:
    """Commit to paying hosts their shares, in one round whatever their number.

    What a host owes is kept back. Who has no payout account is waited for.
    """
    if not payouts:
        return
    host_ids = sorted({payout.host_id for payout in payouts})
    recoveries = rules.recover(payouts, await queries.lock_debts(tx, host_ids))
    if recoveries:
        await queries.recover(tx, recoveries)
        await audit.record_all(tx, by=by, action="recover_debt", changes=rules.changes(recoveries))
    recipients = await _recipients(tx, host_ids)
    await instructions.queue_all(tx, rules.transfers(payouts, recoveries, recipients), by=by)


async def owe(
    tx: Tx, *, cause_id: UUID, host_id: UUID, booking_id: UUID, money: Money, reason: str
) -> None:
    """Write down that a host owes this, because of something: the next payouts are smaller by it.

    Transfers that are queued by now stay as they are.
    """
    await queries.insert_debt(
        tx,
        debt_id=cause_id,
        host_id=host_id,
        booking_id=booking_id,
        money=money,
        reason=reason,
    )


async def next_failed(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a failed transfer whose next attempt is due, other than these."""
    return await lock_next_failed(tx, InstructionKind.TRANSFER, but)


async def retry_failed(tx: Tx, transfer_id: UUID) -> None:
    """Queue a new attempt of such a transfer, to where its host is paid now."""
    transfer = await instructions.get(tx, transfer_id)
    target = await recipient_of(tx, _payee(transfer))
    await instructions.retry(tx, transfer, target=target, reason="tried again")


async def next_resumable(tx: Tx, but: Sequence[UUID]) -> UUID | None:
    """Lock a transfer whose payee got an account while it was being made, other than these.

    The account is locked with it: nobody removes or replaces it until the transaction ends.
    """
    return await queries.lock_next_resumable(tx, but)


async def resume(tx: Tx, transfer_id: UUID) -> None:
    """Queue such a transfer."""
    transfer = await instructions.get(tx, transfer_id)
    target = await recipient_of(tx, _payee(transfer))
    if target is None:
        raise LookupError(f"there is no account to send {transfer_id} to")
    await instructions.resume(tx, transfer, target=target)


async def recipient_of(tx: Tx, payee: Payee) -> str | None:
    """The gateway's code of the account that a payee is paid to now; None without one."""
    return (await _recipients(tx, [payee.host_id])).get(payee)


def _payee(transfer: Instruction) -> Payee:
    return Payee(transfer.payee_id, transfer.gateway, transfer.currency)


async def _recipients(tx: Tx, host_ids: Collection[UUID]) -> dict[Payee, str]:
    return {
        Payee(known.host_id, known.gateway, known.currency): known.recipient
        for known in await queries.recipients(tx, sorted(host_ids))
    }


# ---- what hosts see ------------------------------------------------------------------------------


async def read_transfers(
    tx: Tx, host_id: UUID, *, state: InstructionState | None, limit: int, cursor: str | None
) -> HostTransferPage:
    """A page of a host's transfers, newest first. Raises Invalid for a made-up cursor."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await queries.transfers_of_host(
        tx, host_id, state=state, before=before, limit=limit + 1
    )
    page = found[:limit]
    return HostTransferPage(
        transfers=[rules.as_seen_by_host(transfer) for transfer in page],
        next_cursor=write_cursor(page[-1].id) if len(found) > limit else None,
    )


async def read_balances(tx: Tx, host_id: UUID) -> BalanceList:
    """Where a host's money is, per currency."""
    balances = await queries.balances_of_host(tx, host_id)
    return BalanceList(balances=[BalanceReply.of(balance) for balance in balances])


async def read_debts(tx: Tx, host_id: UUID, *, limit: int, cursor: str | None) -> DebtPage:
    """A page of a host's debts, newest first. Raises Invalid for a made-up cursor."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await queries.debts_of_host(tx, host_id, before=before, limit=limit + 1)
    page = found[:limit]
    return DebtPage(
        debts=[DebtReply.of(debt) for debt in page],
        next_cursor=write_cursor(page[-1].id) if len(found) > limit else None,
    )


# ---- payout accounts -----------------------------------------------------------------------------


async def add_account(
    tx: Tx, new: NewPayoutAccount, *, host_id: UUID, gateway: GatewayName
) -> PayoutAccount:
    """Write an account down before the gateway hears of it; the caller alone tells it."""
    account = await queries.insert_account(
        tx,
        new,
        account_id=uuid_utils.compat.uuid7(),
        host_id=host_id,
        gateway=gateway,
        calling_for=CALLING_FOR,
    )
    await audit.record(
        tx,
        by=Actor(ActorRole.HOST, host_id),
        action="add_payout_account",
        subject=Subject("payout_account", account.id),
        after={
            "state": account.state,
            "gateway": gateway,
            "currency": account.currency,
            "accountNumber": account.masked_number,
        },
    )
    return account


async def begin_again(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """An account that was begun; if it still is pending, the caller tells the gateway of it.

    So may the sweep at the same moment: the gateway then answers both with the same recipient.
    """
    claimed = await queries.claim_account(tx, account_id, calling_for=CALLING_FOR)
    return claimed or await get_account(tx, account_id, host_id=host_id)


async def claim_next_account(tx: Tx) -> PayoutAccount | None:
    """The pending account whose next try has been due for the longest."""
    return await queries.claim_next_account(tx, calling_for=CALLING_FOR)


async def record_told(
    tx: Tx, told: PayoutAccount, outcome: RecipientReady | Refused | Unknown
) -> PayoutAccount:
    """Write down how telling the gateway of an account went.

    One that is ready takes the place of those added before it, and what has waited for it goes out.
    """
    known = await queries.lock_accounts(tx, told.payee)
    account = next((each for each in known if each.id == told.id), None)
    if account is None or account.state is not _S.PENDING:  # the host has thought again
        return await get_account(tx, told.id, host_id=told.host_id)
    match outcome:
        case RecipientReady():
            return await _activate(tx, account, known, outcome)
        case Refused(reason=reason):
            failure = rules.without_number(reason, account)
            return await _move(tx, account, _S.REFUSED, by=SYSTEM, failure=failure)
        case Unknown(reason=reason):
            return await _postpone(tx, account, reason)


async def remove_account(tx: Tx, account_id: UUID, *, host_id: UUID) -> None:
    """Pay no more to an account; what was on its way to it and is not sent waits for another.

    Raises NoSuchPayoutAccount, MoveRefused.
    """
    asked = await get_account(tx, account_id, host_id=host_id)
    known = await queries.lock_accounts(tx, asked.payee)
    account = next((each for each in known if each.id == account_id), asked)
    await _move(tx, account, _S.REMOVED, by=Actor(ActorRole.HOST, host_id))
    if account.state is _S.ACTIVE:
        await _redirect(tx, account.payee, None)


async def get_account(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """Raises NoSuchPayoutAccount, also for another host's."""
    account = await queries.find_account(tx, account_id)
    if account and account.host_id == host_id:
        return account
    raise NoSuchPayoutAccount(f"You have no payout account {account_id}.")


async def read_accounts(
    tx: Tx, host_id: UUID, *, limit: int, cursor: str | None
) -> PayoutAccountPage:
    """A page of a host's accounts, newest first. Raises Invalid for a made-up cursor."""
    before = read_cursor(cursor, tuple[UUID])[0] if cursor else None
    accounts = await queries.accounts_of_host(tx, host_id, before=before, limit=limit + 1)
    page = accounts[:limit]
    return PayoutAccountPage(
        accounts=[PayoutAccountReply.of(account) for account in page],
        next_cursor=write_cursor(page[-1].id) if len(accounts) > limit else None,
    )


async def _activate(
    tx: Tx, account: PayoutAccount, known: Sequence[PayoutAccount], ready: RecipientReady
) -> PayoutAccount:
    if rules.is_outdated(account, known):
        return await _move(tx, account, _S.REPLACED, by=SYSTEM)
    for former in rules.replaced_by(account, known):
        await _move(tx, former, _S.REPLACED, by=SYSTEM)
    active = await _move(tx, account, _S.ACTIVE, by=SYSTEM, ready=ready)
    await _redirect(tx, account.payee, ready.recipient)
    return active


async def _redirect(tx: Tx, payee: Payee, recipient: str | None) -> None:
    """What is queued or waits for a payee goes to this account, or to none."""
    host_id, gateway, currency = payee
    await instructions.withdraw(tx, payee_id=host_id, gateway=gateway, currency=currency)
    if recipient:
        await instructions.resume_all(
            tx, payee_id=host_id, gateway=gateway, currency=currency, target=recipient
        )


async def _postpone(tx: Tx, account: PayoutAccount, reason: str) -> PayoutAccount:
    by = rules.wait_after(account.attempts)
    postponed = await queries.postpone_account(tx, account, by=by, failure=reason)
    if account.attempts >= rules.ATTEMPTS_UNTIL_ALERT:
        await raise_alert(
            tx,
            kind=_STUCK,
            severity=Severity.WARNING,
            subject=str(account.id),
            details={"hostId": str(account.host_id), "what": reason},
        )
    return postponed or account


async def _move(
    tx: Tx,
    account: PayoutAccount,
    to: PayoutAccountState,
    *,
    by: Actor,
    ready: RecipientReady | None = None,
    failure: str | None = None,
) -> PayoutAccount:
    states.check(MOVES, account.state, to)
    moved = await queries.move_account(tx, account, to, ready=ready, failure=failure)
    if moved is None:
        raise states.MoveRefused("Somebody else changed this account at the same moment.")
    await audit.record(
        tx,
        by=by,
        action=rules.VERBS[to],
        subject=Subject("payout_account", account.id),
        before={"state": account.state},
        after={"state": to, "accountNumber": account.masked_number},
        reason=failure or "",
    )
    if account.state is _S.PENDING:
        await resolve_alert(tx, _STUCK, str(account.id))
    return moved
