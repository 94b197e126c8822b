"""Second factors: a code of an authenticator app, or a recovery code, beside the password."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from app.foundation.errors import Conflict, Forbidden, Unauthenticated
from app.foundation.wire import Output

Code = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=40,
        description="Six digits of the authenticator app, or a recovery code",
        examples=["492039"],
    ),
]


class Proof(StrEnum):
    """What a code, or its absence, proves."""

    NOT_NEEDED = "not_needed"  # the account has no second factor
    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"  # also one that was used before
    TOO_MANY = "too_many"  # wrong ones; the code was not looked at


class CodeRequired(Unauthenticated):
    """The password is right, and the account has a second factor: send `code` as well."""

    title = "A code of your authenticator app is needed"


class CodeWrong(Forbidden):
    """The code is wrong, or was used before."""

    title = "The code is wrong"


class LogInCodeWrong(Unauthenticated):
    """The password is right, but the code is wrong, or was used before."""

    title = "The code is wrong"


class SecondFactorSet(Conflict):
    """The account has a second factor; it is ended before another begins."""

    title = "There is a second factor"


class NoSecondFactor(Conflict):
    """The account has no second factor, or none that waits to be confirmed."""

    title = "There is no second factor"


class SecondFactorRequired(Forbidden):
    """An admin needs a second factor, for all that admins may do and to keep it."""

    title = "Admins need a second factor"


class NewFactor(Output, frozen=True):
    """What an authenticator app needs. It is shown once, and not in use until it is confirmed."""

    secret: Annotated[str, Meta(description="To type in, in base 32")]
    uri: Annotated[str, Meta(description="To show as a QR code: `otpauth://totp/…`")]


class RecoveryCodes(Output, frozen=True):
    """Codes that stand in for a lost authenticator app, each once. They are shown once."""

    recovery_codes: list[str]


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """The second factor of an account, locked; `moment` is the database's time, in Unix seconds."""

    secret: bytes
    confirmed_at: datetime | None
    last_step: int
    too_many: bool
    moment: int
