"""`berthold dev`: all of Berthold in one terminal, started from nothing and stopped cleanly."""

import asyncio
import fcntl
import os
import shlex
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import httpx
import msgspec

from app.development.children import Child, GaveUp, keep_running, print_line
from app.development.mail_sink import running_mail_sink
from app.development.postgres import running_postgres
from app.development.running import Running, noted
from app.development.seed import ADMIN, PASSWORD, PEOPLE, seed
from app.foundation import db
from app.foundation.business_clock import make_movable, read_clock
from app.foundation.logs import configure_logs
from app.foundation.migrate import migrate
from app.foundation.settings import settings

_DATABASE: Final = "berthold"
_ORPHANS_GONE_SECONDS: Final = 12.0
_POLL_SECONDS: Final = 0.1


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The ports and the folder that everything uses."""

    port: int
    sandbox_port: int
    mail_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"


def run(plan: Plan) -> None:
    """Start everything, wait for Ctrl-C or SIGTERM, stop everything: children, then Postgres."""
    _refuse_production()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until a loop runs
    try:
        with _alone(plan), _database(plan) as url:
            try:
                _set_environment(plan, url)
                with noted(plan.folder, _running(plan, url)):
                    asyncio.run(_run(plan))
            finally:
                _ignore_signals()
    except KeyboardInterrupt:
        _ignore_signals()
    print_line("dev", "green", "stopped")


def _running(plan: Plan, database_url: str) -> Running:
    return Running(database_url=database_url, url=plan.url, sandbox_url=plan.sandbox_url)


async def _run(plan: Plan) -> None:
    configure_logs("WARNING", json=False)
    await _prepare()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, stopping.set)
    environment = dict(os.environ)
    try:
        async with running_mail_sink(plan.mail_port), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(keep_running(child, environment)) for child in _children(plan)
            ]
            tasks.append(group.create_task(_announce(plan)))
            await stopping.wait()
            print_line("dev", "green", "stopping …")
            for task in tasks:
                task.cancel()
    except* GaveUp as failures:
        raise click.ClickException(str(failures.exceptions[0])) from None


async def _prepare() -> None:
    """Migrate, make the clock movable, add the demo data."""
    for name in await migrate(settings().direct_url):
        print_line("dev", "green", f"applied {name}")
    await db.open_pool(settings().database_url, size_max=2)
    try:
        async with db.transaction() as tx:
            await _refuse_foreign(tx)
            await make_movable(tx)
        await seed()
    finally:
        await db.close_pool()


async def _refuse_foreign(tx: db.Tx) -> None:
    """Refuse a database that people use: it has accounts, and its clock cannot be moved."""
    clock = await read_clock(tx)
    if not clock.movable and await db.fetch_value(tx, bool, "SELECT EXISTS (SELECT FROM accounts)"):
        raise click.ClickException(
            "DATABASE_URL points at a database with accounts that `berthold dev` did not make. "
            "It would move its clock and add demo people: give it another."
        )


def _children(plan: Plan) -> list[Child]:
    sandbox = (
        "--port", str(plan.sandbox_port),
        "--webhook-url", plan.url + "/api/webhooks/{gateway}",
        "--books", str(plan.folder / "sandbox.sqlite3"),
    )  # fmt: skip
    return [
        Child(name="web", colour="cyan", arguments=("web", "--port", str(plan.port))),
        Child(name="worker", colour="yellow", arguments=("worker",)),
        Child(name="sandbox", colour="blue", arguments=("sandbox", *sandbox)),
    ]


async def _announce(plan: Plan) -> None:
    """Once the API answers, print where everything is."""
    async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
        ready = False
        while not ready:
            await asyncio.sleep(_POLL_SECONDS)
            ready = await _is_ready(client, f"{plan.url}/health/ready")
    click.echo(_summary(plan))


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


def _summary(plan: Plan) -> str:
    rows = [
        ("API", plan.url),
        ("API page", f"{plan.url}/schema"),
        ("sandbox", f"{plan.sandbox_url}/desk  (the gateways: pay without money, make trouble)"),
        ("mail", f"smtp://127.0.0.1:{plan.mail_port}  (printed here)"),
        ("database", f'psql "{settings().database_url.reveal()}"'),
        *((role, f"{email}  {PASSWORD}") for email, role in _log_ins()),
        ("code", f"berthold admins code {ADMIN}{_option(plan)}  (admins log in with one)"),
        ("try", f"berthold demo{_option(plan)} · berthold clock{_option(plan)} forward 3d"),
    ]
    lines = (click.style(f"{label:>10}  ", bold=True) + value for label, value in rows)
    return "\n" + "\n".join(lines) + "\n\n    Berthold is ready. Ctrl-C stops everything.\n"


def _option(plan: Plan) -> str:
    """The option with which other commands find this folder; empty for the usual one."""
    usual = Path(".berthold").absolute()
    return "" if plan.folder == usual else f" --folder {shlex.quote(str(plan.folder))}"


def _log_ins() -> list[tuple[str, str]]:
    return [(email, str(roles[-1])) for email, _, _, _, roles in PEOPLE]


def _refuse_production() -> None:
    if os.environ.get("BERTHOLD_ENV", "development") == "production":
        raise click.ClickException("BERTHOLD_ENV is production: `berthold dev` has no place there")


@contextmanager
def _alone(plan: Plan) -> Generator[None]:
    """Lock the folder, and check that the ports are free; the error says what to do if not."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    with (plan.folder / "dev.lock").open("a+") as lock:
        lock.seek(0)
        owner = lock.read().strip()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise click.ClickException(
                f"`berthold dev` is already running in {plan.folder} (process {owner})."
            ) from error
        # The lock file still names an owner that was killed: its children are just ending.
        _require_free_ports(plan, patience_s=_ORPHANS_GONE_SECONDS if owner else 0.0)
        _write(lock.fileno(), str(os.getpid()))
        try:
            yield
        finally:
            _write(lock.fileno(), "")


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.write(file, text.encode())


