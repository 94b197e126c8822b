"""Worker processes that tests kill and suspend; the effect of each job is one row.

python -m tests.tasks.runner.processes URL STALLED_S
"""

import asyncio
import signal
import subprocess
import sys
import time
from math import inf

from app.foundation import db
from app.foundation.logs import configure_logs
from tasks.runner.handlers import Retries, Task
from tasks.runner.model import TakenJob
from tasks.runner.reaping import reap_forever
from tasks.runner.running import complete
from tasks.runner.supervisor import supervise
from tasks.runner.worker import Options, Worker

_RETRIES = Retries(attempts_max=1_000, first_wait_s=0.1, wait_s_max=0.5)


async def _work(job: TakenJob) -> None:
    """Work for a moment, or `priority` seconds; commit the effect and the completion together."""
    await asyncio.sleep(job.priority or 0.003)
    async with db.transaction() as tx:
        await db.execute(tx, "INSERT INTO effects (job_id) VALUES (%(id)s)", id=job.id)
        await complete(tx)


TASKS = {"work": Task(name="work", run=_work, retries=_RETRIES)}


async def main(url: str, stalled_s: float) -> None:
    configure_logs("CRITICAL", json=True)
    await db.open_pool(url, size_max=4)
    options = Options(url=url, heartbeat_s=stalled_s / 6, stalled_s=stalled_s, grace_s=2)
    worker = Worker(TASKS, options)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    print("ready", flush=True)
    reaping = asyncio.create_task(
        supervise(
            "reap",
            lambda: reap_forever(TASKS, worker.heartbeat, stalled_s=stalled_s),
            asyncio.Event(),
        )
    )
    await worker.run()
    reaping.cancel()
    await db.close_pool()


class Processes:
    """Several worker processes on one database."""

    def __init__(self, url: str, size: int, *, stalled_s: float = 2.0) -> None:
        self._command = [sys.executable, "-m", "tests.tasks.runner.processes", url, str(stalled_s)]
        self._processes = [self._start() for _ in range(size)]

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdout=subprocess.PIPE)

    def start_another(self) -> None:
        """Start one more process."""
        self._processes.append(self._start())

    def kill(self, number: int) -> None:
        """Kill a process with SIGKILL, and start another one in its place."""
        self._processes[number].kill()
        self._processes[number].communicate()
        self._processes[number] = self._start()

    def signal(self, number: int, signum: int) -> None:
        self._processes[number].send_signal(signum)

    def stop(self) -> list[int]:
        """Send SIGTERM to each process once it is ready for that; returns their exit codes."""
        for process in self._processes:
            process.send_signal(signal.SIGCONT)
            assert process.stdout
            process.stdout.readline()
            process.terminate()
        for process in self._processes:
            process.communicate(timeout=30)
        return [process.returncode for process in self._processes]


async def prepare(url: str) -> None:
    """Create the table of effects: it would let a job leave two of them."""
    async with db.direct_connection(url) as connection:
        await db.execute(connection, "CREATE TABLE effects (job_id bigint NOT NULL)")


async def add(url: str, count: int, *, takes_s: int = 0) -> None:
    """Queue jobs."""
    async with db.direct_connection(url) as connection:
        await db.execute(
            connection,
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, priority)
            SELECT 'q', 'work', %(takes_s)s FROM generate_series(1, %(count)s)""",
            count=count,
            takes_s=takes_s,
        )


async def figures(url: str) -> tuple[int, int, int]:
    """How many jobs are not done, how many effects there are, and of how many jobs."""
    async with db.direct_connection(url) as connection:
        (row,) = await db.fetch_values(
            connection,
            list[int],
            """
            SELECT ARRAY[
                (SELECT count(*) FROM procrastinate_jobs WHERE status <> 'succeeded'),
                (SELECT count(*) FROM effects),
                (SELECT count(DISTINCT job_id) FROM effects)]""",
        )
    return row[0], row[1], row[2]


async def until_done(url: str, *, within_s: float) -> None:
    """Wait until every job is done, but no longer than `within_s` while none makes progress."""
    fewest, give_up_at = inf, 0.0
    while (left := (await figures(url))[0]) > 0:
        if left < fewest:
            fewest, give_up_at = left, time.monotonic() + within_s
        assert time.monotonic() < give_up_at, f"{left} jobs are not done"
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
