"""Transfers to connected accounts, from a charge or the balance."""

from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency

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
from app.sandbox.stripe.api.reading import (
    ApiRequest,
    Fields,
    answer,
    check,
    check_query,
    page,
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
        transfer = _begin(simulator, fields, rule)
        return objects.transfer(transfer, simulator.books.transfers.recipient_of(transfer))

    return await answer(request, simulator, Operation.TRANSFER, do)


@get("/transfers")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_TRANSFER)
    await inject_before_effect(rule)
    check_query(request, "transfer_group", "destination")
    group = request.query_params.get("transfer_group")
    found = [
        each
        for each in _all(simulator)
        if group in (None, objects.transfer_request(each).transfer_group)
    ]
    await inject_after_effect(rule)
    return page(request, [_as_json(simulator, each, rule) for each in found])


router = Router("/v1", route_handlers=[create, listed], guards=[with_valid_key])


def _begin(simulator: Simulator, fields: Fields, rule: Rule | None) -> Transfer:
    check(fields, required=_REQUIRED, optional=_OPTIONAL)
    amount, currency = read_amount(fields, "amount"), fields["currency"].upper()
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
        if charge.currency != currency:
            raise errors.refused(
                f"The currency of the source_transaction is {charge.currency.lower()}",
                param="currency",
            )
        sent = [each for each in _all(simulator) if _source(each) == source]
        left = charge.amount - sum(each.amount for each in sent if each.status == "success")
    else:
        left = simulator.books.balance(NAME, currency)
    if amount > left or (rule and rule.kind is Kind.FAIL):
        raise errors.refused(
            "You have insufficient funds in your Stripe account for this transfer.",
            code="balance_insufficient",
        )


def _source(transfer: Transfer) -> str | None:
    return objects.transfer_request(transfer).source_transaction


def _all(simulator: Simulator) -> list[Transfer]:
    """All transfers, newest first."""
    return [each for each in reversed(simulator.books.transfers.all()) if each.gateway == NAME]


def _as_json(simulator: Simulator, transfer: Transfer, rule: Rule | None) -> dict[str, Any]:
    amount, currency = distort(rule, amount=transfer.amount, currency=transfer.currency)
    shown = msgspec.structs.replace(transfer, amount=amount, currency=currency)
    return objects.transfer(shown, simulator.books.transfers.recipient_of(transfer))
