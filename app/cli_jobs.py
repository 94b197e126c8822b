"""`berthold jobs`: the queue in a terminal. What it changes is in the audit log, as over HTTP."""

import asyncio
import getpass
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import click
import msgspec

from app.cli_database import find_running, folder_option, in_transaction
from app.foundation.audit import SYSTEM
from app.foundation.db import Connection, close_pool, direct_connection, open_pool, transaction_on
from app.foundation.locks import leases
from app.foundation.settings import settings
from app.operations.jobs import actions, stories
from app.operations.jobs.model import (
    Health,
    Job,
    JobFilter,
    JobStatus,
    JobWithPast,
    PauseKind,
    Redrive,
    RunState,
    TriggerReply,
)

_PAGE_MAX: Final = 100
_WAIT_S: Final = 60.0
_MINUTE_S: Final = 60.0

_reason_option = click.option("--reason", required=True, help="Why; for the audit log.")
_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
_kind_argument = click.argument("kind", type=click.Choice([str(kind) for kind in PauseKind]))


@click.group()
@folder_option
def jobs(folder: Path) -> None:
    """Look at the queue, and change what it does."""
    find_running(folder)


@jobs.command("list")
@click.option("--status", type=click.Choice([str(status) for status in JobStatus]))
@click.option("--queue")
@click.option("--task")
@click.option("--limit", type=click.IntRange(1, _PAGE_MAX), default=20, show_default=True)
@_json_option
def list_jobs(
    *, status: str | None, queue: str | None, task: str | None, limit: int, as_json: bool
) -> None:
    """Jobs, newest first. `--status failed` shows the dead letters."""
    wanted = JobFilter(status=JobStatus(status) if status else None, queue=queue, task=task)
    page = asyncio.run(
        in_transaction(lambda tx: actions.read_jobs(tx, wanted, limit=limit, cursor=None))
    )
    if as_json:
        _print_json(page)
    else:
        _print(_table(("ID", "STATUS", "QUEUE", "TASK", "TRIES", "ERROR"), map(_row, page.jobs)))


def _row(job: Job) -> tuple[str, ...]:
    error = (job.error or "").splitlines()[:1]
    return str(job.id), job.status, job.queue, job.task, str(job.attempts), "".join(error)[:60]


@jobs.command()
@click.argument("job_id", type=int)
@_json_option
def show(*, job_id: int, as_json: bool) -> None:
    """One job: its arguments without secrets, its failed attempts, what happened to it."""
    seen = asyncio.run(in_transaction(lambda tx: actions.read_job(tx, job_id)))
    if as_json:
        _print_json(seen)
    else:
        _print(_lines_of(seen))


def _lines_of(seen: JobWithPast) -> Iterator[str]:
    job = seen.job
    yield f"job {job.id}: {job.task} in {job.queue}, {job.status}, {job.attempts} attempts ended"
    yield f"arguments {msgspec.json.encode(seen.arguments).decode()}"
    for event in reversed(seen.events):
        yield f"{event.at:%Y-%m-%d %H:%M:%S}  {event.type}"
    for failure in reversed(seen.failures):
        yield f"{failure.at:%Y-%m-%d %H:%M:%S}  attempt {failure.attempt}: {failure.error}"
    if seen.failures:
        yield seen.failures[0].traceback.rstrip()


@jobs.command()
@click.argument("job_ids", type=int, nargs=-1)
@click.option("--dead", is_flag=True, help="Dead letters, the oldest 1,000, instead of ids.")
@click.option("--queue", help="With --dead: of this queue only.")
@click.option("--task", help="With --dead: of this task only.")
@_reason_option
def retry(
    *, job_ids: Sequence[int], dead: bool, queue: str | None, task: str | None, reason: str
) -> None:
    """Queue jobs again that gave up, were cancelled, or wait for their next attempt."""
    if dead == bool(job_ids):
        raise click.UsageError("name jobs, or give --dead")
    why = _signed(reason)
    if dead:
        wanted = Redrive(reason=why, queue=queue, task=task, limit=1_000)
        redriven = asyncio.run(in_transaction(lambda tx: actions.retry_dead(tx, wanted, by=SYSTEM)))
        click.echo(f"{len(redriven)} jobs are queued again")
    for job_id in job_ids:
        job = asyncio.run(
            in_transaction(lambda tx, it=job_id: actions.retry_job(tx, it, by=SYSTEM, reason=why))
        )
        click.echo(f"job {job.id} is {job.status}")


