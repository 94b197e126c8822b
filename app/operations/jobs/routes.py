"""Jobs over HTTP: for admins, and for a scheduler or monitor outside that knows a job secret."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import (
    FromPath,
    HeaderParameter,
    JSONBody,
    PathParameter,
    QueryParameter,
)

from app.foundation import locks
from app.foundation.audit import SYSTEM, Actor, ActorRole
from app.foundation.db import transaction
from app.foundation.web import PageCursor, PageSize
from app.foundation.wire import ReasonBody
from app.operations.jobs import actions, guards, stories
from app.operations.jobs.model import (
    Health,
    Job,
    JobFilter,
    JobPage,
    JobStatus,
    JobWithPast,
    Locks,
    PauseKind,
    Pauses,
    Redrive,
    Redriven,
    RunFilter,
    RunPage,
    TriggerReply,
)
from app.people.accounts.guards import AuthenticatedRequest, require_admin

_NAME_MAX = 128
_WAIT_S_MAX = 25

Name = Annotated[str, PathParameter(min_length=1, max_length=_NAME_MAX)]
NameFilter = Annotated[str | None, QueryParameter(min_length=1, max_length=_NAME_MAX)]
JobId = Annotated[int, PathParameter(ge=1, le=2**63 - 2)]
Secret = Annotated[str | None, HeaderParameter(name=guards.HEADER)]
Wait = Annotated[
    int,
    QueryParameter(ge=0, le=_WAIT_S_MAX, description="Seconds to wait for the end of the run"),
]


def _admin(request: AuthenticatedRequest) -> Actor:
    return Actor(ActorRole.ADMIN, request.user.id)


# ---- for clients with a job secret ---------------------------------------------------------------


@post(
    "/api/jobs/{name:str}",
    status_code=200,
    exclude_from_auth=True,
    guards=[guards.require_job_secret],
    tags=["jobs"],
    summary="Run a periodic job now, and wait for its result if asked to",
)
async def trigger_job(name: Name, wait: Wait = 0, job_secret: Secret = None) -> TriggerReply:  # noqa: ARG001
    return await stories.trigger(name, wait_s=wait, by=SYSTEM, reason="asked for with a job secret")


@get(
    "/api/jobs/health",
    exclude_from_auth=True,
    guards=[guards.require_job_secret],
    tags=["jobs"],
    summary="The health of periodic jobs, queues and workers, and what is wrong",
)
async def read_health(job_secret: Secret = None) -> Health:  # noqa: ARG001
    async with transaction() as tx:
        return await actions.read_health(tx)


# ---- for admins: read ----------------------------------------------------------------------------


@get(
    "/api/admin/jobs",
    guards=[require_admin],
    tags=["jobs"],
    summary="Jobs, newest first; `status=failed` are the dead letters",
)
async def list_jobs(
    *,
    job_status: Annotated[JobStatus | None, QueryParameter(name="status")] = None,
    queue: NameFilter = None,
    task: NameFilter = None,
    limit: PageSize = 20,
    cursor: PageCursor = None,
) -> JobPage:
    wanted = JobFilter(status=job_status, queue=queue, task=task)
    async with transaction() as tx:
        return await actions.read_jobs(tx, wanted, limit=limit, cursor=cursor)


@get(
    "/api/admin/jobs/{job_id:int}",
    guards=[require_admin],
    tags=["jobs"],
    summary="One job, with its arguments (no secrets), its failed attempts and its events",
)
async def get_job(job_id: JobId) -> JobWithPast:
    async with transaction() as tx:
        return await actions.read_job(tx, job_id)


@get(
    "/api/admin/jobs/health",
    guards=[require_admin],
    tags=["jobs"],
    summary="The health of periodic jobs, queues and workers, and what is wrong",
)
async def read_health_as_admin() -> Health:
    async with transaction() as tx:
        return await actions.read_health(tx)


@get(
    "/api/admin/jobs/runs",
    guards=[require_admin],
    tags=["jobs"],
    summary="Runs of periodic jobs with their results, newest first",
)
async def list_runs(
    *, name: NameFilter = None, limit: PageSize = 20, cursor: PageCursor = None
) -> RunPage:
    async with transaction() as tx:
        return await actions.read_runs(tx, RunFilter(name=name), limit=limit, cursor=cursor)


# ---- for admins: change --------------------------------------------------------------------------


@post(
    "/api/admin/jobs/{job_id:int}/retry",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Queue a job again that gave up, was cancelled, or waits for its next attempt",
)
async def retry_job(
    request: AuthenticatedRequest, job_id: JobId, data: JSONBody[ReasonBody]
) -> Job:
    async with transaction() as tx:
        return await actions.retry_job(tx, job_id, by=_admin(request), reason=data.reason)


@post(
    "/api/admin/jobs/{job_id:int}/cancel",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Cancel a job that waits or gave up, or ask one that runs to end",
)
async def cancel_job(
    request: AuthenticatedRequest, job_id: JobId, data: JSONBody[ReasonBody]
) -> Job:
    async with transaction() as tx:
        return await actions.cancel_job(tx, job_id, by=_admin(request), reason=data.reason)


@post(
    "/api/admin/jobs/retry",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Queue dead letters again, of one task or queue or all",
)
async def retry_dead(request: AuthenticatedRequest, data: JSONBody[Redrive]) -> Redriven:
    async with transaction() as tx:
        return Redriven(job_ids=await actions.retry_dead(tx, data, by=_admin(request)))


@get(
    "/api/admin/jobs/pauses",
    guards=[require_admin],
    tags=["jobs"],
    summary="Queues and tasks that are paused",
)
async def list_pauses() -> Pauses:
    async with transaction() as tx:
        return Pauses(pauses=await actions.read_pauses(tx))


@post(
    "/api/admin/queues/{name:str}/pause",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Start no more jobs of a queue; running ones go on",
)
async def pause_queue(
    request: AuthenticatedRequest, name: Name, data: JSONBody[ReasonBody]
) -> Pauses:
    return await _pause(request, PauseKind.QUEUE, name, data)


@post(
    "/api/admin/queues/{name:str}/resume",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Start jobs of a queue again",
)
async def resume_queue(
    request: AuthenticatedRequest, name: Name, data: JSONBody[ReasonBody]
) -> Pauses:
    return await _resume(request, PauseKind.QUEUE, name, data)


@post(
    "/api/admin/tasks/{name:str}/pause",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Start no more jobs of a task, which may be a periodic job; running ones go on",
)
async def pause_task(
    request: AuthenticatedRequest, name: Name, data: JSONBody[ReasonBody]
) -> Pauses:
    return await _pause(request, PauseKind.TASK, name, data)


@post(
    "/api/admin/tasks/{name:str}/resume",
    status_code=200,
    guards=[require_admin],
    tags=["jobs"],
    summary="Start jobs of a task again",
)
async def resume_task(
    request: AuthenticatedRequest, name: Name, data: JSONBody[ReasonBody]
) -> Pauses:
    return await _resume(request, PauseKind.TASK, name, data)


async def _pause(
    request: AuthenticatedRequest, kind: PauseKind, name: str, body: ReasonBody
) -> Pauses:
    async with transaction() as tx:
        paused = await actions.pause(tx, kind, name, by=_admin(request), reason=body.reason)
        return Pauses(pauses=paused)


async def _resume(
    request: AuthenticatedRequest, kind: PauseKind, name: str, body: ReasonBody
) -> Pauses:
    async with transaction() as tx:
        paused = await actions.resume(tx, kind, name, by=_admin(request), reason=body.reason)
        return Pauses(pauses=paused)


# ---- for admins: locks ---------------------------------------------------------------------------


@get(
    "/api/admin/job-locks",
    guards=[require_admin],
    tags=["jobs"],
    summary="Which process runs which periodic job now, and until when its lock lasts",
)
async def list_locks() -> Locks:
    async with transaction() as tx:
        return Locks(locks=await locks.leases(tx))


@delete(
    "/api/admin/job-locks/{lease_id:uuid}",
    guards=[require_admin],
    tags=["jobs"],
    summary="Take a lock away: its holder can write nothing more",
)
async def release_lock(
    request: AuthenticatedRequest,
    lease_id: FromPath[UUID],
    reason: Annotated[str, QueryParameter(max_length=1_000)] = "",
) -> None:
    async with transaction() as tx:
        await actions.release_lock(tx, lease_id, by=_admin(request), reason=reason)


routes: list[HTTPRouteHandler] = [
    trigger_job,
    read_health,
    list_jobs,
    get_job,
    read_health_as_admin,
    list_runs,
    retry_job,
    cancel_job,
    retry_dead,
    list_pauses,
    pause_queue,
    resume_queue,
    pause_task,
    resume_task,
    list_locks,
    release_lock,
]
