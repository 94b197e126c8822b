"""Job locks: one holder, who writes through its lock and loses both at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import pytest

from app.foundation import locks
from app.foundation.db import execute, fetch_new_value, fetch_values, transaction
from app.foundation.locks import Lease, LockBusy, LockLost, held
from app.foundation.settings import settings
from tasks.runner.timers import Timer, task_of
from tasks.schedule import TIMERS
from tests.operations.jobs.desk import Desk
from tests.tasks.runner.bench import Bench

Work = Callable[[asyncio.Event], Awaitable[None]]


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    await _sql("CREATE TABLE notes (text text NOT NULL)")
    return bench


async def _sql(sql: LiteralString, **params: Any) -> None:
    async with transaction() as tx:
        await execute(tx, sql, **params)


async def _note(text: str) -> None:
    await _sql("INSERT INTO notes VALUES (%(text)s)", text=text)


async def _notes() -> list[str]:
    async with transaction() as tx:
        return await fetch_values(tx, str, "SELECT text FROM notes ORDER BY 1")


async def _leases() -> list[Lease]:
    async with transaction() as tx:
        return await locks.leases(tx)


async def _end(lease_id: UUID) -> Lease | None:
    async with transaction() as tx:
        return await locks.end(tx, lease_id)


async def _let_expire() -> None:
    await _sql(
        """
        UPDATE job_locks SET renewed_at = clock_timestamp() - interval '6 minutes',
               expires_at = clock_timestamp() - interval '1 minute'"""
    )


@asynccontextmanager
async def holder(url: str, work: Work | None = None) -> AsyncIterator["asyncio.Task[None]"]:
    """Somebody who holds the lock x, in a task of its own; goes on once it is let."""
    has_it, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with held("x", url):
            if work is None:
                has_it.set()
                await go_on.wait()
                await _note("the first holder's")
            else:
                await work(has_it)

    task = asyncio.create_task(hold())
    waiting = asyncio.create_task(has_it.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert has_it.is_set(), task
    try:
        yield task
    finally:
        go_on.set()
        await asyncio.wait([task], timeout=20)
        task.cancel()


async def test_a_second_process_sees_who_holds_the_lock_and_gets_it_afterwards(
    bench: Bench,
) -> None:
    async with holder(bench.url):
        (lease,) = await _leases()
        assert (lease.name, lease.alive, lease.expired) == ("x", True, False)
        assert lease.expires_at - lease.renewed_at == locks.LEASE
        with pytest.raises(LockBusy, match=lease.instance):
            async with held("x", bench.url):
                raise AssertionError("two hold it")
        async with held("y", bench.url):
            assert [lease.name for lease in await _leases()] == ["x", "y"]
    assert await _leases() == []
    async with held("x", bench.url):
        pass
    assert await _notes() == ["the first holder's"]


async def test_of_many_processes_at_once_one_gets_the_lock(bench: Bench) -> None:
    inside: list[int] = []

    async def try_it(n: int) -> bool:
        try:
            async with held("x", bench.url):
                inside.append(n)
                assert len(inside) == 1
                await asyncio.sleep(0.02)
                inside.remove(n)
                return True
        except LockBusy:
            return False

    results = await asyncio.gather(*(try_it(n) for n in range(8)))
    assert any(results)


async def test_all_that_a_holder_writes_goes_through_its_lock_one_after_the_other(
    bench: Bench,
) -> None:
    async def backend() -> int:
        async with transaction() as tx:
            return await fetch_new_value(tx, int, "SELECT pg_backend_pid() FROM pg_sleep(0.001)")

    async with held("x", bench.url):
        (lease,) = await _leases()
        assert set(await asyncio.gather(*(backend() for _ in range(5)))) == {lease.backend_pid}
        with pytest.raises(RuntimeError, match="in a transaction"):
            async with transaction():
                await backend()
    assert await backend() != lease.backend_pid


async def test_a_holder_whose_lock_was_taken_away_cannot_write_any_more(bench: Bench) -> None:
    async with holder(bench.url) as first:
        (lease,) = await _leases()
        ended = await _end(lease.id)
        assert ended is not None
        assert ended.name == "x"
        async with held("x", bench.url):
            await _note("the second holder's")
    with pytest.raises(LockLost):
        await first
    assert await _notes() == ["the second holder's"]
    assert await _end(lease.id) is None


async def test_uncommitted_writes_of_a_holder_are_lost_with_its_lock(bench: Bench) -> None:
    async def work(has_it: asyncio.Event) -> None:
        async with transaction() as tx:
            await execute(tx, "INSERT INTO notes VALUES ('half done')")
            has_it.set()
            await asyncio.sleep(0.1)
            while True:
                await execute(tx, "SELECT pg_sleep(0.01)")

    async with holder(bench.url, work) as first:
        (lease,) = await _leases()
        await _end(lease.id)
    with pytest.raises(LockLost):
        await first
    assert await _notes() == []


async def test_a_lease_of_another_holder_is_not_ended_by_the_id_of_the_first(bench: Bench) -> None:
    async with holder(bench.url):
        (before,) = await _leases()
    async with holder(bench.url):
        (now,) = await _leases()
        assert now.id != before.id
        assert await _end(before.id) is None
        assert await _leases() == [now]


async def test_a_session_that_only_has_the_same_process_id_is_left_alone(bench: Bench) -> None:
    async with holder(bench.url):
        await _sql("UPDATE job_locks SET backend_start = backend_start - interval '1 s'")
        (lease,) = await _leases()
        assert not lease.alive
        await _end(lease.id)
        assert await _leases() == []
    assert await _notes() == ["the first holder's"]


async def test_a_lease_is_renewed_as_long_as_its_holder_lives(bench: Bench) -> None:
    async with held("x", bench.url, renewed_every=timedelta(milliseconds=20)):
        (before,) = await _leases()
        for _ in range(500):
            (now,) = await _leases()
            if now.renewed_at > before.renewed_at:
                break
            await asyncio.sleep(0.02)
    assert now.renewed_at > before.renewed_at
    assert now.expires_at - now.renewed_at == locks.LEASE


async def test_a_holder_whose_lease_is_gone_stops_when_it_would_renew(bench: Bench) -> None:
    async def work() -> None:
        async with held("x", bench.url, renewed_every=timedelta(milliseconds=20)):
            await _sql("DELETE FROM job_locks")
            for _ in range(500):
                await _note("again and again")
                await asyncio.sleep(0.02)

    with pytest.raises(LockLost):
        await asyncio.wait_for(work(), 20)


async def test_a_lock_is_taken_from_a_holder_that_hangs(bench: Bench) -> None:
    async with holder(bench.url) as first:
        await _let_expire()
        async with held("x", bench.url):
            await _note("the second holder's")
    with pytest.raises(LockLost):
        await first
    assert await _notes() == ["the second holder's"]


async def test_a_lease_that_was_renewed_while_the_clock_was_ahead_is_over(bench: Bench) -> None:
    async with holder(bench.url):
        await _sql(
            "UPDATE job_locks SET renewed_at = renewed_at + interval '1 year',"
            " expires_at = expires_at + interval '1 year'"
        )
        assert [lease.expired for lease in await _leases()] == [True]
        async with held("x", bench.url):
            await _note("the second holder's")
    assert await _notes() == ["the second holder's"]


async def test_the_lease_of_a_killed_holder_blocks_nobody(bench: Bench) -> None:
    async with holder(bench.url):
        await _sql("SELECT pg_terminate_backend(backend_pid, 5000) FROM job_locks")
        (left,) = await _leases()
        assert not left.alive
        async with held("x", bench.url):
            (taken,) = await _leases()
            assert taken.id != left.id
        assert await _leases() == []


# ---- operators ----------------------------------------------------------------------------------


async def test_an_admin_sees_who_holds_what_and_takes_it_away(bench: Bench, desk: Desk) -> None:
    async with holder(bench.url) as first:
        (lock,) = (await desk.get("job-locks"))["locks"]
        assert (lock["name"], lock["alive"], lock["expired"]) == ("x", True, False)
        reply = await desk.delete(f"job-locks/{lock['id']}", reason="It hangs")
        assert reply.status_code == 204
        assert (await desk.get("job-locks"))["locks"] == []
        again = await desk.delete(f"job-locks/{lock['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "lock_not_held")
    with pytest.raises(LockLost):
        await first
    assert await desk.records() == ["admin release_job_lock job_lock x It hangs"]


async def test_leases_that_are_not_renewed_are_cleaned_up(bench: Bench, desk: Desk) -> None:
    [cleanup] = [timer for timer in TIMERS if timer.name == "cleanup-locks"]
    with _settled(bench.url):
        async with holder(bench.url) as first:
            assert await cleanup.run() == 0
            assert [lease.name for lease in await _leases()] == ["x"]
            await _let_expire()
            assert await cleanup.run() == 1
            assert await _leases() == []
    with pytest.raises(LockLost):
        await first
    assert await desk.records() == ["system release_job_lock job_lock x the lease was not renewed"]


# ---- periodic jobs ------------------------------------------------------------------------------


@contextmanager
def _settled(url: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        settings.cache_clear()
        yield
    settings.cache_clear()


async def test_every_periodic_job_runs_under_its_own_lock(bench: Bench) -> None:
    with _settled(bench.url):
        for timer in TIMERS:
            async with held(timer.name, bench.url):
                with pytest.raises(LockBusy):
                    await timer.run()


async def test_a_run_whose_lock_another_process_holds_is_skipped_with_a_reason(
    bench: Bench,
) -> None:
    ran = []

    async def run() -> int:
        async with held("x", bench.url):
            ran.append(1)
            return 1

    bench.tasks["x"] = task_of(Timer(name="x", cron="* * * * *", run=run))
    await bench.add("x", args={"timestamp": 1_900_000_000})
    async with holder(bench.url):
        (lease,) = await _leases()
        await bench.run()
    assert ran == []
    assert await bench.statuses() == ["succeeded 1"]
    assert await bench.values("SELECT outcome || ' ' || error FROM job_runs") == [
        f"skipped held by {lease.instance}, since {lease.acquired_at:%Y-%m-%d %H:%M:%S}"
    ]