@jobs.command()
@click.argument("job_ids", type=int, nargs=-1, required=True)
@_reason_option
def cancel(job_ids: Sequence[int], reason: str) -> None:
    """Cancel jobs that wait or gave up, and ask those that run to end."""
    why = _signed(reason)
    for job_id in job_ids:
        job = asyncio.run(
            in_transaction(lambda tx, it=job_id: actions.cancel_job(tx, it, by=SYSTEM, reason=why))
        )
        click.echo(f"job {job.id} is {'asked to end' if job.abort_requested else job.status}")


@jobs.command()
@_kind_argument
@click.argument("name")
@_reason_option
def pause(kind: str, name: str, reason: str) -> None:
    """Start no more jobs of a queue or task (also a periodic one). Those that run go on."""
    why = _signed(reason)
    asyncio.run(
        in_transaction(lambda tx: actions.pause(tx, PauseKind(kind), name, by=SYSTEM, reason=why))
    )
    click.echo(f"the {kind} {name} is paused")


@jobs.command()
@_kind_argument
@click.argument("name")
@_reason_option
def resume(kind: str, name: str, reason: str) -> None:
    """Start jobs of a queue or task again."""
    why = _signed(reason)
    asyncio.run(
        in_transaction(lambda tx: actions.resume(tx, PauseKind(kind), name, by=SYSTEM, reason=why))
    )
    click.echo(f"the {kind} {name} goes on")


@jobs.command()
@click.argument("name")
@click.option("--wait", default=_WAIT_S, show_default=True, help="Seconds to wait for its end.")
def run(name: str, wait: float) -> None:
    """Run a periodic job now. Exit code 1: it failed; 2: it has not ended."""
    reply = asyncio.run(_trigger(name, wait))
    state = reply.run.state if reply.run else "queued"
    click.echo(f"{reply.name} (job {reply.job_id}) is {state}{_result(reply)}")
    if state in (RunState.FAILED, RunState.LOST):
        raise click.exceptions.Exit(1)
    if state in ("queued", RunState.RUNNING):
        raise click.exceptions.Exit(2)


async def _trigger(name: str, wait_s: float) -> TriggerReply:
    await open_pool(settings().direct_url, size_max=1)
    try:
        why = _signed("asked for")
        return await stories.trigger(name, wait_s=wait_s, by=SYSTEM, reason=why)
    finally:
        await close_pool()


def _result(reply: TriggerReply) -> str:
    if reply.run is None:
        return ""
    if reply.run.error is not None:
        return f": {reply.run.error}"
    return "" if reply.run.count is None else f": {reply.run.count}"


@jobs.command()
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C.")
@click.option("--every", default=2.0, show_default=True, help="With --watch: seconds.")
@_json_option
def stats(*, watch: bool, every: float, as_json: bool) -> None:
    """Show the health of periodic jobs, queues and workers. Exit code 1: something is wrong."""
    if watch:
        try:
            asyncio.run(_watch(every, as_json=as_json))
        except KeyboardInterrupt:
            return
    health = asyncio.run(in_transaction(actions.read_health))
    _print_health(health, as_json=as_json)
    if not health.healthy:
        raise click.exceptions.Exit(1)


async def _watch(every_s: float, *, as_json: bool) -> None:
    async with direct_connection(settings().direct_url) as connection:
        while True:
            began = time.monotonic()
            health = await _read_health(connection)
            click.clear()
            _print_health(health, as_json=as_json)
            await asyncio.sleep(max(0.0, every_s - (time.monotonic() - began)))


