"""The `berthold` command. What a subcommand needs is imported when it runs."""

import asyncio
import os
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli_database import find_running, folder_option, in_transaction
from app.foundation.settings import SettingsRefused, settings

if TYPE_CHECKING:
    from app.foundation.business_clock import BusinessClock
    from app.operations.invariants.model import Audit, Finding

_SPAN = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_SPAN_MAX = timedelta(days=366)


class _Commands(click.Group):
    """The subcommands. A refusal is printed as one message, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        more = ["admins", "jobs", "reconcile", "settlements", "statements", "zones"]
        return sorted([*super().list_commands(ctx), *more])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "jobs":
            from app.cli_jobs import jobs  # noqa: PLC0415

            return jobs
        if cmd_name in ("settlements", "statements"):
            from app import cli_money  # noqa: PLC0415

            return cli_money.settlements if cmd_name == "settlements" else cli_money.statements
        if cmd_name == "admins":
            from app.cli_admins import admins  # noqa: PLC0415

            return admins
        if cmd_name == "zones":
            from app.cli_zones import zones  # noqa: PLC0415

            return zones
        if cmd_name == "reconcile":
            from app.cli_reconcile import reconcile  # noqa: PLC0415

            return reconcile
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        from app.foundation.business_clock import ClockFixed, ClockMoved  # noqa: PLC0415
        from app.foundation.errors import Problem  # noqa: PLC0415
        from app.foundation.migrate import MigrationChanged  # noqa: PLC0415

        refusals = (SettingsRefused, ClockFixed, ClockMoved, MigrationChanged, Problem)
        try:
            return super().invoke(ctx)
        except refusals as refusal:
            raise click.ClickException(str(refusal)) from refusal


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Berthold: bookings, held and paid for, on Postgres alone."""
    from app.foundation.logs import configure_logs  # noqa: PLC0415

    # What is printed is for the person who asked; what is logged does not mix into it.
    configure_logs("WARNING", json=False, to=sys.stderr)


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from app.foundation.migrate import migrate as apply_missing  # noqa: PLC0415

    applied = asyncio.run(apply_missing(settings().direct_url))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")


@main.command()
@click.option("--host", help="Default: every address in production, else 127.0.0.1.")
@click.option("--port", type=int, envvar="PORT", default=8000, show_default=True)
@click.option("--processes", type=int, envvar="WEB_CONCURRENCY", default=1, show_default=True)
def web(host: str | None, port: int, processes: int) -> None:
    """Serve the API. Trusts X-Forwarded-* only from the proxies in FORWARDED_ALLOW_IPS."""
    import uvicorn  # noqa: PLC0415

    from app.foundation import connections  # noqa: PLC0415

    proxies = os.environ.get("FORWARDED_ALLOW_IPS", "")
    everywhere = "0.0.0.0"  # noqa: S104  a platform's router connects from outside
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host or (everywhere if settings().is_production else "127.0.0.1"),
        port=port,
        workers=processes,
        loop="uvloop",
        http=connections.Connection,
        ws="none",
        limit_concurrency=connections.CONNECTIONS_MAX,
        backlog=connections.BACKLOG,
        timeout_keep_alive=connections.KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=connections.SHUTDOWN_SECONDS,
        access_log=False,  # each request is logged by ourselves, with its id
        log_config=None,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
    )


@main.command()
@click.option("--queues", help="Comma-separated; default: all.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Default: WORKER_CONCURRENCY.")
def worker(queues: str | None, concurrency: int | None) -> None:
    """Run jobs and timers."""
    from tasks.worker import main as run  # noqa: PLC0415

    names = [name.strip() for name in (queues or "").split(",") if name.strip()]
    run(queues=names, concurrency=concurrency)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(arguments: tuple[str, ...]) -> None:
    """Run the gateway simulator: payments without money."""
    from app.sandbox.__main__ import serve  # noqa: PLC0415

    serve.main(list(arguments), prog_name="berthold sandbox")


@main.command()
@click.option("--port", default=8000, show_default=True, help="The API.")
@click.option("--sandbox-port", default=8010, show_default=True, help="The gateway simulator.")
@click.option("--mail-port", default=1025, show_default=True, help="The mail server that prints.")
@folder_option
def dev(port: int, sandbox_port: int, mail_port: int, folder: Path) -> None:
    """Run everything here: database, API, worker, gateway simulator, mail server, demo data."""
    from app.development.dev import Plan, run  # noqa: PLC0415

    run(Plan(port=port, sandbox_port=sandbox_port, mail_port=mail_port, folder=folder.absolute()))


@main.command()
@folder_option
def demo(folder: Path) -> None:
    """Book and pay for a seat and a stay at a running `berthold dev`, and print each step."""
    from app.development.demo import run  # noqa: PLC0415

    running = find_running(folder)
    if running is None:
        raise click.ClickException(f"No `berthold dev` runs in {folder}: start it first.")
    asyncio.run(run(running.url, running.sandbox_url))


