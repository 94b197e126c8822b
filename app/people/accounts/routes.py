"""Registering, logging in and out, and the asker's own account, over HTTP."""

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie, State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import SecurityScheme
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.foundation import limits
from app.foundation.addresses import client_range, network
from app.foundation.audit import Actor, ActorRole
from app.foundation.db import Tx, transaction
from app.foundation.errors import Unauthenticated
from app.foundation.limited import by_account, by_address
from app.foundation.limits import PROVE
from app.foundation.settings import settings
from app.foundation.web import PageCursor, PageSize
from app.foundation.wire import Output, ReasonBody
from app.people.accounts import actions, guards, rules, stories
from app.people.accounts.guards import (
    ACCESS,
    CSRF,
    DEVICE,
    REFRESH,
    AuthenticatedRequest,
    cookie_name,
    require_admin,
    require_session,
    require_step_up,
)
from app.people.accounts.model import (
    Account,
    AccountChanges,
    Client,
    ConfirmFactor,
    LogIn,
    LogOut,
    NewAccount,
    Refresh,
    Role,
    SessionList,
    SignedIn,
    SteppedUp,
    StepUp,
    User,
    UserPage,
)
from app.people.second_factors import actions as second_factors
from app.people.second_factors.model import NewFactor, RecoveryCodes, SecondFactorRequired

_AUTH_PATH: Final = "/api/auth"  # the refresh cookie is sent nowhere else, over http
_DAY_S: Final = 86_400
_DEVICE_KNOWN_S: Final = 365 * _DAY_S  # it stays when its session ends

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

Shown = TypeVar("Shown", bound=Output)
AnyRequest = Request[Any, Any, State]


@post(
    f"{_AUTH_PATH}/register",
    exclude_from_auth=True,
    guards=[by_address(limits.REGISTER)],
    tags=["accounts"],
    summary="Create an account, and log in",
    examples={"a guest": _A_GUEST, "a host": _A_HOST},
)
async def register(request: AnyRequest, data: JSONBody[NewAccount]) -> Response[SignedIn]:
    signed_in = await stories.register(data, client=_client(request))
    return _with_cookies(signed_in, status=201)


@post(
    f"{_AUTH_PATH}/login",
    status_code=200,
    exclude_from_auth=True,
    tags=["accounts"],
    summary="Log in with e-mail address and password",
    examples={"a guest": {name: _A_GUEST[name] for name in ("email", "password")}},
)
async def log_in(request: AnyRequest, data: JSONBody[LogIn]) -> Response[SignedIn]:
    signed_in = await stories.log_in(data, client=_client(request))
    return _with_cookies(signed_in, status=200)


