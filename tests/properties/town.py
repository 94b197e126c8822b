"""A town of three listings and two hosts, whose guests have vouchers."""

from datetime import date
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.foundation.db import fetch_new_value, transaction
from app.people.accounts.model import Principal, Role
from tests import make
from tests.house import House
from tests.market.vouchers import made

SEATS: Final = ("1A", "1B", "1C")
BERTHS: Final = ("1A", "1B")
ROOMS: Final = ("Room 1", "Room 2")
LAGOS: Final = ZoneInfo("Africa/Lagos")


class Town(House):
    """A bus that is sold at once, a guest house whose host wants to be asked, and another's ferry.

    The driver of the ferry wants to be asked, too. There are two vouchers: see VOUCHERS.
    """

    driver: Principal
    departures: dict[str, date]
    names: dict[UUID, str]  # of listings

    async def fill(self) -> None:
        await super().fill()
        async with transaction() as tx:
            self.driver = await make.account(tx, Role.GUEST, Role.HOST)
            self.trip_id = await make.trip(
                tx, self.host, seats=len(SEATS), price=750_101, days_ahead=2
            )
            self.stay_id = await make.stay(tx, self.host, rooms=len(ROOMS), request_to_book=True)
            self.ferry_id = await make.trip(
                tx,
                self.driver,
                seats=len(BERTHS),
                price=333_333,
                fee=50_001,
                days_ahead=3,
                policy="flexible",
                request_to_book=True,
            )
            self.names = {self.trip_id: "bus", self.stay_id: "house", self.ferry_id: "ferry"}
            self.departures = {
                self.names[listing_id]: await fetch_new_value(
                    tx, date, "SELECT departure_date FROM listings WHERE id = %(id)s", id=listing_id
                )
                for listing_id in (self.trip_id, self.ferry_id)
            }
        await made.of_platform(code="ALL-20", percent_bps=2_000, uses_max=2)
        await made.of_host(self.host, code="HOST-10", once_per_guest=True)
        # What vouchers cost is paid out of the platform's balance.
        await self.sandbox.top_up(100_000_000, "NGN")

    def headers(self, who: Principal) -> dict[str, str]:
        return make.bearer(who)
