"""Codes of authenticator apps (TOTP, RFC 6238), recovery codes, and how secrets are stored."""

import hashlib
import hmac
import secrets
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

import pyotp
from cryptography.fernet import Fernet, MultiFernet
from pyotp.totp import TOTP

_ISSUER: Final = "Berthold"
_STEP_S: Final = 30
_STEPS_EITHER_WAY: Final = 1  # RFC 6238 §5.2: for clocks that differ, and people who type slowly
_DIGITS: Final = 6
_RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10


def new_secret() -> str:
    """A secret of 160 bits (RFC 4226 §4), in base 32."""
    return pyotp.random_base32()


def uri(secret: str, *, email: str) -> str:
    """What an authenticator app reads from a QR code."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def encrypt(secret: str, *, keys: Sequence[str]) -> bytes:
    """A secret as it is stored: encrypted with what follows from the first key."""
    return _cipher(keys).encrypt(secret.encode())


def decrypt(stored: bytes, *, keys: Sequence[str]) -> str:
    """A secret that was encrypted with any of the keys. Raises InvalidToken if with none."""
    return _cipher(keys).decrypt(stored).decode()


def step_of(code: str, secret: str, *, moment: int, after: int) -> int | None:
    """The 30 seconds that a code belongs to; None if it is wrong, or not `after` that step."""
    digits = code.replace(" ", "")
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    totp, now = TOTP(secret), moment // _STEP_S
    for step in range(now - _STEPS_EITHER_WAY, now + _STEPS_EITHER_WAY + 1):
        if step > after and hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None


def next_code(secret: str, *, moment: int, after: int) -> str | None:
    """The first code that `step_of` takes now; None if all of them were used."""
    now = moment // _STEP_S
    step = max(now - _STEPS_EITHER_WAY, after + 1)
    return TOTP(secret).generate_otp(step) if step <= now + _STEPS_EITHER_WAY else None


def new_recovery_codes() -> list[str]:
    """Ten random codes of 80 bits, in groups: `k3xw-…`. So many bits need no slow hash."""
    codes = [
        b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(_RECOVERY_CODES)
    ]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)).lower() for code in codes]


def recovery_hash(code: str) -> bytes:
    """What is stored of a recovery code; blanks, dashes and capitals do not count."""
    plain = code.replace(" ", "").replace("-", "").lower()
    return hashlib.sha256(plain.encode(errors="replace")).digest()


def _cipher(keys: Sequence[str]) -> MultiFernet:
    digests = [hmac.digest(key.encode(), b"second factor", "sha256") for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
