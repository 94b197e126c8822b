"""`berthold settlements`: hosts' months in a terminal."""

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli_database import find_running, folder_option, in_transaction
from app.money.settlements import actions as settlements_room
from app.money.settlements.rules import files, months

if TYPE_CHECKING:
    from app.foundation.db import Tx
    from app.money.settlements.model import Settlement


@click.command()
@click.argument("month", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
@folder_option
def settlements(*, month: str | None, as_csv: bool, folder: Path) -> None:
    """Print the settlements of MONTH, such as 2026-10; default: the last one that was settled."""
    find_running(folder)
    wanted = months.read_month(month)
    shown, found = asyncio.run(in_transaction(lambda tx: _read(tx, wanted)))
    if shown is None or not (found or as_csv):
        raise click.ClickException(f"There are no settlements{f' of {month}' if month else ''}.")
    if as_csv:
        click.echo(files.csv_of_settlements(found), nl=False)
        return
    click.echo(f"Settlements of {shown:%Y-%m}, months in UTC")
    for line in files.printed(found):
        click.echo(line)


async def _read(tx: "Tx", wanted: date | None) -> "tuple[date | None, list[Settlement]]":
    month = wanted or await settlements_room.last_closed(tx)
    return month, await settlements_room.read_month(tx, month) if month else []
