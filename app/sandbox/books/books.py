"""All books of the simulator, and their sums."""

from typing import Final

import msgspec

from app.sandbox.books import (
    accounts,
    chargebacks,
    deliveries,
    hidden,
    payouts,
    plans,
    refunds,
    replies,
    transactions,
    transfers,
)
from app.sandbox.books.accounts import Accounts
from app.sandbox.books.chargebacks import Chargebacks
from app.sandbox.books.deliveries import Deliveries
from app.sandbox.books.hidden import Hidden
from app.sandbox.books.payouts import Payouts
from app.sandbox.books.plans import Plans
from app.sandbox.books.refunds import Refunds
from app.sandbox.books.replies import Replies
from app.sandbox.books.store import Store, now
from app.sandbox.books.transactions import Transactions
from app.sandbox.books.transfers import Transfers

_TOP_UPS: Final = """
CREATE TABLE IF NOT EXISTS top_ups (
    id         INTEGER PRIMARY KEY,
    gateway    TEXT NOT NULL,
    amount     INTEGER NOT NULL,
    currency   TEXT NOT NULL,
    created_at TEXT NOT NULL
)"""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at one gateway in one currency, in its wire amounts.

    balance = topped_up + money_in + adjusted - fees - refunded - charged_back - transferred
    - paid_out - held. `held` is what leaves if the refunds and transfers under way succeed;
    `charged_back` is what banks have now; `paid_out` went to the merchant's own bank.
    """

    gateway: str
    currency: str
    topped_up: int
    money_in: int
    fees: int
    refunded: int
    charged_back: int
    transferred: int
    paid_out: int
    adjusted: int
    held: int
    balance: int


class TopUp(msgspec.Struct, frozen=True, kw_only=True):
    """Money that the merchant brought from elsewhere."""

    id: int
    gateway: str
    amount: int
    currency: str
    created_at: str


class Books:
    """All that the simulator remembers."""

    def __init__(self, path: str) -> None:
        self._store = Store(
            path,
            [
                transactions.TABLE,
                transactions.INDEX,
                refunds.TABLE,
                chargebacks.TABLE,
                transfers.RECIPIENTS_TABLE,
                transfers.TABLE,
                transfers.REVERSALS_TABLE,
                payouts.TABLE,
                payouts.ADJUSTMENTS_TABLE,
                hidden.TABLE,
                plans.TABLE,
                deliveries.TABLE,
                replies.TABLE,
                accounts.TABLE,
                accounts.LINKS_TABLE,
                _TOP_UPS,
            ],
        )
        self._store.do(transactions.BACKFILL)
        self.step = self._store.step
        self.transactions = Transactions(self._store)
        self.refunds = Refunds(self._store)
        self.chargebacks = Chargebacks(self._store)
        self.transfers = Transfers(self._store)
        self.payouts = Payouts(self._store)
        self.hidden = Hidden(self._store)
        self.plans = Plans(self._store)
        self.deliveries = Deliveries(self._store)
        self.accounts = Accounts(self._store)
        self.replies = Replies(self._store)

    def close(self) -> None:
        self._store.close()

    def top_up(self, *, gateway: str, amount: int, currency: str) -> None:
        """Add money to the merchant's balance."""
        self._store.do(
            """
            INSERT INTO top_ups (gateway, amount, currency, created_at)
            VALUES (:gateway, :amount, :currency, :now)""",
            gateway=gateway,
            amount=amount,
            currency=currency,
            now=now(),
        )

    def top_ups(self, gateway: str) -> list[TopUp]:
        return self._store.rows(
            TopUp, "SELECT * FROM top_ups WHERE gateway = :gateway ORDER BY id", gateway=gateway
        )

    def balance(self, gateway: str, currency: str) -> int:
        """The balance from which transfers are paid."""
        accounts = {account.currency: account for account in self.sum_up(gateway)}
        return accounts[currency].balance if currency in accounts else 0

    def sum_up(self, gateway: str | None = None) -> list[Account]:
        """The sums of all gateways, or of one, per currency."""
        return self._store.rows(
            Account,
            """
            WITH lines (gateway, currency, topped_up, money_in, fees, refunded, charged_back,
                        transferred, paid_out, adjusted, held) AS (
                SELECT gateway, currency, amount, 0, 0, 0, 0, 0, 0, 0, 0 FROM top_ups
                UNION ALL
                SELECT gateway, settled_currency, 0, settled_amount, fee, 0, 0, 0, 0, 0, 0
                FROM transactions WHERE paid_at IS NOT NULL
                UNION ALL
                SELECT gateway, COALESCE(settled_currency, currency), 0, 0, fee, 0,
                       CASE WHEN is_taken THEN COALESCE(settled_amount, amount) ELSE 0 END,
                       0, 0, 0, 0
                FROM chargebacks
                UNION ALL
                SELECT gateway, COALESCE(settled_currency, currency), 0, 0, 0,
                       CASE WHEN status = 'processed' THEN COALESCE(settled_amount, amount)
                            ELSE 0 END, 0, 0, 0, 0,
                       CASE WHEN status IN ('processed', 'failed') THEN 0
                            ELSE COALESCE(settled_amount, amount) END
                FROM refunds
                UNION ALL
                SELECT gateway, currency, 0, 0,
                       CASE WHEN transferred_at IS NULL THEN 0 ELSE fee END, 0, 0,
                       CASE WHEN status = 'success' THEN amount - amount_reversed ELSE 0 END, 0, 0,
                       CASE WHEN status IN ('pending', 'otp') THEN amount + fee ELSE 0 END
                FROM transfers
                UNION ALL
                SELECT gateway, currency, 0, 0, fee, 0, 0, 0,
                       CASE WHEN status = 'failed' THEN 0 ELSE amount END, 0, 0
                FROM payouts
                UNION ALL
                SELECT gateway, currency, 0, 0, 0, 0, 0, 0, 0, amount, 0 FROM adjustments
            ), sums AS (
                SELECT gateway, currency, SUM(topped_up) AS topped_up, SUM(money_in) AS money_in,
                       SUM(fees) AS fees, SUM(refunded) AS refunded,
                       SUM(charged_back) AS charged_back,
                       SUM(transferred) AS transferred, SUM(paid_out) AS paid_out,
                       SUM(adjusted) AS adjusted, SUM(held) AS held
                FROM lines GROUP BY gateway, currency
            )
            SELECT *, topped_up + money_in + adjusted - fees - refunded - charged_back
                      - transferred - paid_out - held AS balance
            FROM sums WHERE :gateway IS NULL OR gateway = :gateway
            ORDER BY gateway, currency""",
            gateway=gateway,
        )
