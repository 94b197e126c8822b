"""Importing statements: each entry once, in whichever files and formats it comes."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.db import Violated, execute, fetch_values, transaction
from app.money.bank_statements.actions import import_file
from app.money.bank_statements.model import Entry, FileStatement, Format, StatementRefused
from app.money.bank_statements.rules import reading, sameness
from tests.laws import audit_is_clean
from tests.money.bank_statements.files import Line, camt, mt940

ONE, TWO, THREE = date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 4)


def line(amount: str, on: date = ONE, text: str = "x", **more: Any) -> Line:
    return Line(amount=Decimal(amount), on=on, text=text, **more)


async def bring(data: bytes, name: str = "bank.xml") -> int:
    """Import a file; returns how many entries were new."""
    async with transaction() as tx:
        result = await import_file(tx, data, f"/some/folder/{name}")
    return sum(each.new_entries for each in result.statements)


async def stored() -> list[int]:
    async with transaction() as tx:
        return await fetch_values(tx, int, "SELECT amount FROM bank_entries ORDER BY id")


async def test_a_file_that_comes_twice_changes_nothing(pool: None) -> None:
    data = camt(line("10"), line("10"), line("-4"))
    assert await bring(data) == 3
    assert await bring(data) == 0
    renamed = data.replace(b"<MsgId>M1<", b"<MsgId>M2<").replace(b"06:00:00", b"07:00:00")
    assert await bring(renamed) == 0
    assert await stored() == [10_00, 10_00, -4_00]
    async with transaction() as tx:
        names = await fetch_values(tx, str, "SELECT file_name FROM bank_statements")
    assert names == ["bank.xml"]
    await audit_is_clean()


async def test_statements_that_overlap_do_not_double_what_they_share(pool: None) -> None:
    """A statement of each day, then one of them all, then one of the last two days."""
    days = [[line("10"), line("10")], [line("-5", TWO)], [line("10", THREE)]]
    opening = Decimal(0)
    for number, day in enumerate(days):
        assert await bring(camt(*day, opening=opening, number=f"D{number}")) == len(day)
        opening += sum(entry.amount for entry in day)
    everything = [entry for day in days for entry in day]
    assert await bring(camt(*everything, number="MONTH")) == 0
    more = [*everything[2:], line("7", THREE)]
    assert await bring(camt(*more, opening=Decimal(20), number="LAST")) == 1
    assert await stored() == [10_00, 10_00, -5_00, 10_00, 7_00]
    await audit_is_clean()


async def test_two_statements_of_one_day_that_follow_each_other_share_nothing(pool: None) -> None:
    assert await bring(camt(line("10"), number="S1")) == 1
    assert await bring(camt(line("10"), opening=Decimal(10), number="S2")) == 1
    assert await bring(camt(line("10"), line("10"), number="DAY")) == 0
    assert await stored() == [10_00, 10_00]


async def test_a_statement_that_ends_where_it_began_and_is_written_again_is_one(pool: None) -> None:
    assert await bring(camt(line("10"), line("-10"), number="S1")) == 2
    assert await bring(camt(line("10"), line("-10"), number="S1, corrected")) == 0


async def test_the_same_day_in_another_format_is_the_same(pool: None) -> None:
    lines = [line("10", reference="A", bank_reference="B1"), line("10"), line("-3")]
    assert await bring(camt(*lines)) == 3
    assert await bring(mt940(*lines, style="german"), "bank.sta") == 0
    await audit_is_clean()


async def test_entries_that_look_alike_and_have_other_references_are_two(pool: None) -> None:
    assert await bring(camt(line("10", bank_reference="B1"), number="S1")) == 1
    late = camt(line("10", bank_reference="B2"), opening=Decimal(50), number="S9")
    assert await bring(late) == 1


async def test_accounts_are_apart(pool: None) -> None:
    assert await bring(camt(line("10"))) == 1
    assert await bring(camt(line("10"), account="NL91ABNA0417164300")) == 1
    assert await bring(camt(line("10"), currency="USD")) == 1


async def test_a_bad_statement_in_a_file_keeps_the_good_ones_out(pool: None) -> None:
    good = mt940(line("10"), style="german")
    bad = mt940(line("10"), style="german", account="1/2", closing=Decimal(1))
    with pytest.raises(StatementRefused, match=r"but the closing balance is 1\.00 EUR"):
        await bring(good + bad)
    assert await stored() == []


async def test_two_imports_at_once_store_each_entry_once(pool: None) -> None:
    week = [line(str(amount), TWO) for amount in range(1, 20)]
    files = [camt(*week[:10]), camt(*week), camt(*week, number="again"), camt(*week[:10])]
    await asyncio.gather(*(bring(data) for data in files))
    assert sorted(await stored()) == [amount * 100 for amount in range(1, 20)]
    await audit_is_clean()


@pytest.mark.parametrize("table", ["bank_statements", "bank_entries", "bank_entry_parts"])
async def test_what_a_bank_said_is_never_changed(pool: None, table: str) -> None:
    await bring(camt(line("10")))
    for sql in (f"UPDATE {table} SET text = 'y'", f"DELETE FROM {table}"):
        statement = sql.replace("text", "number", 1) if "statements" in table else sql
        with pytest.raises(Violated, match="append_only"):
            async with transaction() as tx:
                await execute(tx, statement)  # pyright: ignore[reportArgumentType]


def _stored(new: FileStatement) -> list[Entry]:
    return [
        Entry(
            id=number,
            booked_on=entry.booked_on,
            value_on=entry.value_on,
            amount=entry.amount,
            is_reversal=entry.is_reversal,
            bank_reference=entry.bank_reference,
            text=entry.text,
            format=Format.CAMT_053,
        )
        for number, entry in enumerate(new.entries)
    ]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from([ONE, TWO]), st.sampled_from(["", "a"])),
        max_size=12,
    ),
    st.data(),
)
def test_any_part_of_a_statement_in_any_order_is_known(
    said: list[tuple[int, date, str]], data: st.DataObject
) -> None:
    """Among equal ones as many as there are, and never one for two."""
    lines = [line(str(amount), on, text) for amount, on, text in said]
    shuffled = data.draw(st.permutations(lines))
    part = shuffled[: data.draw(st.integers(0, len(lines)))]
    (whole,) = reading.read(camt(*lines), "x")
    (again,) = reading.read(camt(*part), "x")
    found = sameness.pair(again, _stored(whole))
    assert None not in found
    assert len(set(found)) == len(part)
    back = sameness.pair(whole, _stored(again))
    assert back.count(None) == len(lines) - len(part)
