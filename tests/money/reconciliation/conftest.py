"""A desk with a Stripe in this process."""

from collections.abc import AsyncIterator

import pytest

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation.settings import settings
from tests.money.reconciliation.desk import Desk
from tests.money.reconciliation.stripe_lists import StripeLists


@pytest.fixture
async def desk(pool: None, database_url: str) -> AsyncIterator[Desk]:
    lists = StripeLists()
    open_gateways(settings(), transports={GatewayName.STRIPE: lists})
    yield Desk(lists, database_url)
    await close_gateways()
