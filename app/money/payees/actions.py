"""The verbs of payees: add a payout account, record what its gateway says of it, remove it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import uuid_utils.compat

from app.edge.gateways import wallets
from app.edge.gateways.port import FoundPayout, GatewayName, MoneyOutStatus, Refused, Unknown
from app.edge.gateways.recipients import OnboardingNeeded, RecipientReady
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.foundation import audit, paging, states
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM, Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.foundation.settings import settings
from app.money.instructions import actions as instructions
from app.money.payees import queries, rules
from app.money.payees.model import (
    MOVES,
    OPEN,
    NewPayoutAccount,
    NoSuchPayoutAccount,
    NothingToTell,
    Payee,
    PayoutAccount,
    PayoutAccountPage,
    PayoutAccountReply,
    PayoutAccountState,
)

_S = PayoutAccountState
_STUCK: Final = "payout_account_stuck"
_REFUSED: Final = "payout_account_refused"
_STOPPED: Final = "payout_account_stopped"
_BANK_REFUSED: Final = "payee_payout_failed"
_LOOK_SOON: Final = timedelta(minutes=1)

# Longer than the calls that ask a gateway about one account can take, repeats included. If no
# answer is recorded by then, a crash has cut them off, and the account may be asked about again.
CALLING_FOR: Final = timedelta(minutes=3)

Answer = RecipientReady | OnboardingNeeded | Refused | Unknown


# ---- where money goes ----------------------------------------------------------------------------


async def recipient_of(tx: Tx, payee: Payee) -> str | None:
    """The gateway's code of the payee's active account; None if there is none."""
    return (await recipients_of(tx, [payee.host_id])).get(payee)


async def lock_hold(tx: Tx, payee: Payee) -> datetime | None:
    """Until when nothing is paid to a payee's account, which stays as it is until the end of `tx`.

    None if it may be paid now. An account that is not the host's first is paid only after a while,
    so that a thief who has added it gets nothing before its owner has read of it.
    """
    await queries.lock_shared(tx, payee)  # first: only after the wait for it is seen what changed
    return await queries.held_until(tx, payee)


async def recipients_of(tx: Tx, host_ids: Collection[UUID]) -> dict[Payee, str]:
    """The gateway's codes of these hosts' active accounts, locked until the transaction ends."""
    return {
        Payee(known.host_id, known.gateway, known.currency): known.recipient
        for known in await queries.recipients(tx, sorted(host_ids))
    }


# ---- what hosts see and do -----------------------------------------------------------------------


async def add_account(
    tx: Tx, new: NewPayoutAccount, *, host_id: UUID, gateway: GatewayName
) -> PayoutAccount:
    """Insert an account before its gateway is called. This caller alone registers it there."""
    account = await queries.insert_account(
        tx,
        new,
        account_id=uuid_utils.compat.uuid7(),
        host_id=host_id,
        gateway=gateway,
        calling_for=CALLING_FOR,
        held_for=timedelta(hours=settings().payout_hold_hours),
        numbers_read=wallets.EDITION,
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
            "kind": account.kind,
            "accountNumber": account.masked_number,
        },
    )
    if account.pays_from:
        await notifications.notify(
            tx,
            account_id=host_id,
            kind=Kind.PAYOUT_ACCOUNT_CHANGED,
            source_id=account.id,
            data=rules.account_facts(account),
        )
    return account


async def read_numbers(tx: Tx, *, limit: int) -> int:
    """Notify hosts whose wallets have a number that is not dialled any more; returns how many.

    Each account is looked at once for each edition of the numbering plans.
    """
    accounts = await queries.take_unread_numbers(tx, edition=wallets.EDITION, limit=limit)
    for account in accounts:
        if flaw := rules.flaw_of_number(account):
            await notifications.notify(
                tx,
                account_id=account.host_id,
                kind=Kind.PAYOUT_NUMBER_OUTDATED,
                source_id=account.id,
                data=rules.account_facts(account, reason=flaw.reason),
            )
    return len(accounts)


async def begin_again(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """An account that was added before. If its gateway may not know it, the caller registers it.

    The sweep may register it at the same moment: the first answer with a recipient counts.
    """
    account = await get_account(tx, account_id, host_id=host_id)
    return await _take(tx, account) if account.is_unregistered else account


async def begin_onboarding(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """An account whose host must answer the gateway's questions. The gateway is asked again soon.

    If the gateway may not know the account, the caller registers it first. Raises
    NoSuchPayoutAccount, and NothingToTell if the gateway has no questions about such an account.
    """
    account = await get_account(tx, account_id, host_id=host_id)
    if account.account_number or account.state not in OPEN:
        raise NothingToTell(f"It is a {account.kind.replace('_', ' ')}, and {account.state}.")
    if account.is_unregistered:
        return await _take(tx, account)
    return await queries.hasten(tx, account_id, within=_LOOK_SOON) or account


async def look_soon(tx: Tx, account_id: UUID) -> None:
    """Have the next sweep ask the gateway. Anybody can call this, as often as they like."""
    await queries.hasten(tx, account_id, within=timedelta(0))


async def remove_account(tx: Tx, account_id: UUID, *, host_id: UUID) -> None:
    """Remove an account. Transfers to it that are not sent yet wait for another account.

    Raises NoSuchPayoutAccount, MoveRefused.
    """
    asked = await get_account(tx, account_id, host_id=host_id)
    known = await queries.lock_accounts(tx, asked.payee)
    account = next((each for each in known if each.id == account_id), asked)
    await _move(tx, account, _S.REMOVED, by=Actor(ActorRole.HOST, host_id))
    if account.state is _S.ACTIVE:
        await _redirect(tx, account.payee, None)


async def get_account(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """A payout account of this host. Raises NoSuchPayoutAccount, also if it is another host's."""
    account = await queries.find_account(tx, account_id)
    if account and account.host_id == host_id:
        return account
    raise NoSuchPayoutAccount(f"You have no payout account {account_id}.")


