"""Payout accounts, made known to their gateway between two transactions: commit, call, commit."""

from uuid import UUID

import msgspec

from app import idempotency
from app.db import Tx, transaction
from app.gateways.port import NewRecipient, RecipientReady, Refused, Unknown
from app.gateways.registry import gateway_for, gateway_named
from app.idempotency import Key, Stored
from app.payouts import actions
from app.payouts.model import (
    AccountRefused,
    NewPayoutAccount,
    PayoutAccount,
    PayoutAccountReply,
    PayoutAccountState,
)


async def add_account(host_id: UUID, new: NewPayoutAccount, key: Key) -> PayoutAccount | Stored:
    """Add a payout account and tell its gateway; or what is stored under the key.

    An account that is still pending got no clear answer: the same request, or the sweep, goes on
    with it. Raises AccountRefused, CurrencyNotOffered.
    """
    async with transaction() as tx:
        stored = await idempotency.recall(tx, key)
        if stored and stored.reply is not None:
            return stored
        account = await _begin(tx, host_id, new, key, stored)
    if account.state is PayoutAccountState.PENDING:
        account = await _tell(account, key=key)
    if account.state is PayoutAccountState.REFUSED:
        raise AccountRefused.field("accountNumber", account.failure or "no reason was given")
    return account


async def tell_due(limit: int) -> int:
    """Tell gateways again of accounts that got no clear answer; returns of how many.

    Stops early when a gateway is silent again: whoever is next would only wait for it too.
    """
    for told in range(limit):
        async with transaction() as tx:
            account = await actions.claim_next_account(tx)
        if account is None:
            return told
        account = await _tell(account)
        if account.state is PayoutAccountState.PENDING:
            return told + 1
    return limit


async def _begin(
    tx: Tx, host_id: UUID, new: NewPayoutAccount, key: Key, stored: Stored | None
) -> PayoutAccount:
    """The account of this request: the one that an earlier try has begun, or a new one."""
    if stored and stored.resource_id:
        account = await actions.begin_again(tx, stored.resource_id, host_id=host_id)
    else:
        gateway = gateway_for(new.currency).name
        account = await actions.add_account(tx, new, host_id=host_id, gateway=gateway)
    if account.state is PayoutAccountState.PENDING:
        await idempotency.take(tx, key, resource_id=account.id, busy_for=actions.CALLING_FOR)
    else:
        await _keep(tx, key, account)
    return account


async def _tell(account: PayoutAccount, *, key: Key | None = None) -> PayoutAccount:
    outcome = await _ask(account)
    async with transaction() as tx:
        account = await actions.record_told(tx, account, outcome)
        if key:
            await _keep(tx, key, account)
    return account


async def _ask(account: PayoutAccount) -> RecipientReady | Refused | Unknown:
    return await gateway_named(account.gateway).create_recipient(
        NewRecipient(
            name=account.holder,
            kind=account.kind,
            account_number=account.account_number,
            bank_code=account.bank_code,
            currency=account.currency,
        )
    )


async def _keep(tx: Tx, key: Key, account: PayoutAccount) -> None:
    """Keep the reply, unless there is none yet, or it is a refusal: these are told anew."""
    if account.state in (PayoutAccountState.PENDING, PayoutAccountState.REFUSED):
        await idempotency.release(tx, key)
        return
    reply = msgspec.json.encode(PayoutAccountReply.of(account))
    await idempotency.remember(tx, key, status=201, reply=reply)
