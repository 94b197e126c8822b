"""What is special to Flutterwave: webhooks, signature, outcomes."""

from collections.abc import Sequence
from secrets import randbelow, token_hex
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.payouts import Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.dialect import (
    ChargebackChange,
    Course,
    Courses,
    OwnCharge,
    OwnTransfer,
    Stranger,
    Webhook,
)
from app.sandbox.faults import Kind, Rule, distort
from app.sandbox.flutterwave.wire import objects

NAME: Final = "flutterwave"
TRANSFER_FEE: Final = 1_000  # in addition to every transfer, in minor units

_JSON: Final = msgspec.json.Encoder(decimal_format="number")


class Flutterwave:
    name = NAME
    takes_chargebacks_at_once = False
    chargeback_fee = 0
    keeps_attempts = True
    takes_several = True
    reverses_parts = False
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

    def settled(self, transaction: Transaction) -> Sequence[Webhook]:  # noqa: ARG002
        return []

    def closed(self, transaction: Transaction) -> Sequence[Webhook]:  # noqa: ARG002
        return []

    def is_open(self, transaction: Transaction) -> bool:
        return transaction.closed_at is None

    def digits(self, currency: str) -> int:
        return objects.exponent(currency)

    def own_charge(self, reference: str | None) -> OwnCharge:
        """Paid on a payment page; a reference like Flutterwave's own."""
        return OwnCharge(reference or f"flw-page-{randbelow(10**12)}", token_hex(10), "null")

    def own_refund(self, transaction: Transaction) -> tuple[str, str]:  # noqa: ARG002
        return "", ""

    def own_transfer(self) -> OwnTransfer:
        code = randbelow(10**12)
        return OwnTransfer(f"FLWT_{code}", f"PMCKDU_{code}", "", TRANSFER_FEE)

    def stranger(self) -> Stranger:
        code = str(10**6 + randbelow(10**12))
        return Stranger(code, "beneficiary", f"{randbelow(10**10):010d}", "044")

    def payout_moved(self, payout: Payout) -> Sequence[Webhook]:  # noqa: ARG002
        return []

    def transfer_reversed(
        self,
        transfer: Transfer,  # noqa: ARG002
        recipient: Recipient,  # noqa: ARG002
    ) -> Sequence[Webhook]:
        return []  # only a whole transfer comes back

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
