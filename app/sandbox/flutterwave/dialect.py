"""Flutterwave's letters, signature and manners."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.dialect import ChargebackNews, Course, Courses, Letter
from app.sandbox.faults import Kind, Rule, distort
from app.sandbox.flutterwave.wire import objects

NAME: Final = "flutterwave"

_JSON: Final = msgspec.json.Encoder(decimal_format="number")


class Flutterwave:
    name = NAME
    takes_chargebacks_at_once = False
    chargeback_fee = 0
    refund_courses: Courses = MappingProxyType(
        {
            None: Course("pending", ("processed",)),
            Kind.STUCK: Course("pending"),
            Kind.FAIL: Course("pending", ("failed",)),
            Kind.REVERSE: Course("pending", ("processed", "failed")),
        }
    )
    transfer_courses: Courses = MappingProxyType(
        {
            None: Course("pending", ("success",)),
            Kind.STUCK: Course("pending"),
            Kind.FAIL: Course("pending", ("failed",)),
            Kind.REVERSE: Course("pending", ("success", "reversed")),
        }
    )

    def __init__(self, webhook_secret: str) -> None:
        self._webhook_secret = webhook_secret

    def paid(self, transaction: Transaction) -> Sequence[Letter]:
        return [_charge_completed(transaction)]

    def declined(self, transaction: Transaction) -> Sequence[Letter]:
        """The same event: only the status tells."""
        return [_charge_completed(transaction)]

    def refund_moved(
        self,
        refund: Refund,
        transaction: Transaction,  # noqa: ARG002
        *,
        refunded: int,  # noqa: ARG002
    ) -> Sequence[Letter]:
        """Once it has ended: without an envelope, and in other words than the API's."""
        if refund.status not in ("processed", "failed"):
            return []
        told = objects.refund(refund)
        body = {
            "id": told["id"],
            "AmountRefunded": told["amount_refunded"],
            "status": told["status"],
            "FlwRef": told["flw_ref"],
            "TransactionId": told["tx_id"],
            "AccountId": told["account_id"],
            "walletId": told["wallet_id"],
            "destination": told["destination"],
            "comments": told["comments"],
            "meta": msgspec.json.encode(told["meta"]).decode(),
            "createdAt": refund.created_at,
            "updatedAt": refund.updated_at,
        }
        return [_letter("refund", body)]

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Letter]:
        if transfer.status == "pending":
            return []
        told = objects.transfer(transfer, recipient)
        data = {name: value for name, value in told.items() if name != "full_name"}
        data["fullname"] = told["full_name"]  # here it is spelt so
        body = {"event": "transfer.completed", "event.type": "Transfer", "data": data}
        return [_letter("transfer.completed", body)]

    def chargeback_moved(
        self,
        chargeback: Chargeback,  # noqa: ARG002
        transaction: Transaction,  # noqa: ARG002
        *,
        news: ChargebackNews,  # noqa: ARG002
    ) -> Sequence[Letter]:
        return []  # they come by mail, and stand on the dashboard

    def distorted(self, body: str, rule: Rule | None) -> str:
        told = msgspec.json.decode(body)
        data = told.get("data", {})
        if "amount" in data:
            amount, currency = distort(rule, amount=data["amount"], currency=data["currency"])
            data.update(amount=amount, currency=currency)
        return msgspec.json.encode(told).decode()

    def signed(self, body: bytes) -> dict[str, str]:  # noqa: ARG002
        """The secret itself: no byte of the body is covered."""
        return {"verif-hash": self._webhook_secret}

    def return_url(self, transaction: Transaction) -> str:
        """The merchant's address with what became of it, which proves nothing."""
        return _back(transaction, "successful", transaction_id=str(transaction.id))

    def cancel_url(self, transaction: Transaction) -> str:
        return _back(transaction, "cancelled")

    def shown_amount(self, amount: int, currency: str) -> str:
        return f"{objects.major(amount, currency):,}"


def _back(transaction: Transaction, status: str, **more: str) -> str:
    parts = urlsplit(transaction.callback_url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("status", status),
        ("tx_ref", transaction.reference),
        *more.items(),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _charge_completed(transaction: Transaction) -> Letter:
    body = {
        "event": "charge.completed",
        "event.type": "CARD_TRANSACTION",
        "data": objects.transaction(transaction),
    }
    return _letter("charge.completed", body)


def _letter(event: str, body: dict[str, Any]) -> Letter:
    return Letter(event, _JSON.encode(body).decode())
