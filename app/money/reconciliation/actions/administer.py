"""What admins see and do: days, differences, explanations, runs on request."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from app.edge.gateways.port import GatewayName
from app.foundation import audit, paging
from app.foundation.alerts import resolve_alert
from app.foundation.audit import Actor, ActorRole, Subject
from app.foundation.db import Tx, now, plan_for_values
from app.foundation.errors import Invalid
from app.foundation.money import SignedMoney
from app.foundation.queue import ReconcileGateway, enqueue_all
from app.money.ledger import actions as ledger
from app.money.reconciliation import rules
from app.money.reconciliation.actions.compare import ALERT
from app.money.reconciliation.model import (
    Difference,
    DifferenceFilter,
    DifferencePage,
    DifferenceReply,
    Explanation,
    NoSuchDifference,
    NothingToExplain,
    Queued,
    Reconciliation,
    RunRequest,
    What,
)
from app.money.reconciliation.queries import adjustments, differences, hours

_DAYS: Final = timedelta(days=6)  # with the last one: a week
_DAYS_MAX: Final = timedelta(days=366)


async def read_days(
    tx: Tx, gateway: GatewayName | None, *, since: date | None, until: date | None
) -> Reconciliation:
    """The sums of days (UTC), the last one included; by default of a week up to today.

    Raises Invalid for more than a year, and for a day before there were gateways.
    """
    for name, day in (("from", since), ("to", until)):
        if day and day < rules.FIRST_DAY:
            raise Invalid.field(name, f"must not be before {rules.FIRST_DAY}")
    last = until or (await now(tx)).date()
    first = since or last - _DAYS
    if not timedelta(0) <= last - first <= _DAYS_MAX:
        raise Invalid.field("from", "must be at most a year before `to`, and not after it")
    await plan_for_values(tx)
    days = await hours.of_days(tx, gateway, since=first, until=last)
    return Reconciliation(days=days, unexplained=await unexplained(tx, gateway))


async def unexplained(tx: Tx, gateway: GatewayName | None = None) -> list[SignedMoney]:
    """By how much gateway and ledger differ, where nobody has explained it; should be nothing."""
    found = await differences.unexplained(tx, gateway)
    return [money for money in found if money.amount]


async def read_page(
    tx: Tx, wanted: DifferenceFilter, *, limit: int, cursor: str | None
) -> DifferencePage:
    """A page of differences, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    await plan_for_values(tx)
    found = await differences.page(tx, wanted, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda difference: difference.id)
    return DifferencePage(
        differences=[DifferenceReply.of(each) for each in page], next_cursor=next_cursor
    )


async def read_difference(tx: Tx, difference_id: UUID) -> Difference:
    """One difference. Raises NoSuchDifference."""
    if found := await differences.find(tx, difference_id):
        return found
    raise NoSuchDifference(f"There is no difference {difference_id}.")


async def explain(
    tx: Tx, difference_id: UUID, request: Explanation, *, admin_id: UUID
) -> Difference:
    """Record why a difference is there; with an account, post what the ledger lacks from there.

    Raises NoSuchDifference, NothingToExplain, Invalid.
    """
    if await differences.lock(tx, difference_id) is None:
        raise NoSuchDifference(f"There is no difference {difference_id}.")
    explained = await differences.explain(tx, difference_id, admin_id=admin_id, note=request.note)
    if explained is None:
        raise NothingToExplain("It is closed, or somebody has explained it already.")
    if request.account:
        await ledger.post(tx, rules.explanation(explained, request.account, request.note))
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="explain_difference",
        subject=Subject("difference", difference_id),
        after={
            "account": request.account,
            "atGateway": explained.at_gateway,
            "inLedger": explained.in_ledger,
            "currency": explained.currency,
        },
        reason=request.note,
    )
    await resolve_alert(tx, ALERT, str(difference_id))
    return explained


async def posted_by_hand(
    tx: Tx, gateway: GatewayName, what: What, subjects: Collection[str]
) -> set[str]:
    """Of these movements, by the gateway's ids, those that admins have posted by an explanation.

    Nothing else posts them: they are in the ledger.
    """
    if not subjects:
        return set()
    return set(await adjustments.posted_by_hand(tx, gateway, what, sorted(subjects)))


async def queue_run(
    tx: Tx, request: RunRequest, gateways: list[GatewayName], *, admin_id: UUID
) -> Queued:
    """Queue the reconciliation of a day at one of these gateways, or at all of them.

    Raises Invalid for a gateway that is not open, for a day to come, or before there were gateways.
    """
    today = (await now(tx)).date()
    day = request.day or today - timedelta(days=1)
    if day > today:
        raise Invalid.field("day", "is to come")
    if day < rules.FIRST_DAY:
        raise Invalid.field("day", f"must not be before {rules.FIRST_DAY}")
    if request.gateway and request.gateway not in gateways:
        raise Invalid.field("gateway", "is not used here")
    wanted = [request.gateway] if request.gateway else gateways
    await enqueue_all(tx, [ReconcileGateway(gateway=name, day=day) for name in wanted])
    await audit.record(
        tx,
        by=Actor(ActorRole.ADMIN, admin_id),
        action="run_reconciliation",
        subject=Subject("reconciliation", day.isoformat()),
        after={"gateways": wanted, "day": day},
    )
    return Queued(gateways=wanted, day=day)
