"""Turns: those who ask for much delay others by one turn, and never shut them out."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from app.foundation.errors import Unavailable
from app.foundation.turns import Turns


class Works:
    """Works that wait until they may end, and note in which order they were begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate = threading.Event()

    def of(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            self.gate.wait(5)
            return name

        return work


@pytest.fixture
def works() -> Works:
    return Works()


def _turns(*, waiting_max: int = 100, of_one_max: int = 20) -> Turns:
    return Turns("test", threads=1, waiting_max=waiting_max, of_one_max=of_one_max)


async def _ask(
    turns: Turns, works: Works, asker: str, count: int = 1, *, known: bool = False
) -> list[asyncio.Task[str]]:
    tasks = [
        asyncio.create_task(turns.run(works.of(asker), asker=asker, known=known))
        for _ in range(count)
    ]
    await asyncio.sleep(0)
    return tasks


async def test_who_asks_for_much_delays_another_by_one_turn(works: Works) -> None:
    turns = _turns()
    tasks = await _ask(turns, works, "many", 10)
    tasks += await _ask(turns, works, "one")
    tasks += await _ask(turns, works, "two", 2)
    works.gate.set()
    await asyncio.gather(*tasks)
    assert works.begun == ["many", "many", "one", "two", "many", "two", *["many"] * 7]
    assert turns.waiting == 0


async def test_who_is_known_goes_first(works: Works) -> None:
    turns = _turns()
    tasks = await _ask(turns, works, "stranger", 5)
    tasks += await _ask(turns, works, "owner", known=True)
    works.gate.set()
    await asyncio.gather(*tasks)
    assert works.begun[:2] == ["stranger", "owner"]


async def test_the_longest_line_gives_way_to_a_newcomer(works: Works) -> None:
    turns = _turns(waiting_max=10, of_one_max=10)
    many = await _ask(turns, works, "many", 11)
    one = await _ask(turns, works, "one")
    works.gate.set()
    assert await one[0] == "one"
    replies = await asyncio.gather(*many, return_exceptions=True)
    assert [isinstance(reply, Unavailable) for reply in replies] == [False] * 10 + [True]


async def test_with_as_many_waiting_as_there_may_be_one_who_has_some_gets_no_more(
    works: Works,
) -> None:
    turns = _turns(waiting_max=4, of_one_max=3)
    tasks = await _ask(turns, works, "first")
    tasks += await _ask(turns, works, "a", 2)
    tasks += await _ask(turns, works, "b", 2)
    with pytest.raises(Unavailable) as refusal:
        await turns.run(works.of("a"), asker="a")
    assert refusal.value.retry_after_s
    works.gate.set()
    await asyncio.gather(*tasks)


async def test_one_line_is_bounded(works: Works) -> None:
    turns = _turns(of_one_max=3)
    tasks = await _ask(turns, works, "many", 4)
    with pytest.raises(Unavailable):
        await turns.run(works.of("many"), asker="many")
    works.gate.set()
    await asyncio.gather(*tasks)


async def test_who_goes_away_while_waiting_takes_no_turn(works: Works) -> None:
    turns = _turns()
    first = await _ask(turns, works, "first")
    gone = await _ask(turns, works, "gone", 3)
    last = await _ask(turns, works, "last")
    for task in gone:
        task.cancel()
    works.gate.set()
    await asyncio.gather(*first, *last)
    assert works.begun == ["first", "last"]
    assert await turns.run(works.of("after"), asker="after") == "after"


async def test_work_that_fails_passes_the_turn_on() -> None:
    turns = _turns()

    def fail() -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await turns.run(fail, asker="x")
    assert await turns.run(lambda: 7, asker="x") == 7
