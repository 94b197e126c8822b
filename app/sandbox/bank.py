"""The banks: they move refunds, transfers and payouts after a while, to success or failure."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Literal

from app.sandbox.books.books import Books
from app.sandbox.books.payouts import FAILED, PAID, PENDING, Payout
from app.sandbox.books.refunds import OPEN as OPEN_REFUNDS
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import OPEN as OPEN_TRANSFERS
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.dialect import Course, Courses, Dialect
from app.sandbox.faults import Kind, Rule
from app.sandbox.webhooks import WebhookSender

# How a person can end them: from which states, to which.
_REFUND_VERBS: Final = {
    "succeed": (OPEN_REFUNDS, "processed"),
    "fail": (OPEN_REFUNDS, "failed"),
    "reverse": ({"processed"}, "failed"),
}
_TRANSFER_VERBS: Final = {
    # Real gateways report a success after a failure, too.
    "succeed": (OPEN_TRANSFERS | {"failed"}, "success"),
    "fail": (OPEN_TRANSFERS, "failed"),
    "reverse": ({"success"}, "reversed"),
}


Verb = Literal["succeed", "fail", "reverse"]


class NotPossible(Exception):
    """The refund, transfer or chargeback is not in a state that allows this."""


class Bank:
    """Moves refunds and transfers a step every `step_seconds`; None: only a call moves them.

    `movers` make the planned moves: each kind of thing has one, which gets its id and next status.
    """

    def __init__(
        self,
        books: Books,
        webhooks: WebhookSender,
        dialects: Mapping[str, Dialect],
        *,
        step_seconds: float | None,
    ) -> None:
        self._books = books
        self._webhooks = webhooks
        self._dialects = dialects
        self._wake = asyncio.Event()
        self.step_seconds = step_seconds
        self.movers: dict[str, Callable[[int, str], object]] = {
            "refund": self._move_refund,
            "transfer": self._move_transfer,
            "fee": self._report_fee,
            "payout": self._move_payout,
        }

    def refund(
        self,
        transaction: Transaction,
        *,
        amount: int,
        merchant_note: str,
        customer_note: str,
        rule: Rule | None,
    ) -> Refund:
        """Begin a refund, and plan its next steps."""
        course = _course(rule, self._dialects[transaction.gateway].refund_courses)
        with self._books.step():
            refund = self._books.refunds.begin(
                transaction, amount=amount, merchant_note=merchant_note, customer_note=customer_note
            )
            self._announce_refund(refund)
            if course.first != refund.status:
                refund = self._move_refund(refund.id, course.first)
            self._plan("refund", refund.id, course.then)
        self._wake.set()
        return refund

    def transfer(
        self,
        recipient: Recipient,
        *,
        code: str,
        amount: int,
        fee: int,
        currency: str,
        reference: str,
        reason: str,
        metadata: str,
        rule: Rule | None,
    ) -> Transfer:
        """Begin a transfer, and plan its next steps."""
        course = _course(rule, self._dialects[recipient.gateway].transfer_courses)
        with self._books.step():
            transfer = self._books.transfers.begin(
                recipient,
                code=code,
                reference=reference,
                amount=amount,
                fee=fee,
                currency=currency,
                reason=reason,
                metadata=metadata,
                status=course.first if course.first in OPEN_TRANSFERS else "pending",
            )
            if course.first != transfer.status:
                transfer = self._move_transfer(transfer.id, course.first)
            self._plan("transfer", transfer.id, course.then)
            if rule and rule.kind is Kind.LATE:
                transfer = self._books.transfers.report_fee(transfer.id, is_known=False)
                self.plan(
                    "fee", transfer.id, "reported", in_s=self.delay_of(rule, len(course.then))
                )
        self._wake.set()
        return transfer

    def pay_out(
        self, gateway: str, *, amount: int, fee: int, currency: str, status: str | None
    ) -> Payout:
        """Pay the merchant's own bank out of the balance; `status`: its end, None: by itself."""
        with self._books.step():
            payout = self._books.payouts.begin(
                gateway=gateway, amount=amount, fee=fee, currency=currency
            )
            self._announce_payout(payout)
            if status and status != PENDING:
                payout = self._move_payout(payout.id, status)
            elif status is None:
                self._plan("payout", payout.id, (PAID,))
        self._wake.set()
        return payout

    def end_payout(self, payout: Payout, status: str) -> Payout:
        """End a payout now; one that was paid can still fail. Raises NotPossible."""
        if status not in (PAID, FAILED) or payout.status == FAILED:
            raise NotPossible(f"The payout is {payout.status}.")
        with self._books.step():
            self._books.plans.drop(about="payout", about_id=payout.id)
            return self._move_payout(payout.id, status)

    def take_back(self, transfer: Transfer, amount: int, *, metadata: str = "{}") -> Transfer:
        """Take a part of a transfer back, or all that is left. Raises NotPossible."""
        if transfer.status != "success":
            raise NotPossible(f"The transfer is {transfer.status}.")
        left = transfer.amount - transfer.amount_reversed
        if not 0 < amount <= left:
            raise NotPossible(f"Of the transfer {left} can be taken back.")
        dialect = self._dialects[transfer.gateway]
        if amount < left and not dialect.reverses_parts:
            raise NotPossible("Only a whole transfer comes back here.")
        with self._books.step():
            if amount == left:
                self._books.plans.drop(about="transfer", about_id=transfer.id)
                return self._move_transfer(transfer.id, "reversed", metadata=metadata)
            self._books.transfers.reverse(transfer, amount, metadata=metadata)
            transfer = self._books.transfers.get(transfer.id)
            recipient = self._books.transfers.recipient_of(transfer)
            webhooks = dialect.transfer_reversed(transfer, recipient)
            self._webhooks.send(transfer.gateway, transfer.reference, webhooks)
        return transfer

    def plan(self, about: str, about_id: int, status: str, *, in_s: float | None) -> None:
        """Let one thing happen by itself; None: only a call lets it happen."""
        if in_s is not None:
            self._books.plans.add(about=about, about_id=about_id, status=status, in_s=in_s)
            self._wake.set()

    def delay_of(self, rule: Rule, steps_before: int = 0) -> float | None:
        """After how long a late fact is reported: as the rule says, else a step later."""
        if rule.delay_ms:
            return rule.delay_ms / 1000
        return self.step_seconds and (steps_before + 1) * self.step_seconds

    def end_refund(self, refund: Refund, verb: Verb) -> Refund:
        """End a refund now, whatever was planned. Raises NotPossible."""
        possible_from, status = _REFUND_VERBS[verb]
        if refund.status == status:
            return refund
        if refund.status not in possible_from:
            raise NotPossible(f"The refund is {refund.status}.")
        with self._books.step():
            self._books.plans.drop(about="refund", about_id=refund.id)
            return self._move_refund(refund.id, status)

    def end_transfer(self, transfer: Transfer, verb: Verb) -> Transfer:
        """End a transfer now, whatever was planned. Raises NotPossible."""
        possible_from, status = _TRANSFER_VERBS[verb]
        if transfer.status == status:
            return transfer
        if transfer.status not in possible_from:
            raise NotPossible(f"The transfer is {transfer.status}.")
        with self._books.step():
            self._books.plans.drop(about="transfer", about_id=transfer.id)
            return self._move_transfer(transfer.id, status)

    async def run_forever(self) -> None:
        """Make the moves that are due, then sleep until the next one, or until woken."""
        while True:
            self._wake.clear()
            self.make_due_moves()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._books.plans.next_due_in_s()):
                    await self._wake.wait()

    def make_due_moves(self) -> None:
        """Let happen what was planned until now."""
        while True:
            with self._books.step():
                plan = self._books.plans.take_due()
                if plan is None:
                    return
                self.movers[plan.about](plan.about_id, plan.status)

    def _plan(self, about: str, about_id: int, steps: Sequence[str]) -> None:
        if self.step_seconds is None:
            return
        for number, status in enumerate(steps, start=1):
            in_s = number * self.step_seconds
            self._books.plans.add(about=about, about_id=about_id, status=status, in_s=in_s)

    def _move_refund(self, refund_id: int, status: str) -> Refund:
        refund = self._books.refunds.move(refund_id, status)
        self._books.transactions.count_refunds(refund.transaction_id)
        self._announce_refund(refund)
        return refund

    def _move_transfer(self, transfer_id: int, status: str, *, metadata: str = "{}") -> Transfer:
        if status == "reversed":
            before = self._books.transfers.get(transfer_id)
            left = before.amount - before.amount_reversed
            self._books.transfers.reverse(before, left, metadata=metadata)
        transfer = self._books.transfers.move(transfer_id, status)
        recipient = self._books.transfers.recipient_of(transfer)
        webhooks = self._dialects[transfer.gateway].transfer_moved(transfer, recipient)
        self._webhooks.send(transfer.gateway, transfer.reference, webhooks)
        return transfer

    def _report_fee(self, transfer_id: int, _: str) -> Transfer:
        return self._books.transfers.report_fee(transfer_id, is_known=True)

    def _move_payout(self, payout_id: int, status: str) -> Payout:
        payout = self._books.payouts.move(payout_id, status)
        self._announce_payout(payout)
        return payout

    def _announce_payout(self, payout: Payout) -> None:
        webhooks = self._dialects[payout.gateway].payout_moved(payout)
        self._webhooks.send(payout.gateway, f"payout-{payout.id}", webhooks)

    def _announce_refund(self, refund: Refund) -> None:
        """Send the webhooks of a refund; they are about the charge that is refunded."""
        transaction = self._books.transactions.get(refund.transaction_id)
        webhooks = self._dialects[refund.gateway].refund_moved(
            refund, transaction, refunded=self._books.refunds.given_back(transaction)
        )
        self._webhooks.send(refund.gateway, refund.transaction_reference, webhooks)


def _course(rule: Rule | None, courses: Courses) -> Course:
    """The steps of a refund or transfer: the fault's, if it has any, else the normal ones."""
    return courses[rule.kind if rule and rule.kind in courses else None]
