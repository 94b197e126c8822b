"""Payout accounts: made known to their gateway, replaced, removed; and the money that follows."""

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from app.foundation.db import transaction
from app.foundation.idempotency import Key
from app.money.escrow.actions import release_due
from app.money.payees import actions as payees
from app.money.payees import stories
from app.money.payees.model import NewPayoutAccount
from app.money.payouts import actions as payouts
from app.people.accounts.model import Role
from tests import make
from tests.money.escrow.pots import release_fares
from tests.money.instructions.progress import transfers
from tests.money.payees.payout_accounts import (
    ACCOUNT,
    NUMBER,
    PATH,
    add_account,
    list_accounts,
    remove_account,
)
from tests.shop import Shop

A_DAY = timedelta(hours=24, seconds=1)
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'"""


async def overlooked(shop: Shop) -> None:
    """Transfers wait for an account that is there: each was made while the other was."""
    await shop.values(
        """
        UPDATE instructions SET state = 'waiting_for_payee', target = NULL, next_try_at = NULL
        RETURNING id::text"""
    )


async def test_a_host_sees_the_name_that_the_bank_has(shop: Shop) -> None:
    reply = await add_account(shop)
    assert reply.status_code == 201, reply.text
    account = reply.json()
    assert (account["state"], account["gateway"], account["failure"]) == (
        "active",
        "paystack",
        None,
    )
    assert account["accountName"]
    assert account["bankName"]
    assert account["accountNumber"] == "•••• 6789"
    assert await list_accounts(shop) == [account]
    audited = await shop.values(
        "SELECT action FROM audit_log WHERE subject_id = %(id)s ORDER BY id", id=account["id"]
    )
    assert audited == ["add_payout_account", "activate_payout_account"]


async def test_the_whole_number_is_told_nowhere(
    shop: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    refused = await add_account(shop, accountNumber="0000000000")
    added = await add_account(shop)
    listed = await shop.api.get(PATH, headers=make.bearer(shop.host))
    audit = await shop.values("SELECT audit_log::text FROM audit_log")
    jobs = await shop.values("SELECT procrastinate_jobs::text FROM procrastinate_jobs")
    printed = capsys.readouterr()
    told = [refused.text, added.text, listed.text, *audit, *jobs, caplog.text, *printed]
    assert "gateway call" in "".join(told), "nothing was listened to"
    for number in (NUMBER, "0000000000"):
        assert not any(number in text for text in told)


async def test_an_account_that_the_bank_does_not_know_is_refused_in_its_words(shop: Shop) -> None:
    for _ in range(2):  # the same request gets the same answer
        reply = await add_account(shop, accountNumber="0000000000", key="k")
        assert (reply.status_code, reply.json()["code"]) == (422, "account_refused")
        (error,) = reply.json()["errors"]
        assert error["field"] == "accountNumber"
        assert error["message"].startswith("Could not resolve account name")
    (account,) = await list_accounts(shop)
    assert account["state"] == "refused"
    assert "Could not resolve account name" in account["failure"]


async def test_a_currency_that_no_gateway_pays_is_refused_before_anything(shop: Shop) -> None:
    reply = await add_account(shop, currency="CHF")
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "currency")
    assert await list_accounts(shop) == []


