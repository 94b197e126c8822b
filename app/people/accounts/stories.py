"""Register, log in, refresh. Passwords are hashed between two transactions, as it takes long."""

import time
from typing import Final

from app.foundation.db import transaction
from app.foundation.errors import Unauthenticated
from app.foundation.settings import settings
from app.people.accounts import actions, rules
from app.people.accounts.model import (
    Access,
    Credentials,
    Grant,
    LogIn,
    LogInRefused,
    NewAccount,
    Principal,
    SignedIn,
)

_REFUSED: Final = "E-mail address or password is wrong."


async def register(new: NewAccount, *, user_agent: str) -> SignedIn:
    """Create an account and log it in. Raises EmailTaken or Invalid."""
    new = rules.checked(new)
    await actions.check_strength(new.password, own=[new.email, new.name])
    password_hash = await actions.hash_password(new.password)
    async with transaction() as tx:
        account = await actions.create_account(
            tx, new=new, roles=rules.roles_of(new), password_hash=password_hash
        )
        grant = await actions.open_session(tx, account=account, user_agent=user_agent)
    return _signed_in(grant)


async def log_in(given: LogIn, *, user_agent: str) -> SignedIn:
    """Open a session. Raises LogInRefused, with the same text and delay whatever is wrong.

    The hash that the password was checked against may have been replaced meanwhile: by a log-in at
    the same time that renewed the hash of the same password. So it is tried twice.
    """
    given = rules.checked(given)
    for _ in range(2):
        known = await _proved(given)
        new_hash = await _hash_if_outdated(given.password, known)
        async with transaction() as tx:
            grant = await actions.open_session_of(
                tx, credentials=known, new_hash=new_hash, user_agent=user_agent
            )
        if grant:
            return _signed_in(grant)
    raise LogInRefused(_REFUSED)


async def _proved(given: LogIn) -> Credentials:
    async with transaction() as tx:
        known = await actions.find_credentials(tx, email=given.email)
    fits = await actions.password_fits(given.password, known)
    if known is None or not fits:
        raise LogInRefused(_REFUSED)
    return known


async def refresh(token: str) -> SignedIn:
    """Exchange a refresh token for new tokens. Raises Unauthenticated, after the commit."""
    async with transaction() as tx:
        outcome = await actions.refresh(tx, token=token)
    if isinstance(outcome, Unauthenticated):
        raise outcome
    return _signed_in(outcome)


async def _hash_if_outdated(password: str, known: Credentials) -> str | None:
    if not rules.is_outdated(known.password_hash):
        return None
    return await actions.hash_password(password)


def _signed_in(grant: Grant) -> SignedIn:
    keys, now = settings().secret_keys, time.time()
    lives_for_s = settings().access_token_seconds
    access = Access(
        principal=Principal(id=grant.account.id, roles=grant.account.roles),
        session_id=grant.session_id,
        expires_at=int(now) + lives_for_s,
    )
    return SignedIn(
        account=grant.account,
        access_token=rules.write_access(access, keys=keys, now=now),
        refresh_token=grant.refresh_token,
        expires_in=lives_for_s,
        csrf_token=rules.write_csrf(grant.session_id, key=keys[0]),
    )
