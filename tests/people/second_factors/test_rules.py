"""Codes of authenticator apps, and how secrets are stored."""

import pyotp
import pytest
from cryptography.fernet import InvalidToken
from pyotp.totp import TOTP

from app.people.second_factors import rules

SECRET = pyotp.random_base32()
MOMENT = 1_790_000_015


def _code(moment: int) -> str:
    return TOTP(SECRET).generate_otp(moment // 30)


def test_the_code_of_now_and_those_beside_it_are_right() -> None:
    for away in (-30, 0, 30):
        step = rules.step_of(_code(MOMENT + away), SECRET, moment=MOMENT, after=0)
        assert step == (MOMENT + away) // 30


def test_a_code_of_a_minute_ago_or_ahead_is_wrong() -> None:
    for away in (-60, 60):
        assert rules.step_of(_code(MOMENT + away), SECRET, moment=MOMENT, after=0) is None


def test_a_code_of_a_step_that_was_accepted_is_wrong() -> None:
    now = MOMENT // 30
    assert rules.step_of(_code(MOMENT), SECRET, moment=MOMENT, after=now) is None
    assert rules.step_of(_code(MOMENT), SECRET, moment=MOMENT, after=now - 1) == now


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-12345", "\ud800" * 6]
)
def test_what_is_no_code_is_wrong_and_no_error(code: str) -> None:
    assert rules.step_of(code, SECRET, moment=MOMENT, after=0) is None


def test_a_secret_outlives_a_change_of_keys_and_is_unreadable_without_them() -> None:
    stored = rules.encrypt(SECRET, keys=["old"])
    assert SECRET.encode() not in stored
    assert rules.decrypt(stored, keys=["new", "old"]) == SECRET
    with pytest.raises(InvalidToken):
        rules.decrypt(stored, keys=["new"])


def test_recovery_codes_are_ten_and_read_in_any_form() -> None:
    codes = rules.new_recovery_codes()
    assert len({rules.recovery_hash(code) for code in codes}) == 10
    typed = codes[0].upper().replace("-", " ")
    assert rules.recovery_hash(typed) == rules.recovery_hash(codes[0])
