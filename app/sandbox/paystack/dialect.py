"""What is special to Paystack: webhooks, signature, outcomes."""

import hashlib
import hmac
import re
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
from app.sandbox.paystack.businesses import Business, read_businesses
from app.sandbox.paystack.wire import disputes, refunds, transactions, transfers

NAME: Final = "paystack"

TRANSFER_FEE: Final = 1_000  # in addition to every transfer; kept even if the money comes back
_SIGNATURE_HEADER: Final = "x-paystack-signature"
_CURRENCY: Final = re.compile(rb'"currency":\s*"([A-Z]{3})"')
_DISPUTES: Final = {"opened": "create", "reminded": "remind", "closed": "resolve"}


class _Leaving(msgspec.Struct, frozen=True):
    """What the page uses of a transaction's metadata, which may be anything."""

    cancel_action: str = ""


class Paystack:
    name = NAME
    takes_chargebacks_at_once = False
    chargeback_fee = 0
    keeps_attempts = False
    takes_several = False
    reverses_parts = False
    refund_courses: Courses = MappingProxyType(
        {
            None: Course("pending", ("processing", "processed")),
            Kind.STUCK: Course("pending"),
            Kind.FAIL: Course("pending", ("failed",)),
            Kind.REVERSE: Course("pending", ("processing", "processed", "failed")),
            Kind.NEEDS_ATTENTION: Course("pending", ("needs-attention",)),
        }
    )
    transfer_courses: Courses = MappingProxyType(
        {
            None: Course("pending", ("success",)),
            Kind.STUCK: Course("pending"),
            Kind.FAIL: Course("pending", ("failed",)),
            Kind.REVERSE: Course("pending", ("success", "reversed")),
            Kind.OTP: Course("otp"),
        }
    )

    def __init__(self, *secret_keys: str) -> None:
        """The keys of all businesses: see `businesses`."""
        self._businesses = read_businesses(secret_keys)

    def paid(self, transaction: Transaction) -> Sequence[Webhook]:
        return [_webhook("charge.success", transactions.event_data(transaction))]

    def declined(self, transaction: Transaction) -> Sequence[Webhook]:  # noqa: ARG002
        return []  # there is no such event; the guest may try again

    def settled(self, transaction: Transaction) -> Sequence[Webhook]:  # noqa: ARG002
        return []

    def closed(self, transaction: Transaction) -> Sequence[Webhook]:  # noqa: ARG002
        return []

    def is_open(self, transaction: Transaction) -> bool:  # noqa: ARG002
        return True  # Paystack has no call that closes a page

    def digits(self, currency: str) -> int:  # noqa: ARG002
        return 2

    def own_charge(self, reference: str | None) -> OwnCharge:
        """Paid on a payment page; a reference like Paystack's own."""
        return OwnCharge(reference or f"T{randbelow(10**15):015d}", token_hex(8), '""')

    def own_refund(self, transaction: Transaction) -> tuple[str, str]:
        note = f"Refund for transaction {transaction.reference}"
        return f"{note} by merchant@example.com", note

    def own_transfer(self) -> OwnTransfer:
        return OwnTransfer(f"TRF_{token_hex(8)}", token_hex(10), "", TRANSFER_FEE)

    def stranger(self) -> Stranger:
        return Stranger(f"RCP_{token_hex(8)}", "nuban", f"{randbelow(10**10):010d}", "058")

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
        return [_webhook(f"refund.{refund.status}", refunds.event_data(refund))]

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]:
        if transfer.status in ("pending", "otp"):
            return []
        return [_webhook(f"transfer.{transfer.status}", transfers.event_data(transfer, recipient))]

    def chargeback_moved(
        self, chargeback: Chargeback, transaction: Transaction, *, change: ChargebackChange
    ) -> Sequence[Webhook]:
        """The webhook of a chargeback; there is none for evidence."""
        if change not in _DISPUTES:
            return []
        dispute = disputes.as_json(chargeback, transaction)
        return [_webhook(f"charge.dispute.{_DISPUTES[change]}", dispute)]

    def distorted(self, body: str, rule: Rule | None) -> str:
        webhook = msgspec.json.decode(body)
        data = webhook["data"]
        name = "amount" if "amount" in data else "refund_amount"
        amount_before = data[name]
        amount, currency = distort(rule, amount=int(amount_before), currency=data["currency"])
        data.update({name: type(amount_before)(amount), "currency": currency})
        if "requested_amount" in data:
            data["requested_amount"] = amount
        return msgspec.json.encode(webhook).decode()

    def signed(self, body: bytes) -> dict[str, str]:
        """The HMAC-SHA512 of the body with the key of its business, in lower-case hex."""
        key = self._business_of(body).keys[0]
        return {_SIGNATURE_HEADER: hmac.new(key.encode(), body, hashlib.sha512).hexdigest()}

    def _business_of(self, body: bytes) -> Business:
        """The business that an event is of: that of its currency; the first, if none fits."""
        currency = _CURRENCY.search(body)
        return next(
            (
                business
                for business in self._businesses
                if currency and currency[1].decode() in business.currencies
            ),
            self._businesses[0],
        )

    def return_url(self, transaction: Transaction) -> str:
        """The merchant's address with `trxref` and `reference` added to its query."""
        if not transaction.callback_url:
            return ""
        parts = urlsplit(transaction.callback_url)
        query = [
            *parse_qsl(parts.query, keep_blank_values=True),
            ("trxref", transaction.reference),
            ("reference", transaction.reference),
        ]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def cancel_url(self, transaction: Transaction) -> str:
        try:
            leaving = msgspec.json.decode(transaction.metadata, type=_Leaving)
        except msgspec.ValidationError:
            return self.return_url(transaction)
        url = leaving.cancel_action
        return url if url.startswith(("http://", "https://")) else self.return_url(transaction)

    def shown_amount(self, amount: int, currency: str) -> str:
        """A wire amount with hundredths, unless the currency has none."""
        whole, hundredths = divmod(amount, 100)
        return f"{whole:,}" if currency == "XOF" else f"{whole:,}.{hundredths:02d}"


def _webhook(event: str, data: dict[str, Any]) -> Webhook:
    """A webhook: it has no id and no time."""
    return Webhook(event, msgspec.json.encode({"event": event, "data": data}).decode())