async def test_the_same_request_twice_adds_one_account(shop: Shop) -> None:
    replies = await asyncio.gather(*(add_account(shop, key="k") for _ in range(5)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    again = await add_account(shop, key="k")
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await list_accounts(shop)) == 1
    other = await add_account(shop, key="k", accountNumber="9999999999")
    assert other.status_code == 422


async def test_a_silent_gateway_leaves_it_pending_and_the_same_request_goes_on(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "timeout_after_effect", delay_ms=50)
    silent = await add_account(shop, key="k")
    assert (silent.status_code, silent.json()["state"]) == (202, "pending")
    again = await add_account(shop, key="k")
    assert (again.status_code, again.json()["state"]) == (201, "active")
    assert again.json()["id"] == silent.json()["id"]


async def test_a_silent_gateway_is_told_again_by_itself(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "error_500", times=2)
    await add_account(shop, key="k")
    assert await shop.sweep("resolve-payout-accounts") == 0, "not at once"
    await shop.forward(timedelta(minutes=1, seconds=1))
    assert await shop.sweep("resolve-payout-accounts") == 1
    assert (await list_accounts(shop))[0]["state"] == "pending"
    await shop.forward(timedelta(minutes=2, seconds=1))
    assert await shop.sweep("resolve-payout-accounts") == 1
    assert (await list_accounts(shop))[0]["state"] == "active"
    assert (await add_account(shop, key="k")).status_code == 201


async def test_a_gateway_silent_for_long_is_an_alert_until_it_speaks(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "error_500", times=10)
    await add_account(shop)
    for _ in range(10):
        await shop.forward(timedelta(hours=1, seconds=1))
        await shop.sweep("resolve-payout-accounts")
    assert (await list_accounts(shop))[0]["state"] == "active"
    alerts = await shop.values("SELECT kind || ' ' || state FROM alerts")
    assert alerts == ["payout_account_stuck resolved"]


async def test_a_process_that_died_in_the_call_leaves_it_to_the_sweep(shop: Shop) -> None:
    adding = asyncio.create_task(_never_answered(shop))
    while not await list_accounts(shop):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    adding.cancel()
    await shop.forward(payees.CALLING_FOR + timedelta(seconds=1))
    await shop.sandbox.clear_faults()
    assert await shop.sweep("resolve-payout-accounts") == 1
    assert (await list_accounts(shop))[0]["state"] == "active"


async def _never_answered(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "delay", delay_ms=60_000)
    key = Key(principal_id=shop.host.id, route=f"POST {PATH}", key="k", body_sha256=b"x")
    await stories.add_account(shop.host.id, msgspec.convert(ACCOUNT, NewPayoutAccount), key)


async def test_a_new_account_replaces_the_one_before(shop: Shop) -> None:
    await add_account(shop)
    await add_account(shop, accountNumber="9876543210")
    await add_account(
        shop, currency="GHS", kind="mobile_money", bankCode="MTN", accountNumber="0241234567"
    )
    states = [(a["accountNumber"], a["state"]) for a in await list_accounts(shop)]
    assert states == [
        ("•••• 4567", "active"),
        ("•••• 3210", "active"),
        ("•••• 6789", "replaced"),
    ]


async def test_an_older_account_that_answers_late_replaces_nothing(shop: Shop) -> None:
    await shop.sandbox.fault("recipient", "error_500")
    await add_account(shop, key="old")
    await add_account(shop, accountNumber="9876543210")
    late = await add_account(shop, key="old")
    assert (late.status_code, late.json()["state"]) == (201, "replaced")
    await shop.forward(timedelta(hours=1))
    await shop.sweep("resolve-payout-accounts")
    states = [(a["accountNumber"], a["state"]) for a in await list_accounts(shop)]
    assert states == [("•••• 3210", "active"), ("•••• 6789", "replaced")]


async def test_ten_accounts_at_once_leave_one_active(shop: Shop) -> None:
    replies = await asyncio.gather(
        *(add_account(shop, accountNumber=f"012345678{n}") for n in range(10))
    )
    assert {reply.status_code for reply in replies} == {201}
    by_age = sorted(await list_accounts(shop), key=lambda account: account["createdAt"])
    assert [account["state"] for account in by_age] == ["replaced"] * 9 + ["active"]


async def test_accounts_come_in_pages(shop: Shop) -> None:
    for n in range(3):
        await add_account(shop, accountNumber=f"012345678{n}")
    first = await shop.get(shop.host, PATH, limit=2)
    rest = await shop.get(shop.host, PATH, limit=2, cursor=first["nextCursor"])
    numbers = [a["accountNumber"] for a in first["accounts"] + rest["accounts"]]
    assert numbers == ["•••• 6782", "•••• 6781", "•••• 6780"]
    assert rest["nextCursor"] is None


async def test_nobody_else_sees_or_removes_an_account(shop: Shop) -> None:
    account = (await add_account(shop)).json()
    async with transaction() as tx:
        other = await make.account(tx, Role.HOST)
    assert await remove_account(shop, account, who=other) == 404
    assert (await shop.get(other, PATH))["accounts"] == []
    assert await remove_account(shop, account) == 204
    assert await remove_account(shop, account) == 409
    assert (await list_accounts(shop))[0]["state"] == "removed"


async def test_money_waits_for_an_account_and_goes_out_by_itself(shop: Shop) -> None:
    await release_fares(shop, "1A", "1B")
    assert await transfers(shop) == ["waiting_for_payee nowhere"] * 2
    await add_account(shop)
    code = (await shop.values("SELECT recipient FROM payout_accounts"))[0]
    assert await transfers(shop) == [f"queued {code}"] * 2
    await shop.run_jobs()
    assert len(await shop.sandbox.transfers()) == 2


async def test_what_is_queued_follows_the_host_to_a_new_account(shop: Shop) -> None:
    await add_account(shop)
    await release_fares(shop, "1A")
    await add_account(shop, accountNumber="9876543210")
    old, new = await shop.values("SELECT recipient FROM payout_accounts ORDER BY id")
    assert await transfers(shop) == [f"queued {new}"]
    await shop.run_jobs()
    assert await shop.sandbox.transfers() == []  # not before the host could read of the change
    await shop.forward(A_DAY)
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    (sent,) = await shop.sandbox.transfers()
    assert sent["amount"] == 450_000
    assert old != new


async def test_what_is_queued_does_not_go_to_a_removed_account(shop: Shop) -> None:
    account = (await add_account(shop)).json()
    await release_fares(shop, "1A")
    assert await remove_account(shop, account) == 204
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    await shop.run_jobs()
    assert await shop.sandbox.transfers() == []
    await add_account(shop)
    await shop.run_jobs()
    await shop.forward(A_DAY)
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert len(await shop.sandbox.transfers()) == 1


async def test_an_account_added_while_a_transfer_is_made_misses_nothing(shop: Shop) -> None:
    """Each sees the world without the other, and still the money goes out, once."""
    booking = await shop.reserve("1A")
    await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))
    async with transaction() as tx:
        assert (
            len(await release_due(tx, limit=10)) == 1
        )  # it found no account, and is not committed
        assert (await add_account(shop)).status_code == 201  # it finds nothing that waits
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert len(await shop.sandbox.transfers()) == 1


