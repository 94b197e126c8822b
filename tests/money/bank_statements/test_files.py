"""Reading files of banks: what they say, and how bad ones are refused."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.foundation.money import EXPONENTS
from app.money.bank_statements.model import FileStatement, StatementRefused
from app.money.bank_statements.rules import reading
from tests.money.bank_statements.files import IBAN, Line, camt, mt940

ON = date(2026, 11, 2)
PAYOUT = Line(amount=Decimal("1500.00"), on=ON, reference="po_1MtLoLB7IGIcHSab", text="STRIPE")
RENT = Line(amount=Decimal("-800.50"), on=ON, reference="R-17", text="Rent of November")


def one(data: bytes) -> FileStatement:
    (statement,) = reading.read(data, "bank.txt")
    return statement


def refused(data: bytes) -> str:
    with pytest.raises(StatementRefused) as raised:
        reading.read(data, "bank.txt")
    return str(raised.value).removeprefix("file: ")


def line_of(data: bytes, text: str) -> int:
    """The line of a file in which a text is, from 1."""
    return data.decode("cp1252").split(text)[0].count("\n") + 1


FORMS: list[Any] = [
    pytest.param(lambda *lines, **more: camt(*lines, version=2, **more), id="camt.053.001.02"),
    pytest.param(lambda *lines, **more: camt(*lines, version=8, **more), id="camt.053.001.08"),
    pytest.param(lambda *lines, **more: camt(*lines, version=13, **more), id="camt.053.001.13"),
    pytest.param(lambda *lines, **more: mt940(*lines, style="german", **more), id="MT940, ?20"),
    pytest.param(lambda *lines, **more: mt940(*lines, style="plain", **more), id="MT940, /EREF/"),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_statement_is_read_with_all_that_is_said_of_its_entries(form: Any) -> None:
    found = one(form(PAYOUT, RENT, opening=Decimal("-100.25")))
    assert (found.account, found.currency) == (IBAN, "EUR")
    assert (found.opening.amount, found.closing.amount) == (-100_25, 599_25)
    payout, rent = found.entries
    assert (payout.amount, payout.booked_on, payout.value_on) == (1500_00, ON, ON)
    (part,) = payout.parts
    assert PAYOUT.reference in part.references
    assert "STRIPE" in part.text
    assert part.counterparty.upper().startswith("STRIPE") or "NAME" in part.text
    assert rent.amount == -800_50
    assert not rent.is_reversal


@pytest.mark.parametrize("form", FORMS)
def test_the_reversal_of_a_credit_is_money_out_and_that_of_a_debit_is_money_in(form: Any) -> None:
    """camt: CdtDbtInd is the direction of the reversal itself. MT940: RC is a debit."""
    out = Line(amount=Decimal("-1500.00"), on=ON, reference="po_1", is_reversal=True)
    back = Line(amount=Decimal("800.50"), on=ON, reference="R-17", is_reversal=True)
    found = one(form(out, back, opening=Decimal("2000.00")))
    assert [(entry.amount, entry.is_reversal) for entry in found.entries] == [
        (-1500_00, True),
        (800_50, True),
    ]
    assert found.closing.amount == 1300_50


@pytest.mark.parametrize("form", FORMS)
def test_a_file_whose_entries_do_not_make_its_balance_is_refused_with_the_entry(form: Any) -> None:
    for closing, how in (("1500.00", "without"), ("2300.50", "with the opposite of")):
        data = form(PAYOUT, RENT, closing=Decimal(closing))
        line = line_of(data, "800.50" if data.startswith(b"<") else "800,50")
        why = refused(data)
        assert why.startswith(f"bank.txt:{line}: statement ")
        assert f"make 699.50 EUR, but the closing balance is {closing} EUR" in why
        assert f"right {how} the entry in line {line}" in why


@pytest.mark.parametrize("form", FORMS)
def test_a_balance_that_no_single_entry_explains_is_refused_where_it_stands(form: Any) -> None:
    data = form(PAYOUT, RENT, closing=Decimal("1.00"))
    text = "CLBD" if data.startswith(b"<") else ":62F:"
    assert refused(data).startswith(f"bank.txt:{line_of(data, text)}: statement ")


@pytest.mark.parametrize("version", [2, 4, 8])
@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_what_is_pending_or_for_information_does_not_count(version: int, status: str) -> None:
    pending = Line(amount=Decimal(7), on=ON, status=status)
    found = one(camt(PAYOUT, pending, version=version))
    assert [entry.amount for entry in found.entries] == [1500_00]


@pytest.mark.parametrize("version", [2, 8, 13])
def test_a_batch_keeps_each_part(version: int) -> None:
    parts = ((Decimal("1000.00"), "po_first"), (Decimal("500.00"), "po_second"))
    found = one(camt(Line(amount=Decimal("1500.00"), on=ON, parts=parts), version=version))
    (entry,) = found.entries
    assert [(part.amount, part.references) for part in entry.parts] == [
        (1000_00, ("po_first",)),
        (500_00, ("po_second",)),
    ]


def test_a_part_of_a_batch_whose_amount_is_not_said_has_none() -> None:
    parts = ((None, "po_first"), (None, "po_second"))
    found = one(camt(Line(amount=Decimal(15), on=ON, parts=parts)))
    assert [part.amount for part in found.entries[0].parts] == [None, None]


def test_pages_of_a_statement_lead_from_one_interim_balance_to_the_next() -> None:
    page = camt(PAYOUT).replace(b"OPBD", b"ITBD").replace(b"CLBD", b"ITBD")
    assert (one(page).opening.amount, one(page).closing.amount) == (0, 1500_00)
    german = mt940(PAYOUT).replace(b":60F:", b":60M:").replace(b":62F:", b":62M:")
    assert (one(german).opening.amount, one(german).closing.amount) == (0, 1500_00)


def test_a_file_may_hold_many_statements() -> None:
    first, second = mt940(PAYOUT, style="german"), mt940(RENT, style="german", account="1/2")
    assert [each.account for each in reading.read(first + second, "x")] == [IBAN, "1/2"]


def test_an_account_is_the_same_with_blanks_and_with_its_currency() -> None:
    spaced = "DE89 3704 0044 0532 0130 00"
    assert one(mt940(RENT, account=spaced)).account == IBAN
    assert one(mt940(RENT, account=f"{IBAN}EUR")).account == IBAN
    assert one(mt940(RENT, account="12345EUR")).account == "12345EUR"


@pytest.mark.parametrize(
    ("value", "entry", "booked"),
    [
        ("261231", "0102", date(2027, 1, 2)),
        ("270102", "1231", date(2026, 12, 31)),
        ("261102", "1031", date(2026, 10, 31)),
        ("280301", "0229", date(2028, 2, 29)),
        ("261102", "", date(2026, 11, 2)),
        ("260701", "0101", date(2026, 1, 1)),
    ],
)
def test_an_entry_is_booked_in_the_year_nearest_to_its_value_date(
    value: str, entry: str, booked: date
) -> None:
    data = mt940(PAYOUT).replace(b":61:2611021102", f":61:{value}{entry}".encode())
    assert one(data).entries[0].booked_on == booked


def test_a_word_that_is_cut_where_a_line_ends_is_whole_again() -> None:
    long = Line(amount=Decimal(5), on=ON, reference="po_1MtLoLB7IGIcHSabXYZ", text="x" * 40)
    german, plain = one(mt940(long, style="german")), one(mt940(long, style="plain"))
    assert german.entries[0].parts[0].references == (long.reference,)
    assert plain.entries[0].parts[0].references == (long.reference,)


@pytest.mark.parametrize(
    ("field", "amount"),
    [
        ("C5,NTRFNONREF", 5_00),
        ("CR5,NTRFNONREF", 5_00),  # the funds code R: the third letter of EUR
        ("RCR5,5NTRFNONREF", -5_50),
        ("RD5,05NTRFNONREF//B1", 5_05),
        ("D5,00FMSCNONREF\n/OCMT/EUR5,00/", -5_00),
    ],
)
def test_marks_and_funds_codes_are_told_apart(field: str, amount: int) -> None:
    text = f":20:X\n:25:1\n:28C:1\n:60F:C261102EUR100,\n:61:2611021102{field}\n"
    end = 100_00 + amount
    data = f"{text}:62F:C261102EUR{end // 100},{end % 100:02}\n-".encode()
    assert [entry.amount for entry in one(data).entries] == [amount]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a statement begins with :20:"),
        (b"hello\nworld", "bank.txt:1: it is no MT940"),
        (b"\x00\x01\x02", "it is no MT940"),
        (b"<Document/>", "bank.txt:1: it is no camt.053 statement: its root is Document"),
        (b"<Document>", "it is not well-formed XML"),
        (b"<", "it is not well-formed XML"),
        (mt940(PAYOUT, t77X="?"), "the field :77X: is not one of an MT940"),
        (mt940(PAYOUT).replace(b":60F:", b":34F:", 1), "has no opening balance"),
        (mt940(PAYOUT).replace(b"1500,00NTRF", b"1500.00NTRF"), "not formed as SWIFT has it"),
        (mt940(PAYOUT).replace(b"1500,00NTRF", b"15,00,0NTRF"), "15,00,0 is no amount"),
        (mt940(PAYOUT).replace(b"C1500,00N", b"X1500,00N"), "not formed as SWIFT has it"),
        (mt940(PAYOUT).replace(b":61:2611", b":61:2613"), "begins with no date"),
        (mt940(PAYOUT, currency="CHF"), "the currency CHF is none of"),
        (mt940(PAYOUT, currency="XOF").replace(b",00", b",50"), "more decimals"),
        (camt(PAYOUT, version=1), "not one of camt.053.001.02 to .13"),
        (camt(PAYOUT, version=14), "not one of camt.053.001.02 to .13"),
        (camt(PAYOUT).replace(b"BOOK", b"PDNG"), "bank.txt:10: statement S1/17"),
        (camt(PAYOUT).replace(b">1500.00<", b">NaN<"), "NaN is no amount"),
        (camt(PAYOUT).replace(b">1500.00<", b">-1<"), "-1 is no amount"),
        (camt(PAYOUT).replace(b">1500.00<", b">1e9<"), "1e9 is no amount"),
        (camt(PAYOUT).replace(b">1500.00<", b">1500.001<"), "more decimals than the currency"),
        (camt(PAYOUT).replace(b"OPBD", b"XPCD"), "has no opening balance"),
        (camt(PAYOUT).replace(b"2026-11-02", b"2026-13-02"), "2026-13-02 is no date"),
        (camt(PAYOUT).replace(b"CRDT</CdtDbtInd><Sts", b"X</CdtDbtInd><Sts"), "neither CRDT nor"),
        (camt(PAYOUT).replace(IBAN.encode(), b" "), "of which account"),
        (camt(PAYOUT).replace(b'Ccy="EUR">1500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts',
                              b'Ccy="USD">1500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts'),
         "an entry in USD on an account in EUR"),
        (b"x" * (reading.FILE_BYTES_MAX + 1), "it is larger than 20,000,000 bytes"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_words(data: bytes, why: str) -> None:
    said = refused(data)
    assert said.startswith("bank.txt")
    assert why in said


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY a "ha">%s]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>&z;</BkToCstmrStmt>
</Document>"""


