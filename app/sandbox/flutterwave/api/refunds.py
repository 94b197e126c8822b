"""Begin and list refunds."""

from typing import Any

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.refunds import Refund
from app.sandbox.faults import Operation, Rule, inject_after_effect, inject_before_effect
from app.sandbox.flutterwave.api.reading import (
    ApiRequest,
    answer,
    distorted,
    page,
    read_amount,
    read_fields,
    with_valid_key,
)
from app.sandbox.flutterwave.dialect import NAME
from app.sandbox.flutterwave.wire import errors, objects
from app.sandbox.simulator import Simulator


@post("/transactions/{transaction_id:str}/refund", status_code=200)
async def create(
    request: ApiRequest, transaction_id: FromPath[str], simulator: NamedDependency[Simulator]
) -> Response[bytes]:
    rule = simulator.faults.take(Operation.REFUND)
    await inject_before_effect(rule)
    refund = _begin(simulator, transaction_id, read_fields(await request.body()), rule)
    await inject_after_effect(rule)
    return answer(objects.success("Transaction refund initiated", objects.refund_begun(refund)))


@get("/refunds")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[bytes]:
    """All refunds: the list has no filter by transaction."""
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    hidden = simulator.books.hidden.ids("refunds")
    rows = [
        objects.refund(distorted(rule, each))
        for each in reversed(simulator.books.refunds.all())
        if each.gateway == NAME and each.id not in hidden
    ]
    await inject_after_effect(rule)
    return page(request, "Refunds fetched", rows, filters=("status",), rule=rule)


@get("/refunds/{refund_id:str}")
async def read(refund_id: FromPath[str], simulator: NamedDependency[Simulator]) -> Response[bytes]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    found = [each for each in simulator.books.refunds.all() if str(each.id) == refund_id]
    if not found or found[0].gateway != NAME:
        raise errors.not_found("Refund")
    await inject_after_effect(rule)
    return answer(objects.success("Refund fetched", objects.refund(distorted(rule, found[0]))))


router = Router("/v3", route_handlers=[create, listed, read], guards=[with_valid_key])


def _begin(
    simulator: Simulator, transaction_id: str, fields: dict[str, Any], rule: Rule | None
) -> Refund:
    """Begin a refund; a second call begins a second one."""
    transaction = simulator.books.transactions.find_by_id(transaction_id)
    if transaction is None or transaction.gateway != NAME or transaction.paid_at is None:
        raise errors.transaction_not_found()
    left = simulator.books.refunds.left_of(transaction)
    given = fields.get("amount")
    amount = left if given is None else read_amount(given, transaction.currency)
    if amount > left or not left:
        raise errors.invalid("The refund is more than what is left of the transaction")
    comments = str(fields.get("comments", ""))
    return simulator.bank.refund(
        transaction,
        amount=amount,
        merchant_note=comments.partition(" ")[0],
        customer_note=comments,
        rule=rule,
    )
