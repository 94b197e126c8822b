"""What admins read in the ledger over HTTP, and what they may put there."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.foundation.db import execute, now, transaction
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.people.accounts.model import Principal
from tests import make
from tests.money.ledger.books import CLEARING, REVENUE, account_id, commit, escrow, posting
from tests.shop import Shop

LEDGER = "/api/admin/ledger"
SOMEBODY = str(UUID(int=7))


class Admin:
    """Somebody who may, and the shortest way to ask."""

    def __init__(self, api: httpx.AsyncClient, who: Principal) -> None:
        self.api = api
        self.headers = make.bearer(who)

    async def ask(self, path: str, **params: Any) -> httpx.Response:
        return await self.api.get(f"{LEDGER}/{path}", params=params, headers=self.headers)

    async def see(self, path: str, **params: Any) -> Any:
        reply = await self.ask(path, **params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def adjust(self, *entries: Any, key: str = "", **more: Any) -> httpx.Response:
        return await self.api.post(
            f"{LEDGER}/adjustments",
            json={"entries": entries, "reason": "A correction", **more},
            headers=self.headers | {"idempotency-key": key or uuid4().hex},
        )


@pytest.fixture
def asking(api: httpx.AsyncClient, admin: Principal) -> Admin:
    return Admin(api, admin)


def on(kind: str, amount: int, currency: str = "NGN", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "amount": {"amount": amount, "currency": currency}, **more}


async def test_accounts_are_found_by_kind_owner_and_currency(asking: Admin) -> None:
    booking_id, other_id = make.new_id(), make.new_id()
    pot, xaf = escrow(booking_id), escrow(booking_id, "XAF")
    cash = Account(AccountKind.PLATFORM_REVENUE, "XAF")
    await commit(posting((CLEARING, -500), (pot, 450), (REVENUE, 50)))
    await commit(posting((escrow(other_id), 3), (REVENUE, -3)), posting((cash, -7), (xaf, 7)))

    async def found(**params: Any) -> set[tuple[str, int, str]]:
        accounts = (await asking.see("accounts", **params))["accounts"]
        balances = [(account["kind"], account["balance"]) for account in accounts]
        return {(kind, balance["amount"], balance["currency"]) for kind, balance in balances}

    assert await found(kind="platform_revenue") == {
        ("platform_revenue", 47, "NGN"), ("platform_revenue", -7, "XAF"),
    }  # fmt: skip
    assert await found(ownerId=str(booking_id)) == {
        ("escrow_rental", 450, "NGN"), ("escrow_rental", 7, "XAF"),
    }  # fmt: skip
    assert await found(ownerId=str(booking_id), currency="XAF") == {("escrow_rental", 7, "XAF")}
    assert await found(kind="escrow_rental", currency="XAF") == {("escrow_rental", 7, "XAF")}
    assert await found(kind="gateway_fees") == set()
    assert len(await found()) == 6


async def test_accounts_come_in_pages(asking: Admin) -> None:
    await commit(*(posting((CLEARING, -5), (escrow(make.new_id()), 5)) for _ in range(6)))
    everything = [account["id"] for account in (await asking.see("accounts"))["accounts"]]
    assert len(everything) == 7
    paged: list[int] = []
    cursor: str | None = None
    for size in (3, 3, 1):
        params = {"cursor": cursor} if cursor else {}
        page = await asking.see("accounts", limit=3, **params)
        assert len(page["accounts"]) == size
        paged += [account["id"] for account in page["accounts"]]
        cursor = page["nextCursor"]
    assert (paged, cursor) == (everything, None)


async def moved_on(by: timedelta) -> datetime:
    async with transaction() as tx:
        await execute(tx, "UPDATE business_clock SET movable = true, shift = shift + %(by)s", by=by)
    async with transaction() as tx:
        return await now(tx)


async def test_an_account_shows_its_balance_now_and_at_an_instant(asking: Admin) -> None:
    pot = escrow(make.new_id())
    await commit(posting((CLEARING, -500), (pot, 500)))
    between = await moved_on(timedelta(hours=1))
    await moved_on(timedelta(hours=1))
    await commit(posting((pot, -200), (REVENUE, 200)))
    async with transaction() as tx:
        path = f"accounts/{await account_id(tx, pot)}"
    assert (await asking.see(path))["balance"] == {"amount": 300, "currency": "NGN"}
    for at, expected in ((between, 500), (between - timedelta(hours=2), 0)):
        account = await asking.see(path, at=at.isoformat())
        assert account["balance"]["amount"] == expected
        assert (account["name"], account["ownerId"]) == ("Escrow of the rental", str(pot.owner_id))


async def test_entries_are_listed_newest_first_with_what_happened(asking: Admin) -> None:
    charges = [
        posting((CLEARING, -amount), (REVENUE, amount), memo=f"number {amount}")
        for amount in (1, 2, 3)
    ]
    await commit(*charges)
    async with transaction() as tx:
        path = f"accounts/{await account_id(tx, CLEARING)}/entries"
    first = await asking.see(path, limit=2)
    rest = await asking.see(path, limit=2, cursor=first["nextCursor"])
    entries = first["entries"] + rest["entries"]
    assert [entry["amount"]["amount"] for entry in entries] == [-3, -2, -1]
    assert [entry["memo"] for entry in entries] == ["number 3", "number 2", "number 1"]
    assert [UUID(entry["sourceId"]) for entry in entries] == [c.source_id for c in charges[::-1]]
    assert {entry["what"] for entry in entries} == {"Paid by the guest"}
    assert rest["nextCursor"] is None


@pytest.mark.parametrize("path", ["accounts/1", "accounts/1/entries", f"bookings/{SOMEBODY}"])
async def test_what_is_not_in_the_ledger_is_not_found(asking: Admin, path: str) -> None:
    reply = await asking.ask(path)
    assert reply.status_code == 404
    expected = "nothing_booked" if path.startswith("bookings") else "no_such_ledger_account"
    assert reply.json()["code"] == expected


async def test_the_statement_of_a_booking_tells_its_story_and_sums_to_zero(shop: Shop) -> None:
    booking_id = UUID((await shop.reserve("1A"))["id"])
    pot = escrow(booking_id)
    host = Account(AccountKind.HOST_PAYABLE, "NGN", owner_id=shop.host.id)
    await commit(
        _of_booking(booking_id, PostingKind.CHARGE, "paid", {CLEARING: -500, pot: 500}),
        posting((CLEARING, -9), (REVENUE, 9)),  # another story
        _of_booking(booking_id, PostingKind.DIVISION, "due", {pot: -500, REVENUE: 50, host: 450}),
    )
    said = await shop.get(shop.admin, f"{LEDGER}/bookings/{booking_id}")
    assert [(t["what"], t["memo"]) for t in said["transactions"]] == [
        ("Paid by the guest", "paid"),
        ("Escrow divided", "due"),
    ]
    entries = said["transactions"][1]["entries"]
    assert [(e["account"], e["amount"]["amount"], e["balance"]["amount"]) for e in entries] == [
        ("Escrow of the rental", -500, 0),
        ("Revenue of the platform", 50, 50),
        ("Owed to the host", 450, 450),
    ]
    assert sum(total["total"]["amount"] for total in said["totals"]) == 0
    assert said["sum"] == [{"amount": 0, "currency": "NGN"}]


def _of_booking(
    booking_id: UUID, kind: PostingKind, memo: str, amounts: dict[Account, int]
) -> Posting:
    return Posting(
        kind=kind,
        source_id=make.new_id(),
        booking_id=booking_id,
        entries=tuple(Entry(account, amount) for account, amount in amounts.items()),
        memo=memo,
    )


async def test_an_adjustment_is_posted_once_and_audited(asking: Admin, admin: Principal) -> None:
    host = str(admin.id)  # anybody's account does
    entries = [on("host_payable", -70, ownerId=host), on("chargeback_losses", 70)]
    reply = await asking.adjust(*entries, key="once")
    assert reply.status_code == 201, reply.text
    again = await asking.adjust(*entries, key="once")
    assert (again.json(), again.headers["idempotency-replayed"]) == (reply.json(), "true")

    accounts = (await asking.see("accounts"))["accounts"]
    assert [(a["name"], a["balance"]["amount"]) for a in accounts] == [
        ("Losses by chargebacks", 70),
        ("Owed to the host", -70),
    ]
    audit = await asking.api.get("/api/admin/audit", headers=asking.headers)
    (record,) = audit.json()["records"]
    assert (record["action"], record["reason"]) == ("adjust_ledger", "A correction")
    assert (record["subjectId"], record["actorId"]) == (reply.json()["id"], str(admin.id))
    assert record["after"]["entries"][0]["amount"] == {"amount": -70, "currency": "NGN"}
    path = f"accounts/{accounts[0]['id']}/entries"
    (entry,) = (await asking.see(path))["entries"]
    assert (entry["sourceId"], entry["memo"]) == (reply.json()["id"], "A correction")


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ([on("platform_revenue", 5), on("chargeback_losses", -4)], "entries"),
        ([on("platform_revenue", 5), on("chargeback_losses", -5, "XAF")], "entries"),
        ([on("platform_revenue", 5)], "entries"),
        ([on("platform_revenue", 0), on("chargeback_losses", 0)], "entries[0]"),
        ([on("platform_revenue", 5, "ABC"), on("chargeback_losses", -5, "ABC")], "entries[0]"),
        ([on("gateway_fees", 5), on("platform_revenue", -5)], "entries[0]"),
        (
            [on("platform_revenue", 5), on("platform_revenue", -5, gateway="paystack")],
            "entries[1]",
        ),
        ([on("host_payable", 5), on("platform_revenue", -5)], "entries[0]"),
        (
            [on("platform_revenue", 5), on("host_payable", -5, ownerId=SOMEBODY)],
            "entries[1].ownerId",
        ),
        (
            [on("platform_revenue", -5), on("escrow_rental", 5, ownerId=SOMEBODY)],
            "entries[1].kind",
        ),
        (
            [on("escrow_deposit", -5, ownerId=SOMEBODY), on("platform_revenue", 5)],
            "entries[0].kind",
        ),
        (
            [on("platform_revenue", 10**16), on("platform_revenue", -(10**16))],
            "entries[0].amount.amount",
        ),
    ],
)
async def test_an_adjustment_that_cannot_be_is_refused_by_field(
    asking: Admin, entries: list[Any], field: str
) -> None:
    reply = await asking.adjust(*entries)
    assert reply.status_code == 422, reply.text
    assert reply.json()["errors"][0]["field"] == field


async def test_an_adjustment_needs_a_reason_a_key_and_a_booking_that_exists(asking: Admin) -> None:
    entries = [on("platform_revenue", 5), on("chargeback_losses", -5)]
    for more, field in (({"reason": " "}, "reason"), ({"bookingId": SOMEBODY}, "bookingId")):
        reply = await asking.adjust(*entries, **more)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)
    reply = await asking.api.post(
        f"{LEDGER}/adjustments",
        json={"entries": entries, "reason": "A correction"},
        headers=asking.headers,
    )
    assert (reply.status_code, reply.json()["code"]) == (400, "key_missing")
    assert (await asking.see("accounts"))["accounts"] == []


async def test_the_refusal_of_an_adjustment_names_each_owner_and_booking_that_does_not_exist(
    asking: Admin,
) -> None:
    entries = [on("platform_revenue", 5), on("host_payable", -5, ownerId=SOMEBODY)]
    reply = await asking.adjust(*entries, bookingId=SOMEBODY)
    assert reply.status_code == 422
    named = [error["field"] for error in reply.json()["errors"]]
    assert named == ["entries[1].ownerId", "bookingId"]
    assert (await asking.see("accounts"))["accounts"] == []


async def test_an_adjustment_leaves_escrow_alone_and_the_pot_releasable(shop: Shop) -> None:
    booking = await shop.sleep_over()
    await shop.paid(booking)
    entries = [on("escrow_rental", -5, ownerId=booking["id"]), on("platform_revenue", 5)]
    reply = await Admin(shop.api, shop.admin).adjust(*entries, bookingId=booking["id"])
    assert reply.status_code == 422
    (error,) = reply.json()["errors"]
    assert error["field"] == "entries[0].kind"
    assert "cancel the booking" in error["message"]
    await shop.forward_to(booking["checkInAt"], past=timedelta(hours=1, seconds=1))
    assert await shop.sweep("release-escrow") == 1
