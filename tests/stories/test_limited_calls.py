"""What an account has a gateway asked for, and forged webhooks, are limited."""

import pytest

from app.foundation.settings import settings
from tests.shop import Shop


@pytest.fixture(autouse=True)
def no_scale(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMITS_SCALE", "1")
    settings.cache_clear()


async def test_sixty_verifications_are_twenty_questions_to_the_gateway(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    path = f"/api/payments/{payment['id']}/verify"
    codes = [(await shop.post(shop.guest, path)).status_code for _ in range(60)]
    assert codes == [200] * 20 + [429] * 40


async def test_forged_webhooks_are_limited(shop: Shop) -> None:
    headers = {"x-paystack-signature": "0" * 128}
    codes = [
        (await shop.api.post("/api/webhooks/paystack", content=b"{}", headers=headers)).status_code
        for _ in range(120)
    ]
    assert set(codes[:60]) == {401}
    assert codes.count(429) > 30, "one more each second"
