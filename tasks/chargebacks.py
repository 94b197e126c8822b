"""Chargebacks: what is open is asked about again, and what webhooks lost is found in lists."""

from functools import partial

from app.flows.chargebacks import stories
from app.foundation import queue
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn


@handles(queue.LookUpChargebacks)
async def look_up(job: queue.LookUpChargebacks) -> None:
    """Ask the gateway which chargebacks of a charge there are, and book the answer."""
    await stories.look_up(job.payment_id)


async def reconcile_chargebacks(limit: int) -> int:
    """Ask about those that are not over; returns how many that is."""
    return await stories.look_up_open(limit)


async def find_chargebacks(limit: int) -> int:  # noqa: ARG001  a day's list is taken whole
    """Look through what gateways list of the last days; returns how many charges it is.

    One that is silent keeps nobody from asking the others.
    """
    return await in_turn(
        *(partial(stories.look_up_new, gateway) for gateway in stories.reporting_gateways())
    )
