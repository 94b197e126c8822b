"""List chargebacks."""

from typing import Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.charges import charge_as_json
from app.sandbox.stripe.api.reading import ApiRequest, check_query, page, with_valid_key
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import disputes, objects


@get("/disputes")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await inject_before_effect(rule)
    check_query(request, "charge", "payment_intent", "expand[]")
    is_whole = "data.charge" in request.query_params.getall("expand[]", [])
    found = [_as_json(simulator, each, rule, is_whole) for each in _filtered(simulator, request)]
    await inject_after_effect(rule)
    return page(request, found)


router = Router("/v1", route_handlers=[listed], guards=[with_valid_key])


def _filtered(simulator: Simulator, request: ApiRequest) -> list[Chargeback]:
    charge = request.query_params.get("charge")
    intent = request.query_params.get("payment_intent")
    return [
        each
        for each in reversed(simulator.books.chargebacks.all())
        if each.gateway == NAME
        and charge in (None, objects.charge_id(each.transaction_id))
        and intent in (None, objects.intent_id(each.transaction_id))
    ]


def _as_json(
    simulator: Simulator, chargeback: Chargeback, rule: Rule | None, is_whole: bool
) -> dict[str, Any]:
    amount, currency = distort(rule, amount=chargeback.amount, currency=chargeback.currency)
    shown = msgspec.structs.replace(chargeback, amount=amount, currency=currency)
    transaction = simulator.books.transactions.get(chargeback.transaction_id)
    return disputes.dispute(
        shown, charge=charge_as_json(simulator, transaction) if is_whole else None
    )
