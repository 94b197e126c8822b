"""What is given back of a booking, asked over HTTP."""

from tests import make
from tests.shop import Shop


async def test_a_preview_of_all_of_a_part_says_what_comes_back(shop: Shop) -> None:
    booking = await shop.reserve("1A", "1B")
    await shop.paid(booking)
    path = f"/api/bookings/{booking['id']}/give-back"
    seen = await shop.get(shop.guest, path, all="true")
    assert (seen["total"], seen["stays"]) == (booking["price"]["total"], None)
    one = await shop.get(shop.guest, path, units="1B")
    assert one["stays"]["units"] == ["1A"]
    nothing = await shop.api.get(path, headers=make.bearer(shop.guest))
    assert nothing.status_code == 422
