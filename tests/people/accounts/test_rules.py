"""Tokens, passwords and fields, without HTTP or a database."""

import base64
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import msgspec
import pytest
from argon2 import PasswordHasher

from app.foundation.errors import Invalid
from app.people.accounts import rules
from app.people.accounts.model import (
    Access,
    AccountChanges,
    NewAccount,
    Principal,
    Role,
    TokenExpired,
    TokenInvalid,
)

OLD_KEY = "old-key-0123456789-0123456789-01234"
NEW_KEY = "new-key-0123456789-0123456789-01234"
NOW = 1_800_000_000.0


def an_access(expires_at: int = int(NOW) + 900) -> Access:
    principal = Principal(id=uuid4(), roles=(Role.GUEST, Role.HOST))
    return Access(principal=principal, session_id=uuid4(), expires_at=expires_at)


def signed(key: str = NEW_KEY, algorithm: str = "HS256", **changes: Any) -> str:
    claims: dict[str, Any] = {
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "roles": ["guest"],
        "iat": int(NOW),
        "exp": int(NOW) + 900,
        "iss": "berthold",
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm)


def test_an_access_token_says_who_holds_it() -> None:
    written = an_access()
    token = rules.write_access(written, keys=[NEW_KEY], now=NOW)
    assert rules.read_access(token, keys=(NEW_KEY,), now=NOW) == written
    assert jwt.decode(
        token, NEW_KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    ) == {
        "sub": str(written.principal.id),
        "sid": str(written.session_id),
        "roles": ["guest", "host"],
        "iat": int(NOW),
        "exp": int(NOW) + 900,
        "iss": "berthold",
        "eml": False,
    }


def test_a_token_that_was_good_expires_although_it_is_remembered() -> None:
    token = rules.write_access(an_access(), keys=[NEW_KEY], now=NOW)
    rules.read_access(token, keys=(NEW_KEY,), now=NOW + 899.9)
    with pytest.raises(TokenExpired):
        rules.read_access(token, keys=(NEW_KEY,), now=NOW + 900)


def test_the_first_key_signs_and_all_keys_verify() -> None:
    before = rules.write_access(an_access(), keys=[OLD_KEY], now=NOW)
    during = rules.write_access(an_access(), keys=[NEW_KEY, OLD_KEY], now=NOW)
    both = (NEW_KEY, OLD_KEY)
    assert rules.read_access(before, keys=both, now=NOW)
    assert rules.read_access(during, keys=both, now=NOW)
    assert rules.read_access(during, keys=(NEW_KEY,), now=NOW)
    with pytest.raises(TokenInvalid):
        rules.read_access(before, keys=(NEW_KEY,), now=NOW)


def unsigned() -> str:
    parts = signed().split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return f"{header}.{parts[1]}."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "....",
        "\x00",
        "😀.😀.😀",
        "A" * 10_000,
        unsigned(),
        signed(key="another-key-0123456789-0123456789-0"),
        signed(algorithm="HS512", key=NEW_KEY * 2),
        signed(iss="somebody else"),
        signed(iss=None),
        signed(sub="not-an-id"),
        signed(sub=None),
        signed(sid=None),
        signed(sid="1"),
        signed(exp=None),
        signed(exp="tomorrow"),
        signed(iat=None),
        signed(roles=None),
        signed(roles="admin"),
        signed(roles=["owner"]),
        signed(roles=[None]),
    ],
)
def test_a_token_not_made_by_us_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        rules.read_access(token, keys=(NEW_KEY,), now=NOW)


def test_changing_one_letter_of_the_claims_breaks_the_signature() -> None:
    header, claims, signature = signed().split(".")
    other = signed(roles=["admin"]).split(".")[1]
    assert other != claims
    with pytest.raises(TokenInvalid):
        rules.read_access(f"{header}.{other}.{signature}", keys=(NEW_KEY,), now=NOW)


def test_the_memory_of_good_tokens_is_bounded_and_refusals_leave_no_trace() -> None:
    info = rules._verified.cache_info()
    assert info.maxsize is not None
    for n in range(5):
        with pytest.raises(TokenInvalid):
            rules.read_access(f"garbage{n}", keys=(NEW_KEY,), now=NOW)
    assert rules._verified.cache_info().currsize == info.currsize


def test_a_csrf_token_is_good_for_its_session_only_and_under_every_key() -> None:
    session_id = uuid4()
    token = rules.write_csrf(session_id, key=OLD_KEY)
    assert rules.is_csrf(token, session_id, keys=[NEW_KEY, OLD_KEY])
    assert not rules.is_csrf(token, session_id, keys=[NEW_KEY])
    assert not rules.is_csrf(token, uuid4(), keys=[NEW_KEY, OLD_KEY])
    for garbage in ("", "é", "😀", "\udc80", "\x00", token + "0", token[:-1]):
        assert not rules.is_csrf(garbage, session_id, keys=[NEW_KEY, OLD_KEY])


def test_a_refresh_token_names_its_session() -> None:
    session_id = uuid4()
    assert rules.read_refresh(rules.write_refresh(session_id, "secret")) == session_id


