"""Accounts and sessions: roles, who is asking, requests and replies, and this room's problems."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.foundation.addresses import UNKNOWN
from app.foundation.errors import Conflict, Forbidden, NotFound, Unauthenticated
from app.foundation.wire import Input, Name, Output
from app.people.second_factors.model import Code

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
DeviceToken = Annotated[str, Meta(max_length=200)]


class Role(StrEnum):
    GUEST = "guest"
    HOST = "host"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, by the access token. It is `request.user` in every route."""

    id: UUID
    roles: tuple[Role, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a session may do now, as the database says.

    `proved`: whether the person behind it proved who it is in the last 10 minutes.
    """

    roles: tuple[Role, ...]
    has_factor: bool
    proved: bool


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """A verified access token. It is `request.auth` in every route; `expires_at` is a Unix time.

    `standing`: of an admin, and where a guard has looked the session up.
    """

    principal: Principal
    session_id: UUID
    expires_at: int
    standing: Standing | None = None


class TokenInvalid(Unauthenticated):
    """The token was not issued by this service, or not for this use."""

    title = "The token is not valid"


class TokenExpired(Unauthenticated):
    """The token was valid until it expired; a client refreshes it and repeats the request."""

    title = "The token has expired"


class RoleMissing(Forbidden):
    """The account does not have the role that the route needs."""

    title = "Your account may not do this"


class CsrfRefused(Forbidden):
    """A request with a cookie lacks the CSRF token, which proves that our own page sent it."""

    title = "The CSRF token is missing or wrong"


class EmailTaken(Conflict):
    """There is an account with this e-mail address already."""

    title = "There is an account with this e-mail address"


class LogInRefused(Unauthenticated):
    """Unknown address, wrong password or disabled account: the reply does not say which."""

    title = "E-mail address or password is wrong"


class PasswordWrong(Forbidden):
    """The password of who is asking, which the request needs, is wrong."""

    title = "The password is wrong"


class StepUpRequired(Forbidden):
    """The route needs a proof of who is asking that is at most 10 minutes old."""

    title = "Prove first that it is you"


class TokenReused(Unauthenticated):
    """An old refresh token was used again, so somebody may have stolen it. The session is ended."""

    title = "The refresh token was used before"


class SessionOver(Unauthenticated):
    """The session has ended: by logging out, or because a token was reused."""

    title = "The session is over"


class NoSuchAccount(NotFound):
    """There is no account with this id or address."""

    title = "There is no such account"


class OwnAccount(Conflict):
    """Nobody shuts out oneself: there would be nobody to undo it."""

    title = "This is your own account"


class NothingToChange(Conflict):
    """The account is disabled already, or it is not."""

    title = "There is nothing to change"


class NoSuchSession(NotFound):
    """There is no such session of the asker's that has not ended."""

    title = "There is no such session"


class NewAccount(Input, frozen=True):
    """A request to register."""

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
    """`deviceToken`: of an earlier log-in on this device; browsers send theirs as a cookie."""

    email: Email
    password: Password
    code: Annotated[Code | None, Meta(description="Where a second factor is set")] = None
    device_token: DeviceToken | None = None


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request comes from, and the token of a device, if it sent one.

    `address_range` is what counts as one client, `network` what is kept of a log-in.
    """

    address_range: str = UNKNOWN
    network: str = UNKNOWN
    user_agent: str = ""
    device_token: str | None = None


class ConfirmFactor(Input, frozen=True):
    code: Code


class StepUp(Input, frozen=True):
    """A proof of who is asking: a code where a second factor is set, else the password."""

    password: Password | None = None
    code: Annotated[Code | None, Meta(description="Where a second factor is set")] = None


class SteppedUp(Output, frozen=True):
    """The proof was right, and counts for this session until then."""

    proved_until: datetime


class Refresh(Input, frozen=True):
    refresh_token: RefreshToken | None = None


class LogOut(Input, frozen=True):
    refresh_token: RefreshToken | None = None
    everywhere: Annotated[bool, Meta(description="End all sessions of the account")] = False


class AccountChanges(Input, frozen=True):
    """Changes to the asker's own account. Fields that are not sent stay as they are."""

    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET


class Account(Output, frozen=True):
    """An account as its owner sees it."""

    id: UUID
    email: str
    name: str
    phone: str | None
    locale: str
    zone: str
    roles: tuple[Role, ...]
    created_at: datetime


class User(Account, frozen=True):
    """An account as admins see it."""

    disabled_at: datetime | None


class UserPage(Output, frozen=True):
    """Newest first; `nextCursor` is null on the last page."""

    users: list[User]
    next_cursor: str | None


class SignedIn(Output, frozen=True):
    """Tokens for one device. Browsers also get them as cookies, and need only `csrfToken`."""

    account: Account
    access_token: Annotated[str, Meta(description="For `Authorization: Bearer`")]
    refresh_token: Annotated[str, Meta(description="Good for one use; each reply has a new one")]
    expires_in: Annotated[int, Meta(description="Seconds until the access token expires")]
    csrf_token: Annotated[
        str, Meta(description="A browser sends it as `x-csrf-token` with all but GET and HEAD")
    ]
    device_token: Annotated[
        str, Meta(description="Send it with the next log-in on this device: it shows a known one")
    ]


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session that has not ended, as it is stored."""

    id: UUID
    user_agent: str
    address_range: str | None
    created_at: datetime
    last_seen_at: datetime


class SessionReply(Output, frozen=True):
    """A session as its owner sees it: one log-in, on one device."""

    id: UUID
    device: Annotated[
        str,
        Meta(
            description="In words where it is known, else as it calls itself",
            examples=["Chrome Mobile on Android"],
        ),
    ]
    address_range: Annotated[
        str | None, Meta(description="The network of the log-in", examples=["102.89.23.0/24"])
    ]
    created_at: datetime
    last_seen_at: Annotated[datetime, Meta(description="When it was last refreshed")]
    is_current: Annotated[bool, Meta(description="Whether this request belongs to it")]


class SessionList(Output, frozen=True):
    """The sessions of an account that have not ended, the one that was used last first."""

    sessions: list[SessionReply]


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
    """The state of a refresh token that a request has sent.

    `replaced_just_now`: it was used so lately that a browser that lost the reply, or that opens
    several pages at once, may still send it. `over`: its session has lived for as long as any may.
    """

    session_id: UUID
    account_id: UUID
    user_agent: str
    used: bool
    replaced_just_now: bool
    expired: bool
    over: bool
    revoked: bool
