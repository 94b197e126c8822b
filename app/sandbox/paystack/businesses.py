"""The merchant's businesses at Paystack: one for each country. None knows what another has."""

from collections.abc import Sequence
from typing import Final, NamedTuple

CURRENCIES: Final = frozenset({"GHS", "KES", "NGN", "USD", "XOF", "ZAR"})


class Business(NamedTuple):
    """A business: its currencies, and its secret keys, the first of which signs its webhooks."""

    currencies: frozenset[str]
    keys: tuple[str, ...]

    @property
    def home_currency(self) -> str:
        """That of what names no currency."""
        return "NGN" if "NGN" in self.currencies else min(self.currencies)


def read_businesses(given: Sequence[str]) -> list[Business]:
    """Businesses from keys such as `NGN+USD:sk_test_…`; keys without a name are of one for all."""
    keys: dict[frozenset[str], list[str]] = {}
    for each in given:
        names, _, key = each.rpartition(":")
        currencies = frozenset(names.split("+")) if names else CURRENCIES
        keys.setdefault(currencies, []).append(key)
    return [Business(currencies, tuple(each)) for currencies, each in keys.items()]
