"""What the tests of several adapters begin with."""

import pytest

from app.edge.gateways.port import CheckoutReady
from tests.edge.gateways.adapters import World
from tests.edge.gateways.requests import CHARGE, start


@pytest.fixture
async def paid(world: World) -> World:
    """The test file's own `world` after a guest paid 5,000.00; there is money for transfers."""
    assert isinstance(await start(world), CheckoutReady)
    await world.sandbox.pay(CHARGE)
    await world.sandbox.top_up(2_000_000, world.adapter.currency, world.adapter.name)
    return world
