"""Transfers, and the accounts they go to: `/v3/beneficiaries`, `/v3/transfers`."""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from app.edge.gateways import payees
from app.edge.gateways.flutterwave.amounts import fee_from_wire, from_wire, to_wire
from app.edge.gateways.flutterwave.wire import (
    REASON_LENGTH_MAX,
    Refusal,
    conclude,
    list_page,
    read,
    read_list,
    refused,
    text,
)
from app.edge.gateways.http import Attempt, Client
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.port import (
    Accepted,
    Fact,
    Facts,
    FoundInstruction,
    MoneyOutStatus,
    NewTransfer,
    NoSuchInstruction,
    ReferenceTaken,
    Refused,
    Unknown,
)
from app.edge.gateways.recipients import Flaw, NewRecipient, RecipientKind, RecipientReady
from app.edge.gateways.retries import Repeat

# Other accounts need more than we ask of a payee: a branch code, an address, a phone number.
PAYABLE: Final = frozenset(
    {
        (RecipientKind.BANK_ACCOUNT, "KES"),
        (RecipientKind.BANK_ACCOUNT, "NGN"),
        (RecipientKind.MOBILE_MONEY, "GHS"),
        (RecipientKind.MOBILE_MONEY, "KES"),
        (RecipientKind.MOBILE_MONEY, "UGX"),
        (RecipientKind.MOBILE_MONEY, "XAF"),
        (RecipientKind.MOBILE_MONEY, "XOF"),
    }
)
_CURRENCIES: Final = frozenset(currency for _, currency in PAYABLE)

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BENEFICIARY = re.compile(r"[0-9]{1,18}")
# Errors have no codes. To take another refusal for this one costs a look-up; to take this one for
# another pays twice.
_TAKEN = re.compile(r"\breference\b|duplicate|already", re.IGNORECASE)

# Every other word (`NEW`, `PENDING`, and new ones) may still become either. There is no word for
# money that came back: such a transfer changes from SUCCESSFUL to FAILED.
_STATUSES: Final = {
    "SUCCESSFUL": MoneyOutStatus.SUCCEEDED,
    "FAILED": MoneyOutStatus.FAILED,
}


class _NewBeneficiary(msgspec.Struct, frozen=True, kw_only=True):
    account_bank: str
    account_number: str
    beneficiary_name: str
    currency: str


class _Beneficiary(msgspec.Struct, frozen=True, kw_only=True):
    id: int | str
    account_number: str | None = None
    full_name: str | None = None
    bank_name: str | None = None


class _NewTransfer(msgspec.Struct, frozen=True, kw_only=True):
    beneficiary: int
    amount: Decimal
    currency: str
    debit_currency: str
    reference: str
    narration: str


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a transfer."""

    id: int | str
    reference: str
    status: str
    amount: Decimal
    currency: str
    fee: Decimal | None = None
    complete_message: Fact = None
    requires_approval: Fact = None
    is_approved: Fact = None
    created_at: Fact = None
    account_number: str | None = None
    bank_code: str | None = None

    @property
    def verdict(self) -> MoneyOutStatus:
        return _STATUSES.get(self.status.upper(), MoneyOutStatus.PENDING)


def find_flaw(new: NewRecipient) -> Flaw | None:
    return payees.find_flaw(new, "Flutterwave", PAYABLE)


async def create_recipient(client: Client, new: NewRecipient) -> RecipientReady | Refused | Unknown:
    """`POST /v3/beneficiaries`, unless the list shows that an earlier call arrived.

    A second call for the same account would make a second beneficiary.
    """
    if flaw := find_flaw(new):
        return Refused(reason=flaw.reason)
    earlier = await _find_earlier(client, new) if new.attempt > 1 else None
    return earlier or await _create(client, new)


async def _find_earlier(client: Client, new: NewRecipient) -> RecipientReady | Unknown | None:
    """`GET /v3/beneficiaries`: the first page is enough, for the newest come first."""
    listed = await read_list(
        client,
        "/v3/beneficiaries",
        operation="find_recipient",
        reference=new.kind,
        filters={},
        is_enough=lambda _: True,
    )
    if isinstance(listed, Unknown):
        return listed
    account = (new.account_number, new.bank_code)
    same = [row for row in listed if (row.get("account_number"), row.get("bank_code")) == account]
    return _recipient(new, read(same[0], _Beneficiary)) if same else None


async def _create(client: Client, new: NewRecipient) -> RecipientReady | Refused | Unknown:
    request = _NewBeneficiary(
        account_bank=new.bank_code,
        account_number=new.account_number,
        beneficiary_name=new.name,
        currency=new.currency,
    )
    attempt = await client.call(
        "POST",
        "/v3/beneficiaries",
        operation="recipient",
        reference=new.kind,
        repeat=Repeat.NEVER,
        body=request,
    )
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal() as refusal:
            return refused(refusal)
        case reply:
            return _recipient(new, read(reply.get("data"), _Beneficiary))


async def start(client: Client, new: NewTransfer) -> Accepted | Refused | ReferenceTaken | Unknown:
    """`POST /v3/transfers`, from the balance. The fee is taken in addition to the amount."""
    request = _request(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/v3/transfers",
        operation="transfer",
        reference=new.reference,
        repeat=Repeat.NEVER,
        body=request,
        send_before=new.send_before,
    )
    return _begun(request, attempt)


async def find(
    client: Client, reference: str, *, live: bool
) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /v3/transfers?reference=…`. If that filter does not work, all pages are read."""
    if not _REFERENCE.fullmatch(reference):
        return NoSuchInstruction()  # start() sends no such reference
    listed = await read_list(
        client,
        "/v3/transfers",
        operation="find_transfer",
        reference=reference,
        is_enough=lambda row: row.get("reference") == reference,
        filters={"reference": reference},
    )
    return listed if isinstance(listed, Unknown) else _pick(reference, listed, live=live)


