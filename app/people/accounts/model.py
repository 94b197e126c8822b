"""People: their roles, who is asking, and what they send and get."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.foundation.errors import Conflict, Forbidden, Unauthenticated
from app.foundation.wire import Input, Name, Output

Email = Annotated[
    str, Meta(min_length=3, max_length=254, description="In any case", examples=["ada@example.com"])
]
NewPassword = Annotated[
    str, Meta(min_length=10, max_length=200, description="10 to 200 characters, any of them")
]
Password = Annotated[str, Meta(min_length=1, max_length=200)]
Phone = Annotated[
    str,
    Meta(max_length=40, description="International, with + in front", examples=["+237612345678"]),
]
Locale = Annotated[
    str, Meta(max_length=35, description="Language tag (BCP 47)", examples=["en", "fr-CM"])
]
Zone = Annotated[str, Meta(max_length=64, description="IANA time zone", examples=["Africa/Douala"])]
RefreshToken = Annotated[
    str, Meta(max_length=200, description="From the last reply; a browser sends its cookie instead")
]


class Role(StrEnum):
    GUEST = "guest"
    HOST = "host"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking: what an access token says of its holder. `request.user` in every route."""

    id: UUID
    roles: tuple[Role, ...]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """A verified access token. `request.auth` in every route; `expires_at` is a Unix time."""

    principal: Principal
    session_id: UUID
    expires_at: int


class TokenInvalid(Unauthenticated):
    """The token was not made by us, or not for this."""

    title = "The token is not valid"


class TokenExpired(Unauthenticated):
    """The token was good once; a client refreshes and asks again."""

    title = "The token has expired"


class RoleMissing(Forbidden):
    """The account does not have the role that this needs."""

    title = "Your account may not do this"


class CsrfRefused(Forbidden):
    """A cookie came without the proof that our own page sent it."""

    title = "The CSRF token is missing or wrong"


class EmailTaken(Conflict):
    """Somebody has an account with this address."""

    title = "There is an account with this e-mail address"


class LogInRefused(Unauthenticated):
    """Unknown address, wrong password or disabled account: a stranger is not told which."""

    title = "E-mail address or password is wrong"


class TokenReused(Unauthenticated):
    """A refresh token came twice: one of the two who have it is a thief. The session is over."""

    title = "The refresh token was used before"


class RefreshRaced(Unauthenticated):
    """Two requests brought the same refresh token at once, and the other one was first."""

    title = "Another request has just used this refresh token"


class SessionOver(Unauthenticated):
    """The session was ended: by logging out, or because of a reused token."""

    title = "The session is over"


class NewAccount(Input, frozen=True):
    """Somebody who registers."""

    email: Email
    password: NewPassword
    name: Name
    role: Annotated[
        Literal["guest", "host"], Meta(description="A host is a guest too, and can offer listings")
    ] = "guest"
    phone: Phone | None = None
    locale: Locale = "en"
    zone: Zone = "UTC"


class LogIn(Input, frozen=True):
    email: Email
    password: Password


class Refresh(Input, frozen=True):
    refresh_token: RefreshToken | None = None


class LogOut(Input, frozen=True):
    refresh_token: RefreshToken | None = None
    everywhere: Annotated[bool, Meta(description="End all sessions of the account")] = False


class AccountChanges(Input, frozen=True):
    """What of one's own account to change; fields that are not sent stay as they are."""

    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET


class Account(Output, frozen=True):
    """An account, as its holder sees it."""

    id: UUID
    email: str
    name: str
    phone: str | None
    locale: str
    zone: str
    roles: tuple[Role, ...]
    created_at: datetime


class SignedIn(Output, frozen=True):
    """Tokens for one device. Browsers get them as cookies too, and need only `csrfToken`."""

    account: Account
    access_token: Annotated[str, Meta(description="For `Authorization: Bearer`")]
    refresh_token: Annotated[str, Meta(description="Good for one use; each reply has a new one")]
    expires_in: Annotated[int, Meta(description="Seconds until the access token expires")]
    csrf_token: Annotated[
        str, Meta(description="A browser sends it as `x-csrf-token` with all but GET and HEAD")
    ]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was opened or refreshed, with its next refresh token."""

    account: Account
    session_id: UUID
    refresh_token: str


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a password is checked against."""

    account_id: UUID
    password_hash: str


class ShownToken(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token that somebody brought, as the database knows it."""

    session_id: UUID
    account_id: UUID
    used: bool
    expired: bool
    revoked: bool
