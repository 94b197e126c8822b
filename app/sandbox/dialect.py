"""What differs between gateways in the parts that they share: webhooks, signatures, outcomes."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from app.sandbox.books.chargebacks import Chargeback
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

    def paid(self, transaction: Transaction) -> Sequence[Webhook]: ...

    def declined(self, transaction: Transaction) -> Sequence[Webhook]: ...

    def refund_moved(
        self, refund: Refund, transaction: Transaction, *, refunded: int
    ) -> Sequence[Webhook]:
        """The webhooks of a refund that has moved or begun. `refunded`: all of the transaction."""
        ...

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Webhook]: ...

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
