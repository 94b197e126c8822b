"""Units as they are planned: rooms, and seats in rows."""

from collections.abc import Iterator

from app.foundation.errors import FieldError, Invalid
from app.foundation.money import Money
from app.market.inventory.model import (
    UNITS_MAX,
    NewUnit,
    NewUnits,
    RoomPlan,
    SeatPlan,
)
from app.market.inventory.rules.errors import error, refuse


def unit_prices(new: NewUnits) -> dict[str, Money | None]:
    """The prices of new units, by field name."""
    prices = {f"units[{nth}].price": unit.price for nth, unit in enumerate(new.units or ())}
    if new.seats:
        prices["seats.firstClassPrice"] = new.seats.first_class_price
    if new.rooms:
        prices["rooms.price"] = new.rooms.price
    return prices


def planned_units(new: NewUnits) -> list[NewUnit]:
    """The units that a request asks for. Raises Invalid, naming every field that is wrong."""
    given = [plan for plan in (new.units, new.seats, new.rooms) if plan is not None]
    if len(given) != 1:
        raise Invalid.field("units", "send exactly one of units, seats and rooms")
    if new.seats:
        refuse(list(_seat_plan_errors(new.seats)))
        return _seats(new.seats)
    if new.rooms:
        return _rooms(new.rooms)
    units = new.units or []
    first: dict[str, int] = {}
    twice = [nth for nth, unit in enumerate(units) if first.setdefault(unit.label, nth) < nth]
    refuse([error(f"units[{nth}].label", "is the label of a unit before it") for nth in twice])
    return units


def _seat_plan_errors(plan: SeatPlan) -> Iterator[FieldError]:
    letters = plan.columns.replace("_", "")
    if not letters:
        yield error("seats.columns", "must name at least one column")
    if len(set(letters)) < len(letters):
        yield error("seats.columns", "must not name a column twice")
    if plan.rows * len(letters) > UNITS_MAX:
        yield error("seats.rows", f"a listing has at most {UNITS_MAX} units")
    if plan.first_class_rows > plan.rows:
        yield error("seats.firstClassRows", "must not be more than rows")


def _seats(plan: SeatPlan) -> list[NewUnit]:
    """Seats row by row. The aisle takes up a column number, so that a seat map can show it."""
    return [
        NewUnit(
            label=f"{row}{letter}",
            unit_class="first" if row <= plan.first_class_rows else "standard",
            price=plan.first_class_price if row <= plan.first_class_rows else None,
            seat_row=row,
            seat_column=column,
        )
        for row in range(1, plan.rows + 1)
        for column, letter in enumerate(plan.columns, start=1)
        if letter != "_"
    ]


def _rooms(plan: RoomPlan) -> list[NewUnit]:
    return [
        NewUnit(label=f"{plan.prefix}{number}", unit_class=plan.unit_class, price=plan.price)
        for number in range(1, plan.count + 1)
    ]
