"""Factories: the shortest way for a test to a thing that exists."""

from uuid import UUID

import uuid_utils.compat

from app.accounts.model import Principal, Role
from app.db import Tx, execute


async def account(tx: Tx, *roles: Role, email: str = "") -> Principal:
    """Somebody who is registered; with no role given, a guest."""
    account_id: UUID = uuid_utils.compat.uuid7()
    chosen = roles or (Role.GUEST,)
    await execute(
        tx,
        """
        INSERT INTO accounts (id, email, name, roles, password_hash)
        VALUES (%(id)s, %(email)s, 'Somebody', %(roles)s, 'none')""",
        id=account_id,
        email=email or f"{account_id.hex}@example.com",
        roles=[str(role) for role in chosen],
    )
    return Principal(id=account_id, roles=chosen)
