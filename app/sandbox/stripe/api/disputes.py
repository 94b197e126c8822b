"""Chargebacks: listed."""

from typing import Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.faults import Operation, Rule, distort, strike_after, strike_before
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.charges import told as told_charge
from app.sandbox.stripe.api.reading import Asking, check_query, page, with_valid_key
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import disputes, objects


@get("/disputes")
async def listed(request: Asking, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await strike_before(rule)
    check_query(request, "charge", "payment_intent", "expand[]")
    is_whole = "data.charge" in request.query_params.getall("expand[]", [])
    found = [_told(simulator, each, rule, is_whole) for each in _filtered(simulator, request)]
    await strike_after(rule)
    return page(request, found)


router = Router("/v1", route_handlers=[listed], guards=[with_valid_key])


def _filtered(simulator: Simulator, request: Asking) -> list[Chargeback]:
    charge = request.query_params.get("charge")
    intent = request.query_params.get("payment_intent")
    return [
        each
        for each in reversed(simulator.books.chargebacks.all())
        if each.gateway == NAME
        and charge in (None, objects.charge_id(each.transaction_id))
        and intent in (None, objects.intent_id(each.transaction_id))
    ]


def _told(
    simulator: Simulator, chargeback: Chargeback, rule: Rule | None, is_whole: bool
) -> dict[str, Any]:
    amount, currency = distort(rule, amount=chargeback.amount, currency=chargeback.currency)
    told = msgspec.structs.replace(chargeback, amount=amount, currency=currency)
    transaction = simulator.books.transactions.get(chargeback.transaction_id)
    return disputes.dispute(told, charge=told_charge(simulator, transaction) if is_whole else None)
