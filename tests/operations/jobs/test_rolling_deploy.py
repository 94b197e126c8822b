"""Old and new workers side by side: what only the new ones know waits for them."""

from app.foundation.db import transaction
from app.operations.jobs import actions
from tests.tasks.runner.bench import Bench, until, working

ALERTS = "SELECT concat_ws(' ', kind, subject, details ->> 'jobs', state) FROM alerts"


async def _alert() -> int:
    async with transaction() as tx:
        return await actions.alert_unknown_tasks(tx)


async def test_a_job_of_the_next_release_waits_with_an_alert_and_uses_no_attempt(
    bench: Bench,
) -> None:
    bench.task("old")
    new = Bench(bench.url)
    new.task("old")
    new.task("new")
    assert await _alert() == 0
    async with working(bench.worker()):
        await bench.add("new")
        await bench.add("new", in_s=-1)
        await bench.add("new", lock="x")
        await bench.add("old")
        await until(bench, 1)
        assert await _alert() == 1
        assert await bench.values(ALERTS) == ["unknown_task new 3 open"]
        assert (await bench.statuses())[:3] == 3 * ["todo 0"]
        async with working(new.worker()):
            await until(new, 3)
            assert bench.ran == ["old"]
            await bench.add("old")
            assert await _alert() == 0
    assert await bench.statuses() == 5 * ["succeeded 1"]
    assert await bench.values(ALERTS) == ["unknown_task new 3 resolved"]


async def test_without_any_worker_no_task_is_called_unknown(bench: Bench) -> None:
    await bench.add("a")
    assert await _alert() == 0
