"""Which account a payee is paid to, and when its gateway is asked again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from app.edge.gateways.recipients import Flaw, OnboardingNeeded
from app.edge.gateways.wallets import read_wallet, with_wallet
from app.edge.notifications.model import AccountFacts, PayoutAccountFacts
from app.money.payees.model import (
    AccountRefused,
    NewPayoutAccount,
    PayoutAccount,
    PayoutAccountState,
)

ATTEMPTS_UNTIL_ALERT: Final = 10
_FIRST_WAIT: Final = timedelta(minutes=1)
_WAIT_MAX: Final = timedelta(hours=1)
# While the host must act, the gateway is asked at growing intervals. A webhook comes sooner.
ONBOARDING_WAITS: Final = (timedelta(minutes=1), timedelta(days=1))

# What the audit log calls the moves of a payout account.
VERBS: Final = {
    PayoutAccountState.ACTIVE: "activate_payout_account",
    PayoutAccountState.STOPPED: "stop_payout_account",
    PayoutAccountState.REFUSED: "refuse_payout_account",
    PayoutAccountState.REPLACED: "replace_payout_account",
    PayoutAccountState.REMOVED: "remove_payout_account",
}
_FIELDS: Final = {
    "name": "holder",
    "account_number": "accountNumber",
    "bank_code": "bankCode",
}


def refusal(flaw: Flaw) -> AccountRefused:
    """The problem for a flaw in a request, with the field named as in the API."""
    return AccountRefused.field(_FIELDS.get(flaw.field, flaw.field), flaw.reason)


def in_one_form(new: NewPayoutAccount) -> NewPayoutAccount:
    """A request as it is kept: a wallet's number as the digits of E.164, with its country.

    Raises AccountRefused for what is no number of a wallet.
    """
    match with_wallet(new.recipient):
        case Flaw() as flaw:
            raise refusal(flaw)
        case known:
            return structs.replace(
                new,
                account_number=known.account_number or None,
                country=known.country or None,
            )


def refused_by_gateway(account: PayoutAccount) -> AccountRefused:
    """The problem for an account that the gateway refused."""
    field = "accountNumber" if account.account_number else "country"
    return AccountRefused.field(field, account.failure or "no reason was given")


def is_outdated(account: PayoutAccount, known: Sequence[PayoutAccount]) -> bool:
    """Whether an account that the host added later is active already."""
    return any(
        each.state is PayoutAccountState.ACTIVE and _age(each) > _age(account) for each in known
    )


def replaced_by(account: PayoutAccount, known: Sequence[PayoutAccount]) -> list[PayoutAccount]:
    """The older accounts that an account replaces, active or not."""
    return [
        each
        for each in known
        if each.state not in (PayoutAccountState.REFUSED, PayoutAccountState.REPLACED)
        and _age(each) < _age(account)
    ]


def is_newer(account: PayoutAccount, asked: PayoutAccount, recipient: str | None) -> bool:
    """Whether an answer (about `recipient`, if it names one) is newer than what is recorded.

    An answer that was asked for earlier than a recorded one may be out of date. If an account was
    registered twice at once, and so got two recipients, the first one recorded counts.
    """
    if asked.recipient is None and account.recipient is not None:
        return False
    is_other = recipient is not None and account.recipient not in (None, recipient)
    return asked.attempts > account.answered and not is_other


def has_changed(account: PayoutAccount, needed: OnboardingNeeded) -> bool:
    """Whether what the gateway asks for differs from what is recorded."""
    return (account.recipient, account.missing, account.failure) != (
        needed.recipient,
        needed.missing,
        needed.reason or None,
    )


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts without an answer: 1, 2, 4 … minutes, an hour."""
    return min(_FIRST_WAIT * 2 ** min(attempts - 1, 10), _WAIT_MAX)


def without_number(words: str, account: PayoutAccount) -> str:
    """A gateway's text with the account's number masked, should the text repeat it."""
    if account.account_number is None or account.masked_number is None:
        return words
    return words.replace(account.account_number, account.masked_number)


def facts(account: PayoutAccount, *, reason: str | None = None) -> PayoutAccountFacts:
    """The facts of a mail about a payout account. `reason`: if it is not why it is not paid."""
    return {
        "gateway": account.gateway.title(),
        "currency": account.currency,
        "missing": account.missing,
        "reason": account.failure or "" if reason is None else reason,
    }


def flaw_of_number(account: PayoutAccount) -> Flaw | None:
    """Why a wallet that was added long ago cannot be paid by its number now; None if it can."""
    wallet = read_wallet(account.as_recipient)
    return wallet if isinstance(wallet, Flaw) else None


def account_facts(account: PayoutAccount, *, reason: str = "") -> AccountFacts:
    """The facts of a mail about a payout account that was added, or whose number is out of date."""
    return {
        "gateway": account.gateway.title(),
        "currency": account.currency,
        "number": account.masked_number or account.holder,
        "reason": reason,
        "until": account.pays_from.isoformat() if account.pays_from else "",
    }


def _age(account: PayoutAccount) -> tuple[datetime, UUID]:
    return account.created_at, account.id
