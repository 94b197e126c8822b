"""One checker for every state machine. A room's table of moves is in its `model.py`."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar

from app.foundation.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class MoveRefused(Conflict):
    """The state machine has no such move from where it is, or somebody else moved first."""

    title = "This is not possible in the current state"


def check(moves: Mapping[State, Set[State]], was: State, to: State) -> None:
    """Raise MoveRefused unless the table allows `was → to`."""
    if to not in moves[was]:
        raise MoveRefused(f"It is {was}, and from there it cannot become {to}.")


def sources(moves: Mapping[State, Set[State]], to: State) -> list[State]:
    """The states that may become `to`: for a compare-and-set that does not look first."""
    return [was for was, targets in moves.items() if to in targets]
