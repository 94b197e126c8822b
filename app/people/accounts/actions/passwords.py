"""Passwords: how easily they are guessed, hashed and checked, in threads of their own."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from app.foundation.errors import Unavailable
from app.people.accounts import rules
from app.people.accounts.model import (
    Credentials,
)

T = TypeVar("T")

# Each hash takes 19 MiB while it is computed. A thread pool of its own bounds that, and keeps many
# log-ins at once from delaying other work in threads. When its queue is full, log-ins are refused.
_HASHERS_MAX: Final = min(4, os.cpu_count() or 1)
_HASHES_WAITING_MAX: Final = 100
_hashers = ThreadPoolExecutor(_HASHERS_MAX, thread_name_prefix="argon2")
_hashes_waiting: set[asyncio.Future[Any]] = set()


async def check_strength(password: str, *, own: Sequence[str]) -> None:
    """Refuse a password that is easily guessed by people who know `own` words. Raises Invalid."""
    await _in_hasher(lambda: rules.check_strength(password, own=own))


async def hash_password(password: str) -> str:
    """The hash of a new password. Takes tens of milliseconds: call it outside a transaction."""
    return await _in_hasher(lambda: rules.hash_password(password))


async def password_fits(password: str, credentials: Credentials | None) -> bool:
    """Whether a password is that of an account. Takes the same time if there is no account."""
    known = credentials.password_hash if credentials else rules.NOBODYS_HASH
    fits = await _in_hasher(lambda: rules.password_fits(password, known))
    return fits and credentials is not None


async def _in_hasher(work: Callable[[], T]) -> T:
    if len(_hashes_waiting) >= _HASHES_WAITING_MAX:
        raise Unavailable("Too many people are logging in.", retry_after_s=2)
    hashing = asyncio.get_running_loop().run_in_executor(_hashers, work)
    _hashes_waiting.add(hashing)
    hashing.add_done_callback(_hashes_waiting.discard)
    return await hashing
