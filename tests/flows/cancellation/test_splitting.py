"""Every order of giving back sums to the whole: by units and nights, at each gateway's steps."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import amounts_of
from app.flows.cancellation.model import HeldFast
from app.flows.cancellation.rules import giving_back as splitting
from app.flows.cancellation.rules.giving_back import Plan
from app.foundation.audit import ActorRole
from app.market.bookings.model import Booking, BookingState, Terms
from app.market.bookings.rules import tiers
from app.market.bookings.rules.splitting import Wish, is_all, nights
from app.market.inventory.model import Kind, Policy, PriceLine
from app.money.escrow.model import Division, Pot, PotKind
from tests import make
from tests.money.escrow.pots import pot

CHECK_IN: Final = datetime(2027, 7, 1, 14, tzinfo=UTC)
DAY: Final = timedelta(days=1)
# Currencies of no, two and three decimals, at gateways that pay in steps of one and of ten.
PLACES: Final = (
    (GatewayName.FLUTTERWAVE, "XAF"),
    (GatewayName.STRIPE, "UGX"),
    (GatewayName.STRIPE, "EUR"),
    (GatewayName.PAYSTACK, "NGN"),
    (GatewayName.STRIPE, "KWD"),
    (GatewayName.STRIPE, "TND"),
)
SHARES: Final = {  # how long before the stay, and what then comes back: all, half, nothing
    Policy.FLEXIBLE: (2 * DAY, DAY / 2),
    Policy.STRICT: (8 * DAY, DAY),
}


@st.composite
def stays(draw: st.DrawFn) -> tuple[Booking, list[Pot]]:
    """A paid stay of some nights in some rooms, and its pots."""
    gateway, currency = draw(st.sampled_from(PLACES))
    rule = amounts_of(gateway, Operation.REFUND, currency)
    count, units = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    price = st.integers(1, draw(st.sampled_from([3, 1_000, 40_000])))
    lines = [
        PriceLine.of(
            number, f"Room {number}", draw(st.lists(price, min_size=count, max_size=count))
        )
        for number in range(1, units + 1)
    ]
    rental = sum(line.amount for line in lines)
    fee = draw(st.integers(0, 500))
    whole = rental + fee
    nearly = st.integers(max(whole - 3, 0), whole)  # a guest who has paid next to nothing
    discount = draw(st.one_of(st.just(0), st.integers(0, whole), nearly))
    fee += -(rental + fee - discount) % rule.step
    deposit = draw(st.integers(0, 500)) * rule.step
    booking = booked(lines, count, draw(st.sampled_from(list(SHARES))), currency)
    booking = msgspec.structs.replace(
        booking,
        rental=rental,
        fee=fee,
        deposit=deposit,
        discount=discount,
        total=rental + fee + deposit - discount,
    )
    held = {PotKind.RENTAL: rental + fee - discount, PotKind.DEPOSIT: deposit}
    borne = {PotKind.RENTAL: discount if draw(st.booleans()) else 0, PotKind.DEPOSIT: 0}
    return booking, [
        msgspec.structs.replace(
            pot(kind, amount, currency=currency), gateway=gateway, voucher=borne[kind]
        )
        for kind, amount in held.items()
        if amount
    ]


def booked(lines: list[PriceLine], count: int, policy: Policy, currency: str) -> Booking:
    return Booking(
        id=make.new_id(),
        guest_id=make.new_id(),
        host_id=make.new_id(),
        listing_id=make.new_id(),
        kind=Kind.STAY,
        state=BookingState.CONFIRMED,
        unit_ids=[line.unit_id for line in lines],
        first_slot=CHECK_IN.date(),
        last_slot=CHECK_IN.date() + (count - 1) * DAY,
        check_in_at=CHECK_IN,
        check_out_at=CHECK_IN + count * DAY - timedelta(hours=3),
        currency=currency,
        rental=0,
        fee=0,
        deposit=0,
        total=0,
        lines=lines,
        terms=Terms(
            title="Guest house",
            place="Ikeja",
            zone="UTC",
            policy=policy,
            cancellation=tiers(policy, CHECK_IN),
            request_to_book=False,
            respond_within_hours=24,
            commission_bps=1_000,
        ),
        expires_at=None,
        respond_by=None,
        created_at=CHECK_IN - 30 * DAY,
        updated_at=CHECK_IN - 30 * DAY,
    )


@given(stays(), st.data())
def test_every_order_sums_to_what_all_at_once_gives(
    made: tuple[Booking, list[Pot]], data: st.DataObject
) -> None:
    part, pots = made
    by = data.draw(st.sampled_from([ActorRole.GUEST, ActorRole.HOST, ActorRole.ADMIN]))
    now = CHECK_IN - data.draw(st.sampled_from(SHARES[part.terms.policy]))
    at_once = back(planned(part, pots, None, by, now).divisions)
    got = dict.fromkeys(PotKind, 0)
    for number in range(2, 12):
        wish = data.draw(st.one_of(st.none(), wishes(part)))
        try:
            plan = planned(part, pots, wish, by, now, number=number)
        except HeldFast:
            assert part.rental + part.fee - part.discount < 2 * held_step(pots)
            continue
        for kind, amount in back(plan.divisions).items():
            got[kind] += amount
        if plan.split is None:
            break
        loses_nothing(plan, pots)
        part, pots = plan.split.stays, what_stays(plan, pots)
    else:
        for kind, amount in back(planned(part, pots, None, by, now).divisions).items():
            got[kind] += amount
    assert got == at_once


@given(stays(), st.data())
def test_a_stay_is_cut_without_a_gap_or_an_overlap(
    made: tuple[Booking, list[Pot]], data: st.DataObject
) -> None:
    part, pots = made
    assume(not part.discount or part.total - part.deposit >= 2 * held_step(pots))
    wish = data.draw(wishes(part))
    split = planned(part, pots, wish, ActorRole.HOST, CHECK_IN - DAY).split
    if split is None:
        assert is_all(part, wish)
        return
    assert sorted(split.stays.unit_ids + split.gone.unit_ids) == sorted(
        part.unit_ids * (1 if wish.units else 2)
    )
    if wish.units:
        assert split.gone.labels == [label for label in part.labels if label in wish.units]
        return
    assert nights(split.gone) == wish.nights
    first, last = split.stays, split.gone
    if wish.first_nights:
        first, last = last, first
    assert (first.first_slot, last.last_slot) == (part.first_slot, part.last_slot)
    assert first.last_slot + DAY == last.first_slot
    assert last.check_in_at - first.check_out_at == timedelta(hours=3)
    assert (first.check_in_at, last.check_out_at) == (part.check_in_at, part.check_out_at)


def wishes(part: Booking) -> st.SearchStrategy[Wish]:
    counts = st.integers(1, nights(part))
    return st.one_of(
        st.lists(st.sampled_from(part.labels), min_size=1, unique=True).map(
            lambda labels: Wish(units=labels)
        ),
        counts.map(lambda count: Wish(first_nights=count)),
        counts.map(lambda count: Wish(last_nights=count)),
    )


def planned(
    part: Booking,
    pots: Sequence[Pot],
    wish: Wish | None,
    by: ActorRole,
    now: datetime,
    *,
    number: int = 2,
) -> Plan:
    return splitting.plan(part, pots, wish, by=by, now=now, part_id=make.new_id(), number=number)


def back(divisions: Sequence[Division]) -> dict[PotKind, int]:
    amounts = dict.fromkeys(PotKind, 0)
    for division in divisions:
        amounts[division.pot.kind] += division.to_guest
    return amounts


def what_stays(plan: Plan, pots: Sequence[Pot]) -> list[Pot]:
    taken = {each.pot.id: each.into.amount for each in plan.pots}
    vouchers = {each.pot.id: each.into.voucher for each in plan.pots}
    return [
        msgspec.structs.replace(
            each,
            amount=each.amount - taken.get(each.id, 0),
            voucher=each.voucher - vouchers.get(each.id, 0),
        )
        for each in pots
    ]


def held_step(pots: Sequence[Pot]) -> int:
    return splitting.held(pots).refunds.step


def loses_nothing(plan: Plan, pots: Sequence[Pot]) -> None:
    split = plan.split
    assert split is not None
    for name in ("rental", "fee", "deposit", "discount", "total"):
        whole = getattr(split.was, name)
        assert getattr(split.stays, name) + getattr(split.gone, name) == whole, name
    for each in (split.stays, split.gone):
        fits(each)
    amounts = {each.kind: each.amount for each in what_stays(plan, pots)}
    stays = split.stays
    assert amounts.get(PotKind.RENTAL, 0) == stays.rental + stays.fee - stays.discount
    assert amounts.get(PotKind.DEPOSIT, 0) == stays.deposit
    assert all(amount > 0 for amount in amounts.values()), "no pot is left empty"
    for division in plan.divisions:
        rule = amounts_of(division.pot.gateway, Operation.REFUND, division.pot.currency)
        assert division.to_guest == 0 or rule.pays(division.to_guest)
        shares = division.to_guest, division.commission, division.to_host
        assert min(shares) >= 0
        assert sum(shares) == division.pot.amount + division.from_voucher
    for each in what_stays(plan, pots):
        assert each.voucher in (0, stays.discount), "a voucher adds what it pays, to each part"


def fits(part: Booking) -> None:
    """What the database's constraints, and people who add up, expect of a part."""
    assert min(part.rental, part.fee, part.deposit, part.discount) >= 0
    assert part.discount <= part.rental + part.fee
    assert part.total == part.rental + part.fee + part.deposit - part.discount
    assert sum(line.amount for line in part.lines) == part.rental
    for line in part.lines:
        assert line.amount >= 0
        if line.nights is not None:
            assert (sum(line.nights), len(line.nights)) == (line.amount, nights(part))


