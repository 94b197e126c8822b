"""`berthold settlements` and `berthold statements`: hosts' months, and the bank, in a terminal."""

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli_database import find_running, folder_option, in_transaction
from app.money.bank_statements import actions as bank
from app.money.bank_statements.rules import reading, replies
from app.money.settlements import actions as settlements_room
from app.money.settlements.rules import files, months

if TYPE_CHECKING:
    from app.foundation.db import Tx
    from app.money.settlements.model import Settlement

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


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


@click.group()
@folder_option
def statements(folder: Path) -> None:
    """The statements of our bank, and the gateways' payouts that should be in them."""
    find_running(folder)


@statements.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="FILE…", type=_FILE)
def import_(paths: tuple[Path, ...]) -> None:
    """Read camt.053 or MT940 files. A file is refused whole, and those after it are not read."""
    for path in paths:
        for line in asyncio.run(_import(path)):
            click.echo(line)


@statements.command()
def missing() -> None:
    """Print the payouts that have not arrived some days after they should. Exit code 1: any."""
    found = asyncio.run(in_transaction(bank.missing))
    for line in replies.lines_of_missing(found):
        click.echo(line)
    if found:
        raise click.exceptions.Exit(1)
    click.echo("no payout is missing")


async def _import(path: Path) -> list[str]:
    with path.open("rb") as file:
        data = file.read(reading.FILE_BYTES_MAX + 1)
    result = await in_transaction(lambda tx: bank.import_file(tx, data, path.name))
    return list(replies.lines_of_import(path.name, result))
