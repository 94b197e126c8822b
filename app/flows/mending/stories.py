"""Reconcile a gateway: read its lists, compare, mend what needs no judgement, compare again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.edge.gateways.lists import Span
from app.edge.gateways.port import Gateway, GatewayName, MoneyOutStatus
from app.edge.gateways.registry import gateway_named
from app.flows.chargebacks import stories as chargeback_stories
from app.flows.mending import queries
from app.flows.mending.model import Report
from app.flows.movements import stories as movement_stories
from app.flows.sending import stories as sending_stories
from app.foundation.db import only_connection, transaction
from app.foundation.errors import Problem
from app.money.bank_statements import actions as bank_statements
from app.money.payments.model import GatewayUnclear
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation import stories
from app.money.reconciliation.model import Difference, DifferenceKind, Run, RunLost, What

Remedy = Callable[[Difference], Awaitable[object]]

OTHERS: Final[stories.Others] = {What.CHARGEBACK: queries.compare_chargebacks}

_MOMENT: Final = timedelta(microseconds=1)
_log = structlog.get_logger(__name__)


async def reconcile(name: GatewayName, span: Span) -> int:
    """Reconcile a span of time at a gateway, mend, and alert; returns how many rows were read.

    A run that stopped is gone on with first. Raises GatewayUnclear.
    """
    gateway = gateway_named(name)
    async with transaction() as tx:
        stopped = await reconciliation.take_unfinished(tx, name)
    rows = await _finish(gateway, stopped) if stopped else 0
    async with transaction() as tx:
        run = await reconciliation.begin(tx, name, span)
    return rows + await _finish(gateway, run)


async def try_out(url: str, name: GatewayName, span: Span) -> Report:
    """Reconcile a span of time at a gateway, and leave nothing behind: only read, and report.

    Uses a connection of its own to the database at `url`. Raises GatewayUnclear.
    """
    gateway = gateway_named(name)
    async with only_connection(url):
        async with transaction() as tx:
            await reconciliation.begin_trial(tx, name, span)
            run = await reconciliation.begin(tx, name, span)
        run = await stories.gather(gateway, run)
        await stories.compare(gateway, run, OTHERS, earlier=False)
        return await report(name, span)


async def report(name: GatewayName, span: Span) -> Report:
    """What was found at a gateway in the days of a span."""
    last = span.until.date() if span.until.time() else (span.until - _MOMENT).date()
    async with transaction() as tx:
        days = await reconciliation.read_days(tx, name, since=span.since.date(), until=last)
        found = await reconciliation.open_differences(tx, name, since=span.since, until=span.until)
    return Report(days=days.days, differences=found)


async def _finish(gateway: Gateway, run: Run) -> int:
    """Go on with a run to its end; returns how many rows it has read in all."""
    try:
        run = await stories.gather(gateway, run)
        await stories.compare(gateway, run, OTHERS)
        tried = await mend_all(gateway.name)
        while tried:  # what was taken in is to be settled: that is another difference, a new one
            await stories.look_again(gateway, run, OTHERS, tried)
            tried = await mend_all(gateway.name, only_new=True)
        async with transaction() as tx:
            await reconciliation.lock_comparing(tx, gateway.name)
            await reconciliation.alert(tx, gateway.name)
            await reconciliation.finish(tx, run)
    except RunLost:
        _log.info("another process goes on with this run", run=str(run.id))
    return run.rows


# ---- mending -------------------------------------------------------------------------------------


async def mend_all(name: GatewayName, *, only_new: bool = False) -> list[Difference]:
    """Try to mend what needs nobody's judgement, or `only_new` of it; returns what was tried.

    What one remedy raises does not keep the others from being tried: the difference stays open,
    and is tried again by the next run, and operators are alerted if it stays.
    """
    async with transaction() as tx:
        await reconciliation.lock_comparing(tx, name)
        found = await reconciliation.begin_mending(tx, name, only_new=only_new)
    tried: list[Difference] = []
    for difference in found:
        remedy = _remedy_of(difference)
        if remedy is None:
            continue
        try:
            await remedy(difference)
        except GatewayUnclear:
            raise
        except Problem as problem:
            _log.warning("not mended", difference=str(difference.id), reason=str(problem))
        tried.append(difference)
    return tried


def _remedy_of(difference: Difference) -> Remedy | None:
    """What may put a difference right: it asks the gateway, and posts what is true, once."""
    match difference:
        case Difference(what=What.CHARGE, kind=DifferenceKind.MISSING_HERE | DifferenceKind.TWICE):
            return _take_in_charge
        case Difference(what=What.CHARGE, payment_id=UUID()):
            return _learn_charge
        case Difference(what=What.REFUND | What.TRANSFER):
            return _remedy_of_money_out(difference)
        case Difference(what=What.CHARGEBACK, payment_id=UUID()):
            return _look_up_chargebacks
        case Difference(what=What.CHANGE, gateway_state="fee"):
            return _post_fee
        case Difference(what=What.PAYOUT):
            return _expect_payout
        case _:
            return None


def _remedy_of_money_out(difference: Difference) -> Remedy | None:
    """What is here is looked up; what somebody else made is taken in."""
    if difference.instruction_id:
        return _look_up
    if difference.what is What.TRANSFER:
        return _take_in_transfer
    return _take_in_refunds if difference.payment_id else None


async def _take_in_charge(difference: Difference) -> None:
    await movement_stories.take_in_charge(
        difference.gateway,
        difference.reference,
        difference.subject,
        currency=difference.currency,
    )


async def _learn_charge(difference: Difference) -> None:
    if difference.payment_id:
        await movement_stories.learn_charge(difference.payment_id)


async def _take_in_refunds(difference: Difference) -> None:
    if difference.payment_id:
        await movement_stories.take_in_refunds(difference.payment_id)


async def _take_in_transfer(difference: Difference) -> None:
    """Take in a transfer that somebody else made: it has no reference, so it is listed again."""
    found = await stories.list_transfer(
        gateway_named(difference.gateway), difference.subject, at=difference.at
    )
    if found:
        await movement_stories.take_in_transfer(difference.gateway, found)


async def _look_up(difference: Difference) -> None:
    if difference.instruction_id:
        await sending_stories.look_up(difference.instruction_id, is_reported=True)


async def _look_up_chargebacks(difference: Difference) -> None:
    if difference.payment_id:
        await chargeback_stories.look_up(difference.payment_id)


async def _post_fee(difference: Difference) -> None:
    async with transaction() as tx:
        await reconciliation.post_fee(tx, difference)


async def _expect_payout(difference: Difference) -> None:
    """Post a payout that has left the gateway, or that is back there."""
    async with transaction() as tx:
        payout = await reconciliation.read_payout(tx, difference)
        if payout is None:
            return
        if difference.gateway_state == MoneyOutStatus.SUCCEEDED:
            await bank_statements.expect(tx, payout)
        elif difference.in_ledger:
            why = f"{difference.gateway_state} at the gateway"
            await bank_statements.fail(tx, payout.gateway, payout.gateway_id, why=why)
