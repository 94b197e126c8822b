from app.db import transaction
from app.invariants.actions import audit
from tests.shop import Shop
async def test_it(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    payment = await shop.pending(booking)
    await shop.sandbox.pay(payment["reference"])
    await shop.post(shop.guest, f"/api/payments/{payment['id']}/verify")
    async with transaction() as tx:
        for f in await audit(tx):
            print(f)
    assert 0
