"""Transfers, and the accounts they go to: `/transferrecipient`, `/transfer`."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from app.edge.gateways import conclusions, payees, wallets
from app.edge.gateways.http import Answered, Attempt, Client, Denied, Inconclusive
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.paystack.amounts import fee_from_wire, from_wire, to_wire
from app.edge.gateways.paystack.wire import (
    LIVE,
    REASON_LENGTH_MAX,
    Amount,
    Domain,
    is_not_found,
    list_page,
    look_up_refused,
    read,
    read_data,
    read_refusal,
    refused,
)
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

# Paystack's names of the kinds of accounts that it pays, and in which currency. (`kepss` and
# `mobile_money_business` are in its documentation, but not in its OpenAPI file.)
RECIPIENT_TYPES: Final = {
    (RecipientKind.BANK_ACCOUNT, "GHS"): "ghipss",
    (RecipientKind.BANK_ACCOUNT, "KES"): "kepss",
    (RecipientKind.BANK_ACCOUNT, "NGN"): "nuban",
    (RecipientKind.BANK_ACCOUNT, "ZAR"): "basa",
    (RecipientKind.MOBILE_MONEY, "GHS"): "mobile_money",
    (RecipientKind.MOBILE_MONEY, "KES"): "mobile_money",
    (RecipientKind.MOBILE_MONEY_BUSINESS, "KES"): "mobile_money_business",
}
_CURRENCIES: Final = frozenset(currency for _, currency in RECIPIENT_TYPES)

_REFERENCE = re.compile(r"[a-z0-9_-]{16,50}")
# It is reported that the code is missing at times, and that the HTTP status is 400 or 404. To take
# another refusal for this one costs a look-up; to take this one for another pays twice.
_TAKEN = re.compile(r"duplicate|unique.reference|reference.already", re.IGNORECASE)

# `otp`, `abandoned` and `blocked` may wait for a person: a second transfer beside one of them could
# pay twice. Every other word (`pending`, `received`, and new ones) may still become any.
_STATUSES: Final = {
    "success": MoneyOutStatus.SUCCEEDED,
    "failed": MoneyOutStatus.FAILED,
    "rejected": MoneyOutStatus.FAILED,
    "reversed": MoneyOutStatus.REVERSED,
}
_STUCK: Final = {
    "otp": "it waits for a one-time password: switch OTP for transfers off on Paystack's dashboard",
    "abandoned": "Paystack calls it abandoned: ask Paystack whether it can still be paid",
    "blocked": "Paystack has blocked it: ask Paystack whether it can still be paid",
}


class _NewRecipient(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    name: str
    account_number: str
    bank_code: str
    currency: str


class _RecipientDetails(msgspec.Struct, frozen=True, kw_only=True):
    account_number: str | None = None
    account_name: str | None = None
    bank_name: str | None = None


class _Recipient(msgspec.Struct, frozen=True, kw_only=True):
    recipient_code: Annotated[str, Meta(min_length=1, max_length=100)]
    details: _RecipientDetails


class _NewTransfer(msgspec.Struct, frozen=True, kw_only=True):
    source: str
    amount: int
    currency: str
    recipient: str
    reference: str
    reason: str


class _Payee(msgspec.Struct, frozen=True, kw_only=True):
    """The recipient of a transfer, where a list has more than its number."""

    recipient_code: str = ""


class _Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a transfer. `recipient` is a number in some replies, an object in others."""

    transfer_code: Annotated[str, Meta(min_length=1, max_length=100)]
    reference: str
    domain: Domain
    status: str
    amount: Amount
    currency: str
    fee_charged: Fact = None
    gateway_response: Fact = None
    transferred_at: Fact = None
    recipient: int | str | _Payee | None = None
    created: Fact = msgspec.field(name="createdAt", default=None)
    updated_at: Fact = msgspec.field(name="updatedAt", default=None)


def find_flaw(new: NewRecipient) -> Flaw | None:
    return payees.find_flaw(new, "Paystack", RECIPIENT_TYPES)


async def create_recipient(client: Client, new: NewRecipient) -> RecipientReady | Refused | Unknown:
    """`POST /transferrecipient`. The same account a second time gives the same recipient."""
    if flaw := find_flaw(new):
        return Refused(reason=flaw.reason)
    kind = RECIPIENT_TYPES[new.kind, new.currency]
    request = _NewRecipient(
        type=kind,
        name=new.name,
        account_number=_number(new),
        bank_code=new.bank_code,
        currency=new.currency,
    )
    attempt = await client.call(
        "POST",
        "/transferrecipient",
        operation="recipient",
        reference=kind,
        repeat=Repeat.SAFE,
        body=request,
    )
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt)
        case Denied():
            return refused(attempt)
        case Answered(body=body):
            return _recipient(new, read_data(body, _Recipient))


def _number(new: NewRecipient) -> str:
    """An account's number as Paystack writes it: of a wallet, as it is dialled at home."""
    if new.kind is not RecipientKind.MOBILE_MONEY:
        return new.account_number
    wallet = wallets.read_wallet(new)
    return new.account_number if isinstance(wallet, Flaw) else wallets.home_form(*wallet)


