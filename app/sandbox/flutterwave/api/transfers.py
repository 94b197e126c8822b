"""Beneficiaries, transfers, and the balances that they are paid from."""

from secrets import randbelow
from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.transfers import Transfer
from app.sandbox.faults import Operation, Rule, inject_after_effect, inject_before_effect
from app.sandbox.flutterwave.api.reading import (
    ApiRequest,
    answer,
    distorted,
    page,
    read_amount,
    read_currency,
    read_fields,
    with_valid_key,
)
from app.sandbox.flutterwave.dialect import NAME, TRANSFER_FEE
from app.sandbox.flutterwave.wire import errors, objects
from app.sandbox.simulator import Simulator

NOBODYS_ACCOUNT: Final = "0000000000"  # no bank has this account

FEE: Final = TRANSFER_FEE

_LEAST: Final = {"NGN": 10_000}  # in minor units
_SETTLEMENTS: Final = 20  # on a page
_FIRST_ID: Final = 1_000_000
_IDS: Final = 10**12


@post("/beneficiaries", status_code=200)
async def create_beneficiary(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.RECIPIENT)
    await inject_before_effect(rule)
    fields = read_fields(
        await request.body(), "account_bank", "account_number", "beneficiary_name", "currency"
    )
    if fields["account_number"] == NOBODYS_ACCOUNT:
        raise errors.invalid("Sorry, the account could not be resolved")
    beneficiary = simulator.books.transfers.find_or_create_recipient(
        gateway=NAME,
        code=str(_FIRST_ID + randbelow(_IDS)),
        kind="beneficiary",
        name=str(fields["beneficiary_name"]),
        account_number=str(fields["account_number"]),
        bank_code=str(fields["account_bank"]),
        currency=read_currency(fields),
    )
    await inject_after_effect(rule)
    return answer(objects.success("Beneficiary created", objects.beneficiary(beneficiary)))


@get("/beneficiaries")
async def beneficiaries(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.VERIFY_RECIPIENT)
    await inject_before_effect(rule)
    rows = [objects.beneficiary(each) for each in simulator.books.transfers.recipients(NAME)]
    await inject_after_effect(rule)
    return page(request, "Payout beneficiaries fetched", rows)


@post("/transfers", status_code=200)
async def create(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[bytes]:
    rule = simulator.faults.take(Operation.TRANSFER)
    await inject_before_effect(rule)
    fields = read_fields(await request.body(), "beneficiary", "amount", "currency", "reference")
    transfer = _begin(simulator, fields, rule)
    await inject_after_effect(rule)
    return answer(objects.success("Transfer Queued Successfully", _as_json(simulator, transfer)))


@get("/transfers")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[bytes]:
    by_reference = request.query_params.get("reference")
    operation = Operation.VERIFY_TRANSFER if by_reference else Operation.TRANSFERS
    rule = simulator.faults.take(operation)
    await inject_before_effect(rule)
    hidden = set[int]() if by_reference else simulator.books.hidden.ids("transfers")
    rows = [
        _as_json(simulator, distorted(rule, each))
        for each in reversed(simulator.books.transfers.all())
        if each.gateway == NAME and each.id not in hidden
    ]
    await inject_after_effect(rule)
    return page(request, "Transfers fetched", rows, filters=("reference", "status"), rule=rule)


@get("/transfers/{transfer_id:str}")
async def read(
    transfer_id: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    found = simulator.books.transfers.find(transfer_id)
    if found is None or found.gateway != NAME or str(found.id) != transfer_id:
        raise errors.not_found("Transfer")
    await inject_after_effect(rule)
    shown = _as_json(simulator, distorted(rule, found))
    return answer(objects.success("Transfer fetched", shown))


@get("/settlements")
async def settlements(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    """Payouts to the merchant's own bank."""
    rule = simulator.faults.take(Operation.PAYOUTS)
    await inject_before_effect(rule)
    ours = [each for each in reversed(simulator.books.payouts.all()) if each.gateway == NAME]
    rows = [objects.settlement(each) for each in ours]
    await inject_after_effect(rule)
    return page(
        request, "Settlements fetched", rows, filters=("status",), rule=rule, size=_SETTLEMENTS
    )


@get("/settlements/{settlement_id:str}")
async def settlement(
    settlement_id: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    found = simulator.books.payouts.find(settlement_id)
    if found is None or found.gateway != NAME:
        raise errors.not_found("Settlement")
    return answer(objects.success("Settlement fetched", objects.settlement(found)))


@get("/balances/{currency:str}")
async def balance(
    currency: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    there = objects.major(simulator.books.balance(NAME, currency), currency)
    data = {"currency": currency, "available_balance": there, "ledger_balance": there}
    return answer(objects.success("Wallet balance fetched", data))


router = Router(
    "/v3",
    route_handlers=[
        create_beneficiary, beneficiaries, create, listed, read, settlements, settlement, balance,
    ],
    guards=[with_valid_key],
)  # fmt: skip


def _begin(simulator: Simulator, fields: dict[str, Any], rule: Rule | None) -> Transfer:
    reference, currency = str(fields["reference"]), read_currency(fields)
    if simulator.books.transfers.find_by_reference(reference):
        raise errors.invalid("Transfer with reference already exists")
    recipient = simulator.books.transfers.recipient(str(fields["beneficiary"]))
    if recipient is None or recipient.gateway != NAME:
        raise errors.invalid("Beneficiary was not found")
    if recipient.currency != currency:
        raise errors.invalid("The beneficiary has another currency")
    amount = read_amount(fields["amount"], currency)
    if amount < _LEAST.get(currency, 0):
        raise errors.invalid("The amount is less than the minimum transfer amount")
    if amount + FEE > simulator.books.balance(NAME, currency):
        raise errors.invalid("Your balance is not sufficient")
    return simulator.bank.transfer(
        recipient,
        code=f"FLWT_{randbelow(_IDS)}",
        amount=amount,
        fee=FEE,
        currency=currency,
        reference=reference,
        reason=str(fields.get("narration") or ""),
        metadata="",
        rule=rule,
    )


def _as_json(simulator: Simulator, transfer: Transfer) -> dict[str, Any]:
    return objects.transfer(transfer, simulator.books.transfers.recipient_of(transfer))
