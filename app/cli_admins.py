"""`berthold admins`: who may do what admins may. Each change is a row of the audit log."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from app.cli_database import find_running, folder_option
from app.foundation.settings import settings

if TYPE_CHECKING:
    from app.foundation.db import Tx
    from app.people.accounts.model import User

_SHOWN_MAX: Final = 1_000
_REASON: Final = "by the command `berthold admins`"


@click.group()
def admins() -> None:
    """Make, list and disable admins."""


@admins.command("list")
@folder_option
def list_(*, folder: Path) -> None:
    """List all admins, disabled ones too."""
    find_running(folder)
    for user in asyncio.run(_admins()):
        state = f"disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else "active"
        click.echo(f"{state:20}{user.email}  {user.name}")


@admins.command()
@click.argument("email")
@click.option("--name", default="Admin", show_default=True)
@folder_option
def add(*, email: str, name: str, folder: Path) -> None:
    """Make an admin. An account with this address becomes one; else a new one is made.

    The password of a new one is asked for.
    """
    find_running(folder)
    if asyncio.run(_promote(email)):
        click.echo(f"{email} is an admin now")
        return
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    asyncio.run(_create(email, name, password))
    click.echo(f"{email} was made, and is an admin")


@admins.command()
@click.argument("email")
@folder_option
def disable(*, email: str, folder: Path) -> None:
    """Disable an admin: the sessions end, and nobody logs in with that address."""
    find_running(folder)
    asyncio.run(_disable(email))
    click.echo(f"{email} is disabled")


@admins.command()
@click.argument("email")
@folder_option
def code(*, email: str, folder: Path) -> None:
    """Print a code of an admin's second factor, as an authenticator app does. Development only.

    It waits up to 30 seconds for one that was not used.
    """
    find_running(folder)
    if not settings().is_development:
        raise click.ClickException("This works in development alone: use an authenticator app")
    while (found := asyncio.run(_code(email))) is None:
        time.sleep(1)  # all codes of now were used, and a code works once
    click.echo(found)


@admins.command()
@click.argument("email")
@folder_option
def forget(*, email: str, folder: Path) -> None:
    """Forget the second factor of an admin who has lost it; the sessions end.

    The admin logs in with the password, and sets another one before anything else.
    """
    find_running(folder)
    asyncio.run(_forget(email))
    click.echo(f"{email} sets a second factor after the next log-in")


async def _admins() -> "list[User]":
    from app.foundation.db import only_connection, transaction  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415
    from app.people.accounts.model import Role  # noqa: PLC0415

    async with only_connection(settings().direct_url), transaction() as tx:
        page = await accounts.list_users(
            tx, email=None, role=Role.ADMIN, limit=_SHOWN_MAX, cursor=None
        )
    return page.users


async def _promote(email: str) -> bool:
    """Make an account an admin; False if there is none with this address."""
    from app.foundation.db import only_connection, transaction  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415

    async with only_connection(settings().direct_url), transaction() as tx:
        page = await accounts.list_users(tx, email=email, role=None, limit=1, cursor=None)
        for user in page.users:
            await accounts.make_admin(tx, user.id, reason=_REASON)
    return bool(page.users)


async def _create(email: str, name: str, password: str) -> None:
    from app.foundation.db import only_connection, transaction  # noqa: PLC0415
    from app.foundation.wire import decode  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415
    from app.people.accounts.model import NewAccount, Role  # noqa: PLC0415

    given = {"email": email, "name": name, "password": password}
    new = decode(msgspec.json.encode(given), NewAccount)  # checked as a registration is
    await accounts.check_strength(password, own=[email, name])
    password_hash = await accounts.hash_password(password)
    async with only_connection(settings().direct_url), transaction() as tx:
        account = await accounts.create_account(
            tx, new=new, roles=[Role.GUEST], password_hash=password_hash
        )
        await accounts.make_admin(tx, account.id, reason=_REASON)


async def _disable(email: str) -> None:
    from app.foundation.audit import SYSTEM  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415

    async with _admin(email) as (tx, admin):
        await accounts.disable(tx, admin.id, by=SYSTEM, reason=_REASON)


async def _code(email: str) -> str | None:
    from app.people.second_factors import actions as second_factors  # noqa: PLC0415

    async with _admin(email) as (tx, admin):
        return await second_factors.find_code(tx, account_id=admin.id)


async def _forget(email: str) -> None:
    from app.foundation.audit import SYSTEM  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415
    from app.people.second_factors import actions as second_factors  # noqa: PLC0415

    async with _admin(email) as (tx, admin):
        await second_factors.end(tx, by=SYSTEM, account_id=admin.id)
        await accounts.end_sessions(tx, admin.id, because="the second factor was forgotten")


@asynccontextmanager
async def _admin(email: str) -> "AsyncGenerator[tuple[Tx, User]]":
    """A transaction, and the admin with this address. Raises NoSuchAccount."""
    from app.foundation.db import only_connection, transaction  # noqa: PLC0415
    from app.people.accounts import actions as accounts  # noqa: PLC0415
    from app.people.accounts.model import NoSuchAccount, Role  # noqa: PLC0415

    async with only_connection(settings().direct_url), transaction() as tx:
        page = await accounts.list_users(tx, email=email, role=Role.ADMIN, limit=1, cursor=None)
        if not page.users:
            raise NoSuchAccount(f"There is no admin with the address {email}.")
        yield tx, page.users[0]