@pytest.mark.parametrize(
    "token", ["", ".", "x.y", "😀", "\x00", "\udc80", "0" * 31, "{" + "0" * 40]
)
def test_a_refresh_token_that_names_nothing_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        rules.read_refresh(token)
    assert len(rules.token_hash(token)) == 32


def test_a_password_fits_its_own_hash_only() -> None:
    known = rules.hash_password("correct horse")
    assert known.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert rules.password_fits("correct horse", known)
    assert not rules.password_fits("Correct horse", known)
    assert rules.hash_password("correct horse") != known


def test_a_password_is_the_same_however_the_keyboard_spells_it() -> None:
    assert rules.password_fits("cafe\u0301 cafe\u0301", rules.hash_password("caf\u00e9 caf\u00e9"))


@pytest.mark.parametrize(
    "password",
    [
        "1234567890", "qwertyuiop", "passwordpassword", "Password123!", "motdepasse1", "a" * 200,
        "ada@example.com", "ada.example.com", "AdaLovelace1", "lovelace-ada",
    ],
)  # fmt: skip
def test_a_password_that_many_would_try_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.check_strength(password, own=["ada@example.com", "Ada Lovelace"])
    (error,) = refusal.value.errors
    assert error.field == "password"
    assert "too easy to guess" in error.message
    assert password not in error.message


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "Tr0ub4dor&three",
        "ọjọ́ tí mo bí",
        "7h2k9qwz1m",
        "ada reads Gödel at 4",
    ],
)
def test_a_password_that_is_hard_to_guess_is_taken(password: str) -> None:
    rules.check_strength(password, own=["ada@example.com", "Ada Lovelace"])


@pytest.mark.parametrize("stored", ["none", "", "$argon2id$", "$2b$12$abc"])
def test_no_password_fits_what_is_not_a_hash(stored: str) -> None:
    assert not rules.password_fits("none", stored)


def test_only_hashes_with_other_parameters_are_outdated() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("x")
    assert rules.is_outdated(weaker)
    assert not rules.is_outdated(rules.hash_password("x"))
    assert not rules.is_outdated(rules.NOBODYS_HASH), "a stranger must take as long as an account"


def new_account(**changes: Any) -> NewAccount:
    body = {"email": "a@example.com", "password": "0123456789", "name": "Ada", **changes}
    return msgspec.convert(body, NewAccount)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada+trip@example.com", "ada+trip@example.com"),
        ("ada@ex\u00e4mple.com", "ada@xn--exmple-cua.com"),
        ("ada@XN--EXMPLE-CUA.com", "ada@xn--exmple-cua.com"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert rules.checked(new_account(email=given)).email == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "a b@example.com"),
        ("email", "a@example.com\nBcc: b@example.com"),
        ("email", "\U0001f600@example.com"),
        ("email", "a@[127.0.0.1]"),
        ("email", '"a"@example.com'),
        ("name", "Ada\r\nBcc: b@example.com"),
        ("name", "a\u2028b"),
        ("name", "\x1b[31m"),
        ("phone", "0612345678"),
        ("phone", "+0612345678"),
        ("phone", "+2376\n"),
        ("phone", "+1234567890123456"),
        ("phone", "+\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668"),
        ("locale", ""),
        ("locale", "English"),
        ("locale", "en\n"),
        ("locale", "../../etc"),
        ("zone", ""),
        ("zone", "Mars/Base"),
        ("zone", "../../etc/passwd"),
        ("zone", "europe/berlin "),
    ],
)
def test_a_field_that_means_nothing_is_named(field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.checked(new_account(**{field: value}))
    assert [error.field for error in caught.value.errors] == [field]


def test_all_fields_that_mean_nothing_are_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        rules.checked(new_account(email="x@y", phone="1", locale="?", zone="?"))
    assert [e.field for e in caught.value.errors] == ["email", "phone", "locale", "zone"]


def test_names_of_all_scripts_and_phones_of_all_habits_are_taken() -> None:
    kept = rules.checked(
        new_account(name=" \u0639\u0645\u0631 \U0001f600 ", phone="+237 6 12-34.56(78)")
    )
    assert kept.name == "\u0639\u0645\u0631 \U0001f600"
    assert kept.phone == "+237612345678"


def test_changes_that_are_not_given_stay_not_given() -> None:
    kept = rules.checked(msgspec.convert({"phone": None}, AccountChanges))
    assert msgspec.to_builtins(kept) == {"phone": None}


def test_real_time_is_what_expires_tokens() -> None:
    token = rules.write_access(an_access(int(time.time()) + 60), keys=[NEW_KEY], now=time.time())
    assert isinstance(rules.read_access(token, keys=(NEW_KEY,), now=time.time()).session_id, UUID)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/124.0.0.0 Mobile Safari/1",
            "Chrome Mobile on Android",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "Firefox on Windows",
        ),
        ("curl/8.1.2", "curl"),
        ("our-own-app/3", "our-own-app/3"),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_in_words(user_agent: str, name: str) -> None:
    assert rules.device_name(user_agent) == name
