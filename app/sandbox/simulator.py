"""The simulator's parts, as its routes share them."""

from collections.abc import Mapping, Sequence

import msgspec

from app.sandbox.bank import Bank
from app.sandbox.books.accounts import ConnectedAccount, Standing
from app.sandbox.books.books import Books
from app.sandbox.books.transactions import Transaction
from app.sandbox.dialect import Dialect
from app.sandbox.faults import Faults
from app.sandbox.issuer import Issuer
from app.sandbox.mail import Mail
from app.sandbox.stripe import dialect as stripe


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    """`secret_keys` are those that each gateway takes."""

    secret_keys: Mapping[str, Sequence[str]]
    dialects: Mapping[str, Dialect]
    books: Books
    faults: Faults
    mail: Mail
    bank: Bank
    issuer: Issuer

    def pay(
        self, transaction: Transaction, *, amount: int | None = None, currency: str | None = None
    ) -> None:
        """The guest pays: once, with its webhooks; another sum than was asked for, if given."""
        with self.books.step():
            paid = self.books.transactions.pay(transaction.id, amount=amount, currency=currency)
            if paid:
                letters = self.dialects[paid.gateway].paid(paid)
                self.mail.post(paid.gateway, paid.reference, letters)

    def decline(self, transaction: Transaction) -> None:
        """The guest's bank says no; the guest may try again."""
        with self.books.step():
            if declined := self.books.transactions.decline(transaction.id):
                letters = self.dialects[declined.gateway].declined(declined)
                self.mail.post(declined.gateway, declined.reference, letters)

    def judge(self, code: str, standing: Standing) -> ConnectedAccount | None:
        """The gateway has made up its mind about an account; None if there is none."""
        with self.books.step():
            account = self.books.accounts.become(code, standing)
            if account:
                self.mail.post(stripe.NAME, code, stripe.account_moved(account))
        return account
