"""The secret keys of a gateway at which each country is a business of its own.

A key belongs to one business, and a business has the currency of its country, and sometimes US
dollars. So a key is named with its currencies: `NGN+USD:sk_live_…`. Keys of the same currencies
are of one business: the first calls, and all verify. Keys without a currency are of the only one.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=str)

_NAMED: Final = re.compile(r"(?:([A-Z]{3}(?:\+[A-Z]{3})*):)?([^\s:]+)")


class Business(NamedTuple, Generic[Key]):
    """A business: its currencies, none if it is the only one; and its keys, that in use first."""

    currencies: tuple[str, ...]
    keys: tuple[Key, ...]

    @property
    def name(self) -> str:
        """Its currencies as they are written in the settings; empty if it is the only one."""
        return "+".join(self.currencies)

    def takes(self, currency: str) -> bool:
        return not self.currencies or currency in self.currencies


def read_businesses(entries: Sequence[Key]) -> list[Business[Key]]:
    """The businesses of a list of keys, in its order. An entry of another form is left out.

    A key stays of the type of its entry.
    """
    keys: dict[tuple[str, ...], list[Key]] = {}
    for entry in entries:
        if named := _NAMED.fullmatch(entry):
            currencies = tuple(sorted((named[1] or "").split("+"))) if named[1] else ()
            keys.setdefault(currencies, []).append(type(entry)(named[2]))
    return [Business(currencies, tuple(each)) for currencies, each in keys.items()]


def flaws_of(entries: Sequence[str], *, known: Collection[str]) -> list[str]:
    """What is wrong with a list of keys, in words that show none of them; `known`: currencies."""
    businesses = read_businesses(entries)
    keys = [key for business in businesses for key in business.keys]
    named = [currency for business in businesses for currency in business.currencies]
    odd = sorted({currency for currency in named if currency not in known})
    twice = sorted({currency for currency in named if named.count(currency) > 1})
    wrong = {
        "must be keys, each of which may be named with its currencies: NGN:key or NGN+USD:key": (
            len(keys) < len(entries)
        ),
        f"names currencies that are not offered: {', '.join(odd)}": bool(odd),
        f"names a currency for more than one business: {', '.join(twice)}": bool(twice),
        "holds a key twice: one key is one business": len(set(keys)) < len(keys),
        "has keys with a currency and keys without: of several businesses each needs its own": (
            len(businesses) > 1 and any(not business.currencies for business in businesses)
        ),
        "mixes live keys and test keys": len({"_live_" in key for key in keys}) > 1,
    }
    return [flaw for flaw, is_so in wrong.items() if is_so]
