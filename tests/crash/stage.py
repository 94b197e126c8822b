"""Where a story is played: a scene to begin with, which is set anew for each trial."""

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from tests.crash.trial import Before, Place, in_a_process, prepare
from tests.databases import Databases

_NAME_MAX: Final = 63  # letters of a database's name


class Stage:
    """One story's scene, and places that are as it was."""

    def __init__(self, scene: Place, before: Before, bring_back: Callable[[], None]) -> None:
        self.before = before
        self._scene = scene
        self._bring_back = bring_back
        self._numbers = count(1)

    def place(self) -> Place:
        """The scene anew, where nothing has happened yet. The place before it is gone."""
        books = self._scene.books.with_suffix(f".{next(self._numbers)}")
        shutil.copy(self._scene.books, books)
        self._bring_back()
        return Place(self._scene.url, books)


@contextmanager
def set_stage(databases: Databases, template: str, folder: Path, story: str) -> Generator[Stage]:
    """A stage on which has happened what the story begins with."""
    name = f"{template}_{story}"[:_NAME_MAX]
    with databases.copy(name, of=template) as url:
        scene = Place(url, folder / "books")
        before: Before = in_a_process(prepare, scene, story)
        with databases.kept(name) as bring_back:
            yield Stage(scene, before, bring_back)
