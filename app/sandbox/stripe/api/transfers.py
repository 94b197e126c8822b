"""Transfers to connected accounts, from a charge or the balance."""

from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.accounts import Standing
from app.sandbox.books.transfers import Recipient, Transfer
from app.sandbox.faults import (
    Kind,
    Operation,
    Rule,
    distort,
    inject_after_effect,
    inject_before_effect,
)
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.listing import Line, Wanted, check_query, check_single, page
from app.sandbox.stripe.api.reading import (
    ApiRequest,
    Fields,
    answer,
    check,
    check_steps,
    read_amount,
    read_metadata,
    with_valid_key,
)
from app.sandbox.stripe.api.refunds import find_charge
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import errors, objects

_REQUIRED: Final = ("amount", "currency", "destination")
_OPTIONAL: Final = ("source_transaction", "transfer_group", "description", "metadata[*]")


@post("/transfers", status_code=200)
async def create(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, rule: Rule | None) -> dict[str, Any]:
        return _as_json(simulator, _begin(simulator, fields, rule), None)

    return await answer(request, simulator, Operation.TRANSFER, do)


@get("/transfers")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    group, payee = (request.query_params.get(name) for name in ("transfer_group", "destination"))
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER if group else Operation.TRANSFERS)
    await inject_before_effect(rule)
    check_query(request, "transfer_group", "destination")
    ours = _all(simulator, naming=group)
    everything = [Line(each.transfer_code, each.created_at, each) for each in ours]
    lines = [
        each
        for each in everything
        if group in (None, objects.transfer_request(each.of).transfer_group)
        and payee in (None, simulator.books.transfers.recipient_of(each.of).recipient_code)
    ]
    hidden = set[int]() if group else simulator.books.hidden.ids("transfers")
    await inject_after_effect(rule)
    return page(
        Wanted(request, "transfer", rule),
        [each for each in lines if each.of.id not in hidden],
        lambda of: _as_json(simulator, of, rule),
        everything=everything,
    )


@get("/transfers/{transfer_id:str}")
async def read(
    transfer_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    check_single(request)
    found = _find(simulator, transfer_id)
    await inject_after_effect(rule)
    return _as_json(simulator, found, rule)


@get("/transfers/{transfer_id:str}/reversals")
async def list_reversals(
    transfer_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    check_query(request)
    transfer = _find(simulator, transfer_id)
    reversals = simulator.books.transfers.reversals(transfer.id)
    await inject_after_effect(rule)
    return page(
        Wanted(request, "transfer_reversal", rule),
        [Line(f"trr_{each.id}", each.created_at, each) for each in reversals],
        lambda of: objects.reversal(of, transfer),
    )


@get("/transfers/{transfer_id:str}/reversals/{reversal_id:str}")
async def read_reversal(
    transfer_id: FromPath[str],
    reversal_id: FromPath[str],
    request: ApiRequest,
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    check_single(request)
    transfer = _find(simulator, transfer_id)
    for each in simulator.books.transfers.reversals(transfer.id):
        if f"trr_{each.id}" == reversal_id:
            return objects.reversal(each, transfer)
    raise errors.not_found("transfer_reversal", reversal_id, param="id")


@post("/transfers/{transfer_id:str}/reversals", status_code=200)
async def reverse(
    transfer_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        check(fields, required=[], optional=["amount", "metadata[*]", "description"])
        transfer = _find(simulator, transfer_id)
        left = transfer.amount - transfer.amount_reversed
        amount = read_amount(fields, "amount") if "amount" in fields else left
        if amount > left:
            raise errors.refused(
                f"Reversal amount ({amount}) is greater than unreversed amount on transfer "
                f"({left})",
                param="amount",
            )
        metadata = msgspec.json.encode(read_metadata(fields, "metadata")).decode()
        simulator.bank.take_back(transfer, amount, metadata=metadata)
        return objects.reversal(simulator.books.transfers.reversals(transfer.id)[0], transfer)

    return await answer(request, simulator, Operation.TRANSFER, do)


router = Router(
    "/v1",
    route_handlers=[create, listed, read, list_reversals, read_reversal, reverse],
    guards=[with_valid_key],
)


def _find(simulator: Simulator, code: str) -> Transfer:
    found = simulator.books.transfers.find(code)
    if found is None or found.gateway != NAME or found.transfer_code != code:
        raise errors.not_found("transfer", code, param="transfer")
    return found


def _begin(simulator: Simulator, fields: Fields, rule: Rule | None) -> Transfer:
    check(fields, required=_REQUIRED, optional=_OPTIONAL)
    amount, currency = read_amount(fields, "amount"), fields["currency"].upper()
    check_steps(amount, currency, param="amount")
    recipient = _recipient(simulator, fields["destination"])
    _check_funds(simulator, fields, amount=amount, currency=currency, rule=rule)
    given = objects.TransferRequest(
        metadata=read_metadata(fields, "metadata"),
        transfer_group=fields.get("transfer_group"),
        source_transaction=fields.get("source_transaction"),
        description=fields.get("description"),
    )
    code = f"tr_{token_hex(12)}"
    return simulator.bank.transfer(
        recipient,
        code=code,
        amount=amount,
        fee=0,
        currency=currency,
        reference=given.metadata.get("reference", code),
        reason=fields.get("description", ""),
        metadata=msgspec.json.encode(given).decode(),
        rule=rule,
    )


def _recipient(simulator: Simulator, account: str) -> Recipient:
    recipient = simulator.books.transfers.recipient(account)
    if recipient is None or recipient.gateway != NAME:
        raise errors.not_found("destination", account, param="destination")
    owner = simulator.books.accounts.find(account)
    if owner is None or owner.standing is not Standing.READY:
        raise errors.refused(
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers",
            code="insufficient_capabilities_for_transfer",
        )
    return recipient


def _check_funds(
    simulator: Simulator, fields: Fields, *, amount: int, currency: str, rule: Rule | None
) -> None:
    """Raise an error if the charge, or without one the balance, has less than this amount."""
    if source := fields.get("source_transaction"):
        charge = find_charge(simulator, source, param="source_transaction")
        settled = charge.settled_currency or charge.currency
        if settled != currency:
            raise errors.refused(
                "The currency of source_transaction's balance transaction "
                f"({settled.lower()}) must be the same as the transfer currency "
                f"({currency.lower()})",
                param="currency",
            )
        sent = [each for each in _all(simulator, naming=source) if _source(each) == source]
        left = charge.settled(charge.amount) - sum(
            each.amount - each.amount_reversed for each in sent if each.status == "success"
        )
    else:
        left = simulator.books.balance(NAME, currency)
    if amount > left or (rule and rule.kind is Kind.FAIL):
        raise errors.refused(
            "You have insufficient funds in your Stripe account for this transfer.",
            code="balance_insufficient",
        )


def _source(transfer: Transfer) -> str | None:
    return objects.transfer_request(transfer).source_transaction


def _all(simulator: Simulator, *, naming: str | None = None) -> list[Transfer]:
    """All transfers, newest first; perhaps only those whose metadata has a text."""
    books = simulator.books.transfers
    found = books.naming(naming) if naming else books.all()
    return [each for each in reversed(found) if each.gateway == NAME]


def _as_json(simulator: Simulator, transfer: Transfer, rule: Rule | None) -> dict[str, Any]:
    amount, currency = distort(rule, amount=transfer.amount, currency=transfer.currency)
    shown = msgspec.structs.replace(transfer, amount=amount, currency=currency)
    return objects.transfer(
        shown,
        simulator.books.transfers.recipient_of(transfer),
        reversals=simulator.books.transfers.reversals(transfer.id),
    )