async def start(client: Client, new: NewTransfer) -> Accepted | Refused | ReferenceTaken | Unknown:
    """`POST /transfer`, from the balance. The fee is taken in addition to the amount."""
    request = _request(new)
    if isinstance(request, Refused):
        return request
    attempt = await client.call(
        "POST",
        "/transfer",
        operation="transfer",
        reference=new.reference,
        repeat=Repeat.SAFE,  # it makes one transfer for one reference
        body=request,
        send_before=new.send_before,
    )
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt)
        case Denied():
            return ReferenceTaken() if _is_taken(attempt) else refused(attempt)
        case Answered(body=body):
            return _begun(request, read_data(body, _Transfer))


async def find(client: Client, reference: str) -> FoundInstruction | NoSuchInstruction | Unknown:
    """`GET /transfer/verify/{reference}`."""
    if not _REFERENCE.fullmatch(reference):
        # start() sends no such reference, and it may not be valid in a path.
        return NoSuchInstruction()
    attempt = await client.call(
        "GET",
        f"/transfer/verify/{reference}",
        operation="verify_transfer",
        reference=reference,
        repeat=Repeat.SAFE,
    )
    return _found(reference, attempt)


async def list_span(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundInstruction] | Unknown:
    """`GET /transfer`."""
    return await list_page(client, "/transfer", span, cursor, _read_row)


def _read_row(row: Row) -> FoundInstruction | None:
    transfer = read(row, _Transfer)
    found = _instruction(transfer) if transfer else None
    return found if isinstance(found, FoundInstruction) else None


def _recipient(new: NewRecipient, reply: _Recipient | None) -> RecipientReady | Unknown:
    if reply is None or reply.details.account_number not in (None, _number(new)):
        return Unknown(reason="the reply to the recipient makes no sense")
    return RecipientReady(
        recipient=reply.recipient_code,
        account_name=reply.details.account_name or "",
        bank_name=reply.details.bank_name or "",
    )


def _request(new: NewTransfer) -> _NewTransfer | Refused:
    if not _REFERENCE.fullmatch(new.reference):
        return Refused(
            reason=f"reference {new.reference!r}: only a-z, digits, - _, and 16 to 50 of them"
        )
    wire = to_wire(new.money)
    if not wire or new.money.currency not in _CURRENCIES:
        return Refused(reason=f"{new.money} cannot be transferred by Paystack")
    return _NewTransfer(
        source="balance",
        amount=wire,
        currency=new.money.currency,
        recipient=new.recipient,
        reference=new.reference,
        reason=new.reason,
    )


def _is_taken(denied: Denied) -> bool:
    refusal = read_refusal(denied)
    return refusal is not None and bool(_TAKEN.search(f"{refusal.code} {refusal.message}"))


def _begun(request: _NewTransfer, reply: _Transfer | None) -> Accepted | Unknown:
    if reply is None or (reply.reference, reply.amount, reply.currency) != (
        request.reference,
        request.amount,
        request.currency,
    ):
        return Unknown(reason="the reply to the transfer makes no sense")
    return Accepted(gateway_id=reply.transfer_code, status=_status(reply), data=_facts(reply))


def _found(reference: str, attempt: Attempt) -> FoundInstruction | NoSuchInstruction | Unknown:
    match attempt:
        case Inconclusive():
            return conclusions.unknown(attempt)
        case Denied():
            if is_not_found(attempt, code="transfer_not_found"):
                return NoSuchInstruction()
            return look_up_refused(attempt)
        case Answered(body=body):
            transfer = read_data(body, _Transfer)
            if transfer is None or transfer.reference != reference:
                return Unknown(reason="the reply to verify makes no sense")
            return _instruction(transfer)


def _instruction(transfer: _Transfer) -> FoundInstruction | Unknown:
    payee = transfer.recipient
    money = from_wire(transfer.amount, transfer.currency)
    if money is None:
        return Unknown(reason=f"{transfer.amount} does not fit {transfer.currency}: not an amount")
    return FoundInstruction(
        reference=transfer.reference,
        gateway_id=transfer.transfer_code,
        status=_status(transfer),
        money=money,
        failure=_failure(transfer),
        live=transfer.domain == LIVE,
        fee=_fee(transfer),
        at=instant(transfer.created),
        recipient=payee.recipient_code if isinstance(payee, _Payee) else "",
        data=_facts(transfer),
    )


def _status(transfer: _Transfer) -> MoneyOutStatus:
    return _STATUSES.get(transfer.status, MoneyOutStatus.PENDING)


def _fee(transfer: _Transfer) -> int | None:
    fee = transfer.fee_charged
    if not isinstance(fee, int) or fee < 0:
        return None
    return fee_from_wire(fee, transfer.currency)


def _failure(transfer: _Transfer) -> str:
    if stuck := _STUCK.get(transfer.status):
        return stuck
    if _status(transfer) in (MoneyOutStatus.PENDING, MoneyOutStatus.SUCCEEDED):
        return ""
    return str(transfer.gateway_response or transfer.status)[:REASON_LENGTH_MAX]


def _facts(transfer: _Transfer) -> Facts:
    """Paystack's words and amounts, kept as evidence."""
    return {
        "status": transfer.status,
        "domain": transfer.domain,
        "amount": transfer.amount,
        "fee_charged": transfer.fee_charged,
        "transfer_code": transfer.transfer_code,
        "gateway_response": transfer.gateway_response,
        "transferred_at": transfer.transferred_at,
        "updated_at": transfer.updated_at,
    }
