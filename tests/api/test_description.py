"""The description at /schema: who needs a log-in, what each operation is for, bodies that work."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from app.development import openapi
from app.foundation.db import execute, transaction
from tests.api.routes import PROTECTED, PUBLIC
from tests.shop import Shop

TODAY: Final = datetime.now(UTC).date()


async def _describe(api: httpx.AsyncClient) -> dict[str, Any]:
    reply = await api.get("/schema/openapi.json")
    assert reply.status_code == 200
    description: dict[str, Any] = reply.json()
    return description


def _operations(description: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield (method.upper(), path), operation


async def test_openapi_json_is_what_the_api_says_of_itself(api: httpx.AsyncClient) -> None:
    """So that a change of the API is seen in review."""
    assert await openapi.dump(api) == openapi.FILE.read_text(), (
        "run: uv run python -m app.development.schema"
    )


async def test_public_routes_are_described_as_open_and_all_others_as_locked(
    api: httpx.AsyncClient,
) -> None:
    description = await _describe(api)
    assert description["security"] == [{"bearer": []}, {"cookie": []}]
    security = {route: op.get("security") for route, op in _operations(description)}
    assert {route for route, needs in security.items() if needs == []} == {
        route for route in PUBLIC if not route[1].startswith(("/schema", "/links"))
    }
    assert {route for route, needs in security.items() if needs is None} == PROTECTED.keys()


async def test_every_operation_says_in_words_what_it_is_for(api: httpx.AsyncClient) -> None:
    """Without a summary of its own an operation shows its function's name: `CreateListing`."""
    summaries = {route: op["summary"] for route, op in _operations(await _describe(api))}
    assert {route for route, summary in summaries.items() if " " not in summary} == set()


def _examples(description: dict[str, Any], path: str) -> dict[str, Any]:
    body = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in body["examples"].items()}


async def test_examples_of_people_and_listings_in_the_description_work(
    api: httpx.AsyncClient,
) -> None:
    description = await _describe(api)
    for name, person in _examples(description, "/api/auth/register").items():
        reply = await api.post("/api/auth/register", json=person)
        assert reply.status_code == 201, f"{name}: {reply.text}"
    async with transaction() as tx:
        await execute(tx, "UPDATE accounts SET email_proved_at = business_now()")
    host = {"authorization": f"Bearer {reply.json()['accessToken']}"}
    api.cookies.clear()
    for log_in in _examples(description, "/api/auth/login").values():
        assert (await api.post("/api/auth/login", json=log_in)).status_code == 200
    listings = _examples(description, "/api/listings")
    assert {listing["kind"] for listing in listings.values()} == {"stay", "trip"}
    for listing in listings.values():
        reply = await api.post("/api/listings", json=_soon(listing), headers=host)
        assert reply.status_code == 201, reply.text


async def test_examples_of_bookings_and_payments_work_once_their_ids_are_filled_in(
    shop: Shop,
) -> None:
    description = await _describe(shop.api)
    examples = _examples(description, "/api/bookings/reserve")
    assert {"tripId", "listingId"} <= {field for body in examples.values() for field in body}
    bookings = [await _reserve(shop, body) for body in examples.values()]
    for example in _examples(description, "/api/payments/initiate").values():
        reply = await shop.post(
            shop.guest, "/api/payments/initiate", example | {"bookingId": bookings[0]["id"]}
        )
        assert reply.status_code == 201, reply.text


async def _reserve(shop: Shop, body: dict[str, Any]) -> dict[str, Any]:
    parts = [_filled_in(shop, part) for part in body.get("parts", [])]
    filled = body | {"parts": parts} if parts else _filled_in(shop, body)
    reply = await shop.post(shop.guest, "/api/bookings/reserve", filled)
    assert reply.status_code == 201, reply.text
    return reply.json()


def _filled_in(shop: Shop, body: dict[str, Any]) -> dict[str, Any]:
    ids = {"tripId": str(shop.trip_id)} if "tripId" in body else {"listingId": str(shop.stay_id)}
    return _soon(body) | ids


def _soon(body: dict[str, Any]) -> dict[str, Any]:
    """A body whose dates, whatever they are, are moved to begin in forty days."""
    dates = {name for name in body if name.endswith("Date") or name in ("checkIn", "checkOut")}
    if not dates:
        return body
    days = {name: datetime.fromisoformat(body[name]).date() for name in dates}
    by = TODAY + timedelta(days=40) - min(days.values())
    return body | {name: str(day + by) for name, day in days.items()}
