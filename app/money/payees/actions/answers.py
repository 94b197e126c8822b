"""Record what gateways say of payout accounts, and of what they paid from them to a bank."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

import uuid_utils.compat

from app.edge.gateways.port import FoundPayout, GatewayName, MoneyOutStatus, Refused, Unknown
from app.edge.gateways.recipients import OnboardingNeeded, RecipientReady
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.foundation.alerts import Severity, raise_alert, resolve_alerts
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx
from app.money.instructions import actions as instructions
from app.money.payees import queries, rules
from app.money.payees.actions.accounts import get_account
from app.money.payees.actions.move import CALLING_FOR, move, redirect
from app.money.payees.model import (
    OPEN,
    PayoutAccount,
    PayoutAccountState,
)

_S = PayoutAccountState
_STUCK: Final = "payout_account_stuck"
_REFUSED: Final = "payout_account_refused"
_STOPPED: Final = "payout_account_stopped"
_BANK_REFUSED: Final = "payee_payout_failed"


Answer = RecipientReady | OnboardingNeeded | Refused | Unknown


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
        return await move(tx, account, _S.REPLACED, by=SYSTEM, answered=answered)
    for former in rules.replaced_by(account, known):
        await move(tx, former, _S.REPLACED, by=SYSTEM)
    active = await move(tx, account, _S.ACTIVE, by=SYSTEM, ready=ready, answered=answered)
    await redirect(tx, account.payee, active.recipient)
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
    stopped = await move(
        tx,
        account,
        _S.STOPPED,
        by=SYSTEM,
        answered=answered,
        missing=needed.missing,
        failure=needed.reason or None,
        next_try_in=rules.ONBOARDING_WAITS[0],
    )
    await redirect(tx, account.payee, None)
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
    refused = await move(tx, account, _S.REFUSED, by=SYSTEM, answered=answered, failure=failure)
    if account.account_number is None:
        await raise_alert(
            tx,
            kind=_REFUSED,
            severity=Severity.WARNING,
            subject=account.gateway,
            details={"payoutAccountId": str(account.id), "what": failure},
        )
    return refused


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
