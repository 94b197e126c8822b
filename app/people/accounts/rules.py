"""Tokens, passwords and addresses: how they are written, and which are valid.

These rules are pure: keys and the time are arguments. Tokens expire by real time (a Unix time), not
by business time: a demo that moves the business clock by months must not log people out, and must
not keep expired tokens valid.
"""

import hashlib
import hmac
import re
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import jwt
import msgspec
import ua_parser
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import validate_email
from zxcvbn import zxcvbn

from app.foundation.clock import is_zone
from app.foundation.errors import FieldError, Invalid, Problem
from app.foundation.limits import Limited
from app.people.accounts.model import (
    Access,
    AccountChanges,
    LogIn,
    NewAccount,
    Principal,
    Role,
    SessionList,
    SessionReply,
    SessionRow,
    TokenExpired,
    TokenInvalid,
)
from app.people.second_factors.model import (
    CodeRequired,
    CodeWrong,
    LogInCodeWrong,
    NoSecondFactor,
    Proof,
)

Checked = TypeVar("Checked", NewAccount, LogIn, AccountChanges)

# 19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet's first choice of argon2id.
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# The hash of a random password that nobody knows. It must have the parameters above.
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$f0t8FMA6lcd3G+Glgy/EJg$/vB7ZLqGSvUXE4/MjiZWUE9ElutYd/SqRI4cOKHKHn4"
)

_WRONG_CODES_S: Final = 15 * 60  # as long as second_factors counts them
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_PHONE_PUNCTUATION: Final = re.compile(r"[ ().\u00a0-]")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode categories

_WORDS: Final = re.compile(r"[^\w]+")
_SCORE_MIN: Final = 3  # of 0 to 4: more than 10^8 guesses
_JUDGED_LETTERS_MAX: Final = 50
_WORD_LETTERS_MIN: Final = 3
_OTHER_LETTERS_MIN: Final = 6

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "berthold"
_REMEMBERED_DEVICES_MAX: Final = 1024
_REMEMBERED_TOKENS_MAX: Final = 4096


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    sub: UUID
    sid: UUID
    roles: tuple[Role, ...]
    exp: int


def write_access(access: Access, *, keys: Sequence[str], now: float) -> str:
    """An access token (JWT, HS256) signed with the first key."""
    payload = {
        "sub": str(access.principal.id),
        "roles": [str(role) for role in access.principal.roles],
        "sid": str(access.session_id),
        "iat": int(now),
        "exp": access.expires_at,
        "iss": _ISSUER,
    }
    return jwt.encode(payload, keys[0], algorithm=_ALGORITHM)


def read_access(token: str, *, keys: tuple[str, ...], now: float) -> Access:
    """Read an access token that any of the keys has signed. Raises TokenInvalid, TokenExpired."""
    access = _verified(token, keys)
    if access.expires_at <= now:
        raise TokenExpired("The access token has expired; refresh it and ask again.")
    return access


