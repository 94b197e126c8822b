"""Tokens and what makes them valid: pure, so keys and the time come as arguments.

Tokens live by real time (a Unix time), not by business time: a demo that moves the business clock
by months must neither log people out nor keep tokens alive that should be dead.
"""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import jwt
import msgspec

from app.accounts.model import Access, Principal, Role, TokenExpired, TokenInvalid

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "berthold"
_REMEMBERED_TOKENS_MAX: Final = 4096


class _Claims(msgspec.Struct, frozen=True, kw_only=True):
    sub: UUID
    sid: UUID
    roles: tuple[Role, ...]
    exp: int


def write_access(access: Access, *, keys: Sequence[str], now: float) -> str:
    """An access token (JWT, HS256) signed with the first key."""
    claims = {
        "sub": str(access.principal.id),
        "roles": [str(role) for role in access.principal.roles],
        "sid": str(access.session_id),
        "iat": int(now),
        "exp": access.expires_at,
        "iss": _ISSUER,
    }
    return jwt.encode(  # pyright: ignore[reportUnknownMemberType]
        claims, keys[0], algorithm=_ALGORITHM
    )


def read_access(token: str, *, keys: tuple[str, ...], now: float) -> Access:
    """What an access token says; any of the keys may have signed it.

    Raises TokenInvalid, or TokenExpired once its time has passed.
    """
    access = _verified(token, keys)
    if access.expires_at <= now:
        raise TokenExpired("The access token has expired; refresh it and ask again.")
    return access


# A client sends the same token hundreds of times. What is remembered is only that the signature
# is good; refusals raise, and so are not remembered, and garbage cannot push good tokens out.
@lru_cache(maxsize=_REMEMBERED_TOKENS_MAX)
def _verified(token: str, keys: tuple[str, ...]) -> Access:
    for key in keys:
        try:
            return _access(_payload(token, key))
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
            raise TokenInvalid("The access token cannot be read.") from error
    raise TokenInvalid("The access token was not signed by this service.")


def _payload(token: str, key: str) -> dict[str, Any]:
    """The claims of a signed token. The time is read_access's to check: it passes, this is kept.

    `iat` is not compared: the clocks of two web machines may differ by a second.
    """
    return jwt.decode(  # pyright: ignore[reportUnknownMemberType]
        token,
        key,
        algorithms=[_ALGORITHM],
        issuer=_ISSUER,
        options={
            "require": ["sub", "sid", "roles", "exp", "iat", "iss"],
            "verify_exp": False,
            "verify_iat": False,
        },
    )


def _access(payload: dict[str, Any]) -> Access:
    claims = msgspec.convert(payload, _Claims)
    return Access(
        principal=Principal(id=claims.sub, roles=claims.roles),
        session_id=claims.sid,
        expires_at=claims.exp,
    )


def write_csrf(session_id: UUID, *, key: str) -> str:
    """The token that proves a request came from our own page; good for one session only."""
    return hmac.new(key.encode(), f"csrf:{session_id}".encode(), hashlib.sha256).hexdigest()


def is_csrf(token: str, session_id: UUID, *, keys: Sequence[str]) -> bool:
    """Whether this is the session's CSRF token, under any of the keys."""
    return any(same_text(token, write_csrf(session_id, key=key)) for key in keys)


def same_text(one: str, other: str) -> bool:
    """Equality that takes as long for a near miss as for a far one."""
    # As bytes: compare_digest raises for text that is not ASCII, and headers may hold anything.
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))
