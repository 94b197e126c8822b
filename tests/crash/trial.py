"""Lives of the application, one after another, each in a process of its own, which may die.

Processes come from a fork server: it has everything imported, no threads, no open connection and
no running loop, so that a life begins in milliseconds.
"""

import asyncio
import multiprocessing
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

import tests.crash.journeys  # noqa: F401  its import puts its stories on the list
from tests.architecture.lock_order import LockOrder, watched_locks
from tests.books import breaches, outcome
from tests.crash.boundaries import DIED, Boundaries
from tests.crash.house import CrashHouse
from tests.crash.stories import STORIES
from tests.house import open_house

_SECONDS_MAX: Final = 60


class Place(msgspec.Struct, frozen=True):
    """What outlives a process: the database, and the gateway's books."""

    url: str
    books: Path


class Before(msgspec.Struct, frozen=True):
    """What a story begins with: who there is, and what `given` returned."""

    people: dict[str, Any]
    given: Any


class Played(msgspec.Struct, frozen=True):
    """A life that came to its end: the boundaries it passed, and what there was then.

    The story was played again when the first `replayed` of them were passed. `misordered` are the
    locks that its transactions took against the order.
    """

    names: list[str]
    replayed: int
    outcome: dict[str, list[str]]
    breaches: list[str]
    misordered: list[str]


class Hung(Exception):
    """A process did not end."""


class Failed(Exception):
    """A process ended by an exception, whose traceback this is."""


# ---- lives: what a process does -----------------------------------------------------------------


async def prepare(place: Place, story: str) -> Before:
    """Do what has happened before the story begins."""
    async with open_house(CrashHouse, place.url, place.books) as house:
        with watched_locks() as locks:
            await house.fill()
            given = await STORIES[story].given(house)
            await house.deliver()
            await house.settle_down()
        assert not locks.broken, "\n".join(locks.broken)
        return Before(house.people(), given)


async def play(place: Place, story: str, before: Before, die_at: int | None) -> Played:
    """Play the story for the first time."""
    async with _house(place, before, die_at) as (house, boundaries, locks):
        await _tell(house, story, before)
        return await _end(house, boundaries, locks)


async def come_back(place: Place, story: str, before: Before, die_at: int | None) -> Played:
    """After a crash: play the story again, then let all end that has begun."""
    async with _house(place, before, die_at) as (house, boundaries, locks):
        house.played_before = True
        await _tell(house, story, before)
        replayed = len(boundaries.names)
        await house.come_to_rest()
        return await _end(house, boundaries, locks, replayed=replayed)


async def leave_alone(place: Place, _story: str, before: Before, die_at: int | None) -> Played:
    """After a crash, or at a story's end: nobody comes; let all end that has begun."""
    async with _house(place, before, die_at) as (house, boundaries, locks):
        await house.come_to_rest()
        return await _end(house, boundaries, locks)


@asynccontextmanager
async def _house(
    place: Place, before: Before, die_at: int | None
) -> AsyncGenerator[tuple[CrashHouse, Boundaries, LockOrder]]:
    boundaries = Boundaries(die_at)
    async with open_house(
        CrashHouse, place.url, place.books, wrap=boundaries.around_calls
    ) as house:
        house.know(before.people)
        # In this order: a boundary is known by the function of ours that calls the driver.
        with watched_locks() as locks, boundaries.around_commits():
            yield house, boundaries, locks


async def _tell(house: CrashHouse, story: str, before: Before) -> None:
    house.chapter = "played"
    await STORIES[story].play(house, before.given)


async def _end(
    house: CrashHouse, boundaries: Boundaries, locks: LockOrder, *, replayed: int = 0
) -> Played:
    return Played(
        names=boundaries.names,
        replayed=replayed,
        outcome=await outcome(house),
        breaches=await breaches(house),
        misordered=locks.broken,
    )


# ---- processes ----------------------------------------------------------------------------------

Life = Callable[..., Coroutine[Any, Any, Any]]


def in_a_process(life: Life, *arguments: Any) -> Any:
    """What a life returns; None if it died as planned. Raises Failed, Hung."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.warm_up"])
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_main, args=(there, life, arguments))
    process.start()
    there.close()
    try:
        if not here.poll(_SECONDS_MAX):
            raise Hung(life.__name__)
        ended: tuple[bool, Any] = here.recv()
    except EOFError:
        process.join(_SECONDS_MAX)
        if process.exitcode == DIED:
            return None
        raise Failed(f"{life.__name__} ended with {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        here.close()
    succeeded, result = ended
    if not succeeded:
        raise Failed(result)
    return result


def _main(pipe: Connection, life: Life, arguments: tuple[Any, ...]) -> None:
    try:
        ended = (True, asyncio.run(life(*arguments)))
    except BaseException:  # noqa: BLE001  whatever it is, the process that waits gets it
        ended = (False, traceback.format_exc())
    pipe.send(ended)