async def _read_health(connection: Connection) -> Health:
    async with transaction_on(connection) as tx:
        return await actions.read_health(tx)


def _print_health(health: Health, *, as_json: bool) -> None:
    if as_json:
        _print_json(health)
        return
    for problem in health.problems or ["nothing is wrong"]:
        click.secho(problem, fg="green" if health.healthy else "red")
    if health.paused_tasks:
        click.echo(f"paused tasks: {', '.join(health.paused_tasks)}")
    for title, table in (
        ("workers", _workers(health)),
        ("queues", _queues(health)),
        ("periodic jobs (UTC)", _periodic(health)),
    ):
        click.secho(f"\n{title}", bold=True)
        _print(table)


def _workers(health: Health) -> Iterator[str]:
    return _table(
        ("ID", "INSTANCE", "QUEUES", "RUNNING", "SILENT"),
        (
            (
                str(worker.id),
                worker.instance or "",
                ",".join(worker.queues) if worker.queues else "all",
                f"{worker.running}/{worker.concurrency or '?'}",
                _span(worker.silent_s) if worker.silent_s >= 0 else "clock was ahead",
            )
            for worker in health.workers
        ),
    )


def _queues(health: Health) -> Iterator[str]:
    return _table(
        ("QUEUE", "READY", "LATER", "RUNNING", "DEAD", "OLDEST", ""),
        (
            (
                queue.name,
                f"{queue.ready:,}",
                f"{queue.scheduled:,}",
                f"{queue.running:,}",
                f"{queue.dead:,}",
                "" if queue.oldest_ready_s is None else _span(queue.oldest_ready_s),
                "paused" if queue.paused else "",
            )
            for queue in health.queues
        ),
    )


def _periodic(health: Health) -> Iterator[str]:
    return _table(
        ("JOB", "STATE", "LAST RUN", "RESULT", "TOOK", "LATE", "NEXT RUN", "FAILURES"),
        (
            (
                job.name,
                job.state,
                _time(job.last_run.started_at) if job.last_run else "",
                (job.last_run.error or str(job.last_run.count or 0))[:40] if job.last_run else "",
                _milliseconds(job.last_run.duration_ms) if job.last_run else "",
                _milliseconds(job.last_run.lateness_ms) if job.last_run else "",
                _time(job.next_run),
                str(job.failures or ""),
            )
            for job in health.periodic
        ),
    )


@jobs.command()
@_json_option
def locks(*, as_json: bool) -> None:
    """Show which process runs which periodic job now."""
    held = asyncio.run(in_transaction(leases))
    if as_json:
        _print_json(held)
        return
    rows = (
        (str(lock.id), lock.name, lock.instance, _time(lock.expires_at),
         "expired" if lock.expired else "held" if lock.alive else "left behind")
        for lock in held
    )  # fmt: skip
    _print(_table(("ID", "JOB", "INSTANCE", "EXPIRES", ""), rows))


@jobs.command()
@click.argument("lock_id", type=click.UUID)
@_reason_option
def unlock(lock_id: UUID, reason: str) -> None:
    """Take a lock away from its holder, which can then write no more."""
    why = _signed(reason)
    asyncio.run(in_transaction(lambda tx: actions.release_lock(tx, lock_id, by=SYSTEM, reason=why)))
    click.echo("the lock is free")


def _signed(reason: str) -> str:
    """A reason with the user's name: the audit log has no account for a command line."""
    return f"{reason} ({_user()}, on the command line)"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id may have no name
        return "unknown user"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _milliseconds(duration_ms: int | None) -> str:
    return "" if duration_ms is None else f"{duration_ms:,} ms"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE_S else f"{seconds / _MINUTE_S:,.0f} min"


def _table(titles: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Lines of columns, each as wide as its widest cell."""
    lines = [tuple(titles), *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(titles))]
    for line in lines:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)))
