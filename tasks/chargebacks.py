"""Chargebacks: open ones are looked up again, and those that no webhook reported are found."""

from functools import partial

from app.flows.chargebacks import stories
from app.foundation import queue
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn


@handles(queue.LookUpChargebacks)
async def look_up(job: queue.LookUpChargebacks) -> None:
    """Ask the gateway which chargebacks of a charge there are, and post the answer once."""
    await stories.look_up(job.payment_id)


async def reconcile_chargebacks(limit: int) -> int:
    """Queue look-ups of chargebacks that are not over; returns how many."""
    return await stories.look_up_open(limit)


async def find_chargebacks(limit: int) -> int:  # noqa: ARG001  a day's list is taken whole
    """Queue look-ups of the charges that gateways list for the last days; returns how many.

    A gateway that does not answer does not keep the others from being asked.
    """
    return await in_turn(
        *(partial(stories.look_up_new, gateway) for gateway in stories.reporting_gateways())
    )