def _require_free_ports(plan: Plan, *, patience_s: float) -> None:
    options = {"port": plan.port, "sandbox-port": plan.sandbox_port, "mail-port": plan.mail_port}
    give_up_at = time.monotonic() + patience_s
    for option, port in options.items():
        while not _is_free(port):
            if time.monotonic() >= give_up_at:
                raise click.ClickException(
                    f"Port {port} is taken by another program. "
                    f"Stop that, or choose another: berthold dev --{option} {port + 1}"
                )
            time.sleep(_POLL_SECONDS)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _database(plan: Plan) -> Generator[str]:
    """The URL of the database: DATABASE_URL, or an embedded server in the folder, run meanwhile."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with running_postgres(plan.folder / "pg", durable=True) as server:
        server.create_database(_DATABASE)
        yield server.database(_DATABASE)


def _set_environment(plan: Plan, database_url: str) -> None:
    """Set what settings() reads, in this process and in its children."""
    os.environ["BERTHOLD_ENV"] = "development"
    os.environ["DATABASE_URL"] = database_url
    os.environ["BASE_URL"] = plan.url
    os.environ["PAYSTACK_BASE_URL"] = plan.sandbox_url
    os.environ["STRIPE_BASE_URL"] = plan.sandbox_url
    os.environ["FLUTTERWAVE_BASE_URL"] = plan.sandbox_url
    os.environ["SMTP_URL"] = f"smtp://127.0.0.1:{plan.mail_port}"
    os.environ.setdefault("WORKER_GRACE_SECONDS", "5")
    os.environ.setdefault("PAYOUT_HOLD_HOURS", "0")
    os.environ["PYTHONUNBUFFERED"] = "1"


def _ignore_signals() -> None:
    """Ignore a second Ctrl-C while everything stops in order."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