async def test_nothing_is_sent_to_an_account_that_is_being_removed(shop: Shop) -> None:
    account = (await add_account(shop)).json()
    await release_fares(shop, "1A")
    await overlooked(shop)
    async with transaction() as tx:
        await payees.remove_account(tx, UUID(account["id"]), host_id=shop.host.id)
        await shop.sweep("resolve-unknown")  # while the removal is not committed
    await shop.run_jobs()
    assert await transfers(shop) == ["waiting_for_payee nowhere"]
    assert await shop.sandbox.transfers() == []


async def test_an_account_stays_until_what_goes_to_it_is_queued(shop: Shop) -> None:
    account = (await add_account(shop)).json()
    await release_fares(shop, "1A")
    await overlooked(shop)
    async with transaction() as tx:
        waiting = await payouts.next_resumable(tx, [])
        assert waiting
        removing = asyncio.create_task(remove_account(shop, account))
        while not await shop.count(WAITING):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await payouts.resume(tx, waiting)
    assert await removing == 204
    assert await transfers(shop) == ["waiting_for_payee nowhere"], "it was queued, and taken back"
    moves = "SELECT state FROM instruction_history ORDER BY id DESC LIMIT 2"
    assert await shop.values(moves) == ["waiting_for_payee", "queued"]


async def test_accounts_and_transfers_at_once_neither_lose_nor_double_money(shop: Shop) -> None:
    for seat in ("1A", "1B", "1C", "1D", "2A", "2B"):
        booking = await shop.reserve(seat)
        await shop.paid(booking)
    await shop.forward_to(booking["checkOutAt"], past=timedelta(hours=1, seconds=1))

    async def release() -> None:
        for _ in range(6):
            async with transaction() as tx:
                await release_due(tx, limit=1)
            await asyncio.sleep(0)

    await asyncio.gather(
        release(),
        *(add_account(shop, accountNumber=f"012345678{n}") for n in range(4)),
        release(),
        shop.run_jobs(),
    )
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    sent = await shop.sandbox.transfers()
    assert [transfer["amount"] for transfer in sent] == [450_000] * 6
    assert len({transfer["reference"] for transfer in sent}) == 6


async def test_what_is_paid_to_another_account_than_the_first_waits_for_a_day(shop: Shop) -> None:
    """A thief with a stolen token adds an account: its owner reads of it before money leaves."""
    first = (await add_account(shop)).json()
    assert first["paysFrom"] is None
    await release_fares(shop, "1A")
    second = (await add_account(shop, accountNumber="9876543210")).json()
    await shop.run_jobs()
    assert await shop.sandbox.transfers() == []
    (shown,) = (await shop.get(shop.host, "/api/host/transfers"))["transfers"]
    assert (shown["state"], shown["waitsFor"]) == ("queued", "hold")
    assert shown["notBefore"] == second["paysFrom"]
    assert "because your payout account has changed" in shown["explanation"]
    await shop.forward(A_DAY - timedelta(minutes=1))
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert await shop.sandbox.transfers() == []
    await shop.forward(timedelta(minutes=1))
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert len(await shop.sandbox.transfers()) == 1


@pytest.mark.parametrize("lead_ms", [0, 5, 20, 60])
async def test_an_account_that_changes_as_its_transfer_is_sent_gets_nothing_before_its_time(
    shop: Shop, lead_ms: int
) -> None:
    await add_account(shop)
    await release_fares(shop, "1A", "1B")

    async def change() -> None:
        await asyncio.sleep(lead_ms / 1_000)
        assert (await add_account(shop, accountNumber="9876543210")).status_code == 201

    await asyncio.gather(shop.run_jobs(), change())
    await shop.run_jobs()
    old, new = await shop.values("SELECT recipient FROM payout_accounts ORDER BY id")
    paid = [await _paid_to(shop, each) for each in (old, new)]
    assert paid == [2 - await _held(shop), 0]
    await shop.forward(A_DAY)
    await shop.sweep("resolve-unknown")
    await shop.run_jobs()
    assert await _paid_to(shop, old) + await _paid_to(shop, new) == 2


