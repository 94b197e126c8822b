"""What is stored of a movement, what is compared at a time, who can mend what, and postings."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.lists import Span
from app.edge.gateways.port import (
    FoundChange,
    FoundCharge,
    FoundChargeback,
    FoundInstruction,
    FoundPayout,
    GatewayName,
)
from app.foundation.errors import Invalid
from app.money.ledger.model import AT_GATEWAY, OWNED, Account, AccountKind, Entry, Posting
from app.money.ledger.model import PostingKind as Kind
from app.money.reconciliation.model import (
    Difference,
    DifferenceKind,
    Movement,
    Run,
    What,
)

KEPT: Final = timedelta(days=396)  # 13 months: a year can be looked back on, from anywhere in it
FIRST_DAY: Final = date(2000, 1, 1)  # before any gateway: no list has an older row
_HOUR: Final = timedelta(hours=1)
_SLICE: Final = timedelta(hours=6)

_W, _D = What, DifferenceKind
# What no program can put right: it is not known whose mistake it is.
FOR_A_PERSON: Final = frozenset(
    {
        (_W.CHARGE, _D.CURRENCY),
        (_W.CHARGE, _D.MISSING_THERE),
        *((what, kind) for what in (_W.REFUND, _W.TRANSFER) for kind in (_D.CURRENCY, _D.TWICE)),
        *((what, _D.MISSING_THERE) for what in (_W.REFUND, _W.TRANSFER, _W.CHARGEBACK)),
    }
)


def source_of(gateway: GatewayName, what: What, subject: str) -> UUID:
    """The source of a posting about a thing that has no row of ours: a payout, or a change.

    It is the same in every copy of the database. The statements that compare make it, too (`md5`).
    """
    name = f"{gateway} {what} {subject}".encode()
    return UUID(hex=hashlib.md5(name, usedforsecurity=False).hexdigest())


# ---- movements -----------------------------------------------------------------------------------

Found = FoundCharge | FoundInstruction | FoundChargeback | FoundPayout | FoundChange


def movements(kind: What, rows: Sequence[Found], *, live: bool) -> list[Movement]:
    """What is stored of a page: each row once, as it was read last.

    `live` is whether our key moves real money; it is taken for rows that do not say so themselves.
    """
    read = [movement(kind, row, live=live) for row in rows]
    return list({each.gateway_id: each for each in read}.values())


def movement(kind: What, row: Found, *, live: bool) -> Movement:
    """What is stored of one row of a list. `live` is that of our key."""
    match row:
        case FoundCharge():
            return _charge(row)
        case FoundInstruction():
            return _instruction(kind, row)
        case FoundChargeback():
            return _chargeback(row)
        case FoundPayout():
            return _payout(row)
        case FoundChange():
            return _change(row, live=live)


def _charge(row: FoundCharge) -> Movement:
    return Movement(
        kind=What.CHARGE,
        gateway_id=row.gateway_id,
        reference=row.reference,
        state=row.status,
        amount=row.money.amount,
        currency=row.money.currency,
        returned=row.refunded or 0,
        fee=row.fee,
        settled_amount=row.settled.amount if row.settled else None,
        settled_currency=row.settled.currency if row.settled else None,
        live=row.live,
        at=row.at,
    )


def _instruction(kind: What, row: FoundInstruction) -> Movement:
    return Movement(
        kind=kind,
        gateway_id=row.gateway_id,
        reference=row.reference,
        charge_reference=row.charge_reference,
        charge_id=row.charge_id,
        state=row.status,
        amount=row.money.amount,
        currency=row.money.currency,
        returned=row.returned,
        fee=row.fee,
        settled_amount=row.settled.amount if row.settled else None,
        settled_currency=row.settled.currency if row.settled else None,
        recipient=row.recipient,
        live=row.live,
        at=row.at,
    )


def _chargeback(row: FoundChargeback) -> Movement:
    return Movement(
        kind=What.CHARGEBACK,
        gateway_id=row.gateway_id,
        reference="",
        charge_reference=row.charge_reference,
        state=row.status,
        amount=row.money.amount,
        currency=row.money.currency,
        fee=row.fee,
        settled_amount=row.settled.amount if row.settled else None,
        settled_currency=row.settled.currency if row.settled else None,
        is_taken=row.is_taken,
        live=row.live,
        at=row.at,
    )


def _payout(row: FoundPayout) -> Movement:
    return Movement(
        kind=What.PAYOUT,
        gateway_id=row.gateway_id,
        arrives_at=row.arrives_at,
        reference=row.reference,
        state=row.status,
        amount=row.money.amount,
        currency=row.money.currency,
        fee=row.fee,
        live=row.live,
        at=row.at,
    )


def _change(row: FoundChange, *, live: bool) -> Movement:
    return Movement(
        kind=What.CHANGE,
        gateway_id=row.gateway_id,
        reference="",
        state="fee" if row.is_fee else row.what,
        amount=row.amount,
        currency=row.currency,
        live=live,
        at=row.at,
    )


# ---- time ----------------------------------------------------------------------------------------


def whole_hours(since: datetime, until: datetime) -> Span:
    """A span from whole hour to whole hour that holds this one: sums are of whole hours."""
    start, end = hour_of(since), hour_of(until)
    return Span(since=start, until=end if end == until else end + _HOUR)


def slices(run: Run, open_hours: Sequence[datetime]) -> list[Span]:
    """The parts of a run that are compared at a time: first hours outside it with differences.

    Six hours at a time bound the memory, even if nothing in them is as it should be.
    """
    earlier = [
        Span(since=hour, until=hour + _HOUR)
        for hour in open_hours
        if not run.since <= hour < run.until
    ]
    starts: list[datetime] = []
    start = run.since
    while start < run.until:
        starts.append(start)
        start += _SLICE
    return earlier + [Span(since=each, until=min(each + _SLICE, run.until)) for each in starts]


def hour_of(at: datetime) -> datetime:
    """The whole hour in which an instant is."""
    return at.replace(minute=0, second=0, microsecond=0)


# ---- postings ------------------------------------------------------------------------------------


def fee_of_change(difference: Difference, amount: int) -> Posting:
    """The posting of what a gateway charges for its service, and for no charge of its own.

    `amount` is signed: below zero it was taken from our balance.
    """
    clearing = _clearing(difference)
    fees = Account(AccountKind.GATEWAY_FEES, difference.currency, gateway=difference.gateway)
    return Posting(
        kind=Kind.GATEWAY_CHARGE,
        source_id=source_of(difference.gateway, difference.what, difference.subject),
        booking_id=None,
        entries=(Entry(fees, amount), Entry(clearing, -amount)),
        memo=f"{difference.gateway_state} {difference.subject}",
    )


def explanation(difference: Difference, kind: AccountKind, note: str) -> Posting:
    """The adjustment that gives the ledger what the gateway has, out of an account of `kind`.

    Raises Invalid for an account of a person or booking, and for a difference without an amount.
    """
    if kind in OWNED | AT_GATEWAY:
        raise Invalid.field("account", "must be one of no person, booking or gateway")
    off = (difference.at_gateway or 0) - (difference.in_ledger or 0)
    if off == 0:
        raise Invalid.field("account", "there is nothing to post: gateway and ledger are the same")
    # More has come in than is posted: clearing is below zero by what lies at the gateway.
    is_income = difference.what in (_W.CHARGE, _W.CHANGE) and difference.kind is not _D.FEE
    into_gateway = off if is_income else -off
    other = Account(kind, difference.currency)
    return Posting(
        kind=Kind.ADJUSTMENT,
        source_id=difference.id,
        booking_id=None,
        entries=(Entry(_clearing(difference), -into_gateway), Entry(other, into_gateway)),
        memo=note,
    )


def _clearing(difference: Difference) -> Account:
    return Account(AccountKind.GATEWAY_CLEARING, difference.currency, gateway=difference.gateway)
