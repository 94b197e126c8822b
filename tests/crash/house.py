"""An application whose users come back and repeat their requests after it has crashed."""

from datetime import timedelta
from typing import Any, Final

import httpx

from app.people.accounts.model import Principal
from tests.house import House
from tests.shop import Shop

_BUSY: Final = {"key_busy", "payment_starting"}
_BUSY_FOR: Final = timedelta(seconds=31)
_ATTEMPTS_MAX: Final = 4


class CrashHouse(House):
    """People ask under the same keys each time the story is played, and know that they did."""

    chapter = "given"
    played_before = False
    _asked = 0

    async def post(
        self, who: Principal, path: str, body: Any = None, *, key: str = ""
    ) -> httpx.Response:
        """Ask; when the story is played again, wait for the end of the first request."""
        self._asked += 1
        chosen = key or f"{self.chapter} {self._asked}"
        for _ in range(_ATTEMPTS_MAX):
            reply = await super().post(who, path, body, key=chosen)
            if not (self.played_before and _is_busy(reply)):
                break
            await self.forward(_BUSY_FOR)
        return reply

    async def ask(self, who: Principal, path: str, body: Any = None) -> Any:
        """The reply to a request that succeeds, or that did before the story was played again."""
        reply = await self.post(who, path, body)
        is_done = self.played_before and reply.status_code == httpx.codes.CONFLICT
        assert reply.is_success or is_done, f"{path}: {reply.status_code} {reply.text}"
        return reply.json()

    async def money_arrives(self) -> None:
        """The banks pay out what is under way, and the gateway reports it."""
        await self.banks_work()
        await self.deliver()
        await self.run_jobs("money")

    def people(self) -> dict[str, Any]:
        """The accounts and listings, so that another process can go on with them."""
        return {name: getattr(self, name) for name in Shop.__annotations__}

    def know(self, people: dict[str, Any]) -> None:
        vars(self).update(people)


def _is_busy(reply: httpx.Response) -> bool:
    return reply.status_code == httpx.codes.CONFLICT and reply.json()["code"] in _BUSY
