"""Hide secrets in jobs, and judge the health of jobs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, cast

from app.operations.jobs.model import (
    Health,
    Periodic,
    PeriodicState,
    Queue,
    Run,
    RunState,
    Timetable,
    UnknownTask,
    Worker,
)

HIDDEN: Final = "[hidden]"

# Other names of periodic jobs.
ALIASES: Final = MappingProxyType({"expire-seats": "expire-holds"})

_SECRET_NAME: Final = re.compile(
    r"secret|password|passwd|token|authorization|credential|signature|cookie"
    r"|apikey|privatekey|accountnumber|cardnumber|cvv|cvc",
)
_SECRET_TEXT: Final = re.compile(
    r"(?P<keep>://[^\s/:@]+:)[^\s@]+(?=@)"  # the password in a URL
    r"|(?P<scheme>Bearer )[\w.~+/=-]+"
    r"|\b(?:[spr]k_(?:live|test)|whsec)_\w+",
    re.IGNORECASE,
)
_SECRET_LENGTH_MIN: Final = 8
_LATE_AFTER: Final = timedelta(minutes=5)
# What lies further ahead was written while the server's clock was wrong. (One was set back a little
# now and then, and a triggered job's tick is rounded up.)
_AHEAD_MAX: Final = timedelta(minutes=1)


def redacted(value: Any, secrets: Sequence[str]) -> Any:
    """A job's arguments without secrets: found by the name of a field, or by the text itself."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if _is_secret(name) else redacted(inner, secrets)
            for name, inner in cast("dict[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [redacted(inner, secrets) for inner in cast("list[Any]", value)]
    return redacted_text(value, secrets) if isinstance(value, str) else value


def redacted_text(text: str, secrets: Sequence[str]) -> str:
    """A text without our own secrets, gateways' keys, and passwords in URLs."""
    for secret in secrets:
        if len(secret) >= _SECRET_LENGTH_MIN:
            text = text.replace(secret, HIDDEN)
    return _SECRET_TEXT.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    return f"{found['keep'] or found['scheme'] or ''}{HIDDEN}"


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(re.sub(r"[^a-z]", "", name.lower())) is not None


def periodic(times: Timetable, last_run: Run | None, now: datetime) -> Periodic:
    """A periodic job with its state."""
    return Periodic(
        name=times.name,
        cron=times.cron,
        state=_state(times, last_run, now),
        last_run=last_run,
        last_done_at=times.last_done_at,
        next_run=times.next_tick,
        failures=times.failures,
    )


def _state(times: Timetable, last_run: Run | None, now: datetime) -> PeriodicState:
    if times.paused:
        return PeriodicState.PAUSED
    if now - times.next_tick > _LATE_AFTER or _is_ahead(times, now):
        return PeriodicState.LATE  # no worker queues it any more
    if last_run is None:
        return PeriodicState.NEW
    has_run = times.last_tick <= last_run.tick <= now + _AHEAD_MAX
    if not has_run and now - times.last_tick > _LATE_AFTER:
        return PeriodicState.LATE
    if last_run.state in (RunState.FAILED, RunState.LOST):
        return PeriodicState.FAILING
    return PeriodicState.OK


def _is_ahead(times: Timetable, now: datetime) -> bool:
    """Whether the last tick lies in the future: then it says nothing about when the job is due."""
    return times.last_tick > now + _AHEAD_MAX


def health(
    timetables: Iterable[Timetable],
    last_runs: Mapping[str, Run],
    queues: list[Queue],
    workers: list[Worker],
    unknown: list[UnknownTask],
    *,
    paused_tasks: list[str],
    now: datetime,
) -> Health:
    """The health of all jobs, with what is wrong in words."""
    known = list(timetables)
    jobs = [periodic(times, last_runs.get(times.name), now) for times in known]
    problems = [
        *_problems_of_workers(workers),
        *(
            f"{job.name} is {job.state}{_why_late(times, now)}"
            for times, job in zip(known, jobs, strict=True)
            if _is_bad(job.state)
        ),
        *(f"{queue.dead} jobs of {queue.name} gave up" for queue in queues if queue.dead),
        *(f"no worker knows the task {task.name}: {task.jobs} jobs wait" for task in unknown),
    ]
    return Health(
        healthy=not problems,
        problems=problems,
        periodic=jobs,
        queues=queues,
        workers=workers,
        paused_tasks=paused_tasks,
        unknown_tasks=unknown,
    )


def _is_bad(state: PeriodicState) -> bool:
    return state in (PeriodicState.LATE, PeriodicState.FAILING)


def _why_late(times: Timetable, now: datetime) -> str:
    if not _is_ahead(times, now):
        return ""
    return f": its last tick, {times.last_tick:%Y-%m-%d %H:%M:%S} UTC, lies in the future"


def _problems_of_workers(workers: Sequence[Worker]) -> Iterator[str]:
    if not any(worker.alive for worker in workers):
        yield "no worker is alive"
    for worker in workers:
        if not worker.alive and worker.silent_s < 0:
            at = f"{worker.last_heartbeat:%Y-%m-%d %H:%M:%S} UTC"
            yield f"worker {worker.id} is not alive: its heartbeat, {at}, lies in the future"
        elif not worker.alive:
            yield f"worker {worker.id} has been silent for {worker.silent_s:.0f} s"
