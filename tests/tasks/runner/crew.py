"""Worker processes to be killed, stopped and cut off; each job's effect is a row, once.

python -m tests.tasks.runner.crew URL STALLED_S
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
from tasks.runner.model import Claimed
from tasks.runner.reaping import reap_forever
from tasks.runner.running import complete
from tasks.runner.supervisor import supervise
from tasks.runner.worker import Options, Worker

_RETRIES = Retries(attempts_max=1_000, first_wait_s=0.1, wait_s_max=0.5)


async def _work(job: Claimed) -> None:
    """A moment's work, whose effect and completion are one commit; urgent ones take longer."""
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
            lambda: reap_forever(TASKS, worker.pulse, stalled_s=stalled_s),
            asyncio.Event(),
        )
    )
    await worker.run()
    reaping.cancel()
    await db.close_pool()


class Crew:
    """So many worker processes on one database."""

    def __init__(self, url: str, size: int, *, stalled_s: float = 2.0) -> None:
        self._command = [sys.executable, "-m", "tests.tasks.runner.crew", url, str(stalled_s)]
        self.members = [self._start() for _ in range(size)]

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdout=subprocess.PIPE)

    def join(self) -> None:
        """One more."""
        self.members.append(self._start())

    def kill(self, number: int) -> None:
        """kill -9, and another in its place."""
        self.members[number].kill()
        self.members[number].communicate()
        self.members[number] = self._start()

    def signal(self, number: int, signum: int) -> None:
        self.members[number].send_signal(signum)

    def dismiss(self) -> list[int]:
        """SIGTERM for all, once each can take one; their exit codes."""
        for member in self.members:
            member.send_signal(signal.SIGCONT)
            assert member.stdout
            member.stdout.readline()
            member.terminate()
        for member in self.members:
            member.communicate(timeout=30)
        return [member.returncode for member in self.members]


async def prepare(url: str) -> None:
    """The table of effects: it lets a job leave two."""
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
    """Jobs that are not done, effects, and jobs that left one."""
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
    """Wait until every job is done; not for longer than this while none gets done."""
    fewest, give_up_at = inf, 0.0
    while (left := (await figures(url))[0]) > 0:
        if left < fewest:
            fewest, give_up_at = left, time.monotonic() + within_s
        assert time.monotonic() < give_up_at, f"{left} jobs are not done"
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
