"""The second half of `berthold demo`: a stay's money, from the charge to the last cent."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import click
import httpx
import msgspec

from app.development.clients import forward, get, log_in, now, post, run_now
from app.development.seed import PEOPLE
from app.flows.tracking.model import Stage
from app.money.ledger.model import Statement
from app.money.ledger.rules import statement_lines

_PATIENCE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.3
_GUEST, _, _HOST, _ADMIN, _ = (person[0] for person in PEOPLE)


async def run(url: str, sandbox_url: str) -> None:
    """Book a stay, pay, check in, pay the host out, check out, give the deposit back."""
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as guest,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as host,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as admin,
    ):
        for client, email in ((guest, _GUEST), (host, _HOST), (admin, _ADMIN)):
            await log_in(client, email)
        await _add_payout_account(host)
        booking = await _book(guest, sandbox_url)
        await _check_in(guest, booking)
        await _check_out(guest, booking)
        await _account_for(admin, booking)


async def _add_payout_account(host: httpx.AsyncClient) -> None:
    account = await post(
        host,
        "/api/host/payout-accounts",
        holder="Host Demo",
        kind="bank_account",
        accountNumber="0001234567",
        bankCode="058",
        currency="NGN",
    )
    click.echo(f"the host is paid at {account['accountNumber']}: {account['state']}")


async def _book(guest: httpx.AsyncClient, sandbox_url: str) -> dict[str, Any]:
    stays = await get(guest, "/api/listings?kind=stay")
    stay = stays["listings"][0]
    today = (await now()).date()
    booking = await post(
        guest,
        "/api/bookings/reserve",
        listingId=stay["id"],
        checkIn=str(today + timedelta(days=7)),
        checkOut=str(today + timedelta(days=9)),
        unitCount=1,
    )
    click.echo(f"{booking['units'][0]['label']} at {stay['title']} is held for two nights")
    payment = await post(guest, "/api/payments/initiate", bookingId=booking["id"])
    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as sandbox:
        await post(sandbox, f"/sandbox/charges/{payment['reference']}/pay")
    escrow = await _until(guest, booking, lambda escrow: _stage(escrow) == Stage.HELD)
    for pot in escrow["pots"]:
        click.echo(f"  {pot['kind']}: {_money(pot['amount'])} {pot['state']}")
    return booking


async def _check_in(guest: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    await _forward_past(booking["checkInAt"], timedelta(minutes=1))
    await _until(guest, booking, lambda escrow: _stage(escrow) == Stage.GUEST_WINDOW)
    click.echo("checked in: the guest has an hour to complain; business time goes forward …")
    await _forward_past(booking["checkInAt"], timedelta(hours=1, minutes=1))
    await run_now("release-escrow")
    await _until(guest, booking, lambda escrow: _pot(escrow, "rental") == "released")
    click.echo("the rental is the host's, less the commission, and has been transferred")


async def _check_out(guest: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    await _forward_past(booking["checkOutAt"], timedelta(hours=2, minutes=1))
    click.echo("checked out two hours ago, and no damage was claimed")
    await run_now("release-escrow")
    await _until(guest, booking, lambda escrow: _pot(escrow, "deposit") == "refunded")
    click.echo("the deposit is back with the guest")
    await run_now("complete-bookings")
    await _until(guest, booking, lambda escrow: _stage(escrow) == Stage.COMPLETED)
    click.echo("the booking is completed; its money:")


async def _account_for(admin: httpx.AsyncClient, booking: dict[str, Any]) -> None:
    reply = await admin.get(f"/api/admin/ledger/bookings/{booking['id']}")
    statement = msgspec.json.decode(reply.raise_for_status().content, type=Statement)
    for line in statement_lines(statement):
        click.echo(f"  {line}")


async def _until(
    guest: httpx.AsyncClient, booking: dict[str, Any], fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Wait until a booking's escrow fits; prints its stage and returns it."""
    path = f"/api/bookings/{booking['id']}/escrow"
    escrow: dict[str, Any] = {}
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        escrow = await get(guest, path)
        if fits(escrow):
            click.echo(f"stage {escrow['stage']['number']}: {escrow['stage']['name']}")
            return escrow
        await asyncio.sleep(_POLL_SECONDS)
    raise click.ClickException(f"not there after {_PATIENCE_SECONDS:g} s:\n{escrow}")


def _stage(escrow: dict[str, Any]) -> int | None:
    return escrow["stage"] and escrow["stage"]["number"]


def _pot(escrow: dict[str, Any], kind: str) -> str:
    return next(pot["state"] for pot in escrow["pots"] if pot["kind"] == kind)


def _money(money: dict[str, Any]) -> str:
    return f"{money['amount'] / 100:,.2f} {money['currency']}"


async def _forward_past(instant: str, past: timedelta) -> None:
    await forward(datetime.fromisoformat(instant) + past - await now())
