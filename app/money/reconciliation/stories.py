"""Read a gateway's lists page by page, and compare: no transaction is open over a call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from app.edge.gateways.lists import Page, Span
from app.edge.gateways.port import (
    FoundCharge,
    FoundInstruction,
    Gateway,
    NoSuchCharge,
    NoSuchInstruction,
    Unknown,
)
from app.foundation.db import transaction
from app.money.payments import actions as payments
from app.money.payments.model import GatewayUnclear
from app.money.reconciliation import actions, rules
from app.money.reconciliation.actions import Comparison
from app.money.reconciliation.model import (
    Compared,
    Difference,
    DifferenceKind,
    Finding,
    Movement,
    Run,
    Scope,
    Stage,
    ToAsk,
    What,
)

_SECOND: Final = timedelta(seconds=1)
_HOUR: Final = timedelta(hours=1)
# If more is missing at the gateway in one slice, its list is broken: then nothing is asked.
_ASKED_MAX: Final = 1_000
_log = structlog.get_logger(__name__)

List = Callable[[Span, str | None], Awaitable[Page[Any] | Unknown]]
Others = Mapping[What, Comparison]


async def gather(gateway: Gateway, run: Run) -> Run:
    """Read all lists of a gateway, from where the run is, a page and a commit at a time.

    Raises GatewayUnclear, and RunLost if somebody else goes on with this run.
    """
    span = Span(since=run.since, until=run.until)
    while run.stage is not Stage.COMPARE:
        what = What(run.stage)
        page = await _list_of(gateway, what)(span, run.cursor)
        if isinstance(page, Unknown):
            raise await _stopped(run, f"page {run.pages + 1}, of {what}s: {page.reason}")
        async with transaction() as tx:
            run = await actions.store_page(tx, gateway, run, what, page)
    return run


async def compare(gateway: Gateway, run: Run, others: Others, *, earlier: bool = True) -> None:
    """Compare all that a run has read; and `earlier` hours in which differences are open.

    Raises GatewayUnclear, RunLost.
    """
    async with transaction() as tx:
        await actions.prepare(tx)
        hours = await actions.open_hours(tx, gateway.name) if earlier else []
    for part in rules.slices(run, hours):
        await _compare_slice(gateway, run, part, others)


async def look_again(
    gateway: Gateway, run: Run, others: Others, mended: Sequence[Difference]
) -> None:
    """Ask about what was mended, and compare the hours of it once more.

    Raises GatewayUnclear, RunLost.
    """
    for hour in sorted({rules.hour_of(difference.at) for difference in mended}):
        await _refresh(gateway, run, Span(since=hour, until=hour + _HOUR))
        await _compare(gateway, run, Span(since=hour, until=hour + _HOUR), others, asked=True)


async def list_transfer(
    gateway: Gateway, gateway_id: str, *, at: datetime
) -> FoundInstruction | None:
    """A transfer by the gateway's id, from the list of the second it was begun in; None if gone.

    Raises GatewayUnclear.
    """
    span, cursor = Span(since=at, until=at + _SECOND), None
    while True:
        page = await gateway.list_transfers(span, cursor)
        if isinstance(page, Unknown):
            raise payments.inconclusive(page.reason)
        if found := next((row for row in page.rows if row.gateway_id == gateway_id), None):
            return found
        if (cursor := page.next_cursor) is None:
            return None


async def _compare_slice(gateway: Gateway, run: Run, part: Span, others: Others) -> None:
    """Compare a slice. What its lists do not show is asked for by itself, and compared again."""
    if not run.since <= part.since < run.until:
        await _refresh(gateway, run, part)
    lacking = await _compare(gateway, run, part, others, asked=False)
    if lacking:
        await _ask_all(gateway, run, lacking)
        await _compare(gateway, run, part, others, asked=True)


async def _compare(
    gateway: Gateway, run: Run, part: Span, others: Others, *, asked: bool
) -> list[ToAsk]:
    """Compare a slice and record it; unless there is something to ask first, which is returned."""
    scope = Scope(
        gateway=gateway.name,
        live=gateway.live,
        since=part.since,
        until=part.until,
        run_since=run.since,
        run_until=run.until,
        listed_since=run.started_at,
    )
    async with transaction() as tx:
        await actions.lock_comparing(tx, run.gateway)
        await actions.keep(tx, run)
        compared = await actions.compare_all(tx, scope, others)
        lacking = [] if asked else _lacking(compared)
        if not lacking:
            await actions.record_all(tx, scope, compared)
    return lacking


def _lacking(compared: Mapping[What, Compared]) -> list[ToAsk]:
    """What the gateway's lists lack: they are by the time of creation, which may be long before."""
    found = [
        _to_ask(what, finding)
        for what, each in compared.items()
        for finding in each.findings
        if finding.kind is DifferenceKind.MISSING_THERE
    ]
    return found if len(found) <= _ASKED_MAX else []


