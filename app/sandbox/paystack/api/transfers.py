"""Recipients, transfers, and the balance that they are paid from."""

import re
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.paystack.api.reading import (
    business_of,
    read_amount,
    read_fields,
    read_page,
    require,
    with_valid_key,
)
from app.sandbox.paystack.businesses import Business
from app.sandbox.paystack.dialect import NAME, TRANSFER_FEE
from app.sandbox.paystack.wire import errors, transfers
from app.sandbox.simulator import Simulator

# The kinds of accounts, and their currencies.
_TYPES: Final = {
    "nuban": {"NGN"},
    "ghipss": {"GHS"},
    "kepss": {"KES"},
    "basa": {"ZAR"},
    "mobile_money": {"GHS", "KES"},
    "mobile_money_business": {"KES"},
}
NOBODYS_ACCOUNT: Final = "0000000000"  # no bank has this account

FEE: Final = TRANSFER_FEE

_LEAST: Final = {"GHS": 100, "KES": 100, "NGN": 10_000}  # in minor units

_PER_PAGE_MAX: Final = 1_000
_NUBAN = re.compile(r"[0-9]{10}")
_REFERENCE = re.compile(r"[a-z0-9_-]{16,50}")
_CHECK_ACCOUNT: Final = "Check the account number, the bank and the currency"


@post("/transferrecipient", status_code=201)
async def create_recipient(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.RECIPIENT)
    await inject_before_effect(rule)
    fields = read_fields(await request.body())
    require(fields, "type", "name", "account_number", "bank_code")
    business = business_of(request)
    currency = str(fields.get("currency", business.home_currency))
    _check_account(fields, business, currency)
    recipient = simulator.books.transfers.find_or_create_recipient(
        gateway=NAME,
        code=f"RCP_{token_hex(8)}",
        kind=str(fields["type"]),
        name=str(fields["name"]),
        account_number=str(fields["account_number"]),
        bank_code=str(fields["bank_code"]),
        currency=currency,
    )
    await inject_after_effect(rule)
    return transfers.recipient_created(recipient)


@post("/transfer", status_code=200)
async def create(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.TRANSFER)
    await inject_before_effect(rule)
    fields = read_fields(await request.body())
    transfer = _begin(simulator, business_of(request), fields, rule)
    await inject_after_effect(rule)
    return transfers.transfer_created(transfer)


