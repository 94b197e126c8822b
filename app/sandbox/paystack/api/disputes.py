"""List and read chargebacks."""

from typing import Any, Final

import msgspec
from litestar import Request, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.chargebacks import Chargeback
from app.sandbox.faults import Operation, Rule, distort, inject_after_effect, inject_before_effect
from app.sandbox.paystack.api.reading import business_of, read_page, with_valid_key
from app.sandbox.paystack.dialect import NAME
from app.sandbox.paystack.wire import disputes, errors
from app.sandbox.simulator import Simulator

_PER_PAGE_MAX: Final = 100


@get("/")
async def listed(
    request: Request[Any, Any, State], simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    """The filter `transaction` takes the id of a transaction, not its reference."""
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await inject_before_effect(rule)
    rows = [_as_json(simulator, each, rule) for each in _filtered(simulator, request)]
    shown, meta = read_page(request, rows, per_page_max=_PER_PAGE_MAX, rule=rule)
    await inject_after_effect(rule)
    return disputes.listed(shown, meta)


@get("/{chargeback_id:str}")
async def read(
    request: Request[Any, Any, State],
    chargeback_id: FromPath[str],
    simulator: NamedDependency[Simulator],
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.CHARGEBACKS)
    await inject_before_effect(rule)
    found = simulator.books.chargebacks.find(chargeback_id)
    currencies = business_of(request).currencies
    if found is None or found.gateway != NAME or found.currency not in currencies:
        raise errors.not_found("Dispute")
    await inject_after_effect(rule)
    return disputes.found(_as_json(simulator, found, rule))


router = Router("/dispute", route_handlers=[listed, read], guards=[with_valid_key])


def _filtered(simulator: Simulator, request: Request[Any, Any, State]) -> list[Chargeback]:
    transaction_id = request.query_params.get("transaction")
    status = request.query_params.get("status")
    return [
        each
        for each in reversed(simulator.books.chargebacks.all())
        if each.gateway == NAME
        and each.currency in business_of(request).currencies
        and transaction_id in (None, str(each.transaction_id))
        and status in (None, each.status)
    ]


def _as_json(simulator: Simulator, chargeback: Chargeback, rule: Rule | None) -> dict[str, Any]:
    amount, currency = distort(rule, amount=chargeback.amount, currency=chargeback.currency)
    shown = msgspec.structs.replace(chargeback, amount=amount, currency=currency)
    return disputes.as_json(shown, simulator.books.transactions.get(chargeback.transaction_id))
