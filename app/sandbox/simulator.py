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
from app.sandbox.stripe import dialect as stripe
from app.sandbox.webhooks import WebhookSender


class Simulator(msgspec.Struct, frozen=True, kw_only=True):
    """All parts of the simulator. `secret_keys` are those that each gateway accepts."""

    secret_keys: Mapping[str, Sequence[str]]
    dialects: Mapping[str, Dialect]
    books: Books
    faults: Faults
    webhooks: WebhookSender
    bank: Bank
    issuer: Issuer

    def pay(
        self, transaction: Transaction, *, amount: int | None = None, currency: str | None = None
    ) -> None:
        """The guest pays once, the sum that was asked for or another one; webhooks are sent."""
        with self.books.step():
            paid = self.books.transactions.pay(transaction.id, amount=amount, currency=currency)
            if paid:
                webhooks = self.dialects[paid.gateway].paid(paid)
                self.webhooks.send(paid.gateway, paid.reference, webhooks)

    def decline(self, transaction: Transaction) -> None:
        """The guest's bank declines; the guest may try again."""
        with self.books.step():
            if declined := self.books.transactions.decline(transaction.id):
                webhooks = self.dialects[declined.gateway].declined(declined)
                self.webhooks.send(declined.gateway, declined.reference, webhooks)

    def judge(self, code: str, standing: Standing) -> ConnectedAccount | None:
        """Change the standing of a connected account; None if there is no such account."""
        with self.books.step():
            account = self.books.accounts.become(code, standing)
            if account:
                self.webhooks.send(stripe.NAME, code, stripe.account_moved(account))
        return account
