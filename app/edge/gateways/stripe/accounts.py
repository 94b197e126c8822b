"""Connected accounts: `POST /v1/accounts`, `GET /v1/accounts/{account}`, `POST /v1/account_links`.

An account is of the type Express: Stripe asks its owner for what it must know, and shows them what
was paid. It can be paid once its capability `transfers` is active and payouts to its bank are
enabled.
"""

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from app.edge.gateways import payees
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Inconclusive
from app.edge.gateways.port import Fact, ReferenceTaken, Refused, Unknown
from app.edge.gateways.recipients import (
    Flaw,
    NewRecipient,
    OnboardingLink,
    OnboardingNeeded,
    RecipientKind,
    RecipientReady,
)
from app.edge.gateways.retries import Repeat
from app.edge.gateways.stripe.amounts import CURRENCIES
from app.edge.gateways.stripe.wire import (
    REASON_LENGTH_MAX,
    form,
    look_up_refused,
    read,
    read_error,
    read_list,
    refused,
)

PAYABLE: Final = frozenset((RecipientKind.GATEWAY_ACCOUNT, currency) for currency in CURRENCIES)

_ACCOUNT = re.compile(r"acct_[A-Za-z0-9_]{1,90}")
_ACTIVE: Final = "active"
# Error codes for an account that does not exist, or that we may not see any more.
_NOT_OURS: Final = frozenset({"account_invalid", "resource_missing"})
# Longer than the outcome of creating an account stays unknown: it is retried every hour or sooner.
_RECENT: Final = timedelta(days=7)
_PAGES_OF_RECENT_MAX: Final = 100
_MISSING_MAX: Final = 50

_Id = Annotated[str, Meta(pattern=f"^{_ACCOUNT.pattern}$")]


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    reference: Fact = None


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    reason: str


class _Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What Stripe still needs to know, by the names of its fields."""

    past_due: list[str] | None = None
    currently_due: list[str] | None = None
    pending_verification: list[str] | None = None
    disabled_reason: str | None = None
    errors: list[_Problem] | None = None


class _Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    transfers: str = "inactive"


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of an account."""

    id: _Id
    payouts_enabled: bool = False
    deleted: bool = False
    capabilities: _Capabilities | None = None
    requirements: _Requirements | None = None
    metadata: _Metadata | None = None

    @property
    def is_payable(self) -> bool:
        transfers = self.capabilities.transfers if self.capabilities else ""
        return self.payouts_enabled and transfers == _ACTIVE


class _Link(msgspec.Struct, frozen=True, kw_only=True):
    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=5_000)]
    expires_at: Annotated[int, Meta(ge=0, le=253_402_300_799)]


RecipientOutcome = RecipientReady | OnboardingNeeded | Refused | Unknown


def find_flaw(new: NewRecipient) -> Flaw | None:
    return payees.find_flaw(new, "Stripe", PAYABLE)


async def create(client: Client, new: NewRecipient) -> RecipientOutcome:
    """`POST /v1/accounts`, unless an earlier call arrived.

    For a day, a second call with the same key gets the same reply, even an error. After that the
    account is found by our reference in its metadata.
    """
    if flaw := find_flaw(new):
        return Refused(reason=flaw.reason)
    if new.attempt > 1:
        earlier = await _find_earlier(client, new.reference)
        if earlier:
            return earlier if isinstance(earlier, Unknown) else _read_outcome(earlier)
    outcome = _created(await _post(client, new, key=new.reference))
    if new.attempt > 1 and isinstance(outcome, ReferenceTaken):
        # There is no account, and with this key there will never be one.
        outcome = _created(await _post(client, new, key=f"{new.reference}-{new.attempt}"))
    if isinstance(outcome, ReferenceTaken):
        return Unknown(reason="an earlier call for this account has ended without one")
    return outcome


async def find(client: Client, account_id: str) -> RecipientOutcome:
    """`GET /v1/accounts/{account}`."""
    if not _ACCOUNT.fullmatch(account_id):
        return Refused(reason=f"{account_id!r} is not an account of Stripe")
    attempt = await client.call(
        "GET",
        f"/v1/accounts/{account_id}",
        operation="find_recipient",
        reference=account_id,
        repeat=Repeat.SAFE,
    )
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return _not_found(attempt)
        case Answered(body=body):
            account = read(body, _Account)
            if account is None or account.id != account_id:
                return Unknown(reason="the reply to the account makes no sense")
            return _read_outcome(account)


