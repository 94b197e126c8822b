"""One statement per function on `accounts`: their addresses and passwords."""

from uuid import UUID

from app.foundation.db import Tx, execute, fetch_value, fetch_values


async def is_proved(tx: Tx, *, account_id: UUID) -> bool:
    proved = await fetch_value(
        tx,
        bool,
        "SELECT email_proved_at IS NOT NULL FROM accounts WHERE id = %(account_id)s",
        account_id=account_id,
    )
    return proved is True


async def is_taken(tx: Tx, *, email: str) -> bool:
    """Whether an account has the address and has proved it."""
    taken = await fetch_value(
        tx,
        bool,
        """
        SELECT EXISTS (SELECT FROM accounts
                        WHERE email = %(email)s AND email_proved_at IS NOT NULL)""",
        email=email,
    )
    return taken is True


async def release(
    tx: Tx, *, email: str | None = None, account_id: UUID | None = None
) -> list[UUID]:
    """Disable the account that has not proved its address, and take the address from it.

    By its address, or by its id. RFC 2606: nobody gets mail under `.invalid`.
    """
    return await fetch_values(
        tx,
        UUID,
        """
        UPDATE accounts
           SET email = id::text || '@released.invalid',
               disabled_at = coalesce(disabled_at, business_now())
         WHERE (email = %(email)s OR id = %(account_id)s) AND email_proved_at IS NULL
        RETURNING id""",
        email=email,
        account_id=account_id,
    )


async def prove(tx: Tx, *, account_id: UUID, email: str) -> bool:
    """Record that an address was proved; False if the account has another one, or is disabled."""
    proved = await execute(
        tx,
        """
        UPDATE accounts SET email_proved_at = coalesce(email_proved_at, business_now())
         WHERE id = %(account_id)s AND email = %(email)s AND disabled_at IS NULL""",
        account_id=account_id,
        email=email,
    )
    return proved == 1


async def change_email(tx: Tx, *, account_id: UUID, email: str) -> bool:
    """Give an account an address that was proved; False if the account is disabled."""
    changed = await execute(
        tx,
        """
        UPDATE accounts SET email = %(email)s, email_proved_at = business_now()
         WHERE id = %(account_id)s AND disabled_at IS NULL""",
        account_id=account_id,
        email=email,
    )
    return changed == 1


async def set_password(tx: Tx, *, account_id: UUID, password_hash: str) -> bool:
    """Replace the password; False if the account is disabled."""
    changed = await execute(
        tx,
        """
        UPDATE accounts SET password_hash = %(password_hash)s
         WHERE id = %(account_id)s AND disabled_at IS NULL""",
        account_id=account_id,
        password_hash=password_hash,
    )
    return changed == 1