@pytest.mark.parametrize(
    "data",
    [
        BOMB % b"".join(b'<!ENTITY %c "&%c;&%c;">' % (n, n - 1, n - 1) for n in range(98, 123)),
        BOMB % b'<!ENTITY z SYSTEM "file:///etc/passwd">',
        BOMB % b'<!ENTITY z SYSTEM "http://127.0.0.1:9/">',
        BOMB % b'<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;<!ENTITY z "">'.replace(b"%", b"%%"),
    ],
)
def test_no_entity_is_expanded_and_nothing_else_is_read(data: bytes) -> None:
    said = refused(data)
    assert "root:" not in said
    assert "document type" in said or "well-formed" in said


# ---- any statement -------------------------------------------------------------------------------

_EXPONENT = st.sampled_from(sorted(EXPONENTS))
_WORDS = st.text("ABCXYZabc0189 .-", max_size=100).map(lambda text: " ".join(text.split()))
_DAYS = st.dates(date(2020, 1, 1), date(2039, 12, 31))


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, Decimal, list[Line]]:
    currency = draw(_EXPONENT)
    size = st.integers(1, 10**10).map(lambda n: Decimal(n).scaleb(-EXPONENTS[currency]))
    amounts = draw(st.lists(st.tuples(size, st.booleans(), st.booleans()), max_size=8))
    lines = [
        Line(
            amount=-amount if out else amount,
            on=draw(_DAYS),
            is_reversal=back,
            reference=draw(st.text("ABC019", max_size=12)),
            bank_reference=draw(st.text("ABC019", max_size=10)),
            text=draw(_WORDS),
        )
        for amount, out, back in amounts
    ]
    return currency, draw(size), lines


