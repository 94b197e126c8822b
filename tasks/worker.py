"""The worker process: opens the pools, imports the handlers, runs jobs until told to stop."""

import asyncio
import contextlib
import signal

import structlog
import uvloop
from procrastinate import App, PsycopgConnector
from procrastinate.worker import Worker

from app import db, queue
from app.business_clock import refuse_moved_clock
from app.gateways.registry import close_gateways, open_gateways
from app.logs import configure_logs
from app.settings import settings
from tasks import checkout, escrow, notifications, schedule, webhooks
from tasks.runner.rescue import rescue_forever
from tasks.runner.supervisor import supervise

# Importing a module of stories registers its handlers; these are all that this worker knows.
STORIES = (checkout, escrow, notifications, schedule, webhooks)

_POLLING_S = 1.0

_log = structlog.get_logger(__name__)


def main() -> None:
    """Run a worker until SIGTERM or SIGINT; then finish what runs, within the grace period."""
    configure_logs(settings().log_level, json=not settings().is_development)
    uvloop.run(run())


async def run() -> None:
    """The same inside a running loop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    await db.open_pool(settings().database_url, size_max=settings().database_pool_size_max)
    open_gateways(settings())
    try:
        if settings().is_production:
            async with db.transaction() as tx:
                await refuse_moved_clock(tx)
        _log.info("worker started", concurrency=settings().worker_concurrency)
        await supervise("worker", lambda: _work(stopping), stopping)
    finally:
        await close_gateways()
        await db.close_pool()
    _log.info("worker stopped")


async def _work(stopping: asyncio.Event) -> None:
    """One life of the queue's worker: ends when told to, raises when its database fails."""
    connector = PsycopgConnector(conninfo=settings().direct_url, min_size=1, max_size=4)
    with queue.broker.replace_connector(connector) as app:
        async with app.open_async():
            worker = _make_worker(app)
            async with asyncio.TaskGroup() as group:
                rescuer = group.create_task(
                    supervise("rescue", lambda: rescue_forever(app), stopping)
                )
                stopper = group.create_task(_stop_when(stopping, worker))
                try:
                    await worker.run()
                finally:
                    rescuer.cancel()
                    stopper.cancel()


def _make_worker(app: App) -> Worker:
    return Worker(
        app=app,
        concurrency=settings().worker_concurrency,
        fetch_job_polling_interval=_POLLING_S,
        shutdown_graceful_timeout=settings().worker_grace_seconds,
        update_heartbeat_interval=settings().worker_heartbeat_seconds,
        stalled_worker_timeout=settings().worker_stalled_seconds,
        install_signal_handlers=False,
    )


async def _stop_when(stopping: asyncio.Event, worker: Worker) -> None:
    await stopping.wait()
    worker.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
