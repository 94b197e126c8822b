"""Accounts as admins see them: found, disabled and enabled; and how one becomes an admin."""

from uuid import UUID

from app.foundation import audit, paging
from app.foundation.audit import SYSTEM, Actor, Subject
from app.foundation.db import Tx
from app.people.accounts.model import (
    NoSuchAccount,
    NothingToChange,
    OwnAccount,
    Role,
    User,
    UserPage,
)
from app.people.accounts.queries import accounts as queries
from app.people.accounts.queries import sessions as session_queries


async def list_users(
    tx: Tx, *, email: str | None, role: Role | None, limit: int, cursor: str | None
) -> UserPage:
    """A page of accounts, newest first. `email` is the whole address, in any case."""
    found = await queries.list_users(
        tx,
        email=email.strip().lower() if email else None,
        role=role,
        before=paging.read_id(cursor),
        limit=limit + 1,
    )
    page, next_cursor = paging.cut(found, limit, by=lambda user: user.id)
    return UserPage(users=page, next_cursor=next_cursor)


async def disable(tx: Tx, account_id: UUID, *, by: Actor, reason: str) -> User:
    """Shut an account out: its sessions end, and it cannot log in until it is enabled again.

    What it has booked or offers goes on. Raises NoSuchAccount, OwnAccount, NothingToChange.
    """
    if by.id == account_id:
        raise OwnAccount("Another admin may disable it.")
    user = await _set_disabled(tx, account_id, disabled=True, by=by, reason=reason)
    await end_sessions(tx, account_id, because="the account was disabled")
    return user


async def end_sessions(tx: Tx, account_id: UUID, *, because: str) -> int:
    """End all sessions of an account; returns how many there were."""
    return await session_queries.revoke_sessions_of(tx, account_id=account_id, because=because)


async def enable(tx: Tx, account_id: UUID, *, by: Actor, reason: str) -> User:
    """Let an account log in again. Raises NoSuchAccount, NothingToChange."""
    return await _set_disabled(tx, account_id, disabled=False, by=by, reason=reason)


async def make_admin(tx: Tx, account_id: UUID, *, reason: str) -> User:
    """Give an account the role of an admin. Raises NoSuchAccount, NothingToChange."""
    user = await _locked_user(tx, account_id)
    if Role.ADMIN in user.roles:
        raise NothingToChange(f"{user.email} is an admin.")
    changed = await queries.add_role(tx, account_id=account_id, role=Role.ADMIN)
    await audit.record(
        tx,
        by=SYSTEM,
        action="make_admin",
        subject=Subject("account", account_id),
        before={"roles": user.roles},
        after={"roles": changed.roles if changed else ()},
        reason=reason,
    )
    return changed or user


async def _set_disabled(
    tx: Tx, account_id: UUID, *, disabled: bool, by: Actor, reason: str
) -> User:
    user = await _locked_user(tx, account_id)
    if (user.disabled_at is not None) is disabled:
        raise NothingToChange(f"{user.email} is {'disabled' if disabled else 'not disabled'}.")
    changed = await queries.set_disabled(tx, account_id=account_id, disabled=disabled)
    await audit.record(
        tx,
        by=by,
        action="disable_account" if disabled else "enable_account",
        subject=Subject("account", account_id),
        before={"disabled": not disabled},
        after={"disabled": disabled},
        reason=reason,
    )
    return changed or user


async def _locked_user(tx: Tx, account_id: UUID) -> User:
    user = await queries.lock_user(tx, account_id=account_id)
    if user is None:
        raise NoSuchAccount(f"There is no account {account_id}.")
    return user
