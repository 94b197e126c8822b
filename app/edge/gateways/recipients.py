"""The part of the port about payees: who is to be paid, and whether a gateway can pay them."""

from datetime import datetime
from enum import StrEnum

import msgspec


class RecipientKind(StrEnum):
    BANK_ACCOUNT = "bank_account"
    MOBILE_MONEY = "mobile_money"  # a person's wallet; `bank_code` is the operator
    MOBILE_MONEY_BUSINESS = "mobile_money_business"  # a till or paybill
    GATEWAY_ACCOUNT = "gateway_account"  # at the gateway, which asks the payee for the rest itself


class NewRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payee's money goes, as the payee has entered it.

    A gateway account has a `country` (ISO 3166, two letters), and neither number nor bank. A wallet
    has one too once its number was read: the digits of E.164, without +.
    `reference` is ours, is committed before the call, and is unique. From the second `attempt` on,
    an earlier call may have arrived, or be under way.
    """

    reference: str = ""
    attempt: int = 1
    name: str
    kind: RecipientKind
    account_number: str = ""  # text: leading zeros count
    bank_code: str = ""
    country: str = ""
    currency: str


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with which field of a NewRecipient."""

    field: str
    reason: str


class RecipientReady(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway can pay this account under its code `recipient`.

    `account_name` is the owner's name as the bank has it, to be shown to the payee. It and
    `bank_name` are empty if the gateway does not know them.
    """

    recipient: str
    account_name: str
    bank_name: str


class OnboardingNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway knows the payee as `recipient`, but does not pay it: not yet, or not any more.

    `missing` is what the payee must enter at the gateway, each in a few words; empty while the
    gateway checks what was entered. `reason` is why it does not pay, or empty.
    """

    recipient: str
    missing: list[str]
    reason: str


class OnboardingLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payee answers the gateway's questions: valid for one visit, until it expires."""

    url: str
    expires_at: datetime
