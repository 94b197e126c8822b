"""What travels: strict decoding that names every wrong field, and cursors."""

from datetime import date
from typing import Annotated
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from app.foundation.errors import Invalid, Malformed
from app.foundation.wire import Input, Name, decode


class Part(Input, frozen=True):
    name: Name
    size: Annotated[int, Meta(ge=1, le=9)] = 1


class Whole(Input, frozen=True):
    id: UUID
    on_day: date
    parts: Annotated[list[Part], Meta(min_length=1)]
    note: str | UnsetType | None = UNSET
    ratio: float = 0.0
    done: bool = False


SOUND = {"id": str(uuid4()), "onDay": "2030-01-01", "parts": [{"name": "A"}]}


def _errors(body: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refusal:
        decode(msgspec.json.encode(body), Whole)
    return {error.field: error.message for error in refusal.value.errors}


def test_a_sound_body_is_read_whole() -> None:
    whole = decode(msgspec.json.encode(SOUND | {"note": None}), Whole)
    assert (whole.on_day, whole.parts, whole.note) == (date(2030, 1, 1), [Part(name="A")], None)
    assert decode(msgspec.json.encode(SOUND), Whole).note is UNSET


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"id": 5}, ["id"]),
        ({"id": "x", "onDay": "x", "done": "true"}, ["id", "onDay", "done"]),
        ({"onDay": 20300101}, ["onDay"]),
        ({"done": 1}, ["done"]),
        ({"ratio": "0.5"}, ["ratio"]),
        ({"parts": []}, ["parts"]),
        ({"parts": [{"name": "A", "size": "3"}]}, ["parts[0].size"]),
        ({"parts": [{"name": "A"}, {"size": 10}]}, ["parts[1].name", "parts[1].size"]),
        ({"parts": [{"name": " "}, {"name": "A", "b": 1}]}, ["parts[0].name", "parts[1].b"]),
        ({"note": "a\x00"}, ["note"]),
        ({"on_day": "2030-01-01"}, ["on_day"]),
        ({"parts": {"0": {"name": "A"}}}, ["parts"]),
    ],
)
def test_every_wrong_field_is_named_as_the_client_wrote_it(
    change: dict[str, object], fields: list[str]
) -> None:
    assert list(_errors(SOUND | change)) == fields


def test_missing_fields_are_named() -> None:
    assert _errors({}) == dict.fromkeys(("id", "onDay", "parts"), "is required")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(field=st.sampled_from(["id", "onDay", "parts", "note", "ratio", "done", "z"]), value=JSON)
def test_any_json_is_read_or_refused(field: str, value: object) -> None:
    assert {name.split("[")[0].split(".")[0] for name in _wrong({field: value})} <= {field}


def _wrong(change: dict[str, object]) -> list[str]:
    try:
        decode(msgspec.json.encode(SOUND | change), Whole)
    except Invalid as refusal:
        return [error.field for error in refusal.errors] or ["a refusal names a field"]
    return []


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises((Invalid, Malformed)):
        decode(raw, Whole)