async def read_accounts(
    tx: Tx, host_id: UUID, *, limit: int, cursor: str | None
) -> PayoutAccountPage:
    """A page of a host's accounts, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    found = await queries.accounts_of_host(tx, host_id, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda account: account.id)
    accounts = [PayoutAccountReply.of(account) for account in page]
    return PayoutAccountPage(accounts=accounts, next_cursor=next_cursor)


# ---- what gateways say ---------------------------------------------------------------------------


async def find_by_reported_recipient(
    tx: Tx, gateway: GatewayName, recipient: str
) -> PayoutAccount | None:
    """The account that a gateway reports by its own code; None if we have no such account."""
    return await queries.find_by_recipient(tx, gateway, recipient)


async def begin_asking(tx: Tx, account_id: UUID) -> PayoutAccount | None:
    """Take an account, to ask its gateway about it. None if its state cannot change any more."""
    return await queries.take_account(tx, account_id, calling_for=CALLING_FOR)


async def take_next_account(tx: Tx) -> PayoutAccount | None:
    """Take the account whose gateway has been due to be asked for the longest time."""
    return await queries.take_next_account(tx, calling_for=CALLING_FOR)


async def record(tx: Tx, asked: PayoutAccount, answer: Answer) -> PayoutAccount:
    """Record what a gateway answered about an account.

    An account that is ready replaces those added before it, and transfers that waited for it are
    sent. Nothing is sent to an account that is not ready any more. An answer that was asked for
    before one that is recorded already changes nothing.
    """
    known = await queries.lock_accounts(tx, asked.payee)
    account = next((each for each in known if each.id == asked.id), None)
    if account is None or account.state not in OPEN:  # removed or replaced while we asked
        return await get_account(tx, asked.id, host_id=asked.host_id)
    if not rules.is_newer(account, asked, _recipient(answer)):
        return account
    match answer:
        case RecipientReady():
            return await _activate(tx, account, known, answer, answered=asked.attempts)
        case OnboardingNeeded():
            return await _await_onboarding(tx, account, answer, answered=asked.attempts)
        case Refused(reason=reason) if account.recipient:
            needed = OnboardingNeeded(recipient=account.recipient, missing=[], reason=reason)
            return await _await_onboarding(tx, account, needed, answered=asked.attempts)
        case Refused(reason=reason):
            return await _refuse(tx, account, reason, answered=asked.attempts)
        case Unknown(reason=reason):
            return await _postpone(tx, asked, reason) or account


def _recipient(answer: Answer) -> str | None:
    return answer.recipient if isinstance(answer, RecipientReady | OnboardingNeeded) else None


async def record_payout(tx: Tx, account: PayoutAccount, payout: FoundPayout) -> None:
    """Record how a payout from a payee's account to the payee's bank went.

    One that failed is shown on the account; its host is notified and operators are alerted, once
    per payout. One that arrived ends that. Nothing of ours has moved.
    """
    if payout.status is MoneyOutStatus.SUCCEEDED:
        await queries.record_bank_failure(tx, account.id, failure=None)
        await resolve_alerts(tx, (_BANK_REFUSED,), [str(account.id)])
    if payout.status is not MoneyOutStatus.FAILED:
        return
    await queries.record_bank_failure(tx, account.id, failure=payout.failure or "refused")
    await notifications.notify(
        tx,
        account_id=account.host_id,
        kind=Kind.BANK_REFUSED,
        source_id=uuid5(account.id, payout.gateway_id),
        data=rules.facts(account, reason=payout.failure),
    )
    await raise_alert(
        tx,
        kind=_BANK_REFUSED,
        severity=Severity.WARNING,
        subject=str(account.id),
        details={
            "hostId": str(account.host_id),
            "gateway": account.gateway,
            "payout": payout.gateway_id,
            "amount": str(payout.money),
            "what": payout.failure,
        },
    )


async def _take(tx: Tx, account: PayoutAccount) -> PayoutAccount:
    return await queries.take_account(tx, account.id, calling_for=CALLING_FOR) or account


async def _activate(
    tx: Tx,
    account: PayoutAccount,
    known: Sequence[PayoutAccount],
    ready: RecipientReady,
    *,
    answered: int,
) -> PayoutAccount:
    if account.state is _S.ACTIVE:
        return await queries.note_answer(tx, account, answered=answered)
    if rules.is_outdated(account, known):
        return await _move(tx, account, _S.REPLACED, by=SYSTEM, answered=answered)
    for former in rules.replaced_by(account, known):
        await _move(tx, former, _S.REPLACED, by=SYSTEM)
    active = await _move(tx, account, _S.ACTIVE, by=SYSTEM, ready=ready, answered=answered)
    await _redirect(tx, account.payee, active.recipient)
    return active


async def _await_onboarding(
    tx: Tx, account: PayoutAccount, needed: OnboardingNeeded, *, answered: int
) -> PayoutAccount:
    """Record that an account cannot be paid until its host answers; an active one is stopped."""
    if account.state is _S.ACTIVE:
        account = await _stop(tx, account, needed, answered=answered)
    else:
        account = await queries.await_onboarding(
            tx,
            account,
            needed,
            answered=answered,
            is_new=rules.has_changed(account, needed),
            waits=rules.ONBOARDING_WAITS,
        )
        await resolve_alerts(tx, (_STUCK,), [str(account.id)])
    if account.state is _S.STOPPED:
        await _alert_if_money_waits(tx, account)
    return account


async def _stop(
    tx: Tx, account: PayoutAccount, needed: OnboardingNeeded, *, answered: int
) -> PayoutAccount:
    stopped = await _move(
        tx,
        account,
        _S.STOPPED,
        by=SYSTEM,
        answered=answered,
        missing=needed.missing,
        failure=needed.reason or None,
        next_try_in=rules.ONBOARDING_WAITS[0],
    )
    await _redirect(tx, account.payee, None)
    await notifications.notify(
        tx,
        account_id=account.host_id,
        kind=Kind.PAYOUT_ACCOUNT_STOPPED,
        source_id=uuid_utils.compat.uuid7(),  # it may be stopped again
        data=rules.facts(stopped),
    )
    return stopped


async def _alert_if_money_waits(tx: Tx, account: PayoutAccount) -> None:
    if amount := await instructions.waiting_for_payee(tx, **account.payee._asdict()):
        await raise_alert(
            tx,
            kind=_STOPPED,
            severity=Severity.WARNING,
            subject=str(account.id),
            details={
                "hostId": str(account.host_id),
                "gateway": account.gateway,
                "waiting": {"amount": amount, "currency": account.currency},
                "missing": account.missing,
                "what": account.failure,
            },
        )


async def _refuse(tx: Tx, account: PayoutAccount, reason: str, *, answered: int) -> PayoutAccount:
    """Record that the gateway refused an account. Without a number to correct, alert operators."""
    failure = rules.without_number(reason, account)
    refused = await _move(tx, account, _S.REFUSED, by=SYSTEM, answered=answered, failure=failure)
    if account.account_number is None:
        await raise_alert(
            tx,
            kind=_REFUSED,
            severity=Severity.WARNING,
            subject=account.gateway,
            details={"payoutAccountId": str(account.id), "what": failure},
        )
    return refused


async def _redirect(tx: Tx, payee: Payee, recipient: str | None) -> None:
    """Send transfers that are queued or waiting to this account; with None they wait."""
    host_id, gateway, currency = payee
    await instructions.withdraw(tx, payee_id=host_id, gateway=gateway, currency=currency)
    if recipient:
        await instructions.resume_all(
            tx, payee_id=host_id, gateway=gateway, currency=currency, target=recipient
        )


async def _postpone(tx: Tx, asked: PayoutAccount, reason: str) -> PayoutAccount | None:
    by = rules.wait_after(asked.attempts)
    postponed = await queries.postpone_account(tx, asked, by=by, failure=reason)
    if asked.is_unregistered and asked.attempts >= rules.ATTEMPTS_UNTIL_ALERT:
        await raise_alert(
            tx,
            kind=_STUCK,
            severity=Severity.WARNING,
            subject=str(asked.id),
            details={"hostId": str(asked.host_id), "what": reason},
        )
    return postponed


async def _move(
    tx: Tx,
    account: PayoutAccount,
    to: PayoutAccountState,
    *,
    by: Actor,
    answered: int | None = None,
    ready: RecipientReady | None = None,
    missing: Sequence[str] = (),
    failure: str | None = None,
    next_try_in: timedelta | None = None,
) -> PayoutAccount:
    states.check(MOVES, account.state, to)
    moved = await queries.move_account(
        tx,
        account,
        to,
        answered=account.answered if answered is None else answered,
        ready=ready,
        missing=missing,
        failure=failure,
        next_try_in=next_try_in,
    )
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
    await resolve_alerts(tx, (_STUCK, _STOPPED), [str(account.id)])
    return moved
