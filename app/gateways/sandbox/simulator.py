"""The simulator's parts, as its routes share them."""

from collections.abc import Sequence

import msgspec

from app.gateways.sandbox.books import Books, Transaction
from app.gateways.sandbox.faults import Faults
from app.gateways.sandbox.mail import Mail


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    secret_keys: Sequence[str]
    books: Books
    faults: Faults
    mail: Mail

    def pay(self, reference: str) -> Transaction | None:
        """The guest pays: once, with one webhook. None if that was done, or nothing is there."""
        paid = self.books.pay(reference)
        if paid:
            self.mail.announce(paid)
        return paid

    def decline(self, reference: str) -> Transaction | None:
        """The guest's bank says no. No webhook; the guest may try again."""
        return self.books.decline(reference)
