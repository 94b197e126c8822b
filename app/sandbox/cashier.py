"""Where guests pay: attempts and successes, and what they bring the balance."""

from collections.abc import Mapping

from app.sandbox.bank import Bank, NotPossible
from app.sandbox.books.books import Books
from app.sandbox.books.transactions import Transaction
from app.sandbox.dialect import Dialect
from app.sandbox.faults import Faults, Kind, Operation, Rule
from app.sandbox.terms import Terms
from app.sandbox.webhooks import WebhookSender


class Cashier:
    """Takes payments, under the `terms` of each gateway, which tests and people may change."""

    def __init__(
        self,
        books: Books,
        webhooks: WebhookSender,
        dialects: Mapping[str, Dialect],
        bank: Bank,
        faults: Faults,
    ) -> None:
        self._books = books
        self._webhooks = webhooks
        self._dialects = dialects
        self._bank = bank
        self._faults = faults
        self.terms: dict[str, Terms] = {name: Terms() for name in dialects}
        bank.movers["charge"] = self._settle_later

    def pay(
        self,
        transaction: Transaction,
        *,
        amount: int | None = None,
        currency: str | None = None,
        is_late: bool = False,
    ) -> None:
        """Pay once, the sum that was asked for or another one; nothing on a closed page.

        `is_late`: the guest had the page open when it was closed, and goes on all the same.
        """
        if self._is_paid(transaction) or not (is_late or self.is_open(transaction)):
            return
        rule = self._faults.take(Operation.PAYMENT)
        with self._books.step():
            self._succeed(self._attempt(transaction), amount, currency, rule)

    def decline(self, transaction: Transaction) -> None:
        """The guest's bank declines; the guest may try again."""
        if self.is_open(transaction) and not self._is_paid(transaction):
            with self._books.step():
                self._fail(self._attempt(transaction))

    def pay_again(self, transaction: Transaction, *, amount: int | None = None) -> Transaction:
        """A second success under the reference of the first. Raises NotPossible."""
        with self._books.step():
            return self._succeed(self._another(transaction), amount, None, None)

    def decline_again(self, transaction: Transaction) -> Transaction:
        """A declined attempt after a success. Raises NotPossible."""
        with self._books.step():
            return self._fail(self._another(transaction))

    def take(
        self, gateway: str, *, amount: int, currency: str, email: str, reference: str | None
    ) -> Transaction:
        """Money that no call of the merchant asked for: from a page that the gateway made."""
        own = self._dialects[gateway].own_charge(reference)
        rule = self._faults.take(Operation.PAYMENT)
        with self._books.step():
            begun = self._books.transactions.begin(
                gateway=gateway,
                reference=own.reference,
                access_code=own.access_code,
                email=email,
                amount=amount,
                currency=currency,
                callback_url="",
                metadata=own.metadata,
            )
            return self._succeed(begun, None, None, rule)

    def settle(self, transaction: Transaction) -> Transaction:
        """Report now what a charge brings the balance. Raises NotPossible."""
        with self._books.step():
            self._books.plans.drop(about="charge", about_id=transaction.id)
            settled = self._settle_later(transaction.id, "settled")
        if settled is None:
            raise NotPossible("That was reported before, or nobody has paid.")
        return settled

    def close(self, transaction: Transaction) -> Transaction:
        """Close the page of a charge that nobody has paid. Raises NotPossible."""
        if self._is_paid(transaction) or not self.is_open(transaction):
            raise NotPossible("It was paid or closed before.")
        with self._books.step():
            closed = self._books.transactions.close(transaction.root_id)
            self._webhooks.send(
                closed.gateway, closed.reference, self._dialects[closed.gateway].closed(closed)
            )
        return closed

    def is_open(self, transaction: Transaction) -> bool:
        """Whether the page of a charge can be paid on, as far as its gateway closes pages."""
        first = self._books.transactions.attempts(transaction)[-1]
        return self._dialects[transaction.gateway].is_open(first)

    def _is_paid(self, transaction: Transaction) -> bool:
        return any(each.paid_at for each in self._books.transactions.attempts(transaction))

    def _attempt(self, transaction: Transaction) -> Transaction:
        """The attempt that is made now: the first, or another one where each is kept."""
        last = self._books.transactions.attempts(transaction)[0]
        if last.status == "failed" and self._dialects[last.gateway].keeps_attempts:
            return self._books.transactions.again(last)
        return last

    def _another(self, transaction: Transaction) -> Transaction:
        dialect = self._dialects[transaction.gateway]
        if transaction.paid_at is None or not dialect.takes_several:
            raise NotPossible("After a success this gateway takes no attempt, or there was none.")
        return self._books.transactions.again(transaction)

    def _succeed(
        self,
        transaction: Transaction,
        amount: int | None,
        currency: str | None,
        rule: Rule | None,
    ) -> Transaction:
        terms, dialect = self.terms[transaction.gateway], self._dialects[transaction.gateway]
        is_late = bool(rule and rule.kind is Kind.LATE) or terms.late_seconds != 0
        paid = self._books.transactions.pay(
            transaction.id,
            amount=amount,
            currency=currency,
            exchange=terms.exchange(currency or transaction.currency, dialect),
            is_late=is_late,
        )
        if paid is None:
            return transaction
        self._webhooks.send(paid.gateway, paid.reference, dialect.paid(paid))
        if is_late:
            in_s = terms.late_seconds or (self._bank.delay_of(rule) if rule else None)
            self._bank.plan("charge", paid.id, "settled", in_s=in_s)
        return paid

    def _fail(self, transaction: Transaction) -> Transaction:
        declined = self._books.transactions.decline(transaction.id)
        if declined is None:
            return transaction
        webhooks = self._dialects[declined.gateway].declined(declined)
        self._webhooks.send(declined.gateway, declined.reference, webhooks)
        return declined

    def _settle_later(self, transaction_id: int, _: str) -> Transaction | None:
        settled = self._books.transactions.settle(transaction_id)
        if settled:
            webhooks = self._dialects[settled.gateway].settled(settled)
            self._webhooks.send(settled.gateway, settled.reference, webhooks)
        return settled
