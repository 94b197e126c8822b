"""The sandbox gateway on a loopback port, for tests that pay.

async with running_sandbox(webhook_url) as sandbox:
    ...                                   # PAYSTACK_BASE_URL = sandbox.base_url
    await sandbox.pay(reference)
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from app.sandbox.app import SECRET_KEY, Sandbox, create_sandbox
from app.sandbox.books.store import MEMORY
from app.sandbox.simulator import Simulator
from tests.application import transport_to

NOWHERE = "http://127.0.0.1:9/nobody-listens"
STEP_SECONDS = 0.02  # a bank in a hurry


class SandboxHandle:
    """A running sandbox. `secret_key` is Paystack's; `simulator` is what is inside, for tests that
    need more of something than there is time to ask for.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        secret_key: str,
        simulator: Simulator,
    ) -> None:
        self.simulator = simulator
        self.client = client
        self.base_url = base_url
        self.secret_key = secret_key

    async def pay(self, reference: str, **instead: Any) -> dict[str, Any]:
        """The guest pays (another `amount`, `currency`; `isLate`: on a page that was closed while
        the guest had it open); the webhook follows in the background.
        """
        return await self._call("POST", f"/sandbox/charges/{reference}/pay", json=instead)

    async def decline(self, reference: str) -> dict[str, Any]:
        return await self._call("POST", f"/sandbox/charges/{reference}/decline")

    async def charge_back(self, reference: str, **wanted: Any) -> dict[str, Any]:
        """The guest's bank wants it all back, or `amount` of it, with a `reason`; it takes an
        answer for so many `days`, or none if that is None. Its `id` is what the other verbs take.
        """
        return await self._call("POST", f"/sandbox/charges/{reference}/chargeback", json=wanted)

    async def chargebacks(self) -> list[dict[str, Any]]:
        return await self._call("GET", "/sandbox/chargebacks")

    async def answer_chargeback(self, key: str | int) -> dict[str, Any]:
        """Our evidence is in: the bank looks at it."""
        return await self._call("POST", f"/sandbox/chargebacks/{key}/answer")

    async def remind_of_chargeback(self, key: str | int) -> dict[str, Any]:
        return await self._call("POST", f"/sandbox/chargebacks/{key}/remind")

    async def close_chargeback(self, key: str | int, outcome: str) -> dict[str, Any]:
        """It ends `won` or `lost`, as we see it; also one that had ended otherwise."""
        body = {"outcome": outcome}
        return await self._call("POST", f"/sandbox/chargebacks/{key}/close", json=body)

    async def refunds(self) -> list[dict[str, Any]]:
        return await self._call("GET", "/sandbox/refunds")

    async def end_refund(self, key: str | int, verb: str = "succeed") -> dict[str, Any]:
        """Let the refund of this id or note `succeed`, `fail` or `reverse`, at once."""
        return await self._call("POST", f"/sandbox/refunds/{key}/{verb}")

    async def transfers(self) -> list[dict[str, Any]]:
        return await self._call("GET", "/sandbox/transfers")

    async def end_transfer(self, key: str | int, verb: str = "succeed") -> dict[str, Any]:
        """Let the transfer of this id, code or reference `succeed`, `fail` or `reverse`."""
        return await self._call("POST", f"/sandbox/transfers/{key}/{verb}")

    async def set_pace(self, seconds: float | None) -> None:
        """How fast new refunds and transfers go on by themselves; None: not at all."""
        await self._call("PUT", "/sandbox/pace", json={"seconds": seconds})

    async def books(self, gateway: str = "paystack") -> dict[str, dict[str, Any]]:
        """What happened at a gateway, by currency: `topped_up`, `money_in`, `fees`, `refunded`,
        `charged_back`, `transferred`, `held` by what is under way, `balance`. Its wire amounts.
        """
        accounts = await self._call("GET", "/sandbox/books")
        return {each["currency"]: each for each in accounts if each["gateway"] == gateway}

    async def top_up(self, amount: int, currency: str, gateway: str = "paystack") -> None:
        """Bring money from elsewhere, for transfers to be paid from. A wire amount."""
        body = {"gateway": gateway, "amount": amount, "currency": currency}
        await self._call("POST", "/sandbox/top-ups", json=body)

    async def act(self, what: str, **given: Any) -> dict[str, Any]:
        """At the gateway's own dashboard, without a mark of ours: `refunds` (charge, amount),
        `transfers` (gateway, amount, currency, recipient; none is a stranger), `reversals`
        (transfer, amount), `adjustments` (gateway, amount, currency), `payouts` to our bank
        (gateway, currency, amount, fee, status), `charges` (gateway, amount, currency, reference),
        `attempts` after a success (charge, outcome `paid` or `declined`).
        """
        return await self._call("POST", f"/sandbox/dashboard/{what}", json=given)

    async def misbehave(self, seed: int, times: int = 1) -> list[dict[str, Any]]:
        """Act at random at the dashboards; what was done."""
        path = f"/sandbox/misbehave?seed={seed}&times={times}"
        return await self._call("POST", path)

    async def payouts(self) -> list[dict[str, Any]]:
        """Those to our own bank."""
        return await self._call("GET", "/sandbox/payouts")

    async def end_payout(self, key: str | int, status: str) -> dict[str, Any]:
        """Let a payout be `paid` or `failed` now."""
        return await self._call("POST", f"/sandbox/payouts/{key}/{status}")

    async def settle(self, reference: str) -> dict[str, Any]:
        """Let the gateway tell now what a charge brings our balance."""
        return await self._call("POST", f"/sandbox/charges/{reference}/settle")

    async def set_terms(self, gateway: str, **terms: Any) -> None:
        """What our account settles: `settlesIn={"GBP": {"currency": "EUR", "rate": "1.17"}}`, and
        `lateSeconds` until a charge's part in the balance is told; None: only `settle` tells it.
        """
        await self._call("PUT", f"/sandbox/terms/{gateway}", json=terms)

    async def hide(self, what: str, key: str | int, *, hidden: bool = True) -> None:
        """Keep one of the `charges`, `refunds` or `transfers` out of lists, or show it again."""
        body = {"what": what, "key": str(key), "hidden": hidden}
        await self._call("PUT", "/sandbox/hidden", json=body)

    async def accounts(self) -> list[dict[str, Any]]:
        """Those that payees have at a gateway themselves."""
        return await self._call("GET", "/sandbox/accounts")

    async def onboard(self, code: str) -> dict[str, Any]:
        """The payee tells the gateway all that it asks: the account can be paid."""
        return await self._call("POST", f"/sandbox/accounts/{code}/onboard")

    async def restrict(self, code: str) -> dict[str, Any]:
        """The gateway wants to know more, and pays the account no more until then."""
        return await self._call("POST", f"/sandbox/accounts/{code}/restrict")

    async def check(self, code: str) -> dict[str, Any]:
        """The payee has answered all, and the gateway checks it."""
        return await self._call("POST", f"/sandbox/accounts/{code}/check")

    async def revoke(self, code: str) -> dict[str, Any]:
        """The payee takes away our access to the account."""
        return await self._call("POST", f"/sandbox/accounts/{code}/revoke")

    async def expire_links(self, code: str) -> None:
        """Let the time of the links to an account's questions be over."""
        reply = await self.client.delete(f"/sandbox/accounts/{code}/links")
        assert reply.is_success, reply.text

    async def forget_replies(self) -> None:
        """Let a day pass for Stripe's idempotency keys: no reply is repeated any more."""
        reply = await self.client.delete("/sandbox/replies")
        assert reply.is_success, reply.text

    async def fault(self, operation: str, kind: str, *, times: int = 1, delay_ms: int = 0) -> None:
        """Let something go wrong next, after the faults that are already asked for."""
        rules = await self._call("GET", "/sandbox/faults")
        rule = {"operation": operation, "kind": kind, "times": times, "delayMs": delay_ms}
        await self._call("PUT", "/sandbox/faults", json=[*rules, rule])

    async def clear_faults(self) -> None:
        await self._call("PUT", "/sandbox/faults", json=[])

    async def charges(self) -> list[dict[str, Any]]:
        return await self._call("GET", "/sandbox/charges")

    async def deliveries(self) -> list[dict[str, Any]]:
        return await self._call("GET", "/sandbox/deliveries")

    async def replay(self, reference: str | None = None) -> list[dict[str, Any]]:
        """Deliver webhooks again, delivered or not."""
        return await self._call("POST", "/sandbox/deliveries/replay", json={"reference": reference})

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        response = await self.client.request(method, path, **request)
        assert response.is_success, response.text
        return response.json()


