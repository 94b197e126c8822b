"""The harness finds what it is for: each commit that writes, each call to a gateway."""

from pathlib import Path
from typing import Any

from app.foundation.migrate import migrate
from tests.crash.boundaries import Boundaries
from tests.databases import Databases
from tests.house import House, open_house


async def test_each_commit_that_wrote_and_each_gateway_call_is_a_boundary(
    database_url: str, tmp_path: Path
) -> None:
    found = Boundaries()
    async with open_house(
        House, database_url, tmp_path / "books", wrap=found.around_calls
    ) as house:
        await house.fill()
        with found.around_commits():
            booking = await house.reserve("1A")
            await house.get(house.guest, f"/api/bookings/{booking['id']}")
            await house.sweep("expire-holds")
            assert found.names == _around("the commit of app.market.bookings.routes.reserve")
            await house.pending(booking)
    assert found.names[2:] == [
        *_around("the commit of app.flows.checkout.stories.initiate"),
        *_around("POST /transaction/initialize by app.flows.checkout.stories.initiate"),
        *_around("the commit of app.flows.checkout.stories._started"),
    ]


async def test_a_savepoint_inside_a_transaction_is_no_boundary(
    database_url: str, tmp_path: Path
) -> None:
    found = Boundaries()
    async with open_house(House, database_url, tmp_path / "books") as house:
        await house.fill()
        with found.around_commits():
            body = {"tripId": house.trip_id, "seatCount": 2}  # picked and claimed in a savepoint
            reply = await house.post(house.guest, "/api/bookings/reserve", body)
    assert reply.status_code == 201
    assert found.names == _around("the commit of app.market.bookings.routes.reserve")


async def test_a_statement_outside_any_transaction_is_a_boundary(
    databases: Databases, template: Any
) -> None:
    found = Boundaries()
    with databases.copy(f"{template.dbname}_bare", of="template1") as url, found.around_commits():
        await migrate(url)
    assert any(
        name.startswith("after a statement of app.foundation.migrate") for name in found.names
    )


def _around(what: str) -> list[str]:
    return [f"before {what}", f"after {what}"]
