"""Which free units a buyer is offered instead of those that are gone."""

import pytest

from app.market.claims.model import FreeUnit
from app.market.claims.rules import ALTERNATIVES_MAX, nearest


def seat(label: str, *, unit_class: str = "standard") -> FreeUnit:
    """A seat by its label: 3B is in the third row and the second column of a bus."""
    row, column = int(label[:-1]), "ABCD".index(label[-1]) + 1
    return FreeUnit(
        id=4 * row + column,
        label=label,
        unit_class=unit_class,
        seat_row=row,
        seat_column=column,
    )


def room(number: int) -> FreeUnit:
    """A numbered room, of a house without a plan."""
    return FreeUnit(
        id=number, label=f"Room {number}", unit_class="standard", seat_row=None, seat_column=None
    )


@pytest.mark.parametrize(
    ("wanted", "free", "offered"),
    [
        (["2A"], ["4A", "2D", "2B", "1A"], ["2B", "2D", "1A", "4A"]),
        (["1A", "9D"], ["5A", "8D", "1C"], ["1C", "8D", "5A"]),
        (["1A"], [], []),
    ],
)
def test_seats_of_the_same_row_come_first_and_then_the_nearest_rows(
    wanted: list[str], free: list[str], offered: list[str]
) -> None:
    found = nearest([seat(label) for label in wanted], [seat(label) for label in free])
    assert [unit.label for unit in found] == offered


def test_a_far_seat_of_the_same_class_comes_before_a_near_one_of_another() -> None:
    far, near = seat("9A", unit_class="first"), seat("1B")
    assert nearest([seat("1A", unit_class="first")], [near, far]) == [far, near]


def test_rooms_without_a_plan_come_in_the_order_of_their_distance_in_the_list() -> None:
    found = nearest([room(5)], [room(number) for number in (1, 9, 6, 3)])
    assert [unit.id for unit in found] == [6, 3, 1, 9]


def test_so_many_free_units_are_offered_and_no_more() -> None:
    assert len(nearest([room(1)], [room(number) for number in range(2, 40)])) == ALTERNATIVES_MAX
