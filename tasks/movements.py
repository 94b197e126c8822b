"""Movements: what gateways did without us is taken in; what they say later is asked for."""

from collections.abc import Awaitable, Callable
from functools import partial

from app.edge.gateways.port import GatewayName
from app.flows.movements import stories
from app.foundation import queue
from app.foundation.db import transaction
from app.money.instructions import actions as instructions
from app.money.payments import actions as payments
from tasks.runner.handlers import handles
from tasks.sweeps import in_turn


@handles(queue.TakeInCharge)
async def take_in_charge(job: queue.TakeInCharge) -> None:
    """Take in a charge that a gateway has and we have not, or one more under a reference."""
    async with transaction() as tx:
        known = await payments.find_by_reference(tx, job.reference)
    currency = known.asked.currency if known else None
    await stories.take_in_charge(
        GatewayName(job.gateway), job.reference, job.charge_id, currency=currency
    )


@handles(queue.TakeInRefunds)
async def take_in_refunds(job: queue.TakeInRefunds) -> None:
    """Take in the refunds of a charge that somebody has made at its gateway."""
    await stories.take_in_refunds(job.payment_id)


async def ask_for_facts(limit: int) -> int:
    """Queue look-ups of what is done, and whose fee is not known yet; returns how many."""
    return await in_turn(
        partial(_queue, payments.ask_for_facts, limit),
        partial(_queue, instructions.ask_for_facts, limit),
    )


async def _queue(ask: Callable[..., Awaitable[int]], limit: int) -> int:
    async with transaction() as tx:
        return await ask(tx, limit=limit)
