"""People: their roles, who is asking, and what they send and get."""

from enum import StrEnum
from uuid import UUID

import msgspec

from app.errors import Forbidden, Unauthenticated


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
