"""Begin and list refunds."""

from typing import Any

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency

from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
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
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import errors, objects


@post("/refunds", status_code=200)
async def create(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, rule: Rule | None) -> dict[str, Any]:
        return objects.refund(_begin(simulator, fields, rule))

    return await answer(request, simulator, Operation.REFUND, do)


@get("/refunds")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    check_query(request, "charge", "expand[]")
    charge = request.query_params.get("charge", "")
    found = simulator.books.refunds.listed(
        transaction_id=charge.removeprefix("ch_") or None, currency=None
    )
    await inject_after_effect(rule)
    return page(request, [_as_json(each, rule) for each in found if each.gateway == NAME])


router = Router("/v1", route_handlers=[create, listed], guards=[with_valid_key])


def _begin(simulator: Simulator, fields: Fields, rule: Rule | None) -> Refund:
    check(fields, required=["charge"], optional=["amount", "metadata[*]", "reason"])
    transaction = find_charge(simulator, fields["charge"], param="charge")
    if simulator.books.chargebacks.taken_of(transaction):
        raise errors.refused(
            f"Charge {fields['charge']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    left = simulator.books.refunds.left_of(transaction)
    if left == 0:
        raise errors.refused(
            f"Charge {fields['charge']} has already been refunded.",
            code="charge_already_refunded",
        )
    amount = read_amount(fields, "amount") if "amount" in fields else left
    if amount > left:
        raise errors.refused(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    metadata = read_metadata(fields, "metadata")
    return simulator.bank.refund(
        transaction,
        amount=amount,
        merchant_note=metadata.get("reference", ""),
        customer_note=msgspec.json.encode(metadata).decode(),
        rule=rule,
    )


def find_charge(simulator: Simulator, charge_id: str, *, param: str) -> Transaction:
    """A charge that was paid."""
    transaction = simulator.books.transactions.find_by_id(charge_id.removeprefix("ch_"))
    if transaction is None or transaction.gateway != NAME:
        raise errors.not_found("charge", charge_id, param=param)
    if not objects.is_paid(transaction):
        raise errors.refused(f"The charge {charge_id} did not succeed", param=param)
    return transaction


def _as_json(refund: Refund, rule: Rule | None) -> dict[str, Any]:
    amount, currency = distort(rule, amount=refund.amount, currency=refund.currency)
    return objects.refund(msgspec.structs.replace(refund, amount=amount, currency=currency))
