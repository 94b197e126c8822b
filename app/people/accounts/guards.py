"""Authentication of every request, and the guards that check roles.

Every route needs a login unless it says `exclude_from_auth=True`. An access token of a guest or
host is trusted until it expires, which is why it is valid for minutes only. That of an admin is
not, and no token is where payouts are directed (`require_session`, `require_step_up`): there the
session is looked up, so that nothing works on that was ended, disabled or taken away.
"""

import time
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from app.foundation import web
from app.foundation.db import transaction
from app.foundation.errors import Problem, Unauthenticated
from app.foundation.settings import settings
from app.people.accounts import actions, rules
from app.people.accounts.model import (
    Access,
    CsrfRefused,
    Principal,
    Role,
    RoleMissing,
    Standing,
    StepUpRequired,
)
from app.people.second_factors.model import SecondFactorRequired

ACCESS: Final = "berthold_access"
REFRESH: Final = "berthold_refresh"
CSRF: Final = "berthold_csrf"
DEVICE: Final = "berthold_device"
CSRF_HEADER: Final = "x-csrf-token"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

AnyConnection = ASGIConnection[Any, Any, Any, State]
AuthenticatedRequest = Request[Principal, Access, State]  # of every route that needs a login


class Authentication(AbstractAuthenticationMiddleware):
    """Makes `request.user` a Principal and `request.auth` an Access, or answers 401."""

    async def authenticate_request(self, connection: AnyConnection) -> AuthenticationResult:
        access = authenticate(connection)
        if Role.ADMIN in access.principal.roles:
            access = await _looked_up(access)
        return AuthenticationResult(user=access.principal, auth=access)


async def _looked_up(access: Access) -> Access:
    """What an access token stands for now. Raises SessionOver."""
    async with transaction() as tx:
        standing = await actions.read_standing(tx, access)
    principal = msgspec.structs.replace(access.principal, roles=standing.roles)
    return msgspec.structs.replace(access, principal=principal, standing=standing)


def cookie_name(name: str) -> str:
    """The name of a cookie of ours: over https with `__Host-`, which a sibling domain cannot set.

    (RFC 6265bis §4.1.3.2; such a cookie is Secure, has no Domain and the path `/`.)
    """
    return f"__Host-{name}" if settings().secure_cookies else name


def authenticate(connection: AnyConnection) -> Access:
    """The access token of a request: from the Authorization header, else from the cookie.

    Raises Unauthenticated if there is no valid token, and CsrfRefused if a request with a cookie
    may change something and lacks the session's CSRF token.
    """
    keys, now = settings().secret_keys, time.time()
    if (authorization := connection.headers.get("authorization")) is not None:
        return rules.read_access(_bearer(authorization), keys=keys, now=now)
    if (cookie := connection.cookies.get(cookie_name(ACCESS))) is None:
        raise Unauthenticated("Log in, and send the access token with the request.")
    access = rules.read_access(cookie, keys=keys, now=now)
    check_csrf(connection, access.session_id)
    return access


def check_csrf(connection: AnyConnection, session_id: UUID) -> None:
    """Refuse a request that a cookie authenticates, unless it has the session's CSRF token.

    Litestar's CSRFMiddleware is not used: it also refuses bearer clients and log-ins, which no
    browser sends by itself. And its token is valid for every session: somebody who can set a cookie
    (from a sibling domain) could set a token of their own.
    """
    scope = cast("dict[str, Any]", connection.scope)  # a web socket's has no method
    if scope.get("method") in _SAFE_METHODS:
        return
    header = connection.headers.get(CSRF_HEADER, "")
    cookie = connection.cookies.get(cookie_name(CSRF), "")
    if not rules.same_text(header, cookie):
        raise CsrfRefused(f"Send the value of the cookie {cookie_name(CSRF)} as {CSRF_HEADER}.")
    if not rules.is_csrf(header, session_id, keys=settings().secret_keys):
        raise CsrfRefused("The CSRF token belongs to another session; refresh to get a new one.")


async def require_host(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: only for hosts."""
    _require(connection.user, Role.HOST)


async def require_session(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: only for a session that has not ended, of an account that is not disabled.

    It stands before guards of roles: after it they judge the roles that the account has now.
    """
    await _standing(connection)


async def require_step_up(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: as `require_session`, and only if who is asking has proved it in the last 10 minutes.

    So that whoever holds a stolen token can neither direct money nor shut out its owner.
    """
    standing = await _standing(connection)
    if not standing.proved:
        what = "a code of your second factor" if standing.has_factor else "your password"
        raise StepUpRequired(f"Send {what} to POST /api/auth/step-up, and then this again.")


async def require_proved_email(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: only for accounts whose address was proved, for who pays and who hosts.

    What the access token says is believed, as an address stays proved; else it is looked up.
    """
    access: Access = connection.auth
    if not access.email_proved:
        async with transaction() as tx:
            await actions.require_proved(tx, access.principal.id)


async def _standing(connection: AnyConnection) -> Standing:
    """What the session of a request may do now; it is looked up once in a request."""
    access: Access = connection.auth
    if access.standing is None:
        access = await _looked_up(access)
        connection.scope["auth"], connection.scope["user"] = access, access.principal
    return cast("Standing", access.standing)


async def require_admin(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: only for admins, who need a second factor."""
    _require(connection.user, Role.ADMIN)
    standing = await _standing(connection)
    if not standing.has_factor:
        raise SecondFactorRequired("Set one at POST /api/me/2fa before you act as an admin.")


def unauthenticated_reply(request: Request[Any, Any, State], problem: Problem) -> Response[Any]:
    """The reply to Unauthenticated: a 401 that says how to authenticate (RFC 9110 §11.6.1)."""
    reply = web.problem_reply(request, problem)
    reply.headers["WWW-Authenticate"] = "Bearer"
    return reply


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send the access token as `Authorization: Bearer <token>`.")
    return token.strip()


def _require(principal: Principal, role: Role) -> None:
    if role not in principal.roles:
        raise RoleMissing(f"This needs the role {role}.")
