"""What each gateway has of its own among the parts that they share: words, signatures, manners."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.faults import Kind, Rule


class Course(NamedTuple):
    """How a refund or transfer begins, and goes on by itself, one step after the other."""

    first: str
    then: Sequence[str] = ()


Courses = Mapping[Kind | None, Course]
ChargebackNews = Literal["opened", "answered", "reminded", "closed"]


class Letter(NamedTuple):
    """A webhook to be sent: its event, and its body as JSON."""

    event: str
    body: str


class Dialect(Protocol):
    """One gateway, as the parts that all share see it.

    Its courses are by the fault that decides them; None: nothing goes wrong. In them, and in the
    books, words are Paystack's; letters have the gateway's own.
    """

    @property
    def name(self) -> str: ...

    @property
    def refund_courses(self) -> Courses: ...

    @property
    def transfer_courses(self) -> Courses: ...

    @property
    def takes_chargebacks_at_once(self) -> bool:
        """Out of the balance when they are opened, and not only when they are lost."""
        ...

    @property
    def chargeback_fee(self) -> int:
        """For each, whatever its end. A wire amount."""
        ...

    def paid(self, transaction: Transaction) -> Sequence[Letter]: ...

    def declined(self, transaction: Transaction) -> Sequence[Letter]: ...

    def refund_moved(
        self, refund: Refund, transaction: Transaction, *, refunded: int
    ) -> Sequence[Letter]:
        """Also of one that has just begun. `refunded` is all that went back of the transaction."""
        ...

    def transfer_moved(self, transfer: Transfer, recipient: Recipient) -> Sequence[Letter]: ...

    def chargeback_moved(
        self, chargeback: Chargeback, transaction: Transaction, *, news: ChargebackNews
    ) -> Sequence[Letter]: ...

    def distorted(self, body: str, rule: Rule | None) -> str:
        """A letter's body with another amount or currency, if the rule says so."""
        ...

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that prove who sends it, now."""
        ...

    def return_url(self, transaction: Transaction) -> str:
        """Where the guest is sent after paying; empty: nowhere."""
        ...

    def cancel_url(self, transaction: Transaction) -> str:
        """Where the guest is sent who leaves without paying; empty: nowhere."""
        ...

    def shown_amount(self, amount: int, currency: str) -> str:
        """A wire amount for people."""
        ...
