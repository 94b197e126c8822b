"""What a posting is to a host: into which columns of a settlement its entries go."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from app.money.ledger.model import AccountKind, FoundEntry, PostingKind
from app.money.settlements.model import Column, Columns, Line

_P: Final = PostingKind

# In which column the entries of a host's account count, by the kind of posting. None: a posting of
# this kind changes no host's account; if it ever does, it counts as `other` and is not lost.
COLUMNS: Final = MappingProxyType(
    {
        _P.CHARGE: None,
        _P.UNAPPLIED_CHARGE: None,
        _P.GATEWAY_FEE: Column.GATEWAY_FEES,
        _P.FEE_CORRECTION: Column.GATEWAY_FEES,
        _P.EXCHANGE: None,
        _P.SPLIT: None,
        _P.DIVISION: Column.EARNED,
        _P.HOST_DEBIT: Column.DEBTS,
        _P.PLATFORM_DEBIT: None,
        _P.REFUND: None,
        _P.REFUND_REVERSAL: None,
        _P.REFUND_KEPT: None,
        _P.TRANSFER: Column.PAID,
        _P.TRANSFER_REVERSAL: Column.PAID,
        _P.PARTIAL_REVERSAL: Column.PAID,
        _P.TAKEN_IN: Column.REFUNDS,
        _P.CHARGEBACK: None,
        _P.CHARGEBACK_REVERSAL: None,
        _P.CHARGEBACK_RECOVERY: Column.CHARGEBACKS,
        _P.GATEWAY_CHARGE: None,
        _P.PAYOUT: None,
        _P.PAYOUT_REVERSAL: None,
        _P.ADJUSTMENT: Column.OTHER,
    }
)


# Postings that may change the accounts of several hosts, each of whom has a part of the booking.
SHARED: Final = frozenset({_P.CHARGEBACK_RECOVERY, _P.TAKEN_IN})

_Parts = Mapping[tuple[UUID, UUID], UUID]


def lines(
    entries: Iterable[FoundEntry],
    hosts: Mapping[UUID, UUID],
    parts: _Parts = MappingProxyType({}),
) -> list[Line]:
    """The lines of transactions, whose entries come together. `hosts` are those of pots, by id.

    `parts` are other hosts' parts of a booking, by its id and the host's: a line of such a host
    names that part. What is nobody's gets no line: a deposit that went back whole, a division whose
    pot is unknown.
    """
    found: list[Line] = []
    for _, group in groupby(entries, key=lambda entry: entry.transaction_id):
        found += _lines_of_transaction(list(group), hosts, parts)
    return found


def _lines_of_transaction(
    entries: Sequence[FoundEntry], hosts: Mapping[UUID, UUID], parts: _Parts
) -> list[Line]:
    first = entries[0]
    if COLUMNS.get(first.kind) is Column.EARNED:
        owned = {currency: _host_of(entries, hosts) for currency in _currencies(entries)}
        return [
            _line(first, host_id, currency, columns)
            for currency, host_id in owned.items()
            if host_id and (columns := _earned([e for e in entries if e.currency == currency]))
        ]
    moved: dict[tuple[UUID, str], int] = {}
    for entry in entries:
        if entry.account_kind is AccountKind.HOST_PAYABLE and entry.owner_id:
            key = entry.owner_id, entry.currency
            moved[key] = moved.get(key, 0) + entry.amount
    return [
        _line(
            msgspec.structs.replace(first, booking_id=_part_of(first, host_id, parts)),
            host_id,
            currency,
            _in_column(COLUMNS.get(first.kind), amount),
        )
        for (host_id, currency), amount in moved.items()
    ]


def _part_of(entry: FoundEntry, host_id: UUID, parts: _Parts) -> UUID | None:
    if entry.booking_id is None or entry.kind not in SHARED:
        return entry.booking_id
    return parts.get((entry.booking_id, host_id), entry.booking_id)


def _currencies(entries: Sequence[FoundEntry]) -> list[str]:
    return sorted({entry.currency for entry in entries})


def _host_of(entries: Sequence[FoundEntry], hosts: Mapping[UUID, UUID]) -> UUID | None:
    """The host of a division: the one who gets a part of it, else the one whose pot it was."""
    for entry in entries:
        if entry.account_kind is AccountKind.HOST_PAYABLE:
            return entry.owner_id
    return hosts.get(entries[0].source_id)


def _earned(entries: Sequence[FoundEntry]) -> Columns | None:
    """What a division is to its host; None if nothing.

    Of a rental, `gross` is all that was held, and the guest's part is a refund. A deposit is the
    guest's own: only what the host gets of it is income.
    """
    net = _sum(entries, AccountKind.HOST_PAYABLE)
    fee = _sum(entries, AccountKind.PLATFORM_REVENUE)
    is_deposit = any(entry.account_kind is AccountKind.ESCROW_DEPOSIT for entry in entries)
    refunds = 0 if is_deposit else _sum(entries, AccountKind.GUEST_REFUNDABLE)
    columns = Columns(gross=net + fee + refunds, platform_fee=fee, refunds=refunds)
    return None if columns == Columns() else columns


def _sum(entries: Sequence[FoundEntry], kind: AccountKind) -> int:
    return sum(entry.amount for entry in entries if entry.account_kind is kind)


def _in_column(column: Column | None, amount: int) -> Columns:
    match column:
        case Column.GATEWAY_FEES:
            return Columns(gateway_fees=-amount)
        case Column.REFUNDS:
            return Columns(refunds=-amount)
        case Column.CHARGEBACKS:
            return Columns(chargebacks=-amount)
        case Column.DEBTS:
            return Columns(debts=-amount)
        case Column.PAID:
            return Columns(paid=-amount)
        case _:
            return Columns(other=amount)


def _line(of: FoundEntry, host_id: UUID, currency: str, columns: Columns) -> Line:
    return Line(
        transaction_id=of.transaction_id,
        host_id=host_id,
        currency=currency,
        kind=of.kind,
        source_id=of.source_id,
        booking_id=of.booking_id,
        memo=of.memo,
        at=of.at,
        **msgspec.structs.asdict(columns),
    )
