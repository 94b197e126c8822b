"""Wallets' numbers: as people write them, and as their countries dial since which day."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edge.gateways.recipients import Flaw, NewRecipient, RecipientKind
from app.edge.gateways.wallets import COUNTRIES, PLANS, Wallet, home_form, read_wallet, with_wallet

EXAMPLES_OF_NOW = {"GA": "24166123456"}  # libphonenumber's own was switched off in 2024


def wallet(number: str, currency: str, country: str = "") -> NewRecipient:
    return NewRecipient(
        name="Hannah Host", kind=RecipientKind.MOBILE_MONEY, account_number=number,
        bank_code="MTN", currency=currency, country=country,
    )  # fmt: skip


@pytest.mark.parametrize(
    "number",
    [
        "0772123456", "772123456", "256772123456", "+256772123456", "00256772123456",
        "+256 772 123 456", "0772-123-456", "(0772) 123456",
    ],
)  # fmt: skip
def test_every_usual_spelling_of_a_number_is_the_same_wallet(number: str):
    assert read_wallet(wallet(number, "UGX")) == Wallet("256772123456", "UG")


@pytest.mark.parametrize(
    ("number", "currency", "country", "words"),
    [
        ("97123456", "XOF", "BJ", "10 digits since 2024-11-30"),
        ("+22997123456", "XOF", "BJ", "10 digits since 2024-11-30"),
        ("07123456", "XOF", "CI", "10 digits since 2021-01-31"),
        ("22507123456", "XOF", "CI", "10 digits since 2021-01-31"),
        ("6031234", "XAF", "GA", "8 digits since 2024-04-06"),  # libphonenumber calls both valid
        ("+24106031234", "XAF", "GA", "8 digits since 2024-04-06"),
        ("0222123456", "XAF", "CM", "9 digits"),  # a landline of before
        ("256772123456x", "UGX", "", "9 digits"),
        ("UG772123456", "UGX", "", "9 digits"),
        ("+254712345678", "UGX", "", "9 digits"),  # of another country
    ],
)
def test_a_number_that_is_not_dialled_any_more_is_refused(
    number: str, currency: str, country: str, words: str
):
    flaw = read_wallet(wallet(number, currency, country))
    assert isinstance(flaw, Flaw)
    assert flaw.field == "account_number"
    assert words in flaw.reason


@pytest.mark.parametrize("number", ["066123456", "66 12 34 56", "+241 66 12 34 56"])
def test_a_number_of_gabon_is_read_as_it_is_dialled_at_home_and_abroad(number: str):
    assert read_wallet(wallet(number, "XAF", "GA")) == Wallet("24166123456", "GA")


def test_the_country_is_asked_where_a_currency_has_several():
    flaw = read_wallet(wallet("671234567", "XAF"))
    assert isinstance(flaw, Flaw)
    assert flaw.field == "country"
    assert "CF, CG, CM, GA, GQ, TD" in flaw.reason
    assert read_wallet(wallet("+237671234567", "XAF")) == Wallet("237671234567", "CM")
    other = read_wallet(wallet("671234567", "XOF", "CM"))
    assert isinstance(other, Flaw)
    assert other.field == "country"


@pytest.mark.parametrize("country", sorted(PLANS))
def test_a_country_s_example_is_read_in_each_of_its_forms(country: str):
    currency = next(each for each, known in COUNTRIES.items() if country in known)
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert example
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    digits = EXAMPLES_OF_NOW.get(country, digits)
    for form in (f"+{digits}", f"00{digits}", home_form(digits, country)):
        assert read_wallet(wallet(form, currency, country)) == Wallet(digits, country), form


@given(st.text(alphabet="0123456789+ ()-.x", max_size=40), st.sampled_from(sorted(COUNTRIES)))
def test_whatever_is_entered_is_a_wallet_of_the_currency_or_a_flaw(number: str, currency: str):
    match with_wallet(wallet(number, currency)):
        case Flaw() as flaw:
            assert flaw.field in ("account_number", "country")
        case known:
            assert known.country in COUNTRIES[currency]
            assert known.account_number.isdecimal()
            assert with_wallet(known) == known  # in one form already
