"""Which entry of the bank is which payout of a gateway, and which entry takes another one back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from app.edge.gateways.port import GatewayName
from app.money.bank_statements.model import Arrival, Match, NewPayout, Payout, PayoutState
from app.money.ledger import rules as ledger_rules
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind

# A payout without a reference that the bank repeats is known by its amount, around its day.
EARLY: Final = timedelta(days=3)
LATE: Final = timedelta(days=10)
_REFERENCE_LENGTH_MIN: Final = 6  # a shorter one is found in any text
# MT940 cuts a customer's reference after 16 characters, of which some may be no letters or digits.
_CUT_LENGTH_MIN: Final = 12


def match(payouts: Sequence[Payout], arrivals: Sequence[Arrival]) -> list[Match]:
    """Payouts and where they arrived: by a reference first, then by amount and day if unique."""
    named = _named(payouts, arrivals)
    matches = _by_reference(payouts, arrivals, named)
    matched = {each.payout.id for each in matches}
    open_payouts = [payout for payout in payouts if payout.id not in matched]
    free = [arrival for arrival in arrivals if not named[_place(arrival)]]
    return matches + _by_amount(open_payouts, free)


def _named(
    payouts: Sequence[Payout], arrivals: Sequence[Arrival]
) -> dict[tuple[int, int], set[UUID]]:
    """By entry and part, the payouts that each arrival names, whatever the letters and blanks."""
    wanted = [
        (payout.id, bare)
        for payout in payouts
        for bare in {_bare(payout.reference), _bare(payout.gateway_id)}
        if len(bare) >= _REFERENCE_LENGTH_MIN
    ]
    found: dict[tuple[int, int], set[UUID]] = {}
    for arrival in arrivals:
        own = [_bare(each) for each in arrival.references]
        said = "\n".join((_bare(arrival.text), *own))
        cut = tuple(each for each in own if len(each) >= _CUT_LENGTH_MIN)
        found[_place(arrival)] = {
            payout_id
            for payout_id, bare in wanted
            if bare in said or any(bare.startswith(each) for each in cut)
        }
    return found


def _by_reference(
    payouts: Sequence[Payout],
    arrivals: Sequence[Arrival],
    named: Mapping[tuple[int, int], set[UUID]],
) -> list[Match]:
    """The entries that name a payout, each with that payout.

    The amounts must be the same, or else the two must name only each other.
    """
    found: list[Match] = []
    used: set[tuple[int, int]] = set()
    for payout in payouts:
        naming = [
            arrival
            for arrival in arrivals
            if payout.id in named[_place(arrival)]
            and _place(arrival) not in used
            and _may_be(arrival, payout)
        ]
        equal = [arrival for arrival in naming if arrival.amount in (payout.amount, None)]
        alone = [arrival for arrival in naming if named[_place(arrival)] == {payout.id}]
        chosen = equal[0] if equal else alone[0] if len(naming) == len(alone) == 1 else None
        if chosen:
            used.add(_place(chosen))
            found.append(Match(payout=payout, arrival=chosen))
    return found


def _by_amount(payouts: Sequence[Payout], arrivals: Sequence[Arrival]) -> list[Match]:
    """A payout and an entry of its amount around its day, where neither could be another."""
    found: list[Match] = []
    for payout in payouts:
        candidates = [each for each in arrivals if _fits(each, payout)]
        if len(candidates) != 1:
            continue
        fitting = [each for each in payouts if _fits(candidates[0], each)]
        if len(fitting) == 1:
            found.append(Match(payout=payout, arrival=candidates[0]))
    return found


def _may_be(arrival: Arrival, payout: Payout) -> bool:
    return arrival.currency == payout.currency and (arrival.amount is None or arrival.amount > 0)


def _fits(arrival: Arrival, payout: Payout) -> bool:
    return (
        _may_be(arrival, payout)
        and arrival.amount == payout.amount
        and payout.arrives_on - EARLY <= arrival.booked_on <= payout.arrives_on + LATE
    )


def _place(arrival: Arrival) -> tuple[int, int]:
    return arrival.entry_id, arrival.part


def _bare(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


# ---- reversals ----------------------------------------------------------------------------------


def taken_back(reversals: Sequence[Arrival], credits_: Sequence[Arrival]) -> list[tuple[int, int]]:
    """The ids of reversals and of the entries that they take back.

    A reversal takes back an earlier entry of the opposite amount: the one that shares a reference
    with it, or else the only one.
    """
    found: list[tuple[int, int]] = []
    used: set[int] = set()
    for reversal in reversals:
        candidates = [
            each for each in credits_ if each.entry_id not in used and _is_opposite(reversal, each)
        ]
        sharing = [each for each in candidates if _share_reference(reversal, each)]
        chosen = sharing or candidates
        if len({each.entry_id for each in chosen}) == 1:
            used.add(chosen[0].entry_id)
            found.append((reversal.entry_id, chosen[0].entry_id))
    return found


def _is_opposite(reversal: Arrival, credit: Arrival) -> bool:
    return (
        credit.amount is not None
        and reversal.amount == -credit.amount
        and reversal.currency == credit.currency
        and credit.booked_on <= reversal.booked_on
    )


def _share_reference(reversal: Arrival, credit: Arrival) -> bool:
    own = {_bare(each) for each in reversal.references} - {""}
    theirs = {_bare(each) for each in credit.references} - {""}
    return bool(own & theirs) or bool(reversal.text and reversal.text == credit.text)


# ---- payouts ------------------------------------------------------------------------------------


def payout_id(gateway: GatewayName, gateway_id: str) -> UUID:
    """The id of a payout, the same again if the database was restored from before it."""
    return uuid5(NAMESPACE_URL, f"urn:berthold:payout:{gateway}:{gateway_id}")


def state(payout: Payout, today: date, late_after: timedelta) -> PayoutState:
    """What has become of a payout by today."""
    if payout.failed_at:
        return PayoutState.FAILED
    if payout.entry_id is not None:
        return PayoutState.ARRIVED
    is_late = today > payout.arrives_on + late_after
    return PayoutState.MISSING if is_late else PayoutState.EXPECTED


def postings(payout_id_: UUID, payout: NewPayout) -> list[Posting]:
    """A payout left the gateway for our bank, and the gateway kept its fee."""
    clearing = Account(AccountKind.GATEWAY_CLEARING, payout.money.currency, gateway=payout.gateway)
    out = Posting(
        kind=PostingKind.PAYOUT,
        source_id=payout_id_,
        booking_id=None,
        entries=(
            Entry(clearing, payout.money.amount),
            Entry(_bank(payout.money.currency), -payout.money.amount),
        ),
        memo=payout.reference or payout.gateway_id,
    )
    if not payout.fee:
        return [out]
    fee = ledger_rules.gateway_fee(
        payout.fee, clearing, source_id=payout_id_, booking_id=None, memo="fee of a payout"
    )
    return [out, fee]


def came_back(payout: Payout, why: str) -> Posting:
    """A payout is back at the gateway: our bank did not get it, or sent it back."""
    clearing = Account(AccountKind.GATEWAY_CLEARING, payout.currency, gateway=payout.gateway)
    return Posting(
        kind=PostingKind.PAYOUT_REVERSAL,
        source_id=payout.id,
        booking_id=None,
        entries=(
            Entry(clearing, -payout.amount),
            Entry(_bank(payout.currency), payout.amount),
        ),
        memo=why,
    )


def _bank(currency: str) -> Account:
    return Account(AccountKind.BANK, currency)


def days(payouts: Iterable[Payout]) -> tuple[date, date] | None:
    """The first and the last day on which any of these may arrive."""
    on = [payout.arrives_on for payout in payouts]
    return (min(on) - EARLY, max(on) + LATE) if on else None
