"""What is valid: tokens, passwords, addresses. Pure, so keys and the time come as arguments.

Tokens live by real time (a Unix time), not by business time: a demo that moves the business clock
by months must neither log people out nor keep tokens alive that should be dead.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import jwt
import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import validate_email

from app.foundation.clock import is_zone
from app.foundation.errors import FieldError, Invalid
from app.people.accounts.model import (
    Access,
    AccountChanges,
    LogIn,
    NewAccount,
    Principal,
    Role,
    TokenExpired,
    TokenInvalid,
)

Checked = TypeVar("Checked", NewAccount, LogIn, AccountChanges)

# 19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet's first choice of argon2id.
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Of a random password that nobody kept; it must have the parameters above.
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$f0t8FMA6lcd3G+Glgy/EJg$/vB7ZLqGSvUXE4/MjiZWUE9ElutYd/SqRI4cOKHKHn4"
)

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_PHONE_PUNCTUATION: Final = re.compile(r"[ ().\u00a0-]")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode categories

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


def write_refresh(session_id: UUID, secret: str) -> str:
    """A refresh token; `secret` is what makes it one, the session's id only says whose it is."""
    return f"{session_id.hex}.{secret}"


def read_refresh(token: str) -> UUID:
    """The session that a refresh token says it is of. Raises TokenInvalid if it says nothing."""
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError as error:
        raise TokenInvalid("The refresh token cannot be read.") from error


def token_hash(token: str) -> bytes:
    """What is stored of a refresh token. It is random, and so needs no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def hash_password(password: str) -> str:
    """An argon2id hash. Takes about 25 ms and 19 MiB: call it in a thread."""
    return _hasher.hash(_one_spelling(password))


def password_fits(password: str, password_hash: str) -> bool:
    """Whether this is the password of a hash. As slow as hash_password."""
    try:
        return _hasher.verify(password_hash, _one_spelling(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash has other parameters than new ones get."""
    return _hasher.check_needs_rehash(password_hash)


def _one_spelling(password: str) -> str:
    """Keyboards differ in how they write é; the password does not (NIST SP 800-63B §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def roles_of(new: NewAccount) -> tuple[Role, ...]:
    """The roles that people give themselves by registering."""
    return (Role.GUEST, Role.HOST) if new.role == "host" else (Role.GUEST,)


def checked(given: Checked) -> Checked:
    """A body with its fields in the form that is kept.

    Raises Invalid naming every field that means nothing.
    """
    kept: dict[str, str] = {}
    errors: list[FieldError] = []
    for field, check in _CHECKS.items():
        text = getattr(given, field, None)
        if isinstance(text, str):
            try:
                kept[field] = check(text)
            except ValueError as error:
                errors.append(FieldError(field=field, message=str(error)))
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors), errors=errors)
    return msgspec.structs.replace(given, **kept)


def _email(text: str) -> str:
    """Lower case, and the domain as the DNS has it, so that one mailbox is one account."""
    address = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    return (address.ascii_email or address.normalized).lower()


def _name(text: str) -> str:
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in text):
        raise ValueError("must be one line, without control characters")  # it goes into mails
    return text.strip()


def _phone(text: str) -> str:
    digits = _PHONE_PUNCTUATION.sub("", text)
    if not _PHONE.fullmatch(digits):
        raise ValueError("must be an international number such as +237612345678")
    return digits


def _locale(text: str) -> str:
    if not _LOCALE.fullmatch(text):
        raise ValueError("must be a language tag such as en or fr-CM")
    return text


def _zone(text: str) -> str:
    if not is_zone(text):
        raise ValueError("must be an IANA time zone such as Africa/Douala")
    return text


_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "email": _email,
    "name": _name,
    "phone": _phone,
    "locale": _locale,
    "zone": _zone,
}