@given(statements(), st.sampled_from(FORMS))
def test_whatever_is_written_is_read_back(
    given_: tuple[str, Decimal, list[Line]], form: Any
) -> None:
    currency, opening, lines = given_
    write = form.values[0]
    found = one(write(*lines, opening=opening, currency=currency))
    unit = Decimal(1).scaleb(-EXPONENTS[currency])
    assert found.currency == currency
    assert [entry.amount * unit for entry in found.entries] == [line.amount for line in lines]
    assert [entry.booked_on for entry in found.entries] == [line.on for line in lines]
    assert [entry.is_reversal for entry in found.entries] == [line.is_reversal for line in lines]
    made = found.opening.amount + sum(entry.amount for entry in found.entries)
    assert made == found.closing.amount
    for entry, line in zip(found.entries, lines, strict=True):
        assert line.reference in ("", *entry.parts[0].references)
        assert entry.bank_reference == line.bank_reference


@given(statements(), st.sampled_from(FORMS), st.data())
def test_a_file_that_lost_or_changed_something_is_refused_or_says_it_in_other_words(
    given_: tuple[str, Decimal, list[Line]], form: Any, data: st.DataObject
) -> None:
    """Never anything but a refusal: cut anywhere, or with one byte changed."""
    currency, opening, lines = given_
    whole = form.values[0](*lines, opening=opening, currency=currency)
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.binary(max_size=1))
    damaged = whole[:at] + byte + whole[at + data.draw(st.integers(0, 40)) :]
    try:
        found = reading.read(damaged, "bank.txt")
    except StatementRefused as why:
        assert str(why).startswith("file: bank.txt")  # noqa: PT017
    else:
        for statement in found:
            made = statement.opening.amount + sum(entry.amount for entry in statement.entries)
            assert made == statement.closing.amount


@given(statements(), st.sampled_from(FORMS), st.data())
def test_a_statement_without_one_of_its_entries_is_refused(
    given_: tuple[str, Decimal, list[Line]], form: Any, data: st.DataObject
) -> None:
    currency, opening, lines = given_
    if not lines:
        return
    lost = data.draw(st.integers(0, len(lines) - 1))
    rest = lines[:lost] + lines[lost + 1 :]
    closing = opening + sum((line.amount for line in lines), Decimal(0))
    assert "but the closing balance is" in refused(
        form.values[0](*rest, opening=opening, closing=closing, currency=currency)
    )