@asynccontextmanager
async def running_sandbox(
    webhook_url: str = NOWHERE,
    *,
    books_path: str = MEMORY,
    retry_seconds: Sequence[float] = (0.05, 0.1, 0.2),
    secret_key: str = SECRET_KEY,
    paystack_keys: Sequence[str] = (),
    step_seconds: float | None = STEP_SECONDS,
) -> AsyncGenerator[SandboxHandle]:
    """A sandbox on a free loopback port, delivering its webhooks to `webhook_url`.

    `paystack_keys`: of several businesses, such as `NGN:sk_test_…`, instead of the one key.
    """
    sandbox = create_sandbox(
        webhook_url=webhook_url,
        books_path=books_path,
        retry_seconds=retry_seconds,
        secret_keys=paystack_keys or [secret_key],
        step_seconds=step_seconds,
    )
    async with (
        serving(sandbox) as base_url,
        httpx.AsyncClient(base_url=base_url, timeout=10, trust_env=False, verify=False) as client,
    ):
        yield SandboxHandle(client, base_url, secret_key, sandbox.simulator)


@asynccontextmanager
async def sandbox_in_process(
    webhook_url: str = NOWHERE, *, step_seconds: float | None = STEP_SECONDS
) -> AsyncGenerator[tuple[SandboxHandle, httpx.ASGITransport]]:
    """A sandbox without a socket: give the transport to an adapter."""
    sandbox = create_sandbox(webhook_url=webhook_url, step_seconds=step_seconds)
    transport = transport_to(sandbox, raise_app_exceptions=False)
    async with (
        _living(sandbox),
        httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client,
    ):
        handle = SandboxHandle(client, "http://sandbox.test", SECRET_KEY, sandbox.simulator)
        yield handle, transport


@asynccontextmanager
async def _living(app: Sandbox) -> AsyncGenerator[None]:
    """The lifespan in a task of its own: pytest tears fixtures down in another than it set up."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ended.wait()

    living = asyncio.create_task(live())
    await started.wait()
    try:
        yield
    finally:
        ended.set()
        await living


@asynccontextmanager
async def serving(app: Any, **options: Any) -> AsyncGenerator[str]:
    """Any ASGI application on a free loopback port, in this loop; yields its base URL.

    `options` are uvicorn's.

    Uvicorn's own `serve()` looks ten times a second whether it should stop, and as often whether
    its connections are closed: a third of a second of each test, in which nothing happens.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    # A connection that is closed after five idle seconds may just be used again on a slow machine.
    options = {"timeout_keep_alive": 60, **options}
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", **options)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    await server.on_tick(0)  # composes the headers of all replies
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await _stop(server)
        listener.close()


async def _stop(server: uvicorn.Server) -> None:
    """Take no more calls, and give those that are being answered a second."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    busy = server.server_state.tasks
    if busy:
        _, late = await asyncio.wait(busy, timeout=1)
        for task in late:
            task.cancel()
    await server.lifespan.shutdown()
