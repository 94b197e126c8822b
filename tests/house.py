"""The whole application in one process, with no socket but for mail: API, worker, clock, gateway.

Nothing in it runs by itself: jobs, sweeps, webhooks and time are steps that a test takes. So a
run of the same steps makes the same commits and calls in the same order.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import httpx

from app.edge.calls.stories import CallRecorder
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import close_gateways, open_gateways
from app.foundation import db
from app.foundation.db import execute, transaction
from app.foundation.settings import settings
from app.money.payments.model import GatewayUnclear
from app.people.accounts.model import Principal
from app.sandbox.app import SECRET_KEY, Sandbox, create_sandbox
from app.sandbox.books.deliveries import Delivery
from app.sandbox.books.refunds import OPEN as OPEN_REFUNDS
from app.sandbox.books.transfers import OPEN as OPEN_TRANSFERS
from app.sandbox.dialect import Dialect
from tasks.runner.handlers import TASKS
from tasks.runner.reaping import reap
from tasks.runner.worker import Options, Worker
from tasks.schedule import SCHEDULE
from tests.application import the_app, transport_to
from tests.mail_server import running_mail_server
from tests.sandbox.server import NOWHERE, SandboxHandle
from tests.shop import Shop

H = TypeVar("H", bound="House")
Wrap = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]

_ATTEMPTS_MAX: Final = 1_000
_ROUNDS_MAX: Final = 20
# After 2 hours leases and waits between attempts are over, after 12 days deadlines and windows,
# and in the end everything. What was not found at first is looked for once more.
_PASSING: Final = (
    timedelta(minutes=10),
    timedelta(hours=2),
    timedelta(days=12),
    timedelta(days=60),
)
# These compare whole days: a story that is about them begins them itself. What died on the way is
# gone on with by the second, as it is every 15 minutes.
_RECONCILING: Final = ("reconcile-gateways", "reconcile-last-hours")
_STOPPED: Final = "SELECT count(*) FROM reconciliation_runs WHERE finished_at IS NULL"
_DUE: Final = """
    SELECT count(*) FROM procrastinate_jobs
     WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
       AND (%(queues)s::text[] IS NULL OR queue_name = ANY (%(queues)s))"""

_log = logging.getLogger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # the mail server's, a line per command


class House(Shop):
    """A shop in which time passes for business and queue together, and only when a test says so."""

    def __init__(
        self, api: httpx.AsyncClient, sandbox: SandboxHandle, url: str, books: Sandbox
    ) -> None:
        super().__init__(api, sandbox, url)
        self._deliveries = books.simulator.books.deliveries
        self._dialects: Mapping[str, Dialect] = books.simulator.dialects

    async def forward(self, by: timedelta) -> None:
        """Let time pass: for business, and for the queue, which has a clock of its own."""
        await super().forward(by)
        async with transaction() as tx:
            await execute(
                tx,
                "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - %(by)s",
                by=by,
            )
            await execute(
                tx,
                """
                UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %(by)s
                 WHERE status = 'todo' AND scheduled_at IS NOT NULL""",
                by=by,
            )

    async def forward_to(self, instant: str, *, past: timedelta = timedelta(seconds=1)) -> None:
        """Let time pass until just past an instant of a reply; not at all if that is over."""
        async with transaction() as tx:
            left = datetime.fromisoformat(instant) + past - await db.now(tx)
        if left > timedelta():
            await self.forward(left)

    async def run_jobs(self, *queues: str) -> None:
        """Do the queued jobs, one after the other, until none is due; all queues if none is named.

        Jobs of workers that died are given back to the queue first, as a worker does.
        """
        await reap(TASKS, stalled_s=settings().worker_stalled_seconds)
        while await self.count(_DUE, queues=list(queues) or None):
            options = Options(url=self.url, queues=queues or None, concurrency=1, grace_s=5)
            await Worker(TASKS, options).run_what_is_due()

    async def sweep_all(self, *but: str) -> None:
        """Run every sweep of the schedule once, except those named in `but` and the audit.

        A sweep that gets no clear answer from a gateway fails; the next call runs it again.
        """
        for line in SCHEDULE:
            if line.name not in ("check-invariants", *but):
                try:
                    await line.run(line.limit)
                except* GatewayUnclear:
                    _log.info("the sweep %s had no clear answer", line.name)

    async def deliver(self) -> None:
        """The gateway sends the webhooks that have not been delivered yet."""
        while due := self._deliveries.due(attempts_max=_ATTEMPTS_MAX):
            for delivery in due:
                reply = await self._reply_to(delivery)
                assert reply.status_code == httpx.codes.OK, reply.text
                self._deliveries.delivered(delivery, status=reply.status_code)

    async def _reply_to(self, delivery: Delivery) -> httpx.Response:
        body = delivery.body.encode()
        signed = self._dialects[delivery.gateway].signed(body)
        return await self.api.post(
            f"/api/webhooks/{delivery.gateway}", content=body, headers=signed
        )

    async def banks_work(self, verb: str = "succeed") -> None:
        """The banks end all refunds and transfers that are under way: `succeed` or `fail`."""
        for refund in await self.sandbox.refunds():
            if refund["status"] in OPEN_REFUNDS:
                await self.sandbox.end_refund(refund["id"], verb)
        for transfer in await self.sandbox.transfers():
            if transfer["status"] in OPEN_TRANSFERS:
                await self.sandbox.end_transfer(transfer["id"], verb)

    async def settle_down(self) -> None:
        """Sweeps and jobs in turn, until the sweeps leave nothing for jobs to do."""
        for number in range(_ROUNDS_MAX):
            left_out = _RECONCILING[:1] if await self.count(_STOPPED) else _RECONCILING
            # find-chargebacks lists whole days: it would find the same ones in each round.
            await self.sweep_all(*left_out, *(["find-chargebacks"] if number else []))
            await reap(TASKS, stalled_s=settings().worker_stalled_seconds)
            if not await self.count(_DUE, queues=None):
                return
            await self.run_jobs()
        raise AssertionError("jobs and sweeps go on for ever")

    async def come_to_rest(self) -> None:
        """Let everything end that has begun: banks take their time, and webhooks theirs."""
        for by in _PASSING:
            await self.settle_down()
            await self.banks_work()
            await self.forward(by)
            await self.deliver()
        await self.settle_down()

    async def open_account(
        self, who: Principal | None = None, *, number: str = "0123456789"
    ) -> None:
        """The host, or another one, says where the money goes."""
        body = {
            "holder": "A host",
            "kind": "bank_account",
            "accountNumber": number,
            "bankCode": "058",
            "currency": "NGN",
        }
        reply = await self.post(who or self.host, "/api/host/payout-accounts", body)
        assert reply.status_code == httpx.codes.CREATED, reply.text


@asynccontextmanager
async def open_house(
    kind: type[H],
    url: str,
    books: Path,
    *,
    wrap: Wrap = lambda line: line,
    patience_s: float = 0,
) -> AsyncGenerator[H]:
    """The application on a migrated database. The gateway keeps its data in the file `books`.

    That file outlives this process, as a gateway would. `wrap` is put around the transport to each
    gateway. A call that failed is repeated only with `patience_s`.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running_mail_server())
        await db.open_pool(url, size_max=1)  # a step at a time: one warm connection is quickest
        stack.push_async_callback(db.close_pool)
        sandbox = create_sandbox(webhook_url=NOWHERE, books_path=str(books), step_seconds=None)
        stack.callback(sandbox.simulator.books.close)
        line = transport_to(sandbox, raise_app_exceptions=False)
        open_gateways(
            settings(),
            transports={name: wrap(line) for name in GatewayName},
            recorder=CallRecorder(),
            patience_s=patience_s,
        )
        stack.push_async_callback(close_gateways)
        guest = await stack.enter_async_context(
            httpx.AsyncClient(transport=line, base_url="http://sandbox.test")
        )
        api = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport_to(the_app()), base_url="http://berthold.test")
        )
        handle = SandboxHandle(guest, "http://sandbox.test", SECRET_KEY, sandbox.simulator)
        yield kind(api, handle, url, sandbox)