class _CannotAudit(click.ClickException):
    """The audit could not be made: whether the books are right is not known."""

    exit_code = 2


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: everything that was found.")
@click.option(
    "--connections",
    type=click.IntRange(1, 8),
    default=2,
    show_default=True,
    help="How many of the database server's processors to keep busy.",
)
@folder_option
def audit(*, as_json: bool, connections: int, folder: Path) -> None:
    """Prove the books: every law, on the data as it is now. Exit code 1: a law is broken.

    Exit code 2: the audit could not be made. Work that is late is printed too; it breaks no law.
    """
    import msgspec  # noqa: PLC0415

    from app.foundation.alerts import Severity  # noqa: PLC0415
    from app.operations.invariants.stories import audit_on  # noqa: PLC0415

    find_running(folder)
    try:
        taken = asyncio.run(audit_on(settings().direct_url, connections=connections))
    except Exception as error:
        raise _CannotAudit(f"the audit could not be made: {error}") from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(taken)))
    else:
        _print_audit(taken)
    if taken.breaches(Severity.CRITICAL):
        raise click.exceptions.Exit(1)


def _print_audit(taken: "Audit") -> None:
    for finding in taken.findings:
        click.echo(_line_of(finding))
        for row in finding.verdict.shown:
            click.echo(f"          {finding.verdict.subject} {row.id}: {row.what}")
        if hidden := finding.verdict.broken - len(finding.verdict.shown):
            click.echo(f"          and {hidden:,} more")


def _line_of(finding: "Finding") -> str:
    law, verdict = finding.law, finding.verdict
    if finding.is_breach:
        word = "BREACH" if law.severity == "critical" else "late"
        return f"{word:8}{law.name:28}{verdict.broken:,}: {law.sentence}"
    return (
        f"{'ok':8}{law.name:28}{verdict.checked:,} checked"
        if verdict.checked
        else (f"{'ok':8}{law.name}")
    )


@main.group()
def gateways() -> None:
    """The payment gateways."""


@gateways.command()
@folder_option
def check(folder: Path) -> None:
    """Try each gateway without moving money, and print what is wrong. Exit code 1: something is."""
    from app.edge.gateways.port import GatewayName  # noqa: PLC0415
    from app.edge.gateways.registry import check_gateways  # noqa: PLC0415

    running = find_running(folder)
    if running:
        for name in GatewayName:
            os.environ.setdefault(f"{name.upper()}_BASE_URL", running.sandbox_url)
    checked = asyncio.run(check_gateways(settings()))
    for each in checked:
        result = "; ".join(each.problems) or f"ok ({'live' if each.live else 'test'} key)"
        click.echo(f"{each.name:13}{result}")
        if each.currencies:
            click.echo(f"{'':13}charges {', '.join(each.currencies)}")
            click.echo(f"{'':13}{_settlement(each.exchanges)}")
    if any(each.problems for each in checked) or not any(each.currencies for each in checked):
        raise click.exceptions.Exit(1)


def _settlement(exchanges: bool) -> str:
    if exchanges:
        return "pays out what it has settled, also in another currency, at the charge's own rate"
    return "pays out in the currency of the charge"


@main.group(invoke_without_command=True)
@folder_option
@click.pass_context
def clock(ctx: click.Context, folder: Path) -> None:
    """Show business time, or move it (never in production)."""
    from app.foundation.business_clock import read_clock  # noqa: PLC0415

    find_running(folder)
    if ctx.invoked_subcommand is None:
        _print_clock(asyncio.run(in_transaction(read_clock)))


@clock.command()
@click.argument("span")
def forward(span: str) -> None:
    """Move business time forward by SPAN, such as 3d, 12h or 1d6h30m."""
    from app.foundation.business_clock import move_clock  # noqa: PLC0415

    by = _read_span(span)
    _refuse_production()
    _print_clock(asyncio.run(in_transaction(lambda tx: move_clock(tx, by=by))))


@clock.command()
def reset() -> None:
    """Return to the server's own time."""
    from app.foundation.business_clock import reset_clock  # noqa: PLC0415

    _refuse_production()
    _print_clock(asyncio.run(in_transaction(reset_clock)))


def _print_clock(clock: "BusinessClock") -> None:
    click.echo(f"business time is {clock.now:%Y-%m-%d %H:%M:%S} UTC")
    if clock.shift:
        click.echo(f"which is {clock.shift} ahead of the server's clock")


def _read_span(text: str) -> timedelta:
    """A span such as `1d6h30m`, up to a year."""
    found = _SPAN.fullmatch(text)
    if not text or not found:
        raise click.BadParameter("write days, hours, minutes, seconds, such as 3d or 1d12h30m")
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if span > _SPAN_MAX:
        raise click.BadParameter(f"at most {_SPAN_MAX.days} days at once")
    return span


def _refuse_production() -> None:
    if settings().is_production:
        raise click.ClickException("business time does not move in production")


if __name__ == "__main__":
    main()
