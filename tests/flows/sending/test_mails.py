"""Who is notified of how a refund or transfer has ended: once, in the commit of the move."""

from typing import Any

from tests.flows.sending.admins import act, given_up_transfer, only_instruction, returned_transfer
from tests.flows.sending.late_refunds import refund, travelled
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import follow
from tests.money.payees.payout_accounts import add_account
from tests.shop import Shop


async def mails(shop: Shop) -> list[str]:
    """Each mail about a refund or transfer, as "who kind amount"."""
    names: dict[Any, str] = {str(shop.host.id): "host", str(shop.guest.id): "guest"}
    rows = await shop.values(
        """
        SELECT concat_ws(' ', account_id, kind, data -> 'amount' ->> 'amount') FROM notifications
         WHERE kind IN ('refund_sent', 'payout_sent', 'payout_failed', 'host_debt')
         ORDER BY id"""
    )
    return [" ".join([names[row.split()[0]], *row.split()[1:]]) for row in rows]


async def test_a_host_is_notified_of_a_payout_once_it_has_arrived(shop: Shop) -> None:
    await add_account(shop)
    await release_fares(shop, "1A")
    await shop.run_jobs()
    assert await mails(shop) == []
    await follow(shop, times=3)
    assert await mails(shop) == ["host payout_sent 450000"]


async def test_a_guest_is_notified_of_a_refund_once_it_has_arrived(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.post(shop.host, f"/api/bookings/{booking['id']}/cancel")
    await shop.run_jobs()
    assert await mails(shop) == []
    await follow(shop, times=3)
    assert await mails(shop) == ["guest refund_sent 500000"]


async def test_a_host_is_notified_of_a_failed_payout_when_it_is_given_up(shop: Shop) -> None:
    await given_up_transfer(shop)
    assert await mails(shop) == ["host payout_failed 450000"]
    reasons = await shop.values(
        "SELECT data ->> 'reason' FROM notifications WHERE kind = 'payout_failed'"
    )
    assert "Recipient specified is invalid" in reasons[0]


async def test_a_host_is_notified_of_a_payout_that_came_back(shop: Shop) -> None:
    story = await returned_transfer(shop)
    await act(shop, "look-up", await only_instruction(shop))
    assert await mails(shop) == ["host payout_sent 450000", "host payout_failed 450000"]
    await act(shop, "reissue", story)
    await follow(shop)
    assert (await mails(shop))[2:] == ["host payout_sent 450000"]


async def test_host_and_guest_are_notified_of_a_refund_that_the_host_bears(shop: Shop) -> None:
    (booking,) = await travelled(shop, "1A")
    await refund(shop, booking, 1_000)
    await refund(shop, booking, 2_000, cost="platform")
    await follow(shop)
    assert sorted(await mails(shop)) == [
        "guest refund_sent 1000",
        "guest refund_sent 2000",
        "host host_debt 1000",
        "host payout_sent 450000",
    ]
