"""`berthold reconcile`: a gateway's day beside what is here and in the ledger, in a terminal."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import click

from app.cli_database import find_running, folder_option, in_transaction
from app.edge.calls.stories import CallRecorder
from app.edge.gateways.lists import Span
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import close_gateways, open_gateways, open_names
from app.edge.gateways.retries import PATIENCE_OF_REQUESTS_S
from app.flows.mending import stories
from app.flows.mending.model import Report
from app.foundation.db import Tx, close_pool, now, open_pool
from app.foundation.money import SignedMoney
from app.foundation.settings import settings
from app.money.payments.model import GatewayUnclear
from app.money.reconciliation.model import DayReply, Difference
from app.money.reconciliation.rules import FIRST_DAY

_POOL: int = 2
_TITLES = ("", "", "number", "at the gateway", "here", "in the ledger")


class _NotAnswered(click.ClickException):
    """The gateway did not answer: whether the day is right is not known."""

    exit_code = 2


@click.command()
@click.option("--gateway", required=True, type=click.Choice([str(name) for name in GatewayName]))
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="In UTC; default: yesterday.")
@click.option("--mend", is_flag=True, help="Store what is found, and mend what needs no person.")
@folder_option
def reconcile(*, gateway: str, day: datetime | None, mend: bool, folder: Path) -> None:
    """Compare a gateway's day with what is here and in the ledger. Only reads, unless it mends.

    Exit code 1: something is not explained. Exit code 2: the gateway did not answer.
    """
    running = find_running(folder)
    if running:
        for name in GatewayName:
            os.environ.setdefault(f"{name.upper()}_BASE_URL", running.sandbox_url)
    yesterday = asyncio.run(in_transaction(_yesterday))
    wanted = day.date() if day else yesterday
    if not FIRST_DAY <= wanted <= yesterday + timedelta(days=1):
        raise click.BadParameter(f"must be from {FIRST_DAY} to today", param_hint="--day")
    try:
        report = asyncio.run(_reconcile(GatewayName(gateway), wanted, mend=mend))
    except GatewayUnclear as unclear:
        raise _NotAnswered(unclear.detail) from unclear
    for line in _lines(gateway, wanted, report):
        click.echo(line)
    if not report.is_explained:
        raise click.exceptions.Exit(1)


async def _yesterday(tx: Tx) -> date:
    """The day before today (UTC), by business time, which may be moved in development."""
    return (await now(tx)).date() - timedelta(days=1)


async def _reconcile(name: GatewayName, day: date, *, mend: bool) -> Report:
    span = Span.of_day(day)
    recorder = CallRecorder() if mend else None  # to record a call is to write
    open_gateways(settings(), recorder=recorder, patience_s=PATIENCE_OF_REQUESTS_S)
    try:
        if name not in open_names():
            raise click.ClickException(f"{name} is not used here: are its keys set?")
        if not mend:
            return await stories.try_out(settings().direct_url, name, span)
        await open_pool(settings().database_url, size_max=_POOL)
        await stories.reconcile(name, span)
        return await stories.report(name, span)
    finally:
        await close_gateways()
        if recorder:
            await recorder.finish()
            await close_pool()


def _lines(gateway: str, day: date, report: Report) -> Iterator[str]:
    yield f"{gateway}, {day} (UTC)"
    yield from _table([_TITLES, *map(_row, report.days)])
    others = sum(each.others for each in report.days)
    if others:
        yield f"and {others:,} of other products on the same account"
    yield from map(_line_of, report.differences)
    open_ones = [each for each in report.differences if not each.explained_at]
    if open_ones:
        sums = ", ".join(str(money) for money in _unexplained(open_ones))
        number = "1 difference" if len(open_ones) == 1 else f"{len(open_ones):,} differences"
        yield f"not explained: {number}, {sums}"
    else:
        yield "everything is explained"


def _row(day: DayReply) -> tuple[str, ...]:
    return (
        day.what,
        day.at_gateway.currency,
        f"{day.count:,}",
        *(str(money).split()[0] for money in (day.at_gateway, day.here, day.in_ledger)),
    )


def _line_of(difference: Difference) -> str:
    columns = ", ".join(
        f"{_money(amount, difference.currency)} {where}"
        for amount, where in (
            (difference.at_gateway, "at the gateway"),
            (difference.here, "here"),
            (difference.in_ledger, "in the ledger"),
        )
    )
    why = f" (explained: {difference.note})" if difference.note else ""
    kind = difference.kind.replace("_", " ")
    return f"{difference.what} {difference.subject}, {kind}: {columns}{why}"


def _money(amount: int | None, currency: str) -> str:
    return "nothing" if amount is None else str(SignedMoney(amount=amount, currency=currency))


def _unexplained(differences: Sequence[Difference]) -> list[SignedMoney]:
    sums: dict[str, int] = {}
    for each in differences:
        sums[each.currency] = sums.get(each.currency, 0) + each.unexplained
    return [SignedMoney(amount=amount, currency=currency) for currency, amount in sums.items()]


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Lines of columns, each as wide as its widest cell; all but the first two to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(_TITLES))]
    for row in rows:
        cells = [
            cell.ljust(width) if n < 2 else cell.rjust(width)  # noqa: PLR2004  names, then numbers
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
