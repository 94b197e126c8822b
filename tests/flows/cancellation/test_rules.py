"""What comes back by which rule: to the microsecond, over clock changes, to the last unit."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.flows.cancellation.model import NotCancellable
from app.flows.cancellation.rules import cancelling as rules
from app.foundation.audit import ActorRole
from app.foundation.clock import instant
from app.market.bookings.model import Booking, BookingState, Terms
from app.market.bookings.rules import tiers
from app.market.inventory.model import Kind, Policy
from app.money.escrow import rules as escrow
from app.money.escrow.model import PotKind, PotState
from tests import make
from tests.money.escrow.pots import pot

CHECK_IN: Final = datetime(2027, 3, 1, 14, tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def booked(policy: Policy = Policy.FLEXIBLE, **more: Any) -> Booking:
    check_in_at: datetime = more.pop("check_in_at", CHECK_IN)
    booking = Booking(
        id=make.new_id(),
        guest_id=make.new_id(),
        host_id=make.new_id(),
        listing_id=make.new_id(),
        kind=Kind.STAY,
        state=BookingState.CONFIRMED,
        unit_ids=[1],
        first_slot=check_in_at.date(),
        last_slot=check_in_at.date(),
        check_in_at=check_in_at,
        check_out_at=check_in_at + DAY,
        currency="NGN",
        rental=1_000,
        fee=1,
        deposit=500,
        total=1_501,
        lines=[],
        terms=Terms(
            title="A",
            place="B",
            zone="UTC",
            policy=policy,
            cancellation=tiers(policy, check_in_at),
            request_to_book=False,
            respond_within_hours=24,
            commission_bps=1_000,
        ),
        expires_at=None,
        respond_by=None,
        created_at=CHECK_IN - 60 * DAY,
        updated_at=CHECK_IN - 60 * DAY,
    )
    return msgspec.structs.replace(booking, **more)


# ---- when how much ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "before", "back_bps"),
    [
        (Policy.FLEXIBLE, 300 * DAY, 10_000),
        (Policy.FLEXIBLE, 24 * HOUR + TICK, 10_000),
        (Policy.FLEXIBLE, 24 * HOUR, 5_000),
        (Policy.FLEXIBLE, TICK, 5_000),
        (Policy.MODERATE, 5 * DAY + TICK, 10_000),
        (Policy.MODERATE, 5 * DAY, 5_000),
        (Policy.MODERATE, 24 * HOUR + TICK, 5_000),
        (Policy.MODERATE, 24 * HOUR, 0),
        (Policy.MODERATE, TICK, 0),
        (Policy.STRICT, 300 * DAY, 5_000),
        (Policy.STRICT, 7 * DAY + TICK, 5_000),
        (Policy.STRICT, 7 * DAY, 0),
        (Policy.STRICT, TICK, 0),
    ],
)
def test_a_guest_gets_what_the_policy_gives_to_the_microsecond(
    policy: Policy, before: timedelta, back_bps: int
) -> None:
    ruling = rules.ruling(booked(policy), ActorRole.GUEST, CHECK_IN - before)
    assert ruling.back_bps == back_bps
    assert ruling.rule.startswith(f"{policy} policy: ")


@pytest.mark.parametrize("policy", Policy)
def test_a_rule_holds_until_the_instant_it_names_and_not_at_it(policy: Policy) -> None:
    booking = booked(policy)
    now = CHECK_IN - 300 * DAY
    seen: list[int] = []
    while now < CHECK_IN:
        ruling = rules.ruling(booking, ActorRole.GUEST, now)
        assert ruling.until is not None
        last = rules.ruling(booking, ActorRole.GUEST, ruling.until - TICK)
        assert last == ruling
        seen.append(ruling.back_bps)
        now = ruling.until
    assert now == CHECK_IN
    assert seen == sorted(set(seen), reverse=True), "later is never better"


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("by", [ActorRole.HOST, ActorRole.ADMIN])
def test_all_comes_back_if_host_or_admin_cancel(policy: Policy, by: ActorRole) -> None:
    ruling = rules.ruling(booked(policy), by, CHECK_IN - TICK)
    assert (ruling.back_bps, ruling.until) == (10_000, CHECK_IN)


@pytest.mark.parametrize("policy", Policy)
def test_all_comes_back_before_the_host_has_accepted(policy: Policy) -> None:
    booking = booked(policy, state=BookingState.AWAITING_HOST, respond_by=CHECK_IN)
    for now in (CHECK_IN - TICK, CHECK_IN + HOUR):  # a room for tonight, asked for in the evening
        ruling = rules.ruling(booking, ActorRole.GUEST, now)
        assert (ruling.back_bps, ruling.until) == (10_000, CHECK_IN)


@pytest.mark.parametrize("by", [ActorRole.GUEST, ActorRole.HOST, ActorRole.ADMIN])
def test_nobody_cancels_what_has_begun(by: ActorRole) -> None:
    with pytest.raises(NotCancellable):
        rules.ruling(booked(), by, CHECK_IN)


def test_the_frozen_terms_decide_not_what_the_policy_means_today() -> None:
    booking = booked(Policy.STRICT)
    generous = tiers(Policy.FLEXIBLE, CHECK_IN)
    agreed = msgspec.structs.replace(booking.terms, cancellation=generous)
    booking = msgspec.structs.replace(booking, terms=agreed)
    assert rules.ruling(booking, ActorRole.GUEST, CHECK_IN - 2 * DAY).back_bps == 10_000


@pytest.mark.parametrize(
    ("zone", "day", "at", "local_end"),
    [
        ("Europe/Berlin", date(2027, 3, 28), time(15), "2027-03-27T14:00:00+01:00"),
        ("Europe/Berlin", date(2027, 10, 31), time(15), "2027-10-30T16:00:00+02:00"),
        ("America/New_York", date(2027, 3, 14), time(2, 30), "2027-03-13T02:30:00-05:00"),
        ("Australia/Lord_Howe", date(2027, 4, 4), time(12), "2027-04-03T12:30:00+11:00"),
        ("Africa/Lagos", date(2027, 3, 28), time(15), "2027-03-27T15:00:00+01:00"),
    ],
)
def test_a_day_before_check_in_is_24_hours_also_when_the_clocks_change(
    zone: str, day: date, at: time, local_end: str
) -> None:
    check_in_at = instant(day, at, zone)
    first = tiers(Policy.FLEXIBLE, check_in_at)[0]
    assert first.until == datetime.fromisoformat(local_end)
    assert check_in_at - first.until == DAY


# ---- how much that is ---------------------------------------------------------------------------


@given(
    amount=st.integers(1, 10**15),
    rental_bps=st.sampled_from([0, 1, 3_333, 5_000, 9_999, 10_000]),
    commission_bps=st.integers(0, 10_000),
    currency=st.sampled_from(["XAF", "NGN", "KWD"]),
)
def test_shares_sum_and_what_rounding_leaves_is_the_host_s(
    amount: int, rental_bps: int, commission_bps: int, currency: str
) -> None:
    held = [
        pot(PotKind.RENTAL, amount, currency=currency, commission_bps=commission_bps),
        pot(PotKind.DEPOSIT, amount, currency=currency, commission_bps=commission_bps),
    ]
    rental, deposit = escrow.give_back(held, rental_bps=rental_bps, reason="cancelled")
    assert rental.to_guest + rental.commission + rental.to_host == amount
    assert rental.to_guest == amount * rental_bps // 10_000
    assert rental.commission == (amount - rental.to_guest) * commission_bps // 10_000
    assert (deposit.to_guest, deposit.commission, deposit.to_host) == (amount, 0, 0)


def test_what_is_divided_already_is_not_divided_again() -> None:
    divided = msgspec.structs.replace(
        pot(PotKind.RENTAL, 5), state=PotState.RELEASED, to_guest=0, commission=0, to_host=5
    )
    assert escrow.give_back([divided], rental_bps=10_000, reason="cancelled") == []
