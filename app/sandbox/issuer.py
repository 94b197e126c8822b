"""What a guest's own bank does: it wants back what the guest has paid, and says how that ends."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from app.sandbox.bank import NotPossible
from app.sandbox.books.books import Books
from app.sandbox.books.chargebacks import DECLINED, TO_BE_ANSWERED, Chargeback
from app.sandbox.books.transactions import Transaction
from app.sandbox.dialect import ChargebackNews, Dialect
from app.sandbox.mail import Mail

DAYS: Final = 7  # how long an answer is waited for, if nobody says

Outcome = Literal["won", "lost"]


class Issuer:
    """Moves nothing by itself: somebody must want it."""

    def __init__(self, books: Books, mail: Mail, dialects: Mapping[str, Dialect]) -> None:
        self._books = books
        self._mail = mail
        self._dialects = dialects

    def charge_back(
        self,
        transaction: Transaction,
        *,
        amount: int | None = None,
        reason: str = "fraudulent",
        days: int | None = DAYS,
    ) -> Chargeback:
        """Want so much back, or all that the guest does not have back yet. Raises NotPossible."""
        dialect = self._dialects[transaction.gateway]
        with self._books.step():
            opened = self._books.chargebacks.open(
                transaction,
                amount=self._amount(transaction, amount),
                fee=dialect.chargeback_fee,
                reason=reason,
                is_taken=dialect.takes_chargebacks_at_once,
                due_at=_in(days),
            )
            self._tell(opened, "opened")
        return opened

    def answer(self, chargeback: Chargeback) -> Chargeback:
        """The merchant's evidence is in: the bank looks at it. Raises NotPossible."""
        if chargeback.status != TO_BE_ANSWERED:
            raise NotPossible(f"The chargeback is {chargeback.status}.")
        with self._books.step():
            answered = self._books.chargebacks.answer(chargeback.id)
            self._tell(answered, "answered")
        return answered

    def remind(self, chargeback: Chargeback) -> Chargeback:
        """Tell the merchant once more that an answer is waited for. Raises NotPossible."""
        if chargeback.status != TO_BE_ANSWERED:
            raise NotPossible(f"The chargeback is {chargeback.status}.")
        with self._books.step():
            self._tell(chargeback, "reminded")
        return chargeback

    def close(self, chargeback: Chargeback, outcome: Outcome) -> Chargeback:
        """Also of one that was closed otherwise: banks change their mind."""
        is_won = outcome == "won"
        if chargeback.resolution and (chargeback.resolution == DECLINED) == is_won:
            return chargeback
        with self._books.step():
            closed = self._books.chargebacks.resolve(
                chargeback.id, DECLINED if is_won else _accepted(chargeback)
            )
            self._tell(closed, "closed")
        return closed

    def _amount(self, transaction: Transaction, amount: int | None) -> int:
        if transaction.paid_at is None:
            raise NotPossible("The charge was not paid.")
        most = self._books.chargebacks.left_of(transaction)
        wanted = min(most, self._books.refunds.left_of(transaction)) if amount is None else amount
        if not 0 < wanted <= most:
            raise NotPossible(f"Of the charge {most} can be wanted back.")
        return wanted

    def _tell(self, chargeback: Chargeback, news: ChargebackNews) -> None:
        """Its events are about the charge."""
        self._books.transactions.count_refunds(chargeback.transaction_id)
        transaction = self._books.transactions.get(chargeback.transaction_id)
        letters = self._dialects[chargeback.gateway].chargeback_moved(
            chargeback, transaction, news=news
        )
        self._mail.post(chargeback.gateway, chargeback.transaction_reference, letters)


def _accepted(chargeback: Chargeback) -> str:
    """By whom: whoever does not answer has accepted."""
    return "auto-accepted" if chargeback.status == TO_BE_ANSWERED else "merchant-accepted"


def _in(days: int | None) -> str | None:
    if days is None:
        return None
    due_at = datetime.now(UTC) + timedelta(days=days)
    return due_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
