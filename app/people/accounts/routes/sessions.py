"""Registering, logging in and out, and proving that it is you, over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityScheme
from litestar.params import FromPath, JSONBody

from app.foundation import limits
from app.foundation.db import Tx, transaction
from app.foundation.errors import Unauthenticated
from app.foundation.limited import by_account, by_address
from app.foundation.limits import PROVE, RESET
from app.people.accounts import actions, guards, rules, stories
from app.people.accounts.guards import (
    ACCESS,
    CSRF,
    REFRESH,
    AuthenticatedRequest,
    cookie_name,
    require_session,
)
from app.people.accounts.model import (
    ForgottenPassword,
    LogIn,
    LogOut,
    NewAccount,
    Refresh,
    ResetPassword,
    SessionList,
    SignedIn,
    SteppedUp,
    StepUp,
)
from app.people.accounts.routes.cookies import (
    AUTH_PATH,
    AnyRequest,
    client_of,
    session_cookies,
    with_cookies,
)

_A_GUEST: Final = {
    "email": "ada@example.com",
    "password": "correct horse battery",
    "name": "Ada",
    "phone": "+237612345678",
    "locale": "fr-CM",
    "zone": "Africa/Douala",
}
_A_HOST: Final = {
    "email": "ben@example.com",
    "password": "correct horse battery",
    "name": "Ben",
    "role": "host",
}

SECURITY_SCHEMES: Final = {
    "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
    "cookie": SecurityScheme(
        type="apiKey",
        name=ACCESS,
        security_scheme_in="cookie",
        description=(
            "Set by logging in; over https its name, and the next one, begin with `__Host-`."
            f" All but GET and HEAD also need the header {guards.CSRF_HEADER}"
            f" with the value of the cookie {CSRF}."
        ),
    ),
}


@post(
    f"{AUTH_PATH}/register",
    exclude_from_auth=True,
    guards=[by_address(limits.REGISTER)],
    tags=["accounts"],
    summary="Create an account, and log in",
    examples={"a guest": _A_GUEST, "a host": _A_HOST},
)
async def register(request: AnyRequest, data: JSONBody[NewAccount]) -> Response[SignedIn]:
    signed_in = await stories.register(data, client=client_of(request))
    return with_cookies(signed_in, status=201)


@post(
    f"{AUTH_PATH}/login",
    status_code=200,
    exclude_from_auth=True,
    tags=["accounts"],
    summary="Log in with e-mail address and password",
    examples={"a guest": {name: _A_GUEST[name] for name in ("email", "password")}},
)
async def log_in(request: AnyRequest, data: JSONBody[LogIn]) -> Response[SignedIn]:
    signed_in = await stories.log_in(data, client=client_of(request))
    return with_cookies(signed_in, status=200)


@post(
    f"{AUTH_PATH}/refresh",
    status_code=200,
    exclude_from_auth=True,
    guards=[by_address(limits.REFRESH)],
    tags=["accounts"],
    summary="Change a refresh token, from the body or the cookie, for new tokens",
)
async def refresh(request: AnyRequest, data: JSONBody[Refresh | None] = None) -> Response[SignedIn]:
    token = _refresh_token(request, data.refresh_token if data else None)
    if token is None:
        raise Unauthenticated("Send the refresh token in the body, or its cookie.")
    return with_cookies(await stories.refresh(token), status=200)


@post(
    f"{AUTH_PATH}/logout",
    status_code=204,
    exclude_from_auth=True,
    tags=["accounts"],
    summary="End the session of a refresh token or access token, or all sessions of its account",
)
async def log_out(request: AnyRequest, data: JSONBody[LogOut | None] = None) -> Response[None]:
    given = data or LogOut()
    token = _refresh_token(request, given.refresh_token)
    async with transaction() as tx:
        session_id = await _session(tx, request, token)
        await actions.log_out(tx, session_id=session_id, everywhere=given.everywhere)
    return Response(None, status_code=204, cookies=session_cookies("", "", "", ends=True))


@post(
    f"{AUTH_PATH}/password/forgot",
    status_code=204,
    exclude_from_auth=True,
    guards=[by_address(RESET)],
    tags=["accounts"],
    summary="Have a link for a new password mailed",
    examples={"a guest": {"email": _A_GUEST["email"]}},
)
async def forget_password(request: AnyRequest, data: JSONBody[ForgottenPassword]) -> None:
    """The answer and its delay say nothing of whether an account has the address."""
    await stories.forget_password(data, client=client_of(request))


@post(
    f"{AUTH_PATH}/password/reset",
    status_code=204,
    exclude_from_auth=True,
    guards=[by_address(RESET)],
    tags=["accounts"],
    summary="Set a new password by the link of a mail; all sessions end",
)
async def reset_password(request: AnyRequest, data: JSONBody[ResetPassword]) -> None:
    await stories.reset_password(data, client=client_of(request))


@post(
    f"{AUTH_PATH}/step-up",
    status_code=200,
    guards=[require_session, by_account(PROVE)],
    tags=["accounts"],
    summary="Prove that it is you, for what directs money or shuts somebody out",
    examples={"no second factor": {"password": _A_GUEST["password"]}},
)
async def step_up(request: AuthenticatedRequest, data: JSONBody[StepUp]) -> SteppedUp:
    """A code where a second factor is set, else the password. It counts for 10 minutes."""
    return await stories.step_up(request.auth, data, client=client_of(request))


@get("/api/me/sessions", tags=["accounts"], summary="Where you are logged in")
async def list_sessions(request: AuthenticatedRequest) -> SessionList:
    return await stories.list_sessions(request.auth)


@delete(
    "/api/me/sessions/{session_id:uuid}",
    guards=[require_session],
    tags=["accounts"],
    summary="Log a device out",
)
async def end_session(request: AuthenticatedRequest, session_id: FromPath[UUID]) -> None:
    """Its access token works on for minutes, but not for payouts and not for admins."""
    async with transaction() as tx:
        await actions.end_session(tx, session_id, access=request.auth)


routes: Final[list[HTTPRouteHandler]] = [
    register,
    log_in,
    refresh,
    log_out,
    forget_password,
    reset_password,
    step_up,
    list_sessions,
    end_session,
]


def _refresh_token(request: AnyRequest, given: str | None) -> str | None:
    """The refresh token of the body, else of the cookie, which needs its CSRF token.

    A client that sends an Authorization header is not a browser: its cookies are ignored.
    """
    if given is not None or "authorization" in request.headers:
        return given
    cookie = request.cookies.get(cookie_name(REFRESH))
    if cookie is not None:
        guards.check_csrf(request, rules.read_refresh(cookie))
    return cookie


async def _session(tx: Tx, request: AnyRequest, token: str | None) -> UUID:
    if token is None:
        return guards.authenticate(request).session_id
    return await actions.find_session(tx, token=token)
