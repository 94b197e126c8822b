"""`berthold zones`: bookings at a wrong instant since a government has changed its clocks."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.cli_database import find_running, folder_option
from app.foundation.clock import ZONE_DATA
from app.foundation.settings import settings

if TYPE_CHECKING:
    from uuid import UUID

    from app.market.bookings.model import CorrectedTimes, LocalInstant

_IDS_MAX: Final = 1_000_000  # of one instant: more than there are
_REASON: Final = "the official clocks have changed since it was booked ({})"


@click.command()
@click.option("--mend", is_flag=True, help="Correct them, and notify their guests and hosts.")
@folder_option
def zones(*, mend: bool, folder: Path) -> None:
    """List bookings to come that are not at their local times any more. Exit code 1: there are.

    What was agreed on is a time on a wall. When the zone data changes, for a government has changed
    its clocks, the instants of bookings made before are wrong, and with them the windows of
    disputes and the deadlines for cancelling. With --mend all of them are put right, each in a
    transaction of its own and with a record in the audit log, and those who paid or are paid are
    notified. First update the zone data of every process, as /health/ready shows it.
    """
    find_running(folder)
    click.echo(f"zone data {ZONE_DATA}")
    wrong = asyncio.run(_misplaced())
    for line in _lines(wrong):
        click.echo(line)
    ids = sorted({id_ for each in wrong for id_ in each.ids})
    if not ids:
        click.echo("all bookings to come are at their local times")
    elif mend:
        asyncio.run(_correct(ids))
    else:
        click.echo(f"{len(ids):,} bookings to correct: run it again with --mend")
        raise click.exceptions.Exit(1)


def _lines(wrong: "list[LocalInstant]") -> Iterator[str]:
    from app.market.inventory.rules import instant  # noqa: PLC0415

    for each in wrong:
        right = instant(each.local, each.zone)
        yield (
            f"{'from' if each.is_begin else 'to':5}{each.local:%Y-%m-%d %H:%M} {each.zone}: stored"
            f" as {each.at:%Y-%m-%d %H:%M} UTC, is {right:%Y-%m-%d %H:%M} UTC"
            f" ({each.bookings:,} bookings)"
        )


async def _misplaced() -> "list[LocalInstant]":
    from app.foundation.db import only_connection, transaction  # noqa: PLC0415
    from app.market.bookings import actions as bookings  # noqa: PLC0415
    from app.market.bookings import rules  # noqa: PLC0415

    async with only_connection(settings().direct_url), transaction() as tx:
        known = await bookings.local_instants(tx, ids_max=_IDS_MAX)
    return [each for each in known if rules.is_misplaced(each)]


async def _correct(ids: "list[UUID]") -> None:
    from app.foundation.db import Violated, only_connection, transaction  # noqa: PLC0415
    from app.market.bookings import actions as bookings  # noqa: PLC0415

    count = 0
    async with only_connection(settings().direct_url):
        for booking_id in ids:
            try:
                async with transaction() as tx:
                    reason = _REASON.format(f"zone data {ZONE_DATA}")
                    corrected = await bookings.correct_times(tx, booking_id, reason=reason)
            except Violated as violated:  # such as a night that a change of clocks swallowed
                click.echo(f"{booking_id}  cannot be corrected: {violated}")
                continue
            if corrected:
                count += 1
                click.echo(_line(corrected))
    click.echo(f"{count:,} bookings corrected")


def _line(corrected: "CorrectedTimes") -> str:
    was, now_is = corrected.before, corrected.after
    return (
        f"{was.id}  {was.check_in_at:%Y-%m-%d %H:%M} to {was.check_out_at:%Y-%m-%d %H:%M} UTC"
        f" is now {now_is.check_in_at:%Y-%m-%d %H:%M} to {now_is.check_out_at:%Y-%m-%d %H:%M} UTC"
    )
