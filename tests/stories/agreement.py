"""Gateways' books beside ours, while people move money at the dashboards as well.

Each side is read without the other's code. What is none of our business is left out of a balance:
what others of the same account were paid and have paid, and corrections that no list shows.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from app.edge.gateways.port import GatewayName
from app.sandbox.books.transfers import Recipient
from tests.house import House

OURS: Final = "pay-"  # so our references of charges begin
_LISTS_CHANGES: Final = {GatewayName.STRIPE}
# Where a currency without decimals has some on the wire.
_WIRE: Final = {"stripe UGX": 100}


async def apart(house: House) -> list[str]:
    """Each thing in which the gateways and we do not agree, to the cent; none if all is well."""
    return [*await _balances(house), *await _movements(house)]


async def _balances(house: House) -> list[str]:
    """Each gateway and currency in which its balance is not what the ledger has there."""
    ours = dict(row.rsplit(" ", 1) for row in await house.values(_CLEARING))
    theirs: Counter[str] = Counter()
    for name in GatewayName:
        for currency, account in (await house.sandbox.books(name)).items():
            theirs[f"{name} {currency}"] += account["balance"] + account["held"]
            if name not in _LISTS_CHANGES:
                theirs[f"{name} {currency}"] -= account["topped_up"]
    theirs.subtract(await _of_others(house))
    places = sorted(ours.keys() | theirs.keys())
    return [
        f"{place}: we say {ours.get(place, 0)}, the gateway {theirs[place]}"
        for place in places
        if int(ours.get(place, 0)) != theirs[place] // _WIRE.get(place, 1)
    ]


async def _of_others(house: House) -> Counter[str]:
    """What is in the balances, and is not ours or in no list."""
    found: Counter[str] = Counter()
    strangers = {
        row["id"]: row for row in await house.sandbox.charges() if not _is_ours(row["reference"])
    }
    for row in strangers.values():
        if row["paid_at"]:
            found[_place(row)] += row["settled_amount"] - row["fee"]
    for row in await house.sandbox.refunds():
        if row["transaction_id"] in strangers and row["status"] != "failed":
            found[_place(row)] -= row["settled_amount"] or row["amount"]
    for row in [*await _strangers_transfers(house), *await _failed_unseen(house)]:
        kept = row["fee"] if row["transferred_at"] else 0
        moved = row["amount"] - row["amount_reversed"] if row["status"] == "success" else 0
        found[f"{row['gateway']} {row['currency']}"] -= moved + kept
    for change in house.sandbox.simulator.books.payouts.adjustments():
        if change.gateway not in _LISTS_CHANGES:
            found[f"{change.gateway} {change.currency}"] += change.amount
    return found


async def _movements(house: House) -> list[str]:
    """Each movement that is on one side only, or twice on ours."""
    charges = await house.sandbox.charges()
    ours = {row["id"] for row in charges if _is_ours(row["reference"])}
    paid = [row for row in charges if row["id"] in ours and row["paid_at"]]
    given_back = [
        row
        for row in await house.sandbox.refunds()
        if row["transaction_id"] in ours and row["status"] == "processed"
    ]
    others = {row["id"] for row in await _strangers_transfers(house)}
    explained = set(await house.values(_EXPLAINED))
    sent = [
        row
        for row in await house.sandbox.transfers()
        if row["status"] == "success" and row["id"] not in others and not explained & {*_names(row)}
    ]
    return [
        *_once("charge", paid, await house.values(_CHARGES)),
        *_once("refund", given_back, await house.values(_REFUNDS)),
        *_once("transfer", sent, await house.values(_TRANSFERS)),
    ]


async def _strangers_transfers(house: House) -> list[dict[str, Any]]:
    """Transfers to people whom we do not know, under a name that is not of our form."""
    books = house.sandbox.simulator.books.transfers
    known = set(await house.values(_PAYEES))
    rows = await house.sandbox.transfers()
    return [
        row
        for row, transfer in zip(rows, books.all(), strict=True)
        if not row["reference"].startswith("tr-")
        and not known & _names_of(books.recipient_of(transfer))
    ]


async def _failed_unseen(house: House) -> list[dict[str, Any]]:
    """Transfers to our hosts that had come back before a look of ours saw them arrive.

    Flutterwave lists them as failed, whether they had gone out and cost their fee or not.
    """
    known = set(await house.values(_KNOWN_TRANSFERS))
    others = {row["id"] for row in await _strangers_transfers(house)}
    return [
        row
        for row in await house.sandbox.transfers()
        if row["gateway"] == GatewayName.FLUTTERWAVE
        and row["status"] == "reversed"
        and row["id"] not in others
        and not known & {*_names(row)}
    ]


def _names_of(recipient: Recipient) -> set[str]:
    return {recipient.recipient_code, f"{recipient.bank_code} {recipient.account_number}"}


def _once(what: str, theirs: Iterable[dict[str, Any]], ours: list[str]) -> list[str]:
    """What is not once on each side. `ours` are the gateway's ids as we know them."""
    left = Counter(ours)
    wrong: list[str] = []
    for row in theirs:
        known = [name for name in _names(row) if left[name]]
        if not known:
            wrong.append(f"{what} {row['id']} of {row['amount']} at {row['gateway']} is not here")
            continue
        del left[known[0]]
        wrong += [f"{what} {known[0]} is here {ours.count(known[0])} times"] * (
            ours.count(known[0]) > 1
        )
    return wrong + [f"{what} {name} is here, and not at the gateway" for name in left]


def _names(row: dict[str, Any]) -> list[str]:
    """The ids that a gateway may give a row."""
    plain = [f"{prefix}{row['id']}" for prefix in ("", "ch_", "re_")]
    return [*plain, *([row["transfer_code"]] if "transfer_code" in row else [])]


def _is_ours(reference: str) -> bool:
    return reference.startswith(OURS)


def _place(row: dict[str, Any]) -> str:
    return f"{row['gateway']} {row['settled_currency'] or row['currency']}"


_CLEARING: Final = """
    SELECT format('%s %s %s', gateway, currency, -sum(amount))
      FROM ledger_entries JOIN ledger_accounts ON ledger_accounts.id = account_id
     WHERE kind = 'gateway_clearing'
     GROUP BY gateway, currency"""
_PAYEES: Final = """
    SELECT name FROM payout_accounts
     CROSS JOIN LATERAL (VALUES (recipient), (bank_code || ' ' || account_number)) AS of (name)
     WHERE name IS NOT NULL"""
_KNOWN_TRANSFERS: Final = """
    SELECT gateway_id FROM instructions
     WHERE kind = 'transfer' AND gateway_id IS NOT NULL AND state <> 'failed'"""
_CHARGES: Final = "SELECT gateway_id FROM payments WHERE state = 'succeeded'"
_REFUNDS: Final = """
    SELECT gateway_id FROM instructions WHERE kind = 'refund' AND state = 'confirmed'"""
# Transfers that went together are one at the gateway.
_TRANSFERS: Final = """
    SELECT gateway_id FROM (
           SELECT DISTINCT coalesce(sent_as, id::text), gateway_id FROM instructions
            WHERE kind = 'transfer' AND state = 'confirmed') AS sent"""
# What others have sent, and an admin has posted.
_EXPLAINED: Final = """
    SELECT subject FROM differences
     WHERE what = 'transfer' AND explained_at IS NOT NULL AND instruction_id IS NULL"""
