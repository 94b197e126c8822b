"""Accounts: created, read and changed by those who have them."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import uuid_utils.compat
from msgspec import UNSET

from app.foundation import audit
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, Violated
from app.people.accounts import rules
from app.people.accounts.model import (
    Account,
    AccountChanges,
    Credentials,
    EmailTaken,
    NewAccount,
    Role,
    SessionOver,
)
from app.people.accounts.queries import accounts as queries

_PROFILE: Final = ("name", "phone", "locale", "zone")


async def create_account(
    tx: Tx, *, new: NewAccount, roles: Sequence[Role], password_hash: str, proved: bool = False
) -> Account:
    """Create an account. Raises EmailTaken, and Invalid, which names each bad field.

    `proved`: somebody else vouches for the address, as for that of an admin.
    """
    new = rules.checked(new)
    try:
        account = await queries.insert_account(
            tx,
            account_id=uuid_utils.compat.uuid7(),
            email=new.email,
            name=new.name,
            phone=new.phone,
            locale=new.locale,
            zone=new.zone,
            roles=[str(role) for role in roles],
            password_hash=password_hash,
            proved=proved,
        )
    except Violated as error:
        if error.constraint != "accounts_email_taken":
            raise
        raise EmailTaken("Log in, or register with another address.") from error
    return _existing(account)


async def read_account(tx: Tx, *, account_id: UUID) -> Account:
    """An account. Raises SessionOver if it does not exist or is disabled."""
    return _existing(await queries.find_account(tx, account_id=account_id))


async def find_missing(tx: Tx, account_ids: Collection[UUID]) -> set[UUID]:
    """Those of the ids that no account has, disabled ones counted."""
    known = await queries.find_ids(tx, account_ids=list(account_ids)) if account_ids else []
    return set(account_ids) - set(known)


async def record_registration(tx: Tx, account: Account) -> None:
    """Record that somebody has registered."""
    await audit.record(
        tx,
        by=Actor(ActorRole.GUEST, account.id),
        action="register",
        subject=Subject("account", account.id),
        after={"email": account.email, "roles": account.roles},
    )


async def change_account(
    tx: Tx, *, by: Actor, account_id: UUID, changes: AccountChanges
) -> Account:
    """Change the fields that are given, and no others. Raises Invalid, which names each bad one."""
    given = rules.checked(changes)
    before = _existing(await queries.find_account(tx, account_id=account_id))
    account = await queries.update_account(
        tx,
        account_id=account_id,
        name=None if given.name is UNSET else given.name,
        phone=None if given.phone is UNSET else given.phone,
        phone_given=given.phone is not UNSET,
        locale=None if given.locale is UNSET else given.locale,
        zone=None if given.zone is UNSET else given.zone,
    )
    after = _existing(account)
    if changed := [name for name in _PROFILE if getattr(before, name) != getattr(after, name)]:
        await audit.record(
            tx,
            by=by,
            action="change_account",
            subject=Subject("account", account_id),
            before={name: getattr(before, name) for name in changed},
            after={name: getattr(after, name) for name in changed},
        )
    return after


async def find_credentials(tx: Tx, *, email: str) -> Credentials | None:
    """What the password for an address is checked against; None if no account has the address."""
    return await queries.find_credentials(tx, email=email)


def _existing(account: Account | None) -> Account:
    if account is None:
        raise SessionOver("The account is gone or disabled.")
    return account
