"""Payout accounts at their gateways: commit, call the gateway, commit its answer."""

from uuid import UUID

import msgspec

from app.edge.gateways.port import FoundPayout, Gateway, Onboarding, Refused, Unknown
from app.edge.gateways.recipients import OnboardingLink
from app.edge.gateways.registry import gateway_named, gateway_to_pay
from app.edge.webhooks import actions as webhooks
from app.foundation import idempotency
from app.foundation.db import Tx, transaction
from app.foundation.idempotency import Key, Stored
from app.foundation.settings import settings
from app.money.payees import actions, rules
from app.money.payees.model import (
    NewOnboarding,
    NewPayoutAccount,
    NothingToTell,
    OnboardingReply,
    PayoutAccount,
    PayoutAccountReply,
    PayoutAccountState,
)
from app.money.payments.model import GatewayUnclear

_RETRY_SOON_S = 5


async def add_account(host_id: UUID, new: NewPayoutAccount, key: Key) -> PayoutAccount | Stored:
    """Add a payout account and register it at its gateway; or return what the key has stored.

    If the gateway gave no clear answer, the account stays unregistered: the same request, or the
    sweep, tries again. Raises AccountRefused, CurrencyNotOffered.
    """
    async with transaction() as tx:
        stored = await idempotency.recall(tx, key)
        if stored and stored.reply is not None:
            return stored
        account = await _begin(tx, host_id, new, key, stored)
    if account.is_unregistered:
        account = await _ask_and_record(account, key=key)
    if account.state is PayoutAccountState.REFUSED:
        raise rules.refused_by_gateway(account)
    return account


async def start_onboarding(host_id: UUID, account_id: UUID, new: NewOnboarding) -> OnboardingReply:
    """A new link to the gateway's questions about a host's account.

    Raises NoSuchPayoutAccount, NothingToTell, AccountRefused, GatewayUnclear.
    """
    async with transaction() as tx:
        account = await actions.begin_onboarding(tx, account_id, host_id=host_id)
    if account.is_unregistered:
        account = await _ask_and_record(account)
    if account.state is PayoutAccountState.REFUSED:
        raise rules.refused_by_gateway(account)
    if account.recipient is None:
        raise _inconclusive()
    link = await _onboarding_at(gateway_named(account.gateway)).start_onboarding(
        account.recipient,
        return_url=new.return_url or _page_of(account, "return"),
        refresh_url=new.refresh_url or _page_of(account, "onboarding"),
    )
    match link:
        case OnboardingLink(url=url, expires_at=expires_at):
            return OnboardingReply(url=url, expires_at=expires_at)
        case Refused(reason=reason):
            raise NothingToTell(f"The gateway says: {reason}.")
        case Unknown():
            raise _inconclusive()


async def ask_about(account_id: UUID, *, event_id: UUID) -> None:
    """Ask the gateway about an account because of a webhook, which is processed in the same commit.

    Raises GatewayUnclear if the answer is inconclusive: the webhook must then be tried again.
    """
    async with transaction() as tx:
        asked = await actions.begin_asking(tx, account_id)
        if asked is None:
            await webhooks.processed(tx, event_id)
            return
    answer = await _ask(asked)
    async with transaction() as tx:
        await actions.record(tx, asked, answer)
        if not isinstance(answer, Unknown):
            await webhooks.processed(tx, event_id)
    if isinstance(answer, Unknown):
        raise _inconclusive()


async def ask_about_payout(account: PayoutAccount, payout_id: str, *, event_id: UUID) -> None:
    """Ask a gateway about its payout to a payee's bank because of a webhook, and record the answer.

    Raises GatewayUnclear.
    """
    onboarding = _onboarding_at(gateway_named(account.gateway))
    found = await onboarding.find_payee_payout(account.recipient or "", payout_id)
    if isinstance(found, Unknown):
        raise _inconclusive()
    async with transaction() as tx:
        if isinstance(found, FoundPayout):
            await actions.record_payout(tx, account, found)
        await webhooks.processed(tx, event_id)


async def ask_due(limit: int) -> int:
    """Ask gateways about the accounts that are due; returns about how many.

    Stops early when a gateway does not answer: the next account would only wait for it too.
    """
    for asked_so_far in range(limit):
        async with transaction() as tx:
            asked = await actions.take_next_account(tx)
        if asked is None:
            return asked_so_far
        answer = await _ask(asked)
        async with transaction() as tx:
            await actions.record(tx, asked, answer)
        if isinstance(answer, Unknown):
            return asked_so_far + 1
    return limit


async def _begin(
    tx: Tx, host_id: UUID, new: NewPayoutAccount, key: Key, stored: Stored | None
) -> PayoutAccount:
    """The account of this request: the one that an earlier try has added, or a new one."""
    if stored and stored.resource_id:
        account = await actions.begin_again(tx, stored.resource_id, host_id=host_id)
    else:
        gateway = gateway_to_pay(new.currency, new.gateway)
        if flaw := gateway.find_flaw(new.recipient):
            raise rules.refusal(flaw)
        account = await actions.add_account(
            tx, rules.in_one_form(new), host_id=host_id, gateway=gateway.name
        )
    if account.is_unregistered:
        await idempotency.take(tx, key, resource_id=account.id, busy_for=actions.CALLING_FOR)
    else:
        await _keep(tx, key, account)
    return account


async def _ask_and_record(account: PayoutAccount, *, key: Key | None = None) -> PayoutAccount:
    answer = await _ask(account)
    async with transaction() as tx:
        account = await actions.record(tx, account, answer)
        if key:
            await _keep(tx, key, account)
    return account


async def _ask(account: PayoutAccount) -> actions.Answer:
    """Ask whether a registered account can be paid; register one that has no recipient yet."""
    gateway = gateway_named(account.gateway)
    if account.recipient is None:
        return await gateway.create_recipient(account.as_recipient)
    return await _onboarding_at(gateway).find_recipient(account.recipient)


def _onboarding_at(gateway: Gateway) -> Onboarding:
    if gateway.onboarding is None:
        raise LookupError(f"{gateway.name} has no accounts of payees")
    return gateway.onboarding


async def _keep(tx: Tx, key: Key, account: PayoutAccount) -> None:
    """Store the reply under the key, unless it is not final or a refusal: these may be retried."""
    if account.is_unregistered or account.state is PayoutAccountState.REFUSED:
        await idempotency.release(tx, key)
        return
    reply = msgspec.json.encode(PayoutAccountReply.of(account))
    await idempotency.remember(tx, key, status=201, reply=reply)


def _page_of(account: PayoutAccount, page: str) -> str:
    return f"{settings().base_url}/api/host/payout-accounts/{page}?account={account.id}"


def _inconclusive() -> GatewayUnclear:
    return GatewayUnclear(
        "The gateway gave no clear answer. Nothing is lost: ask again.",
        retry_after_s=_RETRY_SOON_S,
    )
