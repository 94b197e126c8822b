"""Statements as banks send them, and the gateways' payouts that are to be in them.

Amounts are signed minor units, as the bank's customer sees them: money that came in is positive.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.errors import Conflict, Invalid, NotFound
from app.foundation.money import Money, SignedMoney
from app.foundation.wire import Output


class Format(StrEnum):
    CAMT_053 = "camt.053"
    MT940 = "mt940"


# ---- what a file says ----------------------------------------------------------------------------


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """A balance of a statement, in the line of the file where it is."""

    line: int
    on: date
    amount: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One payment of an entry; an entry that is no batch has one.

    `amount` is None if the bank does not say what each payment of a batch was. `references` are
    the payment's own: end-to-end, of the order to the bank, of the bank. `text` is what the bank
    writes for people.
    """

    amount: int | None
    references: tuple[str, ...]
    text: str
    counterparty: str


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is booked, in the line of the file where it begins."""

    line: int
    booked_on: date
    value_on: date
    amount: int
    is_reversal: bool
    bank_reference: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All that the bank says of it: two entries that differ here are two."""
        said = [(*part.references, part.text, part.counterparty) for part in self.parts]
        return "\n".join(" ".join(filter(None, words)) for words in said)


class FileStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of one account, whose entries lead from its opening to its closing balance."""

    format: Format
    account: str
    currency: str
    number: str
    opening: Balance
    closing: Balance
    entries: tuple[FileEntry, ...]

    @property
    def from_on(self) -> date:
        """The day of the first entry; without any, of the closing balance."""
        return min((entry.booked_on for entry in self.entries), default=self.closing.on)

    @property
    def to_on(self) -> date:
        """The day of the last entry; without any, of the closing balance."""
        return max((entry.booked_on for entry in self.entries), default=self.closing.on)


class StatementRefused(Invalid):
    """A file that is no statement, or whose entries do not make its balances. Nothing is stored."""

    title = "The file is refused"


class PayoutChanged(Conflict):
    """A payout is expected once, with one amount."""

    title = "The payout is known with other facts"


class NoSuchPayout(NotFound):
    title = "There is no such payout"


class NoSuchStatement(NotFound):
    title = "There is no such statement"


# ---- what is stored ------------------------------------------------------------------------------


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `bank_statements`, with its account."""

    id: UUID
    account_id: int
    account: str
    currency: str
    format: Format
    number: str
    opening: int
    closing: int
    from_on: date
    to_on: date
    file_name: str
    imported_at: datetime
    entries: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `bank_entries`: an entry of an account, once, however many statements have it."""

    id: int
    booked_on: date
    value_on: date
    amount: int
    is_reversal: bool
    bank_reference: str
    text: str
    format: Format


class NewPayout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout that has left a gateway for our bank account.

    `money` is what the bank gets, `fee` (minor units) what the gateway keeps beyond that.
    `reference` is what the bank's statement may show, empty if that is not known.
    """

    gateway: GatewayName
    gateway_id: str
    money: Money
    fee: int
    arrives_on: date
    reference: str


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `expected_payouts`. `entry_id` and `part` are where it arrived, if it did."""

    id: UUID
    gateway: GatewayName
    gateway_id: str
    amount: int
    currency: str
    fee: int
    arrives_on: date
    reference: str
    entry_id: int | None
    part: int | None
    arrived_on: date | None
    arrived_amount: int | None
    failed_at: datetime | None
    failure: str | None

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an entry that no payout has been found in. Signed minor units.

    `amount` is None for a payment of a batch of which the bank does not say it.
    """

    entry_id: int
    part: int
    currency: str
    booked_on: date
    amount: int | None
    is_reversal: bool
    references: list[str]
    text: str


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A payout and the part of an entry that it arrived in."""

    payout: Payout
    arrival: Arrival


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one statement of a file: how many entries were new."""

    account: str
    currency: str
    number: str
    entries: int
    new_entries: int
    is_new: bool


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: its statements, and the payouts that arrived by it."""

    statements: list[Imported]
    arrived: list[Payout]


# ---- replies ------------------------------------------------------------------------------------


class PayoutState(StrEnum):
    EXPECTED = "expected"  # not due, or not late by much
    MISSING = "missing"
    ARRIVED = "arrived"
    FAILED = "failed"  # the gateway has it back


class PayoutReply(Output, frozen=True):
    """A gateway's payout to our account; `arrivedAmount` is what the bank says, if it arrived."""

    id: UUID
    gateway: GatewayName
    gateway_id: str
    amount: Money
    arrives_on: date
    reference: str
    state: PayoutState
    arrived_on: date | None
    arrived_amount: SignedMoney | None
    failure: str | None


class PayoutPage(Output, frozen=True):
    """The newest first; `nextCursor` is null on the last page."""

    payouts: list[PayoutReply]
    next_cursor: str | None


class StatementReply(Output, frozen=True):
    """A statement that was imported: from the opening balance by its entries to the closing one."""

    id: UUID
    account: str
    number: str
    format: Format
    from_on: date
    to_on: date
    opening: SignedMoney
    closing: SignedMoney
    entry_count: int
    file_name: str
    imported_at: datetime


class StatementPage(Output, frozen=True):
    """The last imported first; `nextCursor` is null on the last page."""

    statements: list[StatementReply]
    next_cursor: str | None


class EntryReply(Output, frozen=True):
    """An entry of a statement. Below zero: money that went out."""

    id: int
    booked_on: date
    value_on: date
    amount: SignedMoney
    is_reversal: bool
    bank_reference: str
    text: str


class StatementWithEntries(Output, frozen=True):
    """A statement with a page of its entries, in its order; `nextCursor` is null on the last."""

    statement: StatementReply
    entries: list[EntryReply]
    next_cursor: str | None