@post(
    f"{_AUTH_PATH}/refresh",
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
    return _with_cookies(await stories.refresh(token), status=200)


@post(
    f"{_AUTH_PATH}/logout",
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
    return Response(None, status_code=204, cookies=_cookies("", "", "", ends=True))


@get("/api/me", tags=["accounts"], summary="One's own account")
async def read_me(request: AuthenticatedRequest) -> Account:
    async with transaction() as tx:
        return await actions.read_account(tx, account_id=request.user.id)


@patch(
    "/api/me",
    guards=[require_session],
    tags=["accounts"],
    summary="Change fields of one's own account; those that are not sent stay as they are",
)
async def change_me(request: AuthenticatedRequest, data: JSONBody[AccountChanges]) -> Account:
    async with transaction() as tx:
        return await actions.change_account(tx, account_id=request.user.id, changes=data)


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


@post(
    f"{_AUTH_PATH}/step-up",
    status_code=200,
    guards=[require_session, by_account(PROVE)],
    tags=["accounts"],
    summary="Prove that it is you, for what directs money or shuts somebody out",
    examples={"no second factor": {"password": _A_GUEST["password"]}},
)
async def step_up(request: AuthenticatedRequest, data: JSONBody[StepUp]) -> SteppedUp:
    """A code where a second factor is set, else the password. It counts for 10 minutes."""
    return await stories.step_up(request.auth, data, client=_client(request))


@post(
    "/api/me/2fa",
    status_code=200,
    guards=[require_step_up],
    tags=["accounts"],
    summary="Begin a second factor: a secret for an authenticator app, shown once",
)
async def begin_factor(request: AuthenticatedRequest) -> Response[NewFactor]:
    async with transaction() as tx:
        account = await actions.read_account(tx, account_id=request.user.id)
        begun = await second_factors.begin(tx, account_id=account.id, email=account.email)
    return _unstored(begun)


@post(
    "/api/me/2fa/confirm",
    status_code=200,
    guards=[require_session],
    tags=["accounts"],
    summary="Put the second factor in use, by its first code; the recovery codes, shown once",
)
async def confirm_factor(
    request: AuthenticatedRequest, data: JSONBody[ConfirmFactor]
) -> Response[RecoveryCodes]:
    return _unstored(await stories.confirm_factor(request.auth, code=data.code))


@post(
    "/api/me/2fa/recovery-codes",
    status_code=200,
    guards=[require_step_up],
    tags=["accounts"],
    summary="Ten new recovery codes in place of those before",
)
async def renew_recovery_codes(request: AuthenticatedRequest) -> Response[RecoveryCodes]:
    async with transaction() as tx:
        codes = await second_factors.renew_recovery_codes(
            tx, by=actions.actor_of(request.user), account_id=request.user.id
        )
    return _unstored(codes)


@post(
    "/api/me/2fa/end",
    status_code=204,
    guards=[require_step_up],
    tags=["accounts"],
    summary="End the second factor; admins cannot",
)
async def end_factor(request: AuthenticatedRequest) -> None:
    if Role.ADMIN in request.user.roles:
        raise SecondFactorRequired("Replace the recovery codes instead, or ask another admin.")
    async with transaction() as tx:
        await second_factors.end(tx, by=actions.actor_of(request.user), account_id=request.user.id)


@get(
    "/api/admin/users",
    guards=[require_admin],
    tags=["admin"],
    summary="All accounts, newest first, by address or role",
)
async def list_users(
    email: Annotated[str | None, QueryParameter(max_length=254, description="Whole")] = None,
    role: FromQuery[Role | None] = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> UserPage:
    async with transaction() as tx:
        return await actions.list_users(tx, email=email, role=role, limit=limit, cursor=cursor)


@post(
    "/api/admin/users/{user_id:uuid}/disable",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["admin"],
    summary="Shut an account out: its sessions end, and it cannot log in",
)
async def disable_user(
    request: AuthenticatedRequest, user_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> User:
    async with transaction() as tx:
        by = Actor(ActorRole.ADMIN, request.user.id)
        return await actions.disable(tx, user_id, by=by, reason=data.reason)


@post(
    "/api/admin/users/{user_id:uuid}/enable",
    status_code=200,
    guards=[require_admin, require_step_up],
    tags=["admin"],
    summary="Let an account log in again that was disabled",
)
async def enable_user(
    request: AuthenticatedRequest, user_id: FromPath[UUID], data: JSONBody[ReasonBody]
) -> User:
    async with transaction() as tx:
        by = Actor(ActorRole.ADMIN, request.user.id)
        return await actions.enable(tx, user_id, by=by, reason=data.reason)


routes: list[HTTPRouteHandler] = [
    list_users,
    disable_user,
    enable_user,
    register,
    log_in,
    refresh,
    log_out,
    step_up,
    read_me,
    change_me,
    list_sessions,
    end_session,
    begin_factor,
    confirm_factor,
    renew_recovery_codes,
    end_factor,
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


def _client(request: AnyRequest) -> Client:
    return Client(
        address_range=client_range(request.scope),
        network=network(request.scope),
        user_agent=request.headers.get("user-agent", "").replace("\x00", ""),
        device_token=request.cookies.get(cookie_name(DEVICE)),
    )


def _unstored(shown_once: Shown) -> Response[Shown]:
    """A reply with secrets, which no cache keeps."""
    return Response(shown_once, status_code=200, headers={"Cache-Control": "no-store"})


def _with_cookies(signed_in: SignedIn, *, status: int) -> Response[SignedIn]:
    return Response(
        signed_in,
        status_code=status,
        headers={"Cache-Control": "no-store"},
        cookies=[
            *_cookies(signed_in.access_token, signed_in.refresh_token, signed_in.csrf_token),
            _cookie(DEVICE, signed_in.device_token, max_age=_DEVICE_KNOWN_S, path=_AUTH_PATH),
        ],
    )


def _cookies(access: str, refresh: str, csrf: str, *, ends: bool = False) -> list[Cookie]:
    """The cookies of a session. Scripts of our own pages can read only that of the CSRF token."""
    access_s = 0 if ends else settings().access_token_seconds
    session_s = 0 if ends else settings().refresh_token_days * _DAY_S
    return [
        _cookie(ACCESS, access, max_age=access_s),
        _cookie(REFRESH, refresh, max_age=session_s, path=_AUTH_PATH),
        _cookie(CSRF, csrf, max_age=session_s, httponly=False),
    ]


def _cookie(
    name: str, value: str, *, max_age: int, path: str = "/", httponly: bool = True
) -> Cookie:
    is_secure = settings().secure_cookies
    return Cookie(
        key=cookie_name(name),
        value=value,
        path="/" if is_secure else path,
        max_age=max_age,
        httponly=httponly,
        secure=is_secure,
        samesite="lax",
    )
