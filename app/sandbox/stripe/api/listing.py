"""Lists, page by page as Stripe has them, and single objects with what is asked for in full."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from app.sandbox.faults import Faults, Kind, Rule
from app.sandbox.stripe.api.reading import ApiRequest
from app.sandbox.stripe.wire import errors, objects
from app.sandbox.stripe.wire.times import unix

_PER_PAGE: Final = 10
_PER_PAGE_MAX: Final = 100
_EXPAND = re.compile(r"expand\[[0-9]*\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_COMMON: Final = frozenset(
    ["limit", "starting_after", "ending_before", "created"]
    + [f"created[{bound}]" for bound in ("gt", "gte", "lt", "lte")]
)


class Line(NamedTuple):
    """One row of a list, before it is shown; `at` is a time of the books."""

    id: str
    at: str
    of: Any


class Wanted(NamedTuple):
    """What is asked of a list. `what` is Stripe's word for its rows, `rule` the fault."""

    request: ApiRequest
    what: str
    rule: Rule | None


def check_query(request: ApiRequest, *known: str, expands: Collection[str] = ()) -> set[str]:
    """What is to be shown in full. Raises an error for a filter that this list does not have."""
    wanted: set[str] = set()
    for name, value in request.query_params.multi_items():
        if _EXPAND.fullmatch(name):
            if value not in expands:
                raise errors.invalid(f"This property cannot be expanded ({value}).", param="expand")
            wanted.add(value)
        elif name not in _COMMON and name not in known:
            raise errors.unknown(name)
    return wanted


def check_single(request: ApiRequest, *, expands: Collection[str] = ()) -> set[str]:
    """What is to be shown in full of a single object, which has no filters."""
    for name in request.query_params:
        if name in _COMMON:
            raise errors.unknown(name)
    return check_query(request, expands=expands)


def page(
    wanted: Wanted,
    lines: Sequence[Line],
    show: Callable[[Any], dict[str, Any]],
    *,
    everything: Sequence[Line] | None = None,
) -> dict[str, Any]:
    """A page of the lines that match, newest first.

    A page begins after, or ends before, any row there is: `everything`, if the lines are filtered.
    """
    request = wanted.request
    after, before = (request.query_params.get(name) for name in ("starting_after", "ending_before"))
    if after and before:
        raise errors.invalid("You may only specify one of these parameters", param="ending_before")
    limit = _limit(request)
    lines = sorted(filter(_window(request), lines), key=_place, reverse=True)
    faults: Faults = request.state.simulator.faults
    lines = list(faults.without_late(wanted.rule, lines, lambda line: line.id))
    known = lines if everything is None else everything
    if before:
        place = _place(_find(wanted, known, before, param="ending_before"))
        newer = [each for each in lines if _place(each) > place]
        shown, has_more = newer[-limit:], len(newer) > limit
    else:
        older = lines if not after else _after(wanted, known, after, lines)
        shown, has_more = older[:limit], len(older) > limit
    return objects.listed(
        [show(each.of) for each in shown], has_more=has_more, path=request.url.path
    )


def _after(wanted: Wanted, known: Sequence[Line], after: str, lines: list[Line]) -> list[Line]:
    place = _place(_find(wanted, known, after, param="starting_after"))
    is_repeated = wanted.rule and wanted.rule.kind is Kind.REPEATED_ROW
    return [
        each for each in lines if _place(each) < place or (is_repeated and _place(each) == place)
    ]


def _find(wanted: Wanted, lines: Sequence[Line], key: str, *, param: str) -> Line:
    found = next((each for each in lines if each.id == key), None)
    if found is None:
        raise errors.no_cursor(wanted.what, key, param=param)
    return found


def _place(line: Line) -> tuple[str, str]:
    return line.at, line.id


def _limit(request: ApiRequest) -> int:
    limit = _integer(request, "limit", _PER_PAGE)
    if not 1 <= limit <= _PER_PAGE_MAX:
        bound = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
        raise errors.invalid(
            f"This value must be {bound}.", param="limit", code="parameter_invalid_integer"
        )
    return limit


def _window(request: ApiRequest) -> Callable[[Line], bool]:
    """Whether a row was created within the bounds that the request gives."""
    at = _integer(request, "created", -1)
    after, since = _integer(request, "created[gt]", -1), _integer(request, "created[gte]", 0)
    before, until = (_integer(request, f"created[{name}]", 10**18) for name in ("lt", "lte"))

    def is_within(line: Line) -> bool:
        created = unix(line.at)
        return at in (-1, created) and max(after + 1, since) <= created <= min(before - 1, until)

    return is_within


def _integer(request: ApiRequest, name: str, default: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not _INTEGER.fullmatch(given):
        raise errors.invalid(
            f"Invalid integer: {given}", param=name, code="parameter_invalid_integer"
        )
    return int(given)
