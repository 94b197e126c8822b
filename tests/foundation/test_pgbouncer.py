"""Through PgBouncer in transaction mode: no state may be left on a server connection."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from app.foundation import db
from app.foundation.db import fetch_value, transaction
from app.foundation.locks import LockBusy, NoSession, held
from app.foundation.queue import SettlePayment, enqueue
from tests import make
from tests.stories.processes import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/bin") is None,
    reason="pgbouncer is not installed",
)


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that the user of PgBouncer can read: those of pytest are closed to others."""
    with tempfile.TemporaryDirectory(prefix="berthold-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
async def pooler(database_url: str, readable_folder: Path) -> AsyncIterator[str]:
    """A PgBouncer with two server connections before the test's database; yields its URL."""
    parts = conninfo_to_dict(database_url)
    port = free_port()
    users = readable_folder / "users.txt"
    users.write_text(f'"{parts["user"]}" ""\n')
    config = readable_folder / "pgbouncer.ini"
    config.write_text(
        f"""
[databases]
* = host={parts["host"]} port={parts["port"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 2
"""
    )
    command = ["/usr/sbin/pgbouncer", str(config)]
    if os.geteuid() == 0:
        command[1:1] = ["-u", _owner(str(parts["host"]))]
    with (readable_folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)  # noqa: ASYNC220  at once
    url = f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}"
    try:
        await _until_it_answers(port)
        await db.open_pool(url, size_max=10)
        yield url
    finally:
        await db.close_pool()
        process.terminate()
        process.wait(10)


def _owner(folder: str) -> str:
    """The user that owns a folder, and may use the socket in it."""
    return Path(folder).owner()


async def _until_it_answers(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("pgbouncer did not start")


async def test_many_transactions_share_two_server_connections(pooler: str) -> None:
    async def one(n: int) -> int | None:
        async with transaction() as tx:
            await make.account(tx)
            await enqueue(tx, SettlePayment(payment_id=make.new_id()))
            return await fetch_value(tx, int, "SELECT %(n)s::int", n=n)

    # More repetitions than a statement needs to be prepared on a server connection.
    numbers = await asyncio.gather(*(one(n) for n in range(100)))
    async with transaction() as tx:
        zone = await fetch_value(tx, str, "SHOW TimeZone")
        prepared = await fetch_value(tx, int, "SELECT count(*) FROM pg_prepared_statements")
        jobs = await fetch_value(tx, int, "SELECT count(*) FROM procrastinate_jobs")
    assert numbers == list(range(100))
    assert (zone, prepared, jobs) == ("UTC", 0, 100)


async def test_without_a_pooler_statements_are_prepared(pool: None) -> None:
    async with transaction() as tx:
        for _ in range(10):
            await fetch_value(tx, int, "SELECT 1")
        prepared = await fetch_value(tx, int, "SELECT count(*) FROM pg_prepared_statements")
    assert prepared == 1


async def test_a_job_lock_refuses_a_pooled_connection_and_holds_on_a_direct_one(
    pooler: str, database_url: str
) -> None:
    with pytest.raises(NoSession, match="DATABASE_DIRECT_URL"):
        async with held("x", pooler):
            raise AssertionError("the lock would be everybody's")
    async with held("x", database_url):
        with pytest.raises(LockBusy):
            async with held("x", database_url):
                raise AssertionError("two hold it")