@pytest.mark.parametrize(
    ("before", "given_back", "bps", "expected"),
    [
        (101, 50, 5_000, 25),  # 50 of 101, less 25 of 51
        (101, 51, 5_000, 25),  # 50 of 101, less 25 of 50
        (100, 0, 5_000, 0),
        (30, 10, 10_000, 10),
    ],
)
def test_the_guests_share_is_what_it_was_less_what_it_is(
    before: int, given_back: int, bps: int, expected: int
) -> None:
    assert splitting.share(before, given_back, bps, AmountRule(least=1, most=1_000)) == expected


def test_a_stay_over_a_change_of_clocks_is_cut_at_local_times() -> None:
    """In Berlin clocks go back on 31 October 2027: that day has 25 hours."""
    lines = [PriceLine.of(1, "Room 1", [100, 100, 100])]
    part = msgspec.structs.replace(
        booked(lines, 3, Policy.FLEXIBLE, "EUR"),
        first_slot=date(2027, 10, 30),
        last_slot=date(2027, 11, 1),
        check_in_at=datetime(2027, 10, 30, 13, tzinfo=UTC),  # 15:00
        check_out_at=datetime(2027, 11, 2, 10, tzinfo=UTC),  # 11:00
        rental=300,
        total=300,
    )
    terms = msgspec.structs.replace(part.terms, zone="Europe/Berlin")
    part = msgspec.structs.replace(part, terms=terms)
    held = [pot(PotKind.RENTAL, 300)]
    for wish, begins, ends in (
        (Wish(first_nights=1), datetime(2027, 10, 31, 14, tzinfo=UTC), part.check_out_at),
        (Wish(last_nights=2), part.check_in_at, datetime(2027, 10, 31, 10, tzinfo=UTC)),
    ):
        split = planned(part, held, wish, ActorRole.HOST, part.check_in_at - DAY).split
        assert split
        assert (split.stays.check_in_at, split.stays.check_out_at) == (begins, ends)
