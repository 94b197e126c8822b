"""Pages and their cursors."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation import paging
from app.foundation.errors import Invalid
from app.foundation.paging import read_cursor, write_cursor


@given(day=st.dates(), row_id=st.uuids(), text=st.text())
def test_a_cursor_holds_what_it_was_made_of(day: date, row_id: UUID, text: str) -> None:
    cursor = write_cursor(day, row_id, text)
    assert cursor.isascii()
    assert "=" not in cursor
    assert read_cursor(cursor, tuple[date, UUID, str]) == (day, row_id, text)


@given(st.text())
def test_a_made_up_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_cursor(text, tuple[date, UUID])
    assert [error.field for error in refusal.value.errors] == ["cursor"]


@given(rows=st.sets(st.integers(min_value=0, max_value=2**63 - 1)), limit=st.integers(1, 10))
def test_pages_show_every_row_once_and_in_order(rows: set[int], limit: int) -> None:
    shown: list[int] = []
    cursor: str | None = None
    for _ in range(len(rows) + 1):
        after = paging.read_row_id(cursor)
        selected = sorted(row for row in rows if after is None or row > after)[: limit + 1]
        page, cursor = paging.cut(selected, limit, by=lambda row: row)
        assert len(page) <= limit
        shown += page
        if cursor is None:
            break
    assert shown == sorted(rows)


def test_a_page_that_is_just_full_is_the_last_one() -> None:
    assert paging.cut([1, 2], 2, by=lambda row: row) == ([1, 2], None)


def test_a_list_without_rows_has_one_page_without_rows() -> None:
    assert paging.cut([], 2, by=lambda row: row) == ([], None)


def test_a_cursor_can_hold_two_keys() -> None:
    at = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)
    page, cursor = paging.cut([(at, 7), (at, 6)], 1, by=lambda row: row)
    assert page == [(at, 7)]
    assert paging.read_time_and_row_id(cursor) == (at, 7)


def test_without_a_cursor_a_list_is_read_from_its_beginning() -> None:
    assert paging.read_id(None) is None
    assert paging.read_row_id("") is None
    assert paging.read_time_and_row_id(None) is None


@pytest.mark.parametrize("number", [-1, 2**63])
def test_a_row_number_that_no_row_can_have_is_refused(number: int) -> None:
    with pytest.raises(Invalid):
        paging.read_row_id(write_cursor(number))


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        paging.read_id(write_cursor(7))
