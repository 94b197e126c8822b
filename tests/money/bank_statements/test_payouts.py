"""Payouts of gateways: expected, posted, found in the bank's entries, missed, taken back."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.edge.gateways.port import GatewayName
from app.foundation.db import fetch_all, fetch_values, now, transaction
from app.foundation.money import Money
from app.money.bank_statements import actions
from app.money.bank_statements.model import NewPayout, NoSuchPayout, Payout, PayoutChanged
from app.people.accounts.model import Principal
from tasks.bank_statements import check_payouts
from tests import make
from tests.laws import audit_is_clean
from tests.money.bank_statements.files import Line, camt, mt940
from tests.money.ledger.books import balances


async def today() -> date:
    async with transaction() as tx:
        return (await now(tx)).date()


def payout(name: str, amount: int, on: date, **more: Any) -> NewPayout:
    facts: dict[str, Any] = {
        "gateway": GatewayName.STRIPE,
        "gateway_id": name,
        "money": Money(amount=amount, currency="EUR"),
        "fee": 0,
        "arrives_on": on,
        "reference": "",
    }
    return NewPayout(**facts | more)


async def expect(*wanted: NewPayout) -> None:
    for each in wanted:
        async with transaction() as tx:
            await actions.expect(tx, each)


async def bring(data: bytes) -> list[str]:
    """Import a file; returns the payouts that arrived by it."""
    async with transaction() as tx:
        result = await actions.import_file(tx, data, "bank.xml")
    return sorted(each.gateway_id for each in result.arrived)


async def known() -> dict[str, Payout]:
    async with transaction() as tx:
        found = await fetch_all(tx, Payout, "SELECT * FROM expected_payouts")
    return {each.gateway_id: each for each in found}


async def open_alerts(kind: str) -> list[str]:
    async with transaction() as tx:
        return await fetch_values(
            tx,
            str,
            "SELECT subject FROM alerts WHERE kind = %(kind)s AND state = 'open' ORDER BY subject",
            kind=kind,
        )


def credit(amount: str, on: date, reference: str = "", **more: Any) -> Line:
    return Line(amount=Decimal(amount), on=on, reference=reference, text="STRIPE", **more)


async def test_a_payout_is_posted_once_with_its_fee(pool: None) -> None:
    day = await today()
    await expect(payout("po_1", 1500_00, day, fee=25), payout("po_1", 1500_00, day, fee=25))
    assert await balances() == {
        "gateway_clearing": 1500_25,
        "bank": -1500_00,
        "gateway_fees": -25,
    }
    await audit_is_clean()


async def test_a_payout_that_is_known_with_another_amount_is_refused(pool: None) -> None:
    day = await today()
    await expect(payout("po_1", 1500_00, day))
    with pytest.raises(PayoutChanged):
        await expect(payout("po_1", 1400_00, day))
    await expect(payout("po_1", 1500_00, day + timedelta(days=1), reference="REF-12345"))
    assert (await known())["po_1"].arrives_on == day + timedelta(days=1)
    assert (await known())["po_1"].reference == "REF-12345"


async def test_a_payout_that_failed_is_back_at_the_gateway(pool: None) -> None:
    await expect(payout("po_1", 1500_00, await today()))
    for _ in range(2):
        async with transaction() as tx:
            await actions.fail(tx, GatewayName.STRIPE, "po_1", why="account closed")
    assert await balances() == {}
    assert (await known())["po_1"].failure == "account closed"
    with pytest.raises(NoSuchPayout):
        async with transaction() as tx:
            await actions.fail(tx, GatewayName.STRIPE, "po_2", why="")
    await audit_is_clean()


@pytest.mark.parametrize("write", [camt, mt940])
async def test_a_payout_is_found_by_its_reference(pool: None, write: Any) -> None:
    """Also if the amount is that of another one, and on whatever day."""
    day = await today()
    await expect(payout("po_1MtLoLB7IGIcHSab", 500, day), payout("po_2MtLoLB7IGIcHSab", 500, day))
    far = day + timedelta(days=60)
    assert await bring(write(credit("5", far, "po_2MtLoLB7IGIcHSab"))) == ["po_2MtLoLB7IGIcHSab"]
    found = await known()
    assert found["po_2MtLoLB7IGIcHSab"].arrived_on == far
    assert found["po_1MtLoLB7IGIcHSab"].entry_id is None
    assert await balances() == {"gateway_clearing": 10_00, "bank": -10_00}  # posted as it left
    await audit_is_clean()


async def test_a_payout_is_found_in_the_text_in_whatever_letters(pool: None) -> None:
    await expect(payout("1", 500, await today(), reference="STL-ab 12345"))
    entry = Line(amount=Decimal(5), on=await today(), text="PAYSTACK stl ab12345 / 3")
    assert await bring(camt(entry)) == ["1"]


async def test_a_reference_that_mt940_cuts_is_enough(pool: None) -> None:
    await expect(payout("po_1MtLoLB7IGIcHSab", 500, await today()))
    assert await bring(mt940(credit("5", await today(), "po_1MtLoLB7IGIcH"))) != []


async def test_without_a_reference_amount_and_day_must_be_unique(pool: None) -> None:
    day = await today()
    await expect(payout("po_one", 500, day), payout("po_two", 700, day), payout("po_x", 700, day))
    arrived = await bring(camt(credit("5", day), credit("7", day), credit("9", day)))
    assert arrived == ["po_one"]
    assert await bring(camt(credit("5", day + timedelta(days=30)), number="S2")) == []


async def test_an_entry_of_another_currency_or_way_is_no_payout(pool: None) -> None:
    day = await today()
    await expect(payout("po_1MtLoLB7", 500, day))
    assert await bring(camt(credit("5", day, "po_1MtLoLB7"), currency="USD")) == []
    assert await bring(camt(credit("-5", day, "po_1MtLoLB7"))) == []
    assert await bring(camt(credit("5", day, is_reversal=True), number="S2")) == []


async def test_each_part_of_a_batch_may_be_a_payout(pool: None) -> None:
    day = await today()
    await expect(payout("po_first1", 1000, day), payout("po_second", 500, day))
    parts = ((Decimal(10), "po_first1"), (None, "po_second"), (Decimal(1), ""))
    batch = Line(amount=Decimal(16), on=day, parts=parts)
    assert await bring(camt(batch)) == ["po_first1", "po_second"]
    found = await known()
    assert (found["po_first1"].part, found["po_second"].part) == (1, 2)
    assert found["po_second"].arrived_amount == 500
    await audit_is_clean()


async def test_a_payout_that_is_known_later_is_found_in_what_was_imported(pool: None) -> None:
    day = await today()
    await bring(camt(credit("5", day, "po_1MtLoLB7")))
    await expect(payout("po_1MtLoLB7", 500, day))
    assert (await known())["po_1MtLoLB7"].arrived_on == day


async def test_another_amount_than_expected_is_alerted(pool: None) -> None:
    day = await today()
    await expect(payout("po_1MtLoLB7", 500, day))
    assert await bring(camt(credit("4.50", day, "po_1MtLoLB7"))) == ["po_1MtLoLB7"]
    assert (await known())["po_1MtLoLB7"].arrived_amount == 450
    assert await open_alerts(actions.DIFFERS) == ["stripe po_1MtLoLB7"]


async def test_a_payout_that_is_late_is_alerted_once_and_that_ends_by_itself(pool: None) -> None:
    day = await today()
    await expect(payout("po_1MtLoLB7", 500, day - timedelta(days=4)))
    assert await check_payouts(1) == 0  # there are no statements to miss it in
    await bring(camt(credit("1", day)))
    assert [await check_payouts(1) for _ in range(2)] == [1, 1]
    assert await open_alerts(actions.LATE) == ["stripe po_1MtLoLB7"]
    await bring(camt(credit("5", day, "po_1MtLoLB7"), opening=Decimal(1), number="S2"))
    assert await check_payouts(1) == 0
    assert await open_alerts(actions.LATE) == []


async def test_a_payout_is_not_late_on_its_last_day(pool: None) -> None:
    await bring(camt(credit("1", await today())))
    await expect(payout("po_1MtLoLB7", 500, await today() - timedelta(days=3)))
    assert await check_payouts(1) == 0


async def test_a_payout_that_the_bank_takes_back_has_not_arrived(pool: None) -> None:
    day = await today()
    await expect(payout("po_1MtLoLB7", 500, day))
    assert await bring(camt(credit("5", day, "po_1MtLoLB7"))) == ["po_1MtLoLB7"]
    back = credit("-5", day, "po_1MtLoLB7", is_reversal=True)
    assert await bring(camt(back, opening=Decimal(5), number="S2")) == []
    assert (await known())["po_1MtLoLB7"].entry_id is None
    await audit_is_clean()
    again = credit("5", day + timedelta(days=1), "po_1MtLoLB7")
    assert await bring(camt(again, number="S3")) == ["po_1MtLoLB7"]
    await audit_is_clean()


async def test_admins_see_statements_entries_and_payouts(
    api: httpx.AsyncClient, admin: Principal
) -> None:
    day = await today()
    await expect(payout("po_1MtLoLB7", 500, day), payout("po_9", 900, day - timedelta(days=9)))
    await bring(camt(credit("5", day, "po_1MtLoLB7"), credit("-1", day)))
    path = "/api/admin/bank-statements"

    async def get(end: str = "", **params: Any) -> Any:
        reply = await api.get(path + end, params=params, headers=make.bearer(admin))
        assert reply.status_code == 200, reply.text
        return reply.json()

    (statement,) = (await get())["statements"]
    assert statement["closing"] == {"amount": 400, "currency": "EUR"}
    assert statement["entryCount"] == 2
    first = await get(f"/{statement['id']}", limit=1)
    second = await get(f"/{statement['id']}", limit=1, cursor=first["nextCursor"])
    amounts = [each["amount"]["amount"] for each in first["entries"] + second["entries"]]
    assert amounts == [500, -100]
    assert second["nextCursor"] is None
    states = {each["gatewayId"]: each["state"] for each in (await get("/payouts"))["payouts"]}
    assert states == {"po_1MtLoLB7": "arrived", "po_9": "missing"}
    missing = (await get("/payouts", missing=True, gateway="stripe"))["payouts"]
    assert [each["gatewayId"] for each in missing] == ["po_9"]
    assert (await get("/payouts", missing=True, gateway="paystack"))["payouts"] == []
    nobody = await api.get(f"{path}/{make.new_id()}", headers=make.bearer(admin))
    assert nobody.status_code == 404
