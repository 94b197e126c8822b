"""What is special to Flutterwave: webhooks, signature, outcomes."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.dialect import ChargebackChange, Course, Courses, Webhook
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

    def paid(self, transaction: Transaction) -> Sequence[Webhook]:
        return [_charge_completed(transaction)]

    def declined(self, transaction: Transaction) -> Sequence[Webhook]:
        """The event of a success; only its status differs."""
        return [_charge_completed(transaction)]

    def refund_moved(
        self,
        refund: Refund,
        transaction: Transaction,  # noqa: ARG002
        *,
        refunded: int,  # noqa: ARG002
    ) -> Sequence[Webhook]:
        """A webhook when the refund has ended: no envelope, and other names than the API's."""
        if refund.status not in ("processed", "failed"):
            return []
        shown = objects.refund(refund)
        body = {
            "id": shown["id"],
            "AmountRefunded": shown["amount_refunded"],
            "status": shown["status"],
            "FlwRef": shown["flw_ref"],
            "TransactionId": shown["tx_id"],
            "AccountId": shown["account_id"],
            "walletId": shown["wallet_id"],
            "destination": shown["destination"],
            "comments": shown["comments"],
            "meta": msgspec.json.encode(shown["meta"]).decode(),
            "createdAt": refund.created_at,
            "updatedAt": refund.updated_at,
        }
        return [_webhook("refund", body)]

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]:
        if transfer.status == "pending":
            return []
        shown = objects.transfer(transfer, recipient)
        data = {name: value for name, value in shown.items() if name != "full_name"}
        data["fullname"] = shown["full_name"]  # webhooks spell it like this
        body = {"event": "transfer.completed", "event.type": "Transfer", "data": data}
        return [_webhook("transfer.completed", body)]

    def chargeback_moved(
        self,
        chargeback: Chargeback,  # noqa: ARG002
        transaction: Transaction,  # noqa: ARG002
        *,
        change: ChargebackChange,  # noqa: ARG002
    ) -> Sequence[Webhook]:
        return []  # they are reported by mail and on the dashboard only

    def distorted(self, body: str, rule: Rule | None) -> str:
        webhook = msgspec.json.decode(body)
        data = webhook.get("data", {})
        if "amount" in data:
            amount, currency = distort(rule, amount=data["amount"], currency=data["currency"])
            data.update(amount=amount, currency=currency)
        return msgspec.json.encode(webhook).decode()

    def signed(self, body: bytes) -> dict[str, str]:  # noqa: ARG002
        """The header holds the secret itself, and does not sign the body."""
        return {"verif-hash": self._webhook_secret}

    def return_url(self, transaction: Transaction) -> str:
        """The merchant's address with the status of the payment, which proves nothing."""
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


def _charge_completed(transaction: Transaction) -> Webhook:
    body = {
        "event": "charge.completed",
        "event.type": "CARD_TRANSACTION",
        "data": objects.transaction(transaction),
    }
    return _webhook("charge.completed", body)


def _webhook(event: str, body: dict[str, Any]) -> Webhook:
    return Webhook(event, _JSON.encode(body).decode())
