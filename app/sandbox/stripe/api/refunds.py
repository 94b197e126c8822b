"""Begin, list and read refunds."""

from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.refunds import Refund
from app.sandbox.books.transactions import Transaction
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
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
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import errors, objects

_OPTIONAL: Final = ("charge", "payment_intent", "amount", "metadata[*]", "reason")
_REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer")


@post("/refunds", status_code=200)
async def create(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, rule: Rule | None) -> dict[str, Any]:
        return _as_json(simulator, _begin(simulator, fields, rule), None)

    return await answer(request, simulator, Operation.REFUND, do)


@get("/refunds")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    expands = check_query(request, "charge", "payment_intent", expands=["data.balance_transaction"])
    charge, intent = (request.query_params.get(name) for name in ("charge", "payment_intent"))
    everything = [
        Line(objects.refund_id(each), each.created_at, each)
        for each in simulator.books.refunds.all()
        if each.gateway == NAME
    ]
    lines = [
        each
        for each in everything
        if charge in (None, objects.charge_id(each.of.transaction_id))
        and (intent is None or intent == objects.intent_id(_root_id(simulator, each.of)))
    ]
    hidden = set[int]() if charge or intent else simulator.books.hidden.ids("refunds")
    await inject_after_effect(rule)
    return page(
        Wanted(request, "refund", rule),
        [each for each in lines if each.of.id not in hidden],
        lambda of: _as_json(simulator, of, rule, has_balance=bool(expands)),
        everything=everything,
    )


@get("/refunds/{refund_id:str}")
async def read(
    refund_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.REFUNDS)
    await inject_before_effect(rule)
    expands = check_single(request, expands=["balance_transaction"])
    found = simulator.books.refunds.find(refund_id.removeprefix("re_"))
    if found is None or found.gateway != NAME or objects.refund_id(found) != refund_id:
        raise errors.not_found("refund", refund_id, param="refund")
    await inject_after_effect(rule)
    return _as_json(simulator, found, rule, has_balance=bool(expands))


router = Router("/v1", route_handlers=[create, listed, read], guards=[with_valid_key])


def _root_id(simulator: Simulator, refund: Refund) -> int:
    return simulator.books.transactions.get(refund.transaction_id).root_id


def _begin(simulator: Simulator, fields: Fields, rule: Rule | None) -> Refund:
    check(fields, required=[], optional=_OPTIONAL)
    if fields.get("reason", _REASONS[0]) not in _REASONS:
        raise errors.invalid(
            f"Invalid reason: must be one of {', '.join(_REASONS)}", param="reason"
        )
    transaction = _of(simulator, fields)
    charge_id = objects.charge_id(transaction.id)
    if simulator.books.chargebacks.taken_of(transaction):
        raise errors.refused(
            f"Charge {charge_id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    left = simulator.books.refunds.left_of(transaction)
    if left == 0:
        raise errors.refused(
            f"Charge {charge_id} has already been refunded.",
            code="charge_already_refunded",
        )
    amount = read_amount(fields, "amount") if "amount" in fields else left
    check_steps(amount, transaction.currency, param="amount")
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


def _of(simulator: Simulator, fields: Fields) -> Transaction:
    """The charge to refund, by its id or by its intent."""
    if charge_id := fields.get("charge"):
        return find_charge(simulator, charge_id, param="charge")
    if not (intent_id := fields.get("payment_intent")):
        raise errors.missing("charge")
    for each in simulator.books.transactions.all():
        if each.gateway == NAME and each.paid_at and objects.intent_id(each.root_id) == intent_id:
            return each
    raise errors.not_found("payment_intent", intent_id, param="payment_intent")


def find_charge(simulator: Simulator, charge_id: str, *, param: str) -> Transaction:
    """A charge that was paid."""
    transaction = simulator.books.transactions.find_by_id(charge_id.removeprefix("ch_"))
    if transaction is None or transaction.gateway != NAME:
        raise errors.not_found("charge", charge_id, param=param)
    if not objects.is_paid(transaction):
        raise errors.refused(f"The charge {charge_id} did not succeed", param=param)
    return transaction


def _as_json(
    simulator: Simulator, refund: Refund, rule: Rule | None, *, has_balance: bool = False
) -> dict[str, Any]:
    amount, currency = distort(rule, amount=refund.amount, currency=refund.currency)
    return objects.refund(
        msgspec.structs.replace(refund, amount=amount, currency=currency),
        root_id=_root_id(simulator, refund),
        has_balance=has_balance,
    )
