"""How a test's house has ended: by our laws, and by the gateway's books, kept without ours."""

from collections import Counter

import msgspec

from app.edge.gateways.port import GatewayName
from app.foundation.db import fetch_all, transaction
from tests.house import House
from tests.laws import take_audit


class Sent(msgspec.Struct, frozen=True):
    """A reference under which we asked a gateway to move money, and what for.

    Transfers that went together have one reference.
    """

    reference: str
    kind: str
    subject: str
    state: str
    amount: int


async def outcome(house: House) -> dict[str, list[str]]:
    """What people have in the end, which is the same however often a process died on the way."""
    return {
        "bookings": await house.values("SELECT state FROM bookings ORDER BY state"),
        "instructions": await house.values(_INSTRUCTIONS),
        "ledger": await house.values(_BALANCES),
    }


async def breaches(house: House) -> list[str]:
    """Each thing that is wrong, in words that name it; none if all is well."""
    return [*await broken_laws(house), *await _cash(house), *await _effects(house)]


async def broken_laws(house: House) -> list[str]:
    """Each law that is broken, and each job that is not done."""
    taken = await take_audit()
    return [
        *(
            f"{finding.law.name}: {row.id} {row.what}"
            for finding in taken.findings
            for row in finding.verdict.shown
        ),
        *await house.values(_UNFINISHED_JOBS),
    ]


async def _cash(house: House) -> list[str]:
    """Each gateway where its balance and our ledger differ, or where money is still under way."""
    ours = {
        row.rpartition(" ")[0]: int(row.rpartition(" ")[2]) for row in await house.values(_CASH)
    }
    books = {
        f"{name} {currency}": account
        for name in GatewayName
        for currency, account in (await house.sandbox.books(name)).items()
    }
    theirs = {place: account["balance"] - account["topped_up"] for place, account in books.items()}
    return [
        *(
            f"{place}: we say {ours.get(place, 0)}, the gateway {theirs.get(place, 0)}"
            for place in ours.keys() | theirs.keys()
            if ours.get(place, 0) != theirs.get(place, 0)
        ),
        *(f"{place} is under way" for place, account in books.items() if account["held"]),
    ]


async def _effects(house: House) -> list[str]:
    """Each movement at the gateway is one that we meant, of that amount, and moved money once."""
    meant: dict[str, list[Sent]] = {}
    async with transaction() as tx:
        for sent in await fetch_all(tx, Sent, _SENT):
            meant.setdefault(sent.reference, []).append(sent)
    found = await _at_the_gateway(house)
    unknown = [f"nobody meant {reference}" for reference, *_ in found if reference not in meant]
    known = [(meant[reference], *rest) for reference, *rest in found if reference in meant]
    moved = Counter(each.subject for together, is_done, _ in known if is_done for each in together)
    everything = [each for together in meant.values() for each in together]
    done = {each.subject for each in everything if each.state in ("succeeded", "confirmed")}
    return [
        *unknown,
        *(
            f"{together}: the gateway has {amount}"
            for together, _, amount in known
            if sum(each.amount for each in together) != amount
        ),
        *(
            f"{subject} has moved money {times} times"
            for subject, times in moved.items()
            if times > 1
        ),
        *(f"{subject} is done on one side only" for subject in done ^ moved.keys()),
    ]


async def _at_the_gateway(house: House) -> list[tuple[str, bool, int]]:
    """Our reference, whether money has moved, and the amount of each movement there is."""
    charges, refunds = await house.sandbox.charges(), await house.sandbox.refunds()
    transfers = await house.sandbox.transfers()
    return [
        *((row["reference"], row["paid_at"] is not None, row["amount"]) for row in charges),
        *((row["merchant_note"], row["status"] == "processed", row["amount"]) for row in refunds),
        *((row["reference"], row["status"] == "success", row["amount"]) for row in transfers),
    ]


# A finished job is forgotten after a day; one that is not done, or gave up, stays.
_UNFINISHED_JOBS = """
    SELECT format('job %s %s is %s', id, task_name, status) FROM procrastinate_jobs
     WHERE status <> 'succeeded'"""

_SENT = """
    SELECT reference, 'charge' AS kind, id::text AS subject, state, amount FROM payments
     UNION ALL
    SELECT DISTINCT history.reference, kind, instructions.id::text, instructions.state, amount
      FROM instruction_history AS history JOIN instructions ON instructions.id = instruction_id
     WHERE history.reference IS NOT NULL"""

_CASH = """
    SELECT format('%s %s %s', gateway, currency, -sum(amount))
      FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
     WHERE kind = 'gateway_clearing'
     GROUP BY gateway, currency"""

_INSTRUCTIONS = """
    SELECT format('%s of %s %s is %s: %s', kind, amount, currency, state, reason)
      FROM instructions ORDER BY 1"""

_BALANCES = """
    SELECT format('%s has %s %s', kind, sum(amount), currency)
      FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
     GROUP BY kind, currency ORDER BY 1"""
