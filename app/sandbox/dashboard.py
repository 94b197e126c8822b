"""What people do at the gateways' own dashboards: money moves, and no call of ours asked for it."""

from collections.abc import Mapping

from app.sandbox.bank import Bank, NotPossible
from app.sandbox.books.accounts import Standing
from app.sandbox.books.books import Books
from app.sandbox.books.payouts import Adjustment, Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.dialect import Dialect
from app.sandbox.stripe.dialect import NAME as STRIPE


class Dashboard:
    """Acts for a person at a gateway's dashboard. Nothing it makes has a mark of the merchant."""

    def __init__(self, books: Books, dialects: Mapping[str, Dialect], bank: Bank) -> None:
        self._books = books
        self._dialects = dialects
        self._bank = bank

    def refund(self, transaction: Transaction, *, amount: int | None = None) -> Refund:
        """Refund a charge, all that is left or a part. Raises NotPossible."""
        left = self._books.refunds.left_of(transaction) if transaction.paid_at else 0
        wanted = left if amount is None else amount
        if not 0 < wanted <= left:
            raise NotPossible(f"Of the charge {left} can be refunded.")
        merchant_note, customer_note = self._dialects[transaction.gateway].own_refund(transaction)
        return self._bank.refund(
            transaction,
            amount=wanted,
            merchant_note=merchant_note,
            customer_note=customer_note,
            rule=None,
        )

    def transfer(
        self, gateway: str, *, amount: int, currency: str, recipient: str | None = None
    ) -> Transfer:
        """Pay a recipient of the merchant's, or a stranger. Raises NotPossible."""
        own = self._dialects[gateway].own_transfer()
        if amount + own.fee > self._books.balance(gateway, currency):
            raise NotPossible("The balance is not enough.")
        return self._bank.transfer(
            self._known(gateway, recipient) if recipient else self._stranger(gateway, currency),
            code=own.code,
            amount=amount,
            fee=own.fee,
            currency=currency,
            reference=own.reference,
            reason="",
            metadata=own.metadata,
            rule=None,
        )

    def take_back(self, transfer: Transfer, *, amount: int | None = None) -> Transfer:
        """Take a transfer back, all that is left or a part. Raises NotPossible."""
        left = transfer.amount - transfer.amount_reversed
        return self._bank.take_back(transfer, left if amount is None else amount)

    def adjust(
        self, gateway: str, *, amount: int, currency: str, kind: str, reason: str
    ) -> Adjustment:
        """Correct the balance, up or down."""
        return self._books.payouts.adjust(
            gateway=gateway, amount=amount, currency=currency, kind=kind, reason=reason
        )

    def pay_out(
        self,
        gateway: str,
        *,
        currency: str,
        amount: int | None = None,
        fee: int = 0,
        status: str | None = None,
    ) -> Payout:
        """Pay the balance, or a part, to the merchant's own bank. Raises NotPossible."""
        most = self._books.balance(gateway, currency) - fee
        wanted = most if amount is None else amount
        if not 0 < wanted <= most:
            raise NotPossible(f"Of the balance {most} can be paid out.")
        return self._bank.pay_out(gateway, amount=wanted, fee=fee, currency=currency, status=status)

    def _known(self, gateway: str, code: str) -> Recipient:
        recipient = self._books.transfers.recipient(code)
        if recipient is None or recipient.gateway != gateway:
            raise NotPossible(f"There is no recipient {code}.")
        return recipient

    def _stranger(self, gateway: str, currency: str) -> Recipient:
        """Somebody whom the merchant's programs do not know."""
        code, kind, account_number, bank_code = self._dialects[gateway].stranger()
        name = "Stanley Stranger"
        if gateway == STRIPE and self._books.accounts.find(code) is None:
            self._books.accounts.open(code=code, name=name, email="", country="FR", metadata="{}")
            self._books.accounts.become(code, Standing.READY)
        return self._books.transfers.find_or_create_recipient(
            gateway=gateway,
            code=code,
            kind=kind,
            name=name,
            account_number=account_number,
            bank_code=bank_code,
            currency="" if gateway == STRIPE else currency,
        )
