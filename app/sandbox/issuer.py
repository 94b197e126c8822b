"""The guests' banks: they want back what a guest has paid, and decide who keeps the money."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from app.sandbox.bank import NotPossible
from app.sandbox.books.books import Books
from app.sandbox.books.chargebacks import DECLINED, TO_BE_ANSWERED, Chargeback
from app.sandbox.books.transactions import Transaction
from app.sandbox.dialect import ChargebackChange, Dialect
from app.sandbox.webhooks import WebhookSender

DAYS: Final = 7  # how long evidence is accepted, if no time is given

Outcome = Literal["won", "lost"]


class Issuer:
    """Opens and closes chargebacks; nothing happens by itself."""

    def __init__(
        self, books: Books, webhooks: WebhookSender, dialects: Mapping[str, Dialect]
    ) -> None:
        self._books = books
        self._webhooks = webhooks
        self._dialects = dialects

    def charge_back(
        self,
        transaction: Transaction,
        *,
        amount: int | None = None,
        reason: str = "fraudulent",
        days: int | None = DAYS,
    ) -> Chargeback:
        """Want an amount back, or all that the guest has not got back yet. Raises NotPossible."""
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
            self._announce(opened, "opened")
        return opened

    def answer(self, chargeback: Chargeback) -> Chargeback:
        """The merchant has sent evidence, and the bank reviews it. Raises NotPossible."""
        if chargeback.status != TO_BE_ANSWERED:
            raise NotPossible(f"The chargeback is {chargeback.status}.")
        with self._books.step():
            answered = self._books.chargebacks.answer(chargeback.id)
            self._announce(answered, "answered")
        return answered

    def remind(self, chargeback: Chargeback) -> Chargeback:
        """Remind the merchant that evidence is awaited. Raises NotPossible."""
        if chargeback.status != TO_BE_ANSWERED:
            raise NotPossible(f"The chargeback is {chargeback.status}.")
        with self._books.step():
            self._announce(chargeback, "reminded")
        return chargeback

    def close(self, chargeback: Chargeback, outcome: Outcome) -> Chargeback:
        """Decide a chargeback; one that was decided can be decided again the other way."""
        is_won = outcome == "won"
        if chargeback.resolution and (chargeback.resolution == DECLINED) == is_won:
            return chargeback
        with self._books.step():
            closed = self._books.chargebacks.resolve(
                chargeback.id, DECLINED if is_won else _accepted(chargeback)
            )
            self._announce(closed, "closed")
        return closed

    def _amount(self, transaction: Transaction, amount: int | None) -> int:
        if transaction.paid_at is None:
            raise NotPossible("The charge was not paid.")
        most = self._books.chargebacks.left_of(transaction)
        wanted = min(most, self._books.refunds.left_of(transaction)) if amount is None else amount
        if not 0 < wanted <= most:
            raise NotPossible(f"Of the charge {most} can be wanted back.")
        return wanted

    def _announce(self, chargeback: Chargeback, change: ChargebackChange) -> None:
        """Send the webhooks of a chargeback; they are about the charge."""
        self._books.transactions.count_refunds(chargeback.transaction_id)
        transaction = self._books.transactions.get(chargeback.transaction_id)
        webhooks = self._dialects[chargeback.gateway].chargeback_moved(
            chargeback, transaction, change=change
        )
        self._webhooks.send(chargeback.gateway, chargeback.transaction_reference, webhooks)


def _accepted(chargeback: Chargeback) -> str:
    """How a lost chargeback was accepted: by the merchant, or because no evidence came."""
    return "auto-accepted" if chargeback.status == TO_BE_ANSWERED else "merchant-accepted"


def _in(days: int | None) -> str | None:
    if days is None:
        return None
    due_at = datetime.now(UTC) + timedelta(days=days)
    return due_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