async def _refresh(gateway: Gateway, run: Run, part: Span) -> None:
    """Ask about what differed in a slice that this run does not list."""
    async with transaction() as tx:
        known = await actions.open_differences(tx, run.gateway, since=part.since, until=part.until)
    await _ask_all(gateway, run, [_to_ask(each.what, each) for each in known])


def _to_ask(what: What, known: Finding | Difference) -> ToAsk:
    return ToAsk(
        what=what,
        subject=known.subject,
        reference=known.reference,
        charge_reference=known.charge_reference,
        charge_id=known.charge_id,
        currency=known.currency,
    )


async def _ask_all(gateway: Gateway, run: Run, asked: Sequence[ToAsk]) -> None:
    for each in {(ask.what, ask.subject): ask for ask in asked}.values():
        found = await _ask(gateway, each)
        if isinstance(found, Unknown):
            raise await _stopped(run, f"asked about the {each.what} {each.subject}: {found.reason}")
        async with transaction() as tx:
            await actions.store_asked(tx, run, found)
            await actions.keep(tx, run)


async def _ask(gateway: Gateway, ask: ToAsk) -> list[Movement] | Unknown:
    """What a gateway reports of one thing; nothing if it cannot be asked about it."""
    match ask.what:
        case What.CHARGE:
            found = await gateway.find_charge(
                ask.reference, charge_id=ask.charge_id or None, currency=ask.currency
            )
        case What.REFUND:
            found = await gateway.find_refunds(
                ask.charge_reference, charge_id=ask.charge_id or None, currency=ask.currency
            )
        case What.TRANSFER:
            found = await gateway.find_transfer(
                ask.reference,
                charge_reference=ask.charge_reference,
                gateway_id=None if ask.reference else ask.subject,
                currency=ask.currency,
            )
        case What.CHARGEBACK if ask.charge_reference:
            found = await gateway.find_chargebacks(ask.charge_reference, currency=ask.currency)
        case _:
            return []
    match found:
        case Unknown():
            return found
        case NoSuchCharge() | NoSuchInstruction():
            return []
        case FoundCharge() | FoundInstruction():
            return rules.movements(ask.what, [found], live=gateway.live)
        case _:
            return rules.movements(ask.what, found, live=gateway.live)


def _list_of(gateway: Gateway, what: What) -> List:
    return {
        What.CHARGE: gateway.list_charges,
        What.REFUND: gateway.list_refunds,
        What.TRANSFER: gateway.list_transfers,
        What.CHARGEBACK: gateway.list_chargebacks,
        What.PAYOUT: gateway.list_payouts,
        What.CHANGE: gateway.list_changes,
    }[what]


async def _stopped(run: Run, reason: str) -> GatewayUnclear:
    """Let a run be taken up again later; returns the problem to raise, which says where it is."""
    async with transaction() as tx:
        await actions.fail(tx, run, reason)
    _log.warning("reconciliation stopped", run=str(run.id), reason=reason)
    return GatewayUnclear(f"{run.gateway} did not answer: {reason}")
