"""The middle of `berthold demo`: a stay and a trip in one booking, a voucher, a seat given back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import click
import httpx
import msgspec

from app.development.clients import get, log_in, now, post
from app.development.seed import PEOPLE
from app.foundation.money import Money
from app.market.bookings.model import BookingState
from app.money.ledger.model import Statement
from app.money.ledger.rules import statement_lines

_PATIENCE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.3
_GUEST, _, _, _ADMIN, _ = (person[0] for person in PEOPLE)


async def run(url: str, sandbox_url: str) -> None:
    """Hold nights and seats together, pay once, give one seat back."""
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as guest,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as admin,
    ):
        for client, email in ((guest, _GUEST), (admin, _ADMIN)):
            await log_in(client, email)
        code = await _make_voucher(admin)
        booking = await _reserve(guest, code)
        await _pay(guest, sandbox_url, booking)
        trip = booking["parts"][1]
        gone = await _give_a_seat_back(guest, trip)
        await _account_for(admin, gone)


async def _make_voucher(admin: httpx.AsyncClient) -> str:
    ends_at = await now() + timedelta(days=1)
    voucher = await post(
        admin,
        "/api/admin/vouchers",
        code=f"DEMO-{uuid4().hex[:8]}",
        name="A tenth off",
        percentBps=1_000,
        usesMax=1,
        endsAt=ends_at.isoformat(),
    )
    click.echo(f"the platform gives a voucher, {voucher['code']}: {voucher['name']}, once")
    return voucher["code"]


async def _reserve(guest: httpx.AsyncClient, code: str) -> dict[str, Any]:
    trip = (await get(guest, "/api/listings?kind=trip"))["listings"][0]
    stay = (await get(guest, "/api/listings?kind=stay"))["listings"][0]
    arrives = datetime.fromisoformat(trip["departureDate"]).date()
    nights = {"checkIn": str(arrives), "checkOut": str(arrives + timedelta(days=2))}
    booking = await post(
        guest,
        "/api/bookings/reserve",
        parts=[
            {"listingId": stay["id"], "unitCount": 1} | nights,
            {"tripId": trip["id"], "seatCount": 2},
        ],
        voucherCode=code,
    )
    click.echo(f"booking {booking['code']}: held together, until {booking['expiresAt']}")
    for part in booking["parts"]:
        units = ", ".join(line["label"] for line in part["units"])
        click.echo(f"  {part['terms']['title']}: {units}, {_text(part['price']['rental'])}")
    price = booking["price"]
    click.echo(f"  less {_text(price['discount'])} by the voucher: {_text(price['total'])} in all")
    return booking


async def _pay(guest: httpx.AsyncClient, sandbox_url: str, booking: dict[str, Any]) -> None:
    payment = await post(guest, "/api/payments/initiate", bookingId=booking["id"])
    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as sandbox:
        await post(sandbox, f"/sandbox/charges/{payment['reference']}/pay")
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        seen = await get(guest, f"/api/bookings/{booking['id']}")
        if all(part["state"] == BookingState.CONFIRMED for part in seen["parts"]):
            click.echo("one payment has confirmed both parts")
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise click.ClickException(f"not confirmed after {_PATIENCE_SECONDS:g} s: is the worker up?")


async def _give_a_seat_back(guest: httpx.AsyncClient, trip: dict[str, Any]) -> str:
    """Give the last seat back; returns the id of the part that it has become."""
    seat = trip["units"][-1]["label"]
    path = f"/api/bookings/{trip['id']}/give-back"
    preview = await get(guest, f"{path}?units={seat}")
    click.echo(f"seat {seat} would bring {_text(preview['total'])} back: {preview['rule']}")
    done = await post(guest, path, units=[seat], expectedRefund=preview["total"])
    click.echo(f"given back; {', '.join(done['stays']['units'])} stays, and so do the nights")
    return done["givenBack"]["id"]


async def _account_for(admin: httpx.AsyncClient, part_id: str) -> None:
    reply = await admin.get(f"/api/admin/ledger/bookings/{part_id}")
    statement = msgspec.json.decode(reply.raise_for_status().content, type=Statement)
    for line in statement_lines(statement):
        click.echo(f"  {line}")


def _text(money: dict[str, Any]) -> str:
    return str(Money(amount=money["amount"], currency=money["currency"]))
