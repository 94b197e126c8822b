"""The simulator's parts, as its routes share them."""

from collections.abc import Mapping, Sequence

import msgspec

from app.sandbox.bank import Bank
from app.sandbox.books.accounts import ConnectedAccount, Standing
from app.sandbox.books.books import Books
from app.sandbox.cashier import Cashier
from app.sandbox.dashboard import Dashboard
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
    cashier: Cashier
    dashboard: Dashboard

    def judge(self, code: str, standing: Standing) -> ConnectedAccount | None:
        """Change the standing of a connected account; None if there is no such account."""
        with self.books.step():
            account = self.books.accounts.become(code, standing)
            if account:
                self.webhooks.send(stripe.NAME, code, stripe.account_moved(account))
        return account
