"""The phone numbers of mobile money: read as people write them, kept as their country dials now.

Numbers change: Ivory Coast's went from 8 to 10 digits in 2021, Benin's in 2024; Gabon's lost their
0 abroad and got another digit in 2019, and the old ones were switched off in 2024. What is paid to
an old one comes back days later, or never. libphonenumber calls some old numbers possible, and
Gabon's valid (findings/gabon_numbers_of_before.sh): so the lengths and beginnings here decide too.
"""

import re
from collections.abc import Collection
from datetime import date
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType

from app.edge.gateways.recipients import Flaw, NewRecipient, RecipientKind


class Plan(NamedTuple):
    """The numbers of a country's mobile phones: how they begin, how long they are, since when.

    `digits` and `prefixes` are of the number without the country's code. None: for decades.
    """

    digits: int
    prefixes: tuple[str, ...]
    since: date | None = None


# To be looked through when a country announces a change: https://www.itu.int/oth/T0202.aspx
AS_OF: Final = date(2026, 11, 30)
# Counted up with each change below: accounts that were added before are then looked at again.
EDITION: Final = 1
PLANS: Final = {
    "BF": Plan(8, ("0", "4", "5", "6", "7")),
    "BJ": Plan(10, ("01",), date(2024, 11, 30)),
    "CF": Plan(8, ("7",)),
    "CG": Plan(9, ("0",)),
    "CI": Plan(10, ("01", "05", "07"), date(2021, 1, 31)),
    "CM": Plan(9, ("6",), date(2014, 11, 21)),
    "GA": Plan(8, ("6", "7"), date(2024, 4, 6)),
    "GH": Plan(9, ("2", "5")),
    "GQ": Plan(9, ("222", "55")),
    "GW": Plan(9, ("95", "96", "97")),
    "KE": Plan(9, ("1", "7")),
    "ML": Plan(8, ("5", "6", "7", "8", "9")),
    "NE": Plan(8, ("7", "8", "9")),
    "SN": Plan(9, ("7",)),
    "TD": Plan(8, ("3", "6", "7", "8", "9")),
    "TG": Plan(8, ("7", "9")),
    "UG": Plan(9, ("7",)),
}
# Where a currency is used by several countries, a number as it is dialled at home does not say in
# which of them.
COUNTRIES: Final = {
    "GHS": ("GH",),
    "KES": ("KE",),
    "UGX": ("UG",),
    "XAF": ("CF", "CG", "CM", "GA", "GQ", "TD"),
    "XOF": ("BF", "BJ", "CI", "GW", "ML", "NE", "SN", "TG"),
}
_PHONE: Final = re.compile(r" *\+?[0-9 ().-]{6,30}")
_MOBILE: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class Wallet(NamedTuple):
    """A wallet's number: the digits of E.164, without +; and its country (ISO 3166)."""

    digits: str
    country: str


def read_wallet(new: NewRecipient) -> Wallet | Flaw:
    """The number of a wallet, which may be written with +, 00, blanks, or as it is dialled at home.

    A country is needed if the currency has several and the number does not begin with its code.
    """
    known = COUNTRIES.get(new.currency, ())
    if new.country and new.country not in known:
        return Flaw("country", f"{new.currency} is used in {', '.join(known) or 'no country here'}")
    countries = (new.country,) if new.country else known
    found = _readings(new.account_number, countries, is_home=len(countries) == 1)
    if len(found) == 1:
        return found.pop()
    if len(countries) > 1 and _readings(new.account_number, countries, is_home=True):
        return Flaw("country", f"say in which country this wallet is: one of {', '.join(known)}")
    return Flaw("account_number", _no_wallet(countries))


def with_wallet(new: NewRecipient) -> NewRecipient | Flaw:
    """A recipient as it is kept: if it is a wallet, with its number in one form and its country."""
    if new.kind is not RecipientKind.MOBILE_MONEY or new.currency not in COUNTRIES:
        return new
    match read_wallet(new):
        case Flaw() as flaw:
            return flaw
        case Wallet(digits=digits, country=country):
            return NewRecipient(
                reference=new.reference,
                attempt=new.attempt,
                name=new.name,
                kind=new.kind,
                account_number=digits,
                bank_code=new.bank_code,
                country=country,
                currency=new.currency,
            )


def home_form(digits: str, country: str) -> str:
    """A number in E.164 digits as it is dialled in its country: `0241234567`."""
    number = phonenumbers.parse(f"+{digits}", None)
    prefix = phonenumbers.ndd_prefix_for_region(country, strip_non_digits=True) or ""
    return prefix + phonenumbers.national_significant_number(number)


def _readings(text: str, countries: Collection[str], *, is_home: bool) -> set[Wallet]:
    """What a number may mean in these countries; `is_home`: also as it is dialled there."""
    return {
        Wallet(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:], country)
        for country in countries
        for number in _parsed(text, country, is_home=is_home)
        if _is_wallet(number, country)
    }


def _parsed(text: str, country: str, *, is_home: bool) -> list[PhoneNumber]:
    if not _PHONE.fullmatch(text):
        return []
    digits = "".join(letter for letter in text if letter.isdecimal())
    digits = digits[2:] if digits.startswith("00") and "+" not in text else digits
    written: list[tuple[str, str | None]] = [(f"+{digits}", None)]
    if is_home and "+" not in text:
        written.append((digits, country))
    parsed: list[PhoneNumber] = []
    for form, region in written:
        try:
            parsed.append(phonenumbers.parse(form, region))
        except NumberParseException:
            continue
    return parsed


def _is_wallet(number: PhoneNumber, country: str) -> bool:
    plan = PLANS[country]
    national = phonenumbers.national_significant_number(number)
    return (
        phonenumbers.is_valid_number_for_region(number, country)
        and phonenumbers.number_type(number) in _MOBILE
        and len(national) == plan.digits
        and national.startswith(plan.prefixes)
    )


def _no_wallet(countries: Collection[str]) -> str:
    if len(countries) != 1:
        return "this is no number of a mobile phone in a country of this currency"
    (country,) = countries
    plan = PLANS[country]
    since = f" since {plan.since}" if plan.since else ""
    return f"a mobile number of {country} has {plan.digits} digits{since}, without its code"
