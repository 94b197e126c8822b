"""A host's month in which the platform has paid a part of what guests owed."""

from datetime import timedelta

import pytest

from tests.laws import audit_is_clean
from tests.market.vouchers.made import of_host, of_platform
from tests.shop import Shop


@pytest.mark.parametrize(("code", "gross"), [("WELCOME", 500_000), ("HOST-10", 450_000)])
async def test_what_a_voucher_of_the_platform_adds_is_gross_and_the_laws_say_so(
    shop: Shop, code: str, gross: int
) -> None:
    await of_platform(percent_bps=2_000)
    await of_host(shop.host)
    booking = await shop.reserve("1A", voucherCode=code)
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=2))
    await shop.sweep("release-escrow")
    await shop.forward(timedelta(days=40))
    assert await shop.sweep("calculate-settlements") >= 1
    page = await shop.get(shop.host, "/api/host/settlements")
    [month] = [each for each in page["settlements"] if each["gross"]["amount"]]
    assert month["gross"]["amount"] == gross
    assert month["platformFee"]["amount"] == gross // 10
    assert month["net"]["amount"] == gross - gross // 10
    await audit_is_clean()