# A client sends the same token hundreds of times, so verified signatures are cached. Bad tokens
# raise, and so are not cached: they cannot push good tokens out of the cache.
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
    """The payload of a signed token. `read_access` checks the expiry, as this result is cached.

    `iat` is not checked: the clocks of two web machines may differ by a second.
    """
    return jwt.decode(
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
    read = msgspec.convert(payload, _Payload)
    return Access(
        principal=Principal(id=read.sub, roles=read.roles),
        session_id=read.sid,
        expires_at=read.exp,
    )


def write_csrf(session_id: UUID, *, key: str) -> str:
    """The token that proves that a request came from our own page. It is valid for one session."""
    return hmac.new(key.encode(), f"csrf:{session_id}".encode(), hashlib.sha256).hexdigest()


def is_csrf(token: str, session_id: UUID, *, keys: Sequence[str]) -> bool:
    """Whether this is the session's CSRF token, under any of the keys."""
    return any(same_text(token, write_csrf(session_id, key=key)) for key in keys)


def write_device(account_id: UUID, *, key: str, device: str) -> str:
    """What a device shows at its next log-in to this account: that it has been there before.

    It proves nothing about who holds it: it only has a limit of its own, which strangers cannot
    use up.
    """
    text = f"device:{account_id}:{device}"
    return f"{device}.{hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def read_device(token: str | None, account_id: UUID, *, keys: Sequence[str]) -> str | None:
    """The device of this account that a token is of, under any of the keys; None of any other."""
    device, dot, _ = (token or "").partition(".")
    if not dot:
        return None
    fits = [
        same_text(token or "", write_device(account_id, key=key, device=device)) for key in keys
    ]
    return device if any(fits) else None


def same_text(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not depend on where they differ."""
    # As bytes: compare_digest raises for text that is not ASCII, and a header can be any text.
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def write_refresh(session_id: UUID, secret: str) -> str:
    """A refresh token: the id of its session, and the random secret that makes it valid."""
    return f"{session_id.hex}.{secret}"


def successors(token: str, *, keys: Sequence[str]) -> list[str]:
    """The token that replaces a refresh token, under each of the keys; that of the first is new.

    It follows from the token and a key: so it can be sent again, and nothing that is stored opens
    a session.
    """
    session_id = read_refresh(token)
    digests = [hmac.new(key.encode(), f"refresh:{token}".encode(), hashlib.sha256) for key in keys]
    return [
        write_refresh(session_id, urlsafe_b64encode(digest.digest()).rstrip(b"=").decode())
        for digest in digests
    ]


def read_refresh(token: str) -> UUID:
    """The session that a refresh token names, unverified. Raises TokenInvalid if it names none."""
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError as error:
        raise TokenInvalid("The refresh token cannot be read.") from error


def token_hash(token: str) -> bytes:
    """The hash that is stored of a refresh token. A random text needs no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def hash_password(password: str) -> str:
    """An argon2id hash. Takes about 25 ms and 19 MiB: call it in a thread."""
    return _hasher.hash(_one_spelling(password))


def check_strength(password: str, *, own: Sequence[str]) -> None:
    """Refuse a password that is easily guessed: a common one, a pattern, or made of `own` words.

    By zxcvbn (Wheeler, USENIX Security 2016), which ships lists of common passwords and names. Its
    time grows with the length, so it sees the beginning alone. Takes up to 0.1 s: call it in a
    thread. Raises Invalid.
    """
    words = {word.lower() for text in own for word in (text, *_WORDS.split(text)) if word}
    if len(_without(password, words)) < _OTHER_LETTERS_MIN:
        raise Invalid.field("password", "is too easy to guess. It is made of your name or address.")
    found = zxcvbn(_one_spelling(password)[:_JUDGED_LETTERS_MAX], user_inputs=sorted(words))
    if found["score"] < _SCORE_MIN:
        why = found["feedback"]["warning"] or "Add another word or two."
        raise Invalid.field("password", f"is too easy to guess. {why}")


def _without(password: str, words: Collection[str]) -> str:
    """What is left of a password without these words, and without what is no letter or digit."""
    left = _WORDS.sub("", password.lower())
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _WORD_LETTERS_MIN:
            left = left.replace(_WORDS.sub("", word), "")
    return left


def password_fits(password: str, password_hash: str) -> bool:
    """Whether this is the password of a hash. As slow as `hash_password`: call it in a thread."""
    try:
        return _hasher.verify(password_hash, _one_spelling(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with other parameters than new hashes are."""
    return _hasher.check_needs_rehash(password_hash)


def _one_spelling(password: str) -> str:
    """One form of a password, as keyboards encode é differently (NIST SP 800-63B §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def log_in_refusal(proof: Proof) -> Problem | None:
    """Why a right password does not log in; None if it does."""
    match proof:
        case Proof.NOT_NEEDED | Proof.RIGHT:
            return None
        case Proof.MISSING:
            return CodeRequired("Send `code` as well, from your authenticator app.")
        case Proof.WRONG:
            return LogInCodeWrong("Wait for the next code, or send a recovery code.")
        case Proof.TOO_MANY:
            return Limited("Too many codes were wrong.", retry_after_s=_WRONG_CODES_S)


def code_refusal(proof: Proof) -> Problem:
    """Why a code that is not right does not prove who is asking."""
    match proof:
        case Proof.NOT_NEEDED:
            return NoSecondFactor("You have no second factor.")
        case Proof.TOO_MANY:
            return Limited("Too many codes were wrong.", retry_after_s=_WRONG_CODES_S)
        case _:
            return CodeWrong("Wait for the next code, or send a recovery code.")


def session_list(rows: Sequence[SessionRow], *, current: UUID) -> SessionList:
    """Sessions as their owner sees them. Takes up to 0.5 s the first time: call it in a thread."""
    return SessionList(
        sessions=[
            SessionReply(
                id=row.id,
                device=device_name(row.user_agent),
                address_range=row.address_range,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                is_current=row.id == current,
            )
            for row in rows
        ]
    )


@lru_cache(maxsize=_REMEMBERED_DEVICES_MAX)
def device_name(user_agent: str) -> str:
    """What a person calls the device behind a User-Agent header: `Firefox on Windows`."""
    known = ua_parser.parse(user_agent)
    names = [each.family for each in (known.user_agent, known.os) if each]
    return " on ".join(names) or user_agent or "unknown"


def roles_of(new: NewAccount) -> tuple[Role, ...]:
    """The roles of an account that registers: a host is a guest too."""
    return (Role.GUEST, Role.HOST) if new.role == "host" else (Role.GUEST,)


def checked(given: Checked) -> Checked:
    """A request with its fields in the form in which they are stored.

    Raises Invalid, which names every bad field.
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
    """An address in lower case, its domain as in the DNS, so that one mailbox is one account."""
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
