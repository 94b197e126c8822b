"""The simulator's parts, as its routes share them."""

from collections.abc import Sequence

import msgspec

from app.gateways.sandbox.bank import Bank
from app.gateways.sandbox.books.books import Books
from app.gateways.sandbox.books.transactions import Transaction
from app.gateways.sandbox.faults import Faults
from app.gateways.sandbox.mail import Mail
from app.gateways.sandbox.paystack.wire import transactions


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    secret_keys: Sequence[str]
    books: Books
    faults: Faults
    mail: Mail
    bank: Bank

    def pay(self, reference: str) -> Transaction | None:
        """The guest pays: once, with one webhook. None if that was done, or nothing is there."""
        with self.books.step():
            paid = self.books.transactions.pay(reference)
            if paid:
                self.mail.post("charge.success", reference, transactions.event_data(paid))
        return paid

    def decline(self, reference: str) -> Transaction | None:
        """The guest's bank says no. Paystack has no event for it; the guest may try again."""
        return self.books.transactions.decline(reference)