async def link(
    client: Client, account_id: str, *, return_url: str, refresh_url: str
) -> OnboardingLink | Refused | Unknown:
    """`POST /v1/account_links`. Each call has a key of its own, so that no link is given twice."""
    attempt = await client.call(
        "POST",
        "/v1/account_links",
        operation="onboarding",
        reference=account_id,
        body=form(
            {
                "account": account_id,
                "type": "account_onboarding",
                "return_url": return_url,
                "refresh_url": refresh_url,
            }
        ),
        idempotency_key=f"{account_id}-{token_hex(8)}",
        repeat=Repeat.SAFE,
    )
    match attempt:
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            outcome = refused(attempt)
            is_taken = isinstance(outcome, ReferenceTaken)
            return Unknown(reason="its key was used") if is_taken else outcome
        case Answered(body=body):
            new = read(body, _Link)
            if new is None:
                return Unknown(reason="the reply to the link makes no sense")
            expires_at = datetime.fromtimestamp(new.expires_at, UTC)
            return OnboardingLink(url=new.url, expires_at=expires_at)


async def _find_earlier(client: Client, reference: str) -> _Account | Unknown | None:
    """`GET /v1/accounts`: the account with our reference; if two were made at once, the first."""
    since = int(time.time() - _RECENT.total_seconds())
    listed = await read_list(
        client,
        "/v1/accounts",
        operation="find_recipient",
        reference=reference,
        filters={"created[gte]": str(since)},
        pages_max=_PAGES_OF_RECENT_MAX,
    )
    if isinstance(listed, Unknown):
        return listed
    accounts = [account for each in listed if (account := read(each, _Account))]
    ours = [each for each in accounts if each.metadata and each.metadata.reference == reference]
    return ours[-1] if ours else None


async def _post(client: Client, new: NewRecipient, *, key: str) -> Attempt:
    return await client.call(
        "POST",
        "/v1/accounts",
        operation="recipient",
        reference=new.reference,
        body=form(
            {
                "type": "express",
                "country": new.country,
                "capabilities": {"transfers": {"requested": True}},
                "business_profile": {"name": new.name},
                "metadata": {"reference": new.reference},
            }
        ),
        idempotency_key=key,
        repeat=Repeat.SAFE,
    )


def _created(attempt: Attempt) -> RecipientOutcome | ReferenceTaken:
    match attempt:
        case Inconclusive(is_replay=True):
            return ReferenceTaken()
        case Inconclusive(reason=reason):
            return Unknown(reason=reason)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            account = read(body, _Account)
            return (
                _read_outcome(account) if account else Unknown(reason="the account makes no sense")
            )


def _read_outcome(account: _Account) -> RecipientOutcome:
    if account.deleted:
        return Refused(reason="the account was deleted at Stripe")
    if account.is_payable:
        return RecipientReady(recipient=account.id, account_name="", bank_name="")
    asked = account.requirements or _Requirements()
    missing = [*(asked.past_due or ()), *(asked.currently_due or ())]
    return OnboardingNeeded(
        recipient=account.id,
        missing=list(dict.fromkeys(_in_words(missing)))[:_MISSING_MAX],
        reason=_reason(asked)[:REASON_LENGTH_MAX],
    )


def _reason(asked: _Requirements) -> str:
    """Why an account is not paid: what is wrong with what was entered, else Stripe's reason."""
    if asked.errors:
        return " ".join(dict.fromkeys(each.reason for each in asked.errors))
    if asked.disabled_reason:
        return ", ".join(_in_words([asked.disabled_reason]))
    return "Stripe is checking what was entered" if asked.pending_verification else ""


def _in_words(names: Iterable[str]) -> Iterable[str]:
    """Names of fields as words: `individual.verification.document` without dots."""
    return (name.replace("_", " ").replace(".", " ")[:100] for name in names)


def _not_found(denied: Denied) -> Refused | Unknown:
    """Refused if the account is not there; a wrong key says nothing about the account."""
    error = read_error(denied)
    if error and error.code in _NOT_OURS and denied.status in (HTTPStatus.FORBIDDEN, 404):
        return Refused(reason=f"{error.message} (HTTP {denied.status})"[:REASON_LENGTH_MAX])
    return look_up_refused(denied)
