"""Taking in webhooks: distinct, signed `charge.success` events of Paystack.

    uv run python -m tests.benchmarks.webhooks [--requests 5000] [--clients 50] [--workers 2]

`ratio` is events accepted over HTTP (each stored, and its job queued) to transactions of pgbench
that make the same two inserts. No worker runs: jobs are queued, not done.
"""

import argparse
import hashlib
import hmac

import msgspec
import psycopg

from app.foundation.settings import settings
from tests.benchmarks import load, replay, seed
from tests.benchmarks.world import report, running_database, running_web

PGBENCH_CLIENTS = (8, 20, 50)

_EVENT = "'charge.success-bench-' || (:run)::text || '-' || (:client_id)::text || '-' || (:n)::text"
VARYING = {"id": seed.booking_sql(":run * 1000000000 + :client_id * 1000000 + :n"), "key": _EVENT}


def main() -> None:
    options = _options()
    requests = options.requests
    with running_database() as server:
        with running_web(workers=options.workers) as web:
            for first, size in ((0, requests // 5), (requests, requests)):  # the first warms up
                calls = [_event(number) for number in range(first, first + size)]
                result = load.run(web.port, calls, clients=options.clients).must_be(200)
        _check(server.url, requests + requests // 5)
        print(f"webhooks: {result.per_s(200)} accepted/s, p50 {result.ms(50)}, p99 {result.ms(99)}")
        statements = replay.record(_event(requests - 1))
        best = 0.0
        for run, clients in enumerate(PGBENCH_CLIENTS):
            per_s = replay.pgbench(
                server,
                statements,
                preamble=(),
                varying=VARYING,
                variables={"run": run},
                clients=clients,
                transactions=requests,
            )
            print(f"pgbench, {clients} clients: {per_s:.0f}/s", flush=True)
            best = max(best, per_s)
    report(
        {
            "clients": options.clients,
            "workers": options.workers,
            "accepted_per_s": result.per_s(200),
            "p50_ms": result.ms(50),
            "p99_ms": result.ms(99),
            "pgbench_per_s": round(best, 1),
            "ratio": round(result.per_s(200) / best, 3),
        }
    )


def _event(number: int) -> bytes:
    """A call of Paystack's, with the fields of its documentation's example."""
    data = {
        "id": 302_961 + number,
        "domain": "test",
        "status": "success",
        "reference": f"bench-{number}",
        "amount": 500_000,
        "message": None,
        "gateway_response": "Approved by Financial Institution",
        "paid_at": "2026-09-30T21:10:19.000Z",
        "created_at": "2026-09-30T21:09:56.000Z",
        "channel": "card",
        "currency": "NGN",
        "ip_address": "41.242.49.37",
        "metadata": 0,
        "fees": None,
        "customer": {
            "id": 68_324,
            "email": "guest@example.com",
            "customer_code": "CUS_qo38as2hpsgk2r0",
        },
        "authorization": {"authorization_code": "AUTH_f5rnfq9p", "card_type": "mastercard DEBIT"},
    }
    body = msgspec.json.encode({"event": "charge.success", "data": data})
    key = settings().paystack_secret_keys[0].encode()
    signature = hmac.new(key, body, hashlib.sha512).hexdigest()
    return load.post("/api/webhooks/paystack", body, {"x-paystack-signature": signature})


def _check(url: str, expected: int) -> None:
    """Every event is stored, and has its job."""
    with psycopg.connect(url) as connection:
        stored = connection.execute(
            """
            SELECT (SELECT count(*) FROM webhook_events),
                   (SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'process-webhook')"""
        ).fetchone()
    if stored != (expected, expected):
        raise AssertionError(f"events and jobs: {stored}, not {expected} of each")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
