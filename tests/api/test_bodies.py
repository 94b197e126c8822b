"""The work that a bad body makes is bounded by what a route takes, not by what was sent."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Any, Final, get_args, get_origin

import httpx
import msgspec
import pytest
from msgspec import Meta

from app.foundation import wire
from app.foundation.db import transaction
from app.foundation.errors import ERRORS_MAX, FieldError, Invalid
from app.foundation.web import BODY_BYTES_MAX, StrictBody
from app.foundation.wire import decode
from app.market.bookings.model import UNITS_PER_BOOKING_MAX, Reserve
from app.market.inventory.model import NewUnits
from tests import make
from tests.application import the_app

MANY: Final = 85_000  # in 255 KB


def _passengers(count: int, one: bytes = b"{}") -> bytes:
    return b'{"passengers": [' + b",".join([one] * count) + b"]}"


def _refused(raw: bytes, kind: Any = Reserve) -> tuple[list[FieldError], int]:
    """What is wrong with a body, and how many functions were called to find that out."""
    calls = 0

    def count(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call") and frame.f_code.co_filename == wire.__file__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with pytest.raises(Invalid) as refusal:
            decode(raw, kind)
    finally:
        sys.setprofile(before)
    return list(refusal.value.errors), calls


@pytest.mark.parametrize("one", [b"{}", b"5", b'{"seat": "1A", "name": "A"}', b"[[[]]]", b"null"])
def test_a_list_that_is_far_too_long_makes_no_more_work_than_one_a_little_too_long(
    one: bytes,
) -> None:
    errors, calls = _refused(_passengers(MANY, one))
    _, calls_for_few = _refused(_passengers(UNITS_PER_BOOKING_MAX + 1, one))
    assert [error.field for error in errors] == ["passengers"]
    assert calls == calls_for_few


@pytest.mark.parametrize(
    ("few", "many", "kind"),
    [
        (b'{"a": 1, %s}' % b",".join(b'"%d": 1' % n for n in range(100)),
         b'{"a": 1, %s}' % b",".join(b'"%d": 1' % n for n in range(20_000)), Reserve),
        (b'{"units": [%s]}' % b",".join([b"{}"] * 25),
         b'{"units": [%s]}' % b",".join([b"{}"] * 500), NewUnits),
        (b'{"seatNumbers": [%s]}' % b",".join([b"1"] * 25),
         b'{"seatNumbers": [%s]}' % b",".join([b"1"] * 60), Reserve),
    ],
)  # fmt: skip
def test_a_body_with_many_faults_makes_no_more_work_than_one_with_twenty(
    few: bytes, many: bytes, kind: Any
) -> None:
    errors, calls = _refused(many, kind)
    _, calls_for_few = _refused(few, kind)
    assert len(errors) == ERRORS_MAX
    assert calls <= calls_for_few + 10


def test_the_outer_shape_of_a_body_is_looked_at_first() -> None:
    errors, _ = _refused(_passengers(UNITS_PER_BOOKING_MAX, b"{}")[:-1] + b', "unknown": 1}')
    assert errors[0].field == "unknown"
    assert len(errors) == ERRORS_MAX


def test_a_problem_names_no_more_than_twenty_fields() -> None:
    errors = [FieldError(field=str(n), message="is wrong") for n in range(1_000)]
    assert len(Invalid("much is wrong", errors=errors).errors) == ERRORS_MAX


async def test_a_bad_body_gets_a_short_reply_and_a_huge_one_is_not_read(
    api: httpx.AsyncClient,
) -> None:
    async with transaction() as tx:
        headers = make.bearer(await make.account(tx)) | {"content-type": "application/json"}
    path = "/api/bookings/reserve"
    reply = await api.post(path, headers=headers, content=_passengers(BODY_BYTES_MAX // 4))
    assert (reply.status_code, len(reply.content) < 5_000) == (422, True)
    assert 1 <= len(reply.json()["errors"]) <= ERRORS_MAX
    huge = await api.post(path, headers=headers, content=_passengers(MANY))
    assert (huge.status_code, huge.json()["code"]) == (413, "request_entity_too_large")


# ---- every body ---------------------------------------------------------------------------------


def test_whatever_a_body_may_hold_has_a_greatest_length() -> None:
    the_app()
    kinds = StrictBody._types.values()
    assert len(kinds) > 20
    assert sorted({each for kind in kinds for each in _boundless(kind, str(kind))}) == []


def _boundless(kind: Any, where: str) -> Iterator[str]:
    """The lists, texts and mappings inside a type that may be of any length."""
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        if any(isinstance(meta, Meta) and meta.max_length is not None for meta in metas):
            if get_origin(inner) is list:
                yield from _boundless(get_args(inner)[0], f"{where}[]")
            return
        if any(isinstance(meta, Meta) and meta.pattern for meta in metas):
            return  # such as a currency's three letters
        yield from _boundless(inner, where)
    elif kind is str or kind is bytes or get_origin(kind) in (list, dict):
        yield where
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield from _boundless(field.type, f"{where}.{field.name}")
    else:
        for argument in get_args(kind):
            yield from _boundless(argument, where)
