"""One statement per function on `accounts`."""

from uuid import UUID

from app.foundation.db import Tx, execute, fetch_all, fetch_one, fetch_values
from app.people.accounts.model import Account, Credentials, User


async def insert_account(
    tx: Tx,
    *,
    account_id: UUID,
    email: str,
    name: str,
    phone: str | None,
    locale: str,
    zone: str,
    roles: list[str],
    password_hash: str,
    proved: bool,
) -> Account | None:
    return await fetch_one(
        tx,
        Account,
        """
        INSERT INTO accounts (id, email, name, phone, locale, zone, roles, password_hash,
                              email_proved_at)
        VALUES (%(account_id)s, %(email)s, %(name)s, %(phone)s, %(locale)s, %(zone)s, %(roles)s,
                %(password_hash)s, CASE WHEN %(proved)s THEN business_now() END)
        RETURNING id, email, name, phone, locale, zone, roles, created_at, email_proved_at""",
        account_id=account_id,
        email=email,
        name=name,
        phone=phone,
        locale=locale,
        zone=zone,
        roles=roles,
        password_hash=password_hash,
        proved=proved,
    )


async def find_account(tx: Tx, *, account_id: UUID) -> Account | None:
    return await fetch_one(
        tx,
        Account,
        """
        SELECT id, email, name, phone, locale, zone, roles, created_at, email_proved_at
          FROM accounts
         WHERE id = %(account_id)s AND disabled_at IS NULL""",
        account_id=account_id,
    )


async def list_users(
    tx: Tx, *, email: str | None, role: str | None, before: UUID | None, limit: int
) -> list[User]:
    """Accounts, the newest first (ids are in the order of time), disabled ones too."""
    return await fetch_all(
        tx,
        User,
        """
        SELECT id, email, name, phone, locale, zone, roles, created_at,
               email_proved_at, disabled_at
          FROM accounts
         WHERE (%(email)s::text IS NULL OR email = %(email)s)
           AND (%(role)s::text IS NULL OR %(role)s = ANY(roles))
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s""",
        email=email,
        role=role,
        before=before,
        limit=limit,
    )


async def lock_user(tx: Tx, *, account_id: UUID) -> User | None:
    return await fetch_one(
        tx,
        User,
        """
        SELECT id, email, name, phone, locale, zone, roles, created_at,
               email_proved_at, disabled_at
          FROM accounts
         WHERE id = %(account_id)s
           FOR NO KEY UPDATE""",
        account_id=account_id,
    )


async def set_disabled(tx: Tx, *, account_id: UUID, disabled: bool) -> User | None:
    return await fetch_one(
        tx,
        User,
        """
        UPDATE accounts SET disabled_at = CASE WHEN %(disabled)s THEN business_now() END
         WHERE id = %(account_id)s
        RETURNING id, email, name, phone, locale, zone, roles, created_at,
                  email_proved_at, disabled_at""",
        account_id=account_id,
        disabled=disabled,
    )


async def add_role(tx: Tx, *, account_id: UUID, role: str) -> User | None:
    return await fetch_one(
        tx,
        User,
        """
        UPDATE accounts SET roles = array_append(array_remove(roles, %(role)s), %(role)s)
         WHERE id = %(account_id)s
        RETURNING id, email, name, phone, locale, zone, roles, created_at,
                  email_proved_at, disabled_at""",
        account_id=account_id,
        role=role,
    )


async def find_ids(tx: Tx, *, account_ids: list[UUID]) -> list[UUID]:
    """Those of the ids that an account has, be it disabled or not."""
    return await fetch_values(
        tx,
        UUID,
        "SELECT id FROM accounts WHERE id = ANY(%(account_ids)s)",
        account_ids=account_ids,
    )


async def update_account(
    tx: Tx,
    *,
    account_id: UUID,
    name: str | None,
    phone: str | None,
    phone_given: bool,
    locale: str | None,
    zone: str | None,
) -> Account | None:
    """Change an account. None leaves a field as it is; `phone_given` with no phone removes it."""
    return await fetch_one(
        tx,
        Account,
        """
        UPDATE accounts
           SET name = coalesce(%(name)s, name),
               phone = CASE WHEN %(phone_given)s THEN %(phone)s ELSE phone END,
               locale = coalesce(%(locale)s, locale),
               zone = coalesce(%(zone)s, zone)
         WHERE id = %(account_id)s AND disabled_at IS NULL
        RETURNING id, email, name, phone, locale, zone, roles, created_at, email_proved_at""",
        account_id=account_id,
        name=name,
        phone=phone,
        phone_given=phone_given,
        locale=locale,
        zone=zone,
    )


async def find_credentials(tx: Tx, *, email: str) -> Credentials | None:
    return await fetch_one(
        tx,
        Credentials,
        """
        SELECT id AS account_id, password_hash
          FROM accounts
         WHERE email = %(email)s AND disabled_at IS NULL""",
        email=email,
    )


async def replace_password_hash(tx: Tx, *, account_id: UUID, old: str, new: str) -> int:
    return await execute(
        tx,
        """
        UPDATE accounts SET password_hash = %(new)s
         WHERE id = %(account_id)s AND password_hash = %(old)s""",
        account_id=account_id,
        old=old,
        new=new,
    )


async def find_account_of(tx: Tx, *, credentials: Credentials) -> Account | None:
    """The account, if the password that was checked is still its own and it is not disabled."""
    return await fetch_one(
        tx,
        Account,
        """
        SELECT id, email, name, phone, locale, zone, roles, created_at, email_proved_at
          FROM accounts
         WHERE id = %(account_id)s AND password_hash = %(password_hash)s AND disabled_at IS NULL""",
        account_id=credentials.account_id,
        password_hash=credentials.password_hash,
    )
