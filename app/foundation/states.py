"""The check that all state machines share. A room's table of moves is in its `model.py`."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar

from app.foundation.errors import Conflict

State = TypeVar("State", bound=StrEnum)


class MoveRefused(Conflict):
    """The state machine has no such move from its state, or another move was made first."""

    title = "This is not possible in the current state"


def check(moves: Mapping[State, Set[State]], was: State, to: State) -> None:
    """Raise MoveRefused unless the table allows `was → to`."""
    if to not in moves[was]:
        raise MoveRefused(f"The state is {was}, and cannot change to {to} from there.")


def sources(moves: Mapping[State, Set[State]], to: State) -> list[State]:
    """The states from which a move to `to` is allowed, for a compare-and-set without a check()."""
    return [was for was, targets in moves.items() if to in targets]
