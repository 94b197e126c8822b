"""What is special to Stripe: webhooks, signature, outcomes."""

import hashlib
import hmac
import time
from collections.abc import Sequence
from secrets import token_hex
from types import MappingProxyType
from typing import Any, Final

import msgspec

from app.sandbox.books.accounts import ConnectedAccount, Standing
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
from app.sandbox.stripe.wire import accounts, balance, disputes, objects

NAME: Final = "stripe"
API_VERSION: Final = "2026-10-28.endive"

# How many digits of a wire amount are after the point.
_FRACTIONS: Final = {"JPY": 0, "KWD": 3, "TND": 3, "XAF": 0, "XOF": 0}


class Stripe:
    """Stripe's dialect: without a fault, refunds and transfers are done at once."""

    name = NAME
    takes_chargebacks_at_once = True
    chargeback_fee = 1_500
    keeps_attempts = True
    takes_several = False
    reverses_parts = True
    refund_courses: Courses = MappingProxyType(
        {
            None: Course("processed"),
            Kind.STUCK: Course("pending"),
            Kind.FAIL: Course("pending", ("failed",)),
            Kind.REVERSE: Course("processed", ("failed",)),
            Kind.NEEDS_ATTENTION: Course("needs-attention"),
        }
    )
    transfer_courses: Courses = MappingProxyType(
        {
            None: Course("success"),
            Kind.REVERSE: Course("success", ("reversed",)),
        }
    )

    def __init__(self, webhook_secret: str) -> None:
        self._webhook_secret = webhook_secret

    def paid(self, transaction: Transaction) -> Sequence[Webhook]:
        intent = _webhook("payment_intent.succeeded", objects.intent(transaction))
        if not objects.session_request(transaction).has_page:
            return [intent]
        session = objects.session(transaction, url="", paid=transaction)
        return [intent, _webhook("checkout.session.completed", session)]

    def settled(self, transaction: Transaction) -> Sequence[Webhook]:
        return [_webhook("charge.updated", objects.charge(transaction, refunded=0))]

    def closed(self, transaction: Transaction) -> Sequence[Webhook]:
        return [_webhook("checkout.session.expired", objects.session(transaction, url=""))]

    def is_open(self, transaction: Transaction) -> bool:
        return objects.session_status(transaction) == "open"

    def digits(self, currency: str) -> int:
        return _FRACTIONS.get(currency, 2)

    def own_charge(self, reference: str | None) -> OwnCharge:
        """A payment intent without a page of ours; with a reference it has our marks."""
        marks = {"reference": reference} if reference else {}
        given = objects.SessionRequest(
            cancel_url="",
            metadata=marks,
            intent_metadata=marks,
            transfer_group=reference,
            has_page=False,
        )
        metadata = msgspec.json.encode(given).decode()
        return OwnCharge(reference or f"in_{token_hex(12)}", f"cs_none_{token_hex(16)}", metadata)

    def own_refund(self, transaction: Transaction) -> tuple[str, str]:  # noqa: ARG002
        return "", "{}"

    def own_transfer(self) -> OwnTransfer:
        code = f"tr_{token_hex(12)}"
        given = objects.TransferRequest(
            metadata={}, transfer_group=None, source_transaction=None, description=None
        )
        return OwnTransfer(code, code, msgspec.json.encode(given).decode(), 0)

    def stranger(self) -> Stranger:
        code = f"acct_{token_hex(8)}"
        return Stranger(code, "express", code, "")

    def payout_moved(self, payout: Payout) -> Sequence[Webhook]:
        event = {"pending": "created"}.get(payout.status, payout.status)
        return [_webhook(f"payout.{event}", balance.payout(payout))]

    def transfer_reversed(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]:
        return [_webhook("transfer.reversed", objects.transfer(transfer, recipient))]

    def declined(self, transaction: Transaction) -> Sequence[Webhook]:
        return [_webhook("payment_intent.payment_failed", objects.intent(transaction))]

    def refund_moved(
        self, refund: Refund, transaction: Transaction, *, refunded: int
    ) -> Sequence[Webhook]:
        body = objects.refund(refund, root_id=transaction.root_id)
        match refund.status:
            case "processed":
                charge = objects.charge(transaction, refunded=refunded)
                return [_webhook("refund.updated", body), _webhook("charge.refunded", charge)]
            case "failed":
                return [_webhook("refund.failed", body)]
            case _:
                return [_webhook("refund.created", body)]

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]:
        events = {"success": "transfer.created", "reversed": "transfer.reversed"}
        if transfer.status not in events:
            return []
        return [_webhook(events[transfer.status], objects.transfer(transfer, recipient))]

    def chargeback_moved(
        self,
        chargeback: Chargeback,
        transaction: Transaction,
        *,
        change: ChargebackChange,
    ) -> Sequence[Webhook]:
        body = disputes.dispute(chargeback, root_id=transaction.root_id)
        return [_webhook(f"charge.dispute.{event}", body) for event in _events(chargeback, change)]

    def distorted(self, body: str, rule: Rule | None) -> str:
        event = msgspec.json.decode(body)
        about = event["data"]["object"]
        if "amount" in about:
            amount, currency = distort(
                rule, amount=about["amount"], currency=about["currency"].upper()
            )
            about.update(amount=amount, currency=currency.lower())
        return msgspec.json.encode(event).decode()

    def signed(self, body: bytes) -> dict[str, str]:
        now = str(int(time.time()))
        message = now.encode() + b"." + body
        digest = hmac.new(self._webhook_secret.encode(), message, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={now},v1={digest}"}

    def return_url(self, transaction: Transaction) -> str:
        session_id = objects.session_id(transaction)
        return transaction.callback_url.replace("{CHECKOUT_SESSION_ID}", session_id)

    def cancel_url(self, transaction: Transaction) -> str:
        return objects.session_request(transaction).cancel_url

    def shown_amount(self, amount: int, currency: str) -> str:
        digits = self.digits(currency)
        whole, rest = divmod(amount, 10**digits)
        return f"{whole:,}.{rest:0{digits}d}" if digits else f"{whole:,}"


def _events(chargeback: Chargeback, change: ChargebackChange) -> Sequence[str]:
    """The events of a change; Stripe has none for a reminder."""
    match change:
        case "opened":
            return ["created", "funds_withdrawn"]
        case "answered":
            return ["updated"]
        case "reminded":
            return []
        case "closed":
            return ["closed"] if chargeback.is_taken else ["closed", "funds_reinstated"]


def account_moved(of: ConnectedAccount) -> Sequence[Webhook]:
    """The webhooks of a connected account; each has the account's id."""
    if of.standing is Standing.GONE:
        gone = "account.application.deauthorized"
        return [_webhook(gone, accounts.application(), account=of.code)]
    return [
        _webhook("account.updated", accounts.account(of), account=of.code),
        _webhook("capability.updated", accounts.capability(of), account=of.code),
    ]


def _webhook(kind: str, about: dict[str, Any], **more: str) -> Webhook:
    event = {
        "id": f"evt_{token_hex(12)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **more,
    }
    return Webhook(kind, msgspec.json.encode(event).decode())
