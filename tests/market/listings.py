"""Listings that are committed, and what refuses a request about them."""

from datetime import date
from typing import Any

import httpx

from app.foundation.db import transaction
from app.market.inventory.model import ListingReply
from app.people.accounts.model import Principal
from tests.make import today
from tests.market import make


def fields_of(reply: httpx.Response) -> set[str]:
    """The fields that a 422 names."""
    assert reply.status_code == 422, reply.text
    return {error["field"] for error in reply.json()["errors"]}


async def a_stay(host: Principal, **fields: Any) -> ListingReply:
    async with transaction() as tx:
        return await make.stay(tx, host, **fields)


async def a_trip(host: Principal, **fields: Any) -> ListingReply:
    async with transaction() as tx:
        return await make.trip(tx, host, **fields)


async def the_day() -> date:
    """Today's date in UTC, in business time."""
    async with transaction() as tx:
        return await today(tx)
