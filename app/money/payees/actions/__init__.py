"""The verbs of payees: add a payout account, record what its gateway says of it, remove it."""

from app.money.payees.actions.accounts import (
    add_account,
    begin_again,
    begin_onboarding,
    get_account,
    lock_hold,
    look_soon,
    read_accounts,
    read_numbers,
    recipient_of,
    recipients_of,
    remove_account,
)
from app.money.payees.actions.answers import (
    Answer,
    begin_asking,
    find_by_reported_recipient,
    record,
    record_payout,
    take_next_account,
)
from app.money.payees.actions.move import (
    CALLING_FOR,
)

__all__ = [
    "CALLING_FOR",
    "Answer",
    "add_account",
    "begin_again",
    "begin_asking",
    "begin_onboarding",
    "find_by_reported_recipient",
    "get_account",
    "lock_hold",
    "look_soon",
    "read_accounts",
    "read_numbers",
    "recipient_of",
    "recipients_of",
    "record",
    "record_payout",
    "remove_account",
    "take_next_account",
]
