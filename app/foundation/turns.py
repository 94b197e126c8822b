"""Turns: work that takes a processor for long, done for many who ask, one after the other.

Each who asks has a line of its own, and the lines take turns: a hundred requests of one do not
delay the request of another by more than one turn. Those that are known go before all others. A
line, and all lines together, hold a bounded number: when all are full, the longest one gives up
its newest request, so that a newcomer is let in; else the newcomer is refused.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.foundation.errors import Unavailable

T = TypeVar("T")
_Turn = asyncio.Future[None]


class Turns:
    """At most `threads` at once, `waiting_max` that wait, and `of_one_max` of one who asks."""

    def __init__(self, name: str, *, threads: int, waiting_max: int, of_one_max: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads
        self._waiting_max = waiting_max
        self._of_one_max = of_one_max
        self._known: OrderedDict[str, deque[_Turn]] = OrderedDict()
        self._others: OrderedDict[str, deque[_Turn]] = OrderedDict()

    async def run(self, work: Callable[[], T], *, asker: str, known: bool = False) -> T:
        """The result of `work`, done in a thread when it is the asker's turn.

        Raises Unavailable if too much waits already.
        """
        turn = self._turn(asker, self._known if known else self._others)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it came just now
            raise
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pass_on()

    @property
    def waiting(self) -> int:
        return sum(len(line) for lines in (self._known, self._others) for line in lines.values())

    def _turn(self, asker: str, lines: OrderedDict[str, deque[_Turn]]) -> _Turn:
        turn: _Turn = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            turn.set_result(None)
            return turn
        line = lines.setdefault(asker, deque())
        if len(line) >= self._of_one_max or not self._has_room_beside(line):
            if not line:
                del lines[asker]
            raise _too_many()
        line.append(turn)
        return turn

    def _has_room_beside(self, line: deque[_Turn]) -> bool:
        """Make room for one more in this line, if another one is longer than it will be."""
        if self.waiting < self._waiting_max:
            return True
        longest = max(self._others.values(), key=len, default=line)
        if len(longest) <= len(line) + 1:
            return False
        newest = longest.pop()
        if not newest.done():
            newest.set_exception(_too_many())
        return True

    def _pass_on(self) -> None:
        """Give the next one its turn, whose line then is the last; with nobody left, be free."""
        for lines in (self._known, self._others):
            while lines:
                asker, line = lines.popitem(last=False)
                turn = line.popleft()
                if line:
                    lines[asker] = line
                if not turn.done() and not turn.get_loop().is_closed():
                    turn.set_result(None)
                    return
        self._free += 1


def _too_many() -> Unavailable:
    return Unavailable("Too many people are logging in.", retry_after_s=2)
