"""Payout accounts: who is paid where; added, read and removed by their hosts."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import uuid_utils.compat

from app.edge.gateways import wallets
from app.edge.gateways.port import GatewayName
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.foundation import audit, paging
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx
from app.foundation.ids import derived
from app.foundation.settings import settings
from app.money.payees import queries, rules
from app.money.payees.actions.move import CALLING_FOR, move, redirect, take
from app.money.payees.model import (
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
from app.people.mail_links import actions as mail_links

_S = PayoutAccountState
_LOOK_SOON: Final = timedelta(minutes=1)


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


async def add_account(
    tx: Tx, new: NewPayoutAccount, *, host_id: UUID, gateway: GatewayName
) -> PayoutAccount:
    """Insert an account before its gateway is called. This caller alone registers it there.

    Whoever has changed the host's address lately may be a thief: while the old address can take it
    back, nothing is paid to a new account, and the old address reads of it too.
    """
    old = await mail_links.find_take_back(tx, host_id)
    account = await queries.insert_account(
        tx,
        new,
        account_id=uuid_utils.compat.uuid7(),
        host_id=host_id,
        gateway=gateway,
        calling_for=CALLING_FOR,
        held_for=timedelta(hours=settings().payout_hold_hours),
        taken_back_for=timedelta(seconds=old.seconds) if old else None,
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
    if old:
        await notifications.notify(
            tx,
            account_id=host_id,
            kind=Kind.PAYOUT_ACCOUNT_CHANGED,
            source_id=derived(account.id, "old address"),
            data=rules.account_facts(account),
            address=old.address,
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
    return await take(tx, account) if account.is_unregistered else account


async def begin_onboarding(tx: Tx, account_id: UUID, *, host_id: UUID) -> PayoutAccount:
    """An account whose host must answer the gateway's questions. The gateway is asked again soon.

    If the gateway may not know the account, the caller registers it first. Raises
    NoSuchPayoutAccount, and NothingToTell if the gateway has no questions about such an account.
    """
    account = await get_account(tx, account_id, host_id=host_id)
    if account.account_number or account.state not in OPEN:
        raise NothingToTell(f"It is a {account.kind.replace('_', ' ')}, and {account.state}.")
    if account.is_unregistered:
        return await take(tx, account)
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
    await move(tx, account, _S.REMOVED, by=Actor(ActorRole.HOST, host_id))
    if account.state is _S.ACTIVE:
        await redirect(tx, account.payee, None)


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
