"""Kill the application at every boundary of every money story, and restart it: nothing is lost.

A boundary is just before or just after a commit or a gateway call. After a crash before one, the
people of the story come back and go on; after a crash behind one, nobody does. What is durable
after one boundary is durable before the next, so that each durable state is tried both ways. A run
tries a twelfth of the boundaries, another one each day; with --full it tries all.
"""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.crash.boundaries import distinct
from tests.crash.stage import Stage, set_stage
from tests.crash.stories import STORIES
from tests.crash.trial import Life, Place, Played, come_back, in_a_process, leave_alone, play
from tests.databases import Databases
from tests.size import FULL

PARTS: Final = 12  # of the boundaries; a run tries one part, and a later day another
DIE_TWICE: Final = 0.1  # of the boundaries: there the application also dies while it recovers
LIVES_MAX: Final = 3
SEED: Final = "crash"


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("story", STORIES)
def test_dying_at_every_boundary_loses_nothing(
    story: str,
    databases: Databases,
    template: Any,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with set_stage(databases, template.template_dbname, tmp_path, story) as stage:
        trials = Trials(stage, story, tries_all=FULL)
        wrong = [breach for number in trials.numbers for breach in trials.try_boundary(number)]
    record_property("crash", (story, trials.found, len(trials.numbers), trials.died_twice))
    assert not wrong, "\n".join(wrong)


class Trials:
    """A story's boundaries, found by playing it once to its end, and what dying at each does."""

    def __init__(self, stage: Stage, story: str, *, tries_all: bool) -> None:
        self._stage = stage
        self._story = story
        self._chance = random.Random(f"{SEED} {story}")
        self.died_twice = 0
        place = stage.place()
        first: Played = self._run(play, place)
        last: Played = self._run(leave_alone, place)
        assert not last.breaches, last.breaches
        assert not (misordered := first.misordered + last.misordered), "\n".join(misordered)
        self._names = first.names
        self._outcome = last.outcome
        self.found = len(first.names)
        self.numbers = list(range(1, self.found + 1) if tries_all else _sample(first.names))

    def try_boundary(self, number: int) -> list[str]:
        """What is wrong after a crash at a boundary and the recovery, in words."""
        name = self._names[number - 1]
        recover = come_back if name.startswith("before") else leave_alone
        died = f"{self._story} died {name} ({number}), {recover.__name__}"
        place = self._die(number)
        played: Played = self._run(recover, place)
        wrong = self._wrong(played, recover, died)
        if played.names and self._chance.random() < DIE_TWICE:
            wrong += self._try_again(number, played, recover, died)
        return wrong

    def _try_again(self, number: int, played: Played, recover: Life, died: str) -> list[str]:
        """What is wrong when the house dies once more while it recovers."""
        again = self._chance.randint(1, len(played.names))
        place = self._die(number)
        last: Played | None = self._run(recover, place, again)
        if last is None:
            self.died_twice += 1
            last = self._run(recover if again <= played.replayed else leave_alone, place)
        assert last is not None
        return self._wrong(last, recover, f"{died}, again {played.names[again - 1]} ({again})")

    def _die(self, number: int) -> Place:
        """Where the house has died there while the story was played.

        Jobs that try again wait by the queue's clock, and so a life may pass fewer boundaries.
        """
        for _ in range(LIVES_MAX):
            place = self._stage.place()
            if self._run(play, place, number) is None:
                return place
        raise AssertionError(f"it came to no boundary {number} again")

    def _run(self, life: Life, place: Place, die_at: int | None = None) -> Any:
        return in_a_process(life, place, self._story, self._stage.before, die_at)

    def _wrong(self, played: Played, recover: Life, died: str) -> list[str]:
        wrong = [f"{died}: {breach}" for breach in (*played.breaches, *played.misordered)]
        if recover is come_back and played.outcome != self._outcome:
            wrong.append(f"{died}: ended as {played.outcome}, not as {self._outcome}")
        return wrong


def _sample(names: Sequence[str]) -> list[int]:
    """Every twelfth boundary that differs from those before it, beginning elsewhere each day."""
    today = datetime.now(UTC).toordinal()
    return list(distinct(names))[today % PARTS :: PARTS]
