"""Which database a command uses, and how it runs an action there."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from app.foundation.settings import settings

if TYPE_CHECKING:
    from app.development.running import Running
    from app.foundation.db import Tx

T = TypeVar("T")

folder_option: Final = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".berthold"),
    show_default=True,
    help="Where `berthold dev` keeps the database and the simulator's books.",
)


def find_running(folder: Path) -> "Running | None":
    """Find the `berthold dev` of this folder, and use its database unless DATABASE_URL is set."""
    from app.development.running import find_running as find  # noqa: PLC0415

    running = find(folder)
    if running and "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = running.database_url
        os.environ.setdefault("BERTHOLD_ENV", "development")
    return running


async def in_transaction(action: "Callable[[Tx], Awaitable[T]]") -> T:
    """Run an action in a transaction on a connection of its own; returns its result."""
    from app.foundation.db import direct_connection, transaction_on  # noqa: PLC0415

    async with (
        direct_connection(settings().direct_url) as connection,
        transaction_on(connection) as tx,
    ):
        return await action(tx)
