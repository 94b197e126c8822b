"""Payout accounts: states and moves, rows, requests, replies, and this room's problems."""

from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from app.edge.gateways.port import GatewayName
from app.edge.gateways.recipients import NewRecipient, RecipientKind
from app.foundation.errors import Conflict, Invalid, NotFound
from app.foundation.money import Currency
from app.foundation.wire import Input, Name, Output

# At least six characters, so that hiding all but four hides something.
AccountNumber = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z+(). -]{6,40}$",
        description="Of mobile money: the phone number, with + or as it is dialled at home",
        examples=["0123456789", "+233 24 123 4567"],
    ),
]
BankCode = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Za-z_-]{2,20}$",
        description="As the gateway lists it; of mobile money: the operator's",
        examples=["058", "MTN"],
    ),
]
Country = Annotated[
    str,
    Meta(
        pattern=r"^[A-Z]{2}$",
        description="By ISO 3166. Of a gateway account: where its owner is. Of mobile money: where "
        "the wallet is, if the currency is used in several countries",
        examples=["FR"],
    ),
]
Url = Annotated[str, Meta(max_length=1000, pattern=r"^https?://[^\s<>\"]+$")]


class PayoutAccountState(StrEnum):
    PENDING = "pending"  # committed; the gateway does not know it yet, or asks for more
    ACTIVE = "active"
    STOPPED = "stopped"  # was active; the gateway pays nothing to it until it knows more
    REFUSED = "refused"  # the gateway does not know such an account
    REPLACED = "replaced"  # another one took its place
    REMOVED = "removed"


_S = PayoutAccountState
MOVES: Final = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.ACTIVE, _S.REFUSED, _S.REPLACED, _S.REMOVED}),
        _S.ACTIVE: frozenset({_S.STOPPED, _S.REPLACED, _S.REMOVED}),
        _S.STOPPED: frozenset({_S.ACTIVE, _S.REPLACED, _S.REMOVED}),
        _S.REFUSED: frozenset({_S.REMOVED}),
        _S.REPLACED: frozenset({_S.REMOVED}),
        _S.REMOVED: frozenset[PayoutAccountState](),
    }
)
# An account in one of these states may change because of what its gateway says.
OPEN: Final = frozenset({_S.PENDING, _S.ACTIVE, _S.STOPPED})


class Payee(NamedTuple):
    """Who is paid, through which gateway, in which currency. At most one account is active."""

    host_id: UUID
    gateway: GatewayName
    currency: str


class NewPayoutAccount(Input, frozen=True):
    """Where a host's money of one currency is to go.

    A gateway account has a `country`; any other kind has a number and a bank, or an operator.
    Mobile money in XAF or XOF has a country, unless its number begins with +. `gateway` is the
    gateway that holds the money. If left out, it is the one that takes new payments in this
    currency.
    """

    holder: Name
    kind: RecipientKind
    currency: Currency
    account_number: AccountNumber | None = None
    bank_code: BankCode | None = None
    country: Country | None = None
    gateway: GatewayName | None = None

    @property
    def recipient(self) -> NewRecipient:
        return NewRecipient(
            name=self.holder,
            kind=self.kind,
            account_number=self.account_number or "",
            bank_code=self.bank_code or "",
            country=self.country or "",
            currency=self.currency,
        )


class PayoutAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `payout_accounts`. `recipient` is the gateway's code for it.

    `missing` lists what the host must give the gateway, `failure` says why it is not paid.
    `bank_failure` is why its bank did not take what the gateway last paid there from the account.
    Nothing is paid to it before `pays_from`. `attempts` counts how often the gateway was asked;
    `answered` is the number of the latest attempt whose answer is recorded.
    """

    id: UUID
    host_id: UUID
    gateway: GatewayName
    currency: str
    kind: RecipientKind
    holder: str
    account_number: str | None
    bank_code: str | None
    country: str | None
    account_name: str | None
    bank_name: str | None
    recipient: str | None
    state: PayoutAccountState
    missing: list[str]
    failure: str | None
    bank_failure: str | None = None
    bank_failed_at: datetime | None = None
    pays_from: datetime | None = None
    attempts: int
    answered: int
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def payee(self) -> Payee:
        return Payee(self.host_id, self.gateway, self.currency)

    @property
    def masked_number(self) -> str | None:
        return f"•••• {self.account_number[-4:]}" if self.account_number else None

    @property
    def is_unregistered(self) -> bool:
        """Whether the gateway may not know this account at all."""
        return self.state is _S.PENDING and self.recipient is None

    @property
    def as_recipient(self) -> NewRecipient:
        """What its gateway is sent to register it, numbered as the latest attempt."""
        return NewRecipient(
            reference=f"pa-{self.id.hex}",
            attempt=self.attempts,
            name=self.holder,
            kind=self.kind,
            account_number=self.account_number or "",
            bank_code=self.bank_code or "",
            country=self.country or "",
            currency=self.currency,
        )


class PayoutAccountReply(Output, frozen=True):
    """A payout account as its host sees it; the name is the owner's as the bank has it.

    While a gateway account is pending or stopped, its host gives the gateway what is `missing`, by
    a link from `…/onboarding`. If nothing is missing, the gateway is checking what it was given.
    """

    id: UUID
    state: PayoutAccountState
    gateway: GatewayName
    currency: str
    kind: RecipientKind
    holder: str
    account_number: Annotated[str | None, Meta(description="All but the last four hidden")]
    bank_code: str | None
    country: str | None
    account_name: str | None
    bank_name: str | None
    missing: list[str]
    failure: str | None
    bank_failure: Annotated[
        str | None, Meta(description="Why its bank did not take the last payout from the gateway")
    ]
    bank_failed_at: datetime | None
    pays_from: Annotated[
        datetime | None,
        Meta(description="Nothing is paid to it before: it was added after another account"),
    ]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: PayoutAccount) -> "PayoutAccountReply":
        return cls(
            id=account.id,
            state=account.state,
            gateway=account.gateway,
            currency=account.currency,
            kind=account.kind,
            holder=account.holder,
            account_number=account.masked_number,
            bank_code=account.bank_code,
            country=account.country,
            account_name=account.account_name,
            bank_name=account.bank_name,
            missing=account.missing,
            failure=account.failure,
            bank_failure=account.bank_failure,
            bank_failed_at=account.bank_failed_at,
            pays_from=account.pays_from,
            created_at=account.created_at,
            updated_at=account.updated_at,
        )


class PayoutAccountPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    accounts: list[PayoutAccountReply]
    next_cursor: str | None


class NewOnboarding(Input, frozen=True):
    """Where the gateway sends the host after the questions, and when a link has expired.

    Each may be left out: it is a page of this service then.
    """

    return_url: Url | None = None
    refresh_url: Url | None = None


class OnboardingReply(Output, frozen=True):
    """The link to the gateway's questions. It works for one visit, until `expiresAt`."""

    url: str
    expires_at: datetime


class NoSuchPayoutAccount(NotFound):
    title = "There is no such payout account"


class AccountRefused(Invalid):
    """422: the gateway does not pay to this account; the detail is its explanation."""

    title = "The gateway refused this account"


class NothingToTell(Conflict):
    """409: the gateway has no questions about this account."""

    title = "The gateway has no questions about this account"
