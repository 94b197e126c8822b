"""The businesses that we have at Paystack: one for each country, with keys and currencies.

What one of them has, another does not know: a charge, a transfer or a recipient is asked about with
the key of its currency's business. Lists are those of all businesses, one after the other.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page
from app.edge.gateways.port import NoSuchCharge, NoSuchInstruction, Refused, Unknown

T = TypeVar("T")
Row = TypeVar("Row")

_NOTHING: Final = (NoSuchCharge, NoSuchInstruction)


class Business(NamedTuple):
    """A business: `name` is its currencies as the settings have them, empty if it is the only one.

    Its first key calls; its webhooks are signed with any of them.
    """

    name: str
    takes: Callable[[str], bool]
    keys: Sequence[bytes]
    client: Client


class Businesses:
    """All of them, in the order of the settings."""

    def __init__(self, businesses: Sequence[Business]) -> None:
        self.all = businesses

    def of(self, currency: str) -> Client | Refused:
        """What calls the business that has this currency."""
        for business in self.all:
            if business.takes(currency):
                return business.client
        return Refused(reason=f"PAYSTACK_SECRET_KEYS has no key for {currency}")

    async def find(
        self,
        currency: str | None,
        ask: Callable[[Client], Awaitable[T]],
        *,
        is_nothing: Callable[[T], bool] = lambda found: isinstance(found, _NOTHING),
    ) -> T | Unknown:
        """The answer of the business that has this currency; None: of the first that knows it.

        Nothing is found only if every business that was asked says so.
        """
        if currency is not None:
            client = self.of(currency)
            return (
                Unknown(reason=client.reason) if isinstance(client, Refused) else await ask(client)
            )
        answers: list[T | Unknown] = []
        for business in self.all:
            answer = await ask(business.client)
            if not (isinstance(answer, Unknown) or is_nothing(answer)):
                return answer
            answers.append(answer)
        return next((each for each in answers if isinstance(each, Unknown)), answers[0])

    async def list_all(
        self,
        cursor: str | None,
        list_of: Callable[[Client, str | None], Awaitable[Page[Row] | Unknown]],
    ) -> Page[Row] | Unknown:
        """A page of a list that begins with the first business and ends with the last.

        A cursor names its business. If that is none of ours any more, the list begins anew.
        """
        name, _, within = (cursor or "").rpartition(":")
        names = [business.name for business in self.all]
        number = names.index(name) if name in names else 0
        page = await list_of(self.all[number].client, within if name in names and within else None)
        if isinstance(page, Unknown):
            return page
        return msgspec.structs.replace(page, next_cursor=_next(names, number, page.next_cursor))


def _next(names: Sequence[str], number: int, within: str | None) -> str | None:
    """The cursor of the next page: of this business, else of the next; None after the last."""
    if within is not None:
        return f"{names[number]}:{within}" if names[number] else within
    return f"{names[number + 1]}:" if number + 1 < len(names) else None
