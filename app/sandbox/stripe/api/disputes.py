"""List and read chargebacks."""

from typing import Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.charges import charge_as_json
from app.sandbox.stripe.api.listing import Line, Wanted, check_query, check_single, page
from app.sandbox.stripe.api.reading import ApiRequest, with_valid_key
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import disputes, errors, objects


@get("/disputes")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await inject_before_effect(rule)
    expands = check_query(request, "charge", "payment_intent", expands=["data.charge"])
    charge, intent = (request.query_params.get(name) for name in ("charge", "payment_intent"))
    everything = [
        Line(disputes.dispute_id(each), each.created_at, each)
        for each in simulator.books.chargebacks.all()
        if each.gateway == NAME
    ]
    lines = [each for each in everything if _matches(simulator, each.of, charge, intent)]
    await inject_after_effect(rule)
    return page(
        Wanted(request, "dispute", rule),
        lines,
        lambda of: _as_json(simulator, of, rule, bool(expands)),
        everything=everything,
    )


@get("/disputes/{dispute_id:str}")
async def read(
    dispute_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await inject_before_effect(rule)
    expands = check_single(request, expands=["charge"])
    found = simulator.books.chargebacks.find(dispute_id)
    if found is None or found.gateway != NAME:
        raise errors.not_found("dispute", dispute_id, param="dispute")
    await inject_after_effect(rule)
    return _as_json(simulator, found, rule, bool(expands))


router = Router("/v1", route_handlers=[listed, read], guards=[with_valid_key])


def _matches(simulator: Simulator, of: Chargeback, charge: str | None, intent: str | None) -> bool:
    if charge not in (None, objects.charge_id(of.transaction_id)):
        return False
    if intent is None:
        return True
    return intent == objects.intent_id(simulator.books.transactions.get(of.transaction_id).root_id)


def _as_json(
    simulator: Simulator, chargeback: Chargeback, rule: Rule | None, is_whole: bool
) -> dict[str, Any]:
    amount, currency = distort(rule, amount=chargeback.amount, currency=chargeback.currency)
    shown = msgspec.structs.replace(chargeback, amount=amount, currency=currency)
    transaction = simulator.books.transactions.get(chargeback.transaction_id)
    return disputes.dispute(
        shown,
        charge=charge_as_json(simulator, transaction) if is_whole else None,
        root_id=transaction.root_id,
    )
