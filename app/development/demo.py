"""`berthold demo`: what a guest does, step by step, at a running `berthold dev`."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import click
import httpx

from app.business_clock import move_clock
from app.db import direct_connection, transaction_on
from app.development.seed import PASSWORD, PEOPLE
from app.settings import settings

_PATIENCE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.3


async def run(url: str, sandbox_url: str) -> None:
    """Book, pay and be confirmed; then see another hold run out, and its seat be free."""
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as api:
            trip_id = await _book(api, sandbox_url)
            await _let_a_hold_run_out(api, trip_id)
    except httpx.TransportError as error:
        raise click.ClickException(
            f"Nothing answers ({error}). Run `berthold dev` in another terminal."
        ) from error
    except httpx.HTTPStatusError as error:
        raise click.ClickException(f"{error}\n{error.response.text}") from error


async def _book(api: httpx.AsyncClient, sandbox_url: str) -> str:
    signed_in = await _post(api, "/api/auth/login", email=PEOPLE[0][0], password=PASSWORD)
    api.headers["authorization"] = f"Bearer {signed_in['accessToken']}"
    click.echo(f"logged in as {signed_in['account']['email']}")

    trips = await _get(api, "/api/listings?kind=trip")
    if not trips["listings"]:
        raise click.ClickException("No trip is on sale: start `berthold dev` again, it adds one.")
    trip = trips["listings"][0]
    click.echo(f"found {trip['title']} on {trip['departureDate']}")

    booking = await _post(api, "/api/bookings/reserve", tripId=trip["id"], seatCount=1)
    seat = booking["units"][0]["label"]
    click.echo(f"seat {seat} is held until {booking['expiresAt']}")

    payment = await _post(api, "/api/payments/initiate", bookingId=booking["id"])
    click.echo(f"payment {payment['reference']}: a guest would pay at {payment['checkoutUrl']}")

    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as sandbox:
        await _post(sandbox, f"/sandbox/charges/{payment['reference']}/pay")
    click.echo("paid; waiting for the webhook and the worker …")

    booking = await _confirmed(api, booking["id"])
    click.echo(f"booking {booking['id']} is {booking['state']}")
    for move in (await _get(api, f"/api/bookings/{booking['id']}/history"))["moves"]:
        click.echo(f"  {move['at']}  {move['state']:<17} {move['reason']}")
    return trip["id"]


async def _let_a_hold_run_out(api: httpx.AsyncClient, trip_id: str) -> None:
    """Holds one seat for a minute, lets two pass, and holds the same seat again."""
    held = await _post(
        api, "/api/bookings/reserve", tripId=trip_id, seatCount=1, holdDurationMinutes=1
    )
    seat = held["units"][0]["label"]
    click.echo(f"seat {seat} is held for a minute, unpaid; business time goes forward …")
    await _forward(timedelta(minutes=2))
    again = await _post(api, "/api/bookings/reserve", tripId=trip_id, seatNumbers=[seat])
    click.echo(f"the hold has run out: seat {seat} is free, and held for somebody else")
    await _post(api, f"/api/bookings/{again['id']}/cancel")
    click.echo("cancelled again")


async def _confirmed(api: httpx.AsyncClient, booking_id: str) -> dict[str, Any]:
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        booking = await _get(api, f"/api/bookings/{booking_id}")
        if booking["state"] == "confirmed":
            return booking
        await asyncio.sleep(_POLL_SECONDS)
    raise click.ClickException(f"not confirmed after {_PATIENCE_SECONDS:g} s: is the worker up?")


async def _forward(by: timedelta) -> None:
    async with (
        direct_connection(settings().direct_url) as connection,
        transaction_on(connection) as tx,
    ):
        await move_clock(tx, by=by)


async def _get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    reply = await client.get(path)
    return reply.raise_for_status().json()


async def _post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    key = {"Idempotency-Key": str(uuid4())}
    reply = await client.post(path, json=body, headers=key)
    return reply.raise_for_status().json()
