"""What replies give to browsers, and what requests say of where they come from."""

from typing import Any, Final, TypeVar

from litestar import Request, Response
from litestar.datastructures import Cookie, State

from app.foundation.addresses import client_range, network
from app.foundation.settings import settings
from app.foundation.wire import Output
from app.people.accounts.guards import ACCESS, CSRF, DEVICE, REFRESH, cookie_name
from app.people.accounts.model import Client, SignedIn

AUTH_PATH: Final = "/api/auth"  # the refresh cookie is sent nowhere else, over http
_DAY_S: Final = 86_400
_DEVICE_KNOWN_S: Final = 365 * _DAY_S  # it stays when its session ends

Shown = TypeVar("Shown", bound=Output)
AnyRequest = Request[Any, Any, State]


def client_of(request: AnyRequest) -> Client:
    return Client(
        address_range=client_range(request.scope),
        network=network(request.scope),
        user_agent=request.headers.get("user-agent", "").replace("\x00", ""),
        device_token=request.cookies.get(cookie_name(DEVICE)),
    )


def unstored(shown_once: Shown) -> Response[Shown]:
    """A reply with secrets, which no cache keeps."""
    return Response(shown_once, status_code=200, headers={"Cache-Control": "no-store"})


def with_cookies(signed_in: SignedIn, *, status: int) -> Response[SignedIn]:
    return Response(
        signed_in,
        status_code=status,
        headers={"Cache-Control": "no-store"},
        cookies=[
            *session_cookies(signed_in.access_token, signed_in.refresh_token, signed_in.csrf_token),
            _cookie(DEVICE, signed_in.device_token, max_age=_DEVICE_KNOWN_S, path=AUTH_PATH),
        ],
    )


def session_cookies(access: str, refresh: str, csrf: str, *, ends: bool = False) -> list[Cookie]:
    """The cookies of a session. Scripts of our own pages can read only that of the CSRF token."""
    access_s = 0 if ends else settings().access_token_seconds
    session_s = 0 if ends else settings().refresh_token_days * _DAY_S
    return [
        _cookie(ACCESS, access, max_age=access_s),
        _cookie(REFRESH, refresh, max_age=session_s, path=AUTH_PATH),
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
