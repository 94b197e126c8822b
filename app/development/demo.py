"""`berthold demo`: what guests and hosts do, step by step, at a running `berthold dev`."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import click
import httpx

from app.development import demo_parts, demo_stay
from app.development.clients import forward, get, log_in, post
from app.development.seed import PEOPLE

_PATIENCE_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.3


async def run(url: str, sandbox_url: str) -> None:
    """A seat is paid for, a hold runs out, parts are given back, a stay's money goes its way."""
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0) as api:
            trip_id = await _book(api, sandbox_url)
            await _let_a_hold_run_out(api, trip_id)
        await demo_parts.run(url, sandbox_url)
        await demo_stay.run(url, sandbox_url)
    except httpx.TransportError as error:
        raise click.ClickException(
            f"Nothing answers ({error}). Run `berthold dev` in another terminal."
        ) from error
    except httpx.HTTPStatusError as error:
        raise click.ClickException(f"{error}\n{error.response.text}") from error


async def _book(api: httpx.AsyncClient, sandbox_url: str) -> str:
    await log_in(api, PEOPLE[0][0])
    click.echo(f"logged in as {PEOPLE[0][0]}")

    trips = await get(api, "/api/listings?kind=trip")
    if not trips["listings"]:
        raise click.ClickException("No trip is on sale: start `berthold dev` again, it adds one.")
    trip = trips["listings"][0]
    click.echo(f"found {trip['title']} on {trip['departureDate']}")

    booking = await post(api, "/api/bookings/reserve", tripId=trip["id"], seatCount=1)
    seat = booking["units"][0]["label"]
    click.echo(f"seat {seat} is held until {booking['expiresAt']}")

    payment = await post(api, "/api/payments/initiate", bookingId=booking["id"])
    click.echo(f"payment {payment['reference']}: a guest would pay at {payment['checkoutUrl']}")

    async with httpx.AsyncClient(base_url=sandbox_url, trust_env=False) as sandbox:
        await post(sandbox, f"/sandbox/charges/{payment['reference']}/pay")
    click.echo("paid; waiting for the webhook and the worker …")

    booking = await _confirmed(api, booking["id"])
    click.echo(f"booking {booking['id']} is {booking['state']}")
    for move in (await get(api, f"/api/bookings/{booking['id']}/history"))["moves"]:
        click.echo(f"  {move['at']}  {move['state']:<17} {move['reason']}")
    return trip["id"]


async def _let_a_hold_run_out(api: httpx.AsyncClient, trip_id: str) -> None:
    """Hold a seat for a minute, let two minutes pass, and hold the same seat again."""
    held = await post(
        api, "/api/bookings/reserve", tripId=trip_id, seatCount=1, holdDurationMinutes=1
    )
    seat = held["units"][0]["label"]
    click.echo(f"seat {seat} is held for a minute, unpaid; business time goes forward …")
    await forward(timedelta(minutes=2))
    again = await post(api, "/api/bookings/reserve", tripId=trip_id, seatNumbers=[seat])
    click.echo(f"the hold has run out: seat {seat} is free, and held once more")
    await post(api, f"/api/bookings/{again['id']}/cancel")
    click.echo("cancelled again")


async def _confirmed(api: httpx.AsyncClient, booking_id: str) -> dict[str, Any]:
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        booking = await get(api, f"/api/bookings/{booking_id}")
        if booking["state"] == "confirmed":
            return booking
        await asyncio.sleep(_POLL_SECONDS)
    raise click.ClickException(f"not confirmed after {_PATIENCE_SECONDS:g} s: is the worker up?")
