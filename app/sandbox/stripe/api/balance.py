"""The balance and what changed it, payouts to the merchant's bank, and events."""

from typing import Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.deliveries import Delivery
from app.sandbox.books.payouts import Payout
from app.sandbox.faults import Operation, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.listing import Line, Wanted, check_query, check_single, page
from app.sandbox.stripe.api.reading import ApiRequest, with_valid_key
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import balance, errors, objects
from app.sandbox.stripe.wire.times import iso


@get("/balance")
async def read(simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    return objects.balance(simulator.books.sum_up(NAME))


@get("/balance_transactions")
async def list_changes(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.BALANCE_CHANGES)
    await inject_before_effect(rule)
    check_query(request, "type", "source", "currency", "payout")
    query = request.query_params
    kind, source, currency = (query.get(name) for name in ("type", "source", "currency"))
    everything = [Line(each.id, each.at, each) for each in balance.changes(simulator.books)]
    lines = [
        each
        for each in everything
        if kind in (None, each.of.kind)
        and source in (None, each.of.source)
        and currency in (None, each.of.currency.lower())
        and query.get("payout") is None  # payouts here are made by hand: none lists what it pays
    ]
    await inject_after_effect(rule)
    wanted = Wanted(request, "balance_transaction", rule)
    return page(wanted, lines, balance.as_json, everything=everything)


@get("/balance_transactions/{change_id:str}")
async def read_change(
    change_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.BALANCE_CHANGES)
    await inject_before_effect(rule)
    check_single(request)
    found = [each for each in balance.changes(simulator.books) if each.id == change_id]
    if not found:
        raise errors.not_found("balance_transaction", change_id, param="id")
    await inject_after_effect(rule)
    return balance.as_json(found[0])


@get("/payouts")
async def list_payouts(
    request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.PAYOUTS)
    await inject_before_effect(rule)
    check_query(request, "status")
    status = request.query_params.get("status")
    everything = [Line(f"po_{each.id}", each.created_at, each) for each in _payouts(simulator)]
    lines = [each for each in everything if status in (None, each.of.status)]
    await inject_after_effect(rule)
    return page(Wanted(request, "payout", rule), lines, balance.payout, everything=everything)


@get("/payouts/{payout_id:str}")
async def read_payout(
    payout_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.PAYOUTS)
    await inject_before_effect(rule)
    check_single(request)
    found = [each for each in _payouts(simulator) if f"po_{each.id}" == payout_id]
    if not found:
        raise errors.not_found("payout", payout_id, param="payout")
    await inject_after_effect(rule)
    return balance.payout(found[0])


@get("/events")
async def list_events(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    check_query(request, "type", "types[]", "delivery_success")
    query = request.query_params
    kinds = {*query.getall("types[]", []), *query.getall("type", [])}
    wanted_end = query.get("delivery_success")
    everything = _events(simulator)
    lines = [
        each
        for each in everything
        if (not kinds or each.of.event in kinds)
        and wanted_end in (None, str(each.of.delivered_at is not None).lower())
    ]
    return page(Wanted(request, "event", None), lines, _event, everything=everything)


@get("/events/{event_id:str}")
async def read_event(
    event_id: FromPath[str], request: ApiRequest, simulator: NamedDependency[Simulator]
) -> dict[str, Any]:
    check_single(request)
    found = [each for each in _events(simulator) if each.id == event_id]
    if not found:
        raise errors.not_found("event", event_id, param="id")
    return _event(found[0].of)


router = Router(
    "/v1",
    route_handlers=[
        read, list_changes, read_change, list_payouts, read_payout, list_events, read_event,
    ],
    guards=[with_valid_key],
)  # fmt: skip


class _Made(msgspec.Struct, frozen=True):
    """When an event was made, in Unix seconds."""

    id: str
    created: int


def _payouts(simulator: Simulator) -> list[Payout]:
    return [each for each in simulator.books.payouts.all() if each.gateway == NAME]


def _events(simulator: Simulator) -> list[Line]:
    """Each event is a webhook, delivered or not."""
    ours = [each for each in simulator.books.deliveries.all() if each.gateway == NAME]
    made = [msgspec.json.decode(each.body, type=_Made) for each in ours]
    return [
        Line(event.id, iso(event.created, row.id), row)
        for event, row in zip(made, ours, strict=True)
    ]


def _event(of: Delivery) -> dict[str, Any]:
    waits = int(of.delivered_at is None)
    return msgspec.json.decode(of.body) | {"pending_webhooks": waits}
