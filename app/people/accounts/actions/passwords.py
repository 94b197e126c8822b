"""Passwords: how easily they are guessed, hashed and checked, in threads of their own."""

import os
from collections.abc import Sequence
from typing import Final

from app.foundation.addresses import UNKNOWN
from app.foundation.turns import Turns
from app.people.accounts import rules
from app.people.accounts.model import Credentials

# Each hash takes 19 MiB while it is computed. A few threads bound that, and keep many log-ins at
# once from delaying other work in threads.
_HASHERS_MAX: Final = min(4, os.cpu_count() or 1)
_HASHES_WAITING_MAX: Final = 100
_HASHES_OF_ONE_MAX: Final = 20
_hashers: Final = Turns(
    "argon2",
    threads=_HASHERS_MAX,
    waiting_max=_HASHES_WAITING_MAX,
    of_one_max=_HASHES_OF_ONE_MAX,
)


async def check_strength(password: str, *, own: Sequence[str], asker: str = UNKNOWN) -> None:
    """Refuse a password that is easily guessed by people who know `own` words. Raises Invalid.

    `asker` takes turns with others. Raises Unavailable if too many wait.
    """
    await _hashers.run(lambda: rules.check_strength(password, own=own), asker=asker, known=False)


async def hash_password(password: str, *, asker: str = UNKNOWN, known: bool = False) -> str:
    """The hash of a new password. Takes tens of milliseconds: call it outside a transaction.

    `asker` takes turns with others; who is `known` goes before those who are not. Raises
    Unavailable if too many wait.
    """
    return await _hashers.run(lambda: rules.hash_password(password), asker=asker, known=known)


async def password_fits(
    password: str, credentials: Credentials | None, *, asker: str = UNKNOWN, known: bool = False
) -> bool:
    """Whether a password is that of an account. Takes the same time if there is no account."""
    stored = credentials.password_hash if credentials else rules.NOBODYS_HASH
    fits = await _hashers.run(
        lambda: rules.password_fits(password, stored), asker=asker, known=known
    )
    return fits and credentials is not None
