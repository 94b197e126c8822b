"""Links in mails that do something, each once: prove an address, change it, set a password."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from app.foundation.errors import Conflict, NotFound


class Purpose(StrEnum):
    """What a link does. Its address on the web ends with this word, `_` written as `-`."""

    VERIFY = "verify"  # the address of an account that has registered
    CHANGE = "change"  # the new address of an account
    TAKE_BACK = "take_back"  # an address that was changed, from the old one
    RESET = "reset"  # a password


class NoSuchLink(NotFound):
    """The link was not made by this service, or not for this."""

    title = "This link is not valid"


class LinkOver(Conflict):
    """The link was used before, its time is over, or another one took its place."""

    title = "This link does not work any more"


class MailLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was made; `is_open`: it can still be used."""

    id: UUID
    account_id: UUID
    purpose: Purpose
    address: str
    made_at: datetime
    expires_at: datetime
    is_open: bool


class TakeBack(msgspec.Struct, frozen=True, kw_only=True):
    """An address that was changed and can be taken back, for so many seconds from now."""

    address: str
    seconds: float