async def list_span(
    client: Client, span: Span, cursor: str | None, *, live: bool
) -> Page[FoundInstruction] | Unknown:
    """`GET /v3/transfers`."""
    return await list_page(client, "/v3/transfers", span, cursor, partial(_read_row, live=live))


def _read_row(row: Row, *, live: bool) -> FoundInstruction | None:
    transfer = read(row, Transfer)
    found = read_transfer(transfer, live=live) if transfer else None
    return found if isinstance(found, FoundInstruction) else None


def read_transfer(transfer: Transfer, *, live: bool) -> FoundInstruction | Unknown:
    """`live` is that of our key: a transfer does not say it."""
    money = from_wire(transfer.amount, transfer.currency)
    if money is None:
        return Unknown(reason=f"{transfer.amount} does not fit {transfer.currency}: not an amount")
    return FoundInstruction(
        reference=transfer.reference,
        gateway_id=str(transfer.id),
        status=transfer.verdict,
        money=money,
        failure=_failure(transfer),
        live=live,
        at=instant(transfer.created_at),
        fee=None if transfer.fee is None else fee_from_wire(transfer.fee, transfer.currency),
        data=_facts(transfer),
        recipient=_account(transfer),
    )


def _account(transfer: Transfer) -> str:
    """Where it goes: a list has the account, and not the beneficiary."""
    if not (transfer.bank_code and transfer.account_number):
        return ""
    return f"{transfer.bank_code} {transfer.account_number}"


def _recipient(new: NewRecipient, reply: _Beneficiary | None) -> RecipientReady | Unknown:
    """The recipient of a beneficiary: its id, which a transfer names."""
    if (
        reply is None
        or not _BENEFICIARY.fullmatch(str(reply.id))
        or reply.account_number not in (None, new.account_number)
    ):
        return Unknown(reason="the reply to the beneficiary makes no sense")
    return RecipientReady(
        recipient=str(reply.id),
        account_name=reply.full_name or "",
        bank_name=reply.bank_name or "",
    )


def _request(new: NewTransfer) -> _NewTransfer | Refused:
    wire = to_wire(new.money)
    if not wire or new.money.currency not in _CURRENCIES or not _REFERENCE.fullmatch(new.reference):
        return Refused(reason=f"{new.money} cannot be transferred as {new.reference!r}")
    if not _BENEFICIARY.fullmatch(new.recipient):
        return Refused(reason=f"{new.recipient!r} is not a beneficiary of Flutterwave")
    return _NewTransfer(
        beneficiary=int(new.recipient),
        amount=wire,
        currency=new.money.currency,
        debit_currency=new.money.currency,
        reference=new.reference,
        narration=new.reason,
    )


def _begun(
    request: _NewTransfer, attempt: Attempt
) -> Accepted | Refused | ReferenceTaken | Unknown:
    match conclude(attempt):
        case Unknown() as unknown:
            return unknown
        case Refusal(message=message) if _TAKEN.search(message):
            return ReferenceTaken()
        case Refusal() as refusal:
            return refused(refusal)
        case reply:
            transfer = read(reply.get("data"), Transfer)
            if transfer is None or (transfer.reference, transfer.amount, transfer.currency) != (
                request.reference,
                request.amount,
                request.currency,
            ):
                return Unknown(reason="the reply to the transfer makes no sense")
            return Accepted(
                gateway_id=str(transfer.id), status=transfer.verdict, data=_facts(transfer)
            )


def _pick(
    reference: str, listed: Sequence[Row], *, live: bool
) -> FoundInstruction | NoSuchInstruction | Unknown:
    ours = [row for row in listed if row.get("reference") == reference]
    transfers = [transfer for row in ours if (transfer := read(row, Transfer))]
    if len(transfers) < len(ours) or len(transfers) > 1:
        return Unknown(reason=f"what has the reference {reference} makes no sense")
    return read_transfer(transfers[0], live=live) if transfers else NoSuchInstruction()


def _failure(transfer: Transfer) -> str:
    if transfer.verdict is MoneyOutStatus.FAILED:
        return str(transfer.complete_message or transfer.status)[:REASON_LENGTH_MAX]
    if (
        transfer.verdict is MoneyOutStatus.PENDING
        and transfer.requires_approval
        and not transfer.is_approved
    ):
        return "it waits for somebody to approve it on Flutterwave's dashboard"
    return ""


def _facts(transfer: Transfer) -> Facts:
    """Flutterwave's words and amounts, kept as evidence."""
    return {
        "status": transfer.status,
        "amount": str(transfer.amount),
        "fee": text(transfer.fee),
        "currency": transfer.currency,
        "complete_message": transfer.complete_message,
        "created_at": transfer.created_at,
    }
