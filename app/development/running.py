"""How other commands find a running `berthold dev`: it leaves a note in its folder."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

_NOTE: Final = "running.json"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of a running `berthold dev`."""

    database_url: str
    url: str
    sandbox_url: str


@contextmanager
def noted(folder: Path, running: Running) -> Generator[None]:
    """Keep the note in the folder as long as the context is open."""
    note = folder / _NOTE
    note.write_bytes(msgspec.json.encode(running))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def find_running(folder: Path) -> Running | None:
    """The `berthold dev` that runs in this folder, if one does."""
    note = folder / _NOTE
    if not note.exists():
        return None
    return msgspec.json.decode(note.read_bytes(), type=Running)
