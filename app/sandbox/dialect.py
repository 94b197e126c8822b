"""What differs between gateways in the parts that they share: webhooks, signatures, outcomes."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.payouts import Payout
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.faults import Kind, Rule


class Course(NamedTuple):
    """The first status of a refund or transfer, and the ones that follow by themselves."""

    first: str
    then: Sequence[str] = ()


Courses = Mapping[Kind | None, Course]
ChargebackChange = Literal["opened", "answered", "reminded", "closed"]


class Webhook(NamedTuple):
    """A webhook to be sent: the name of its event, and its body as JSON."""

    event: str
    body: str


class OwnCharge(NamedTuple):
    """A charge that nobody asked for by the API; `metadata` as its gateway stores it."""

    reference: str
    access_code: str
    metadata: str


class OwnTransfer(NamedTuple):
    """A transfer that was made at the gateway; `metadata` as its gateway stores it."""

    code: str
    reference: str
    metadata: str
    fee: int


class Stranger(NamedTuple):
    """A recipient whom the merchant's programs do not know."""

    code: str
    kind: str
    account_number: str
    bank_code: str


class Dialect(Protocol):
    """One gateway, as the parts that all gateways share see it.

    A course is chosen by the fault that decides it; None: nothing goes wrong. Courses and books use
    Paystack's words, webhooks the gateway's own.
    """

    @property
    def name(self) -> str: ...

    @property
    def refund_courses(self) -> Courses: ...

    @property
    def transfer_courses(self) -> Courses: ...

    @property
    def takes_chargebacks_at_once(self) -> bool:
        """Whether money is taken when a chargeback opens, and not only when it is lost."""
        ...

    @property
    def chargeback_fee(self) -> int:
        """The fee of each chargeback, whatever its end. A wire amount."""
        ...

    @property
    def keeps_attempts(self) -> bool:
        """Whether each attempt to pay is a charge of its own."""
        ...

    @property
    def takes_several(self) -> bool:
        """Whether there can be attempts after one that succeeded, even another success."""
        ...

    @property
    def reverses_parts(self) -> bool:
        """Whether a part of a transfer can be taken back."""
        ...

    def digits(self, currency: str) -> int:
        """How many digits of a wire amount are after the point."""
        ...

    def is_open(self, transaction: Transaction) -> bool:
        """Whether its page can be paid on."""
        ...

    def paid(self, transaction: Transaction) -> Sequence[Webhook]: ...

    def declined(self, transaction: Transaction) -> Sequence[Webhook]: ...

    def settled(self, transaction: Transaction) -> Sequence[Webhook]:
        """The webhooks that report what a charge brings the balance."""
        ...

    def closed(self, transaction: Transaction) -> Sequence[Webhook]:
        """The webhooks of a page that was closed before anybody paid."""
        ...

    def own_charge(self, reference: str | None) -> OwnCharge:
        """A charge that was made at the gateway; with a reference, if it was made for one of ours
        that we have forgotten.
        """
        ...

    def own_refund(self, transaction: Transaction) -> tuple[str, str]:
        """The merchant's and the customer's note of a refund that was made at the gateway."""
        ...

    def own_transfer(self) -> OwnTransfer: ...

    def stranger(self) -> Stranger: ...

    def refund_moved(
        self, refund: Refund, transaction: Transaction, *, refunded: int
    ) -> Sequence[Webhook]:
        """The webhooks of a refund that has moved or begun. `refunded`: all of the transaction."""
        ...

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]: ...

    def transfer_reversed(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]:
        """The webhooks of a transfer of which a part was taken back."""
        ...

    def payout_moved(self, payout: Payout) -> Sequence[Webhook]:
        """The webhooks of a payout to the merchant's own bank that has moved or begun."""
        ...

    def chargeback_moved(
        self, chargeback: Chargeback, transaction: Transaction, *, change: ChargebackChange
    ) -> Sequence[Webhook]: ...

    def distorted(self, body: str, rule: Rule | None) -> str:
        """A webhook's body, with another amount or currency if the rule says so."""
        ...

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that prove who sends this body, at this time."""
        ...

    def return_url(self, transaction: Transaction) -> str:
        """Where the guest is sent after paying; empty if nowhere."""
        ...

    def cancel_url(self, transaction: Transaction) -> str:
        """Where a guest is sent who leaves without paying; empty if nowhere."""
        ...

    def shown_amount(self, amount: int, currency: str) -> str:
        """A wire amount as people write it."""
        ...
