"""Whether a process is alive and ready, as a load balancer sees it."""

import httpx
import tzdata

from app.foundation import db


async def test_a_process_without_a_database_is_alive_but_not_ready(
    api: httpx.AsyncClient, database_url: str
) -> None:
    assert (await api.get("/health/ready")).status_code == 200
    await db.close_pool()
    ready = await api.get("/health/ready")
    alive = await api.get("/health/live")
    await db.open_pool(database_url, size_max=10)
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert int(ready.headers["retry-after"]) > 0


async def test_a_process_that_is_ready_says_which_zone_data_it_goes_by(
    api: httpx.AsyncClient,
) -> None:
    ready = await api.get("/health/ready")
    assert ready.json() == {"status": "ready", "zoneData": tzdata.IANA_VERSION}