@get("/transfer/verify/{reference:str}")
async def verify(
    request: Request[Any, Any, State],
    reference: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    transfer = _find_own(simulator, business_of(request), reference)
    if transfer is None:
        raise errors.transfer_not_found()
    await inject_after_effect(rule)
    amount, currency = distort(rule, amount=transfer.amount, currency=transfer.currency)
    shown = msgspec.structs.replace(transfer, amount=amount, currency=currency)
    return transfers.transfer_verified(shown, simulator.books.transfers.recipient_of(transfer))


@get("/transfer")
async def listed(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.TRANSFERS)
    await inject_before_effect(rule)
    hidden, status = simulator.books.hidden.ids("transfers"), request.query_params.get("status")
    rows = [
        transfers.as_json(each, simulator.books.transfers.recipient_of(each))
        for each in reversed(simulator.books.transfers.all())
        if _is_own(business_of(request), each)
        and each.id not in hidden
        and status in (None, each.status)
    ]
    shown, meta = read_page(request, rows, per_page_max=_PER_PAGE_MAX, rule=rule)
    await inject_after_effect(rule)
    return transfers.listed(shown, meta)


@get("/transfer/{key:str}")
async def read(
    request: Request[Any, Any, State], key: FromPath[str], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    """A transfer by its id or its code."""
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    found = simulator.books.transfers.find(key)
    if found is None or key not in (str(found.id), found.transfer_code):
        raise errors.transfer_not_found()
    if not _is_own(business_of(request), found):
        raise errors.transfer_not_found()
    await inject_after_effect(rule)
    return transfers.transfer_verified(found, simulator.books.transfers.recipient_of(found))


@get("/settlement")
async def settlements(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    """Payouts to the merchant's own bank."""
    rule = simulator.faults.take(Operation.PAYOUTS)
    await inject_before_effect(rule)
    status = request.query_params.get("status")
    currencies = business_of(request).currencies
    ours = [
        each
        for each in reversed(simulator.books.payouts.all())
        if each.gateway == NAME and each.currency in currencies
    ]
    found = [transfers.settlement(each) for each in ours]
    rows = [row for row in found if status in (None, row["status"])]
    shown, meta = read_page(request, rows, per_page_max=_PER_PAGE_MAX, rule=rule)
    await inject_after_effect(rule)
    return transfers.settlements_listed(shown, meta)


@get("/balance")
async def balance(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    currencies = business_of(request).currencies
    own = [each for each in simulator.books.sum_up(NAME) if each.currency in currencies]
    return transfers.balance(own)


router = Router(
    "/",
    route_handlers=[create_recipient, create, verify, listed, read, settlements, balance],
    guards=[with_valid_key],
)


def _find_own(simulator: Simulator, business: Business, reference: str) -> Transfer | None:
    """A transfer of this business by its reference: another may have one of the same."""
    found = simulator.books.transfers.with_reference(reference)
    return next((each for each in found if _is_own(business, each)), None)


def _is_own(business: Business, transfer: Transfer) -> bool:
    return transfer.gateway == NAME and transfer.currency in business.currencies


def _check_account(fields: dict[str, Any], business: Business, currency: str) -> None:
    kind, number = fields["type"], fields["account_number"]
    if currency not in _TYPES.get(str(kind), set()) & business.currencies:
        raise errors.invalid("Invalid recipient type or currency", next_step=_CHECK_ACCOUNT)
    if not isinstance(number, str) or (kind == "nuban" and not _NUBAN.fullmatch(number)):
        raise errors.invalid("Account number should be 10 digits", next_step=_CHECK_ACCOUNT)
    if number == NOBODYS_ACCOUNT:
        raise errors.invalid("Could not resolve account name", next_step=_CHECK_ACCOUNT)


def _begin(
    simulator: Simulator, business: Business, fields: dict[str, Any], rule: Rule | None
) -> Transfer:
    require(fields, "source", "amount", "recipient", "reference")
    reference = str(fields["reference"])
    if not _REFERENCE.fullmatch(reference):
        raise errors.invalid(
            "Invalid transfer reference",
            next_step="Use 16 to 50 lowercase letters, digits, dashes and underscores",
        )
    if _find_own(simulator, business, reference):
        raise errors.duplicate_transfer_reference()
    recipient = _recipient(simulator, business, fields)
    amount = read_amount(fields["amount"], recipient.currency)
    if amount < _LEAST.get(recipient.currency, 0):
        raise errors.invalid("The amount is below the least transfer", next_step="Send more")
    if amount + FEE > simulator.books.balance(NAME, recipient.currency):
        raise errors.insufficient_balance()
    return simulator.bank.transfer(
        recipient,
        code=f"TRF_{token_hex(8)}",
        amount=amount,
        fee=FEE,
        currency=recipient.currency,
        reference=reference,
        reason=str(fields.get("reason") or ""),
        metadata="",
        rule=rule,
    )


def _recipient(simulator: Simulator, business: Business, fields: dict[str, Any]) -> Recipient:
    recipient = simulator.books.transfers.recipient(str(fields["recipient"]))
    if recipient is None or recipient.currency not in business.currencies:
        raise errors.invalid(
            "Recipient specified is invalid", next_step="Create the recipient first"
        )
    if fields.get("currency", recipient.currency) != recipient.currency:
        raise errors.invalid("The recipient has another currency", next_step=_CHECK_ACCOUNT)
    return recipient