@pytest.mark.parametrize(
    ("change_ms", "end_ms"), [(0, 0), (0, 5), (5, 0), (20, 20), (20, 5), (60, 60)]
)
@pytest.mark.parametrize("end", ["proof", "session"])
async def test_a_change_a_transfer_and_the_end_of_the_proof_at_once_pay_no_thief(
    shop: Shop, change_ms: int, end_ms: int, end: str
) -> None:
    await add_account(shop)
    await release_fares(shop, "1A", "1B")
    ended = {
        "proof": "UPDATE sessions SET proved_at = now() - interval '11 minutes' RETURNING id::text",
        "session": """
            UPDATE sessions SET revoked_at = now(), revoked_because = 'logged out everywhere'
            RETURNING id::text""",
    }

    async def change() -> int:
        await asyncio.sleep(change_ms / 1_000)
        return int((await add_account(shop, accountNumber="9876543210")).status_code)

    async def end_it() -> None:
        await asyncio.sleep(end_ms / 1_000)
        await shop.values(ended[end])

    _, status, _ = await asyncio.gather(shop.run_jobs(), change(), end_it())
    await shop.run_jobs()
    old, *new = await shop.values("SELECT recipient FROM payout_accounts ORDER BY id")
    assert (status, len(new)) in ((201, 1), (403 if end == "proof" else 401, 0))
    assert await _paid_to(shop, old) == 2 - await _held(shop)
    assert [await _paid_to(shop, each) for each in new] == [0] * len(new)
    assert new or not await _held(shop), "what was refused holds nothing back"


async def _held(shop: Shop) -> int:
    return await shop.count("SELECT count(*) FROM instructions WHERE waits_for = 'hold'")


async def _paid_to(shop: Shop, recipient: str) -> int:
    return await shop.count(
        """
        SELECT count(*) FROM instructions
         WHERE target = %(recipient)s AND state NOT IN ('queued', 'waiting_for_payee')""",
        recipient=recipient,
    )


@pytest.mark.parametrize(
    ("currency", "number", "country", "kept"),
    [
        ("UGX", "0772 123 456", None, "256772123456 UG"),
        ("UGX", "+256 (772) 123-456", None, "256772123456 UG"),
        ("XAF", "+237 671 23 45 67", None, "237671234567 CM"),
        ("XAF", "671234567", "CM", "237671234567 CM"),
        ("XAF", "6031234", "GA", None),
    ],
)
async def test_a_wallet_is_kept_as_digits_with_its_country(
    shop: Shop, currency: str, number: str, country: str | None, kept: str | None
) -> None:
    reply = await add_account(
        shop, currency=currency, kind="mobile_money", bankCode="MPS", accountNumber=number,
        country=country, gateway="flutterwave",
    )  # fmt: skip
    rows = await shop.values("SELECT account_number || ' ' || country FROM payout_accounts")
    assert rows == ([kept] if kept else [])
    if kept is None:
        (error,) = reply.json()["errors"]
        assert error["field"] == "accountNumber"
        assert "since 2024-04-06" in error["message"]


async def test_a_host_reads_of_another_account_and_of_a_number_that_is_dead(shop: Shop) -> None:
    await add_account(shop)
    assert await _mails(shop) == []
    await add_account(shop, accountNumber="9876543210")
    assert await _mails(shop) == ["payout_account_changed"]
    await add_account(
        shop, currency="XAF", kind="mobile_money", bankCode="FMM", accountNumber="+237671234567"
    )
    assert await shop.sweep("check-wallets") == 0, "it was read as it was added"
    await shop.values(
        """
        UPDATE payout_accounts SET numbers_read = 0, account_number = '6031234', country = 'GA'
         WHERE currency = 'XAF' RETURNING id::text"""
    )
    assert await shop.sweep("check-wallets") == 1
    assert await shop.sweep("check-wallets") == 0
    assert await _mails(shop) == ["payout_account_changed"] * 2 + ["payout_number_outdated"]
    reason = "SELECT data ->> 'reason' FROM notifications WHERE kind = 'payout_number_outdated'"
    assert "since 2024-04-06" in (await shop.values(reason))[0]


async def _mails(shop: Shop) -> list[str]:
    return await shop.values(
        "SELECT kind FROM notifications WHERE account_id = %(id)s ORDER BY id", id=shop.host.id
    )
