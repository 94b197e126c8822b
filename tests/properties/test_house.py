"""People do anything in any order, time jumps, the gateway fails: application and model agree."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tasks.schedule import SCHEDULE
from tests.books import breaches
from tests.databases import Databases
from tests.health_checks import EVERY_CHECK
from tests.laws import audit_is_clean
from tests.properties.acts import Wanted
from tests.properties.banks import BankActs
from tests.properties.giving_back import wish
from tests.properties.records import WHOLE
from tests.properties.seen import SLACK
from tests.properties.town import BERTHS, ROOMS, SEATS

T = TypeVar("T")

JUMPS: Final = (
    timedelta(minutes=2),
    timedelta(minutes=16),
    timedelta(minutes=31),
    timedelta(hours=7),
    timedelta(hours=26),
)
EXAMPLES: Final = int(os.environ.get("HOUSE_EXAMPLES", "0"))

_guests = st.sampled_from(["guest", "other"])
_roles = st.sampled_from(["guest", "host", "admin"])
_deeds = st.sampled_from(["cancel", "accept", "decline", "disputes", "damage-claims", "resolve"])
_pick = st.integers(0, 9)
_some_seats = st.sets(st.sampled_from(SEATS), min_size=1)
_some_rooms = st.sets(st.sampled_from(ROOMS), min_size=1)
_some_berths = st.sets(st.sampled_from(BERTHS), min_size=1)
_codes = st.sampled_from(["", "ALL-20", "HOST-10"])
_parts = st.sampled_from([0, 1, 3_333, 5_000, WHOLE])
_numbers = count(1)


class HouseMachine(RuleBasedStateMachine):
    """Each rule is one thing that somebody does or that happens; nothing happens by itself."""

    def __init__(self, databases: Databases, template: str, folder: Path) -> None:
        super().__init__()
        number = next(_numbers)
        self._closing = ExitStack()
        url = self._closing.enter_context(databases.copy(f"{template}_{number}", of=template))
        runner = self._closing.enter_context(asyncio.Runner())
        self.acts = BankActs(runner, url, folder / f"books-{number}")
        self.model = self.acts.model

    def teardown(self) -> None:
        with self._closing:
            try:
                if sys.exc_info()[0] is None:  # nothing has gone wrong on the way
                    self._everybody_has_their_money()
            finally:
                self.acts.close()

    @initialize(
        is_paid=st.booleans(), has_account=st.booleans(), stand_alone=st.booleans(), code=_codes
    )
    def people_have_come(
        self, is_paid: bool, has_account: bool, stand_alone: bool, code: str
    ) -> None:
        """Begin with bookings: else most examples would end before anybody has paid."""
        acts = self.acts
        acts.reserve("guest", acts.seats("bus", SEATS[:1]))
        acts.reserve(
            "other",
            acts.nights(ROOMS[:1], first=0, nights=2),
            acts.seats("ferry", BERTHS),
            stand_alone=stand_alone,
            voucher=code,
        )
        if has_account:
            self.acts.open_account()
        if is_paid:
            for booking in self.model.unpaid:
                self.acts.begin_to_pay(booking)
                self.acts.pay(booking.charges[-1])
            self.payments_are_noticed()

    # ---- what people do -------------------------------------------------------------------------

    @rule(who=_guests, seats=_some_seats)
    def reserve_seats(self, who: str, seats: set[str]) -> None:
        self.acts.reserve(who, self.acts.seats("bus", seats))

    @rule(who=_guests, rooms=_some_rooms, first=st.integers(0, 2), nights=st.integers(1, 3))
    def reserve_nights(self, who: str, rooms: set[str], first: int, nights: int) -> None:
        self.acts.reserve(who, self.acts.nights(rooms, first=first, nights=nights))

    @rule(
        who=_guests,
        rooms=_some_rooms,
        seats=st.one_of(st.just(set[str]()), _some_seats),
        berths=st.one_of(st.just(set[str]()), _some_berths),
        stand_alone=st.booleans(),
        code=_codes,
    )
    def reserve_parts(
        self,
        *,
        who: str,
        rooms: set[str],
        seats: set[str],
        berths: set[str],
        stand_alone: bool,
        code: str,
    ) -> None:
        parts: list[Wanted] = [self.acts.nights(rooms, first=1, nights=2)]
        parts += [self.acts.seats("bus", seats)] if seats else []
        parts += [self.acts.seats("ferry", berths)] if berths else []
        stand_alone = stand_alone and len(parts) > 1
        self.acts.reserve(who, *parts, stand_alone=stand_alone, voucher=code)

    @precondition(lambda self: self.model.unpaid)
    @rule(pick=_pick, fault=st.sampled_from(["", "error_500", "timeout_after_effect"]))
    def begin_to_pay(self, pick: int, fault: str) -> None:
        self.acts.begin_to_pay(_one(self.model.unpaid, pick), fault=fault)

    @precondition(lambda self: self.model.payable)
    @rule(pick=_pick)
    def pay_at_the_gateway(self, pick: int) -> None:
        self.acts.pay(_one(self.model.payable, pick))

    @precondition(lambda self: self.model.unpaid)
    @rule(pick=_pick)
    def pay_at_once(self, pick: int) -> None:
        booking = _one(self.model.unpaid, pick)
        self.acts.begin_to_pay(booking)
        if booking.charges and booking.charges[-1] in self.model.payable:
            self.acts.pay(booking.charges[-1])

    @precondition(lambda self: self.model.payable)
    @rule(pick=_pick)
    def card_is_declined(self, pick: int) -> None:
        self.acts.decline_card(_one(self.model.payable, pick))

    @precondition(lambda self: self.model.charges)
    @rule(pick=_pick, is_broken=st.booleans())
    def verify(self, pick: int, is_broken: bool) -> None:
        self.acts.verify(*_one(self.model.charges, pick), is_broken=is_broken)

    @precondition(lambda self: self.model.requested)
    @rule(pick=_pick, accepts=st.booleans())
    def host_answers(self, pick: int, accepts: bool) -> None:
        self.acts.answer(_one(self.model.requested, pick), accepts=accepts)

    @precondition(lambda self: self.model.plain)
    @rule(pick=_pick, who=_roles, is_sure=st.sampled_from([False, False, True]))
    def cancel(self, pick: int, who: str, is_sure: bool) -> None:
        if is_sure:  # or else everything would be cancelled before it could begin
            self.acts.cancel(_one(self.model.plain, pick), who)

    @precondition(lambda self: self.model.living)
    @rule(
        pick=_pick,
        who=_roles,
        how=st.sampled_from(["units", "first", "last", "last", "all"]),
        count=st.integers(1, 2),
    )
    def give_back(self, pick: int, who: str, how: str, count: int) -> None:
        part = _one(self.model.living, pick)
        self.acts.give_back(part, who, wish(part, how, count))

    @precondition(lambda self: self.model.pots(is_disputed=False))
    @rule(pick=_pick, part=_parts, is_timely=st.booleans())
    def complain(self, pick: int, part: int, is_timely: bool) -> None:
        booking, kind = _one(self.model.pots(is_disputed=False), pick)
        if is_timely and (opens_at := booking.pots[kind].opens_at):
            self.acts.run(self.acts.town.forward_to(opens_at.isoformat()))
        self.acts.complain(booking, kind, part)

    @precondition(lambda self: self.model.pots(is_disputed=True))
    @rule(pick=_pick)
    def withdraw(self, pick: int) -> None:
        self.acts.withdraw(*_one(self.model.pots(is_disputed=True), pick))

    @precondition(lambda self: self.model.pots(is_disputed=True))
    @rule(pick=_pick, part=_parts)
    def admin_decides(self, pick: int, part: int) -> None:
        self.acts.decide(*_one(self.model.pots(is_disputed=True), pick), part)

    @precondition(lambda self: self.model.plain)
    @rule(pick=_pick, what=st.sampled_from(["pay", "accept", "decline"]))
    def act_out_of_turn(self, pick: int, what: str) -> None:
        booking = _one(self.model.plain, pick)
        if what == "pay":
            self.acts.begin_to_pay(booking.whole)
        else:
            self.acts.answer(booking, accepts=what == "accept")

    @precondition(lambda self: not self.acts.has_account)
    @rule()
    def host_opens_an_account(self) -> None:
        self.acts.open_account()

    # ---- what happens ---------------------------------------------------------------------------

    @rule(by=st.sampled_from(JUMPS))
    def time_passes(self, by: timedelta) -> None:
        self.acts.run(self.acts.town.forward(by))

    @precondition(lambda self: self.model.bookings)
    @rule(pick=_pick)
    def time_comes(self, pick: int) -> None:
        """Time passes until just after one of the next instants that change what may be done."""
        now = self.acts.now()
        if coming := sorted(moment for moment in self.model.deadlines() if moment > now):
            past = coming[pick % min(3, len(coming))] + SLACK
            self.acts.run(self.acts.town.forward_to(past.isoformat()))

    @precondition(lambda self: self.acts.undelivered)
    @rule()
    def webhooks_arrive(self) -> None:
        self.acts.deliver()

    @rule()
    def jobs_run(self) -> None:
        self.acts.run_jobs()

    @precondition(lambda self: self.acts.undelivered)
    @rule()
    def payments_are_noticed(self) -> None:
        self.acts.deliver()
        self.acts.run_jobs()

    @rule(name=st.sampled_from([job.name for job in SCHEDULE]))
    def sweep(self, name: str) -> None:
        self.acts.sweep(name)

    @rule(verb=st.sampled_from(["succeed", "succeed", "fail"]))
    def banks_work(self, verb: str) -> None:
        self.acts.run(self.acts.town.banks_work(verb))

    # ---- what guests' banks do ------------------------------------------------------------------

    @precondition(lambda self: self.model.paid)
    @rule(pick=_pick, part=st.sampled_from([0, 3_333, WHOLE, WHOLE]))
    def bank_wants_back(self, pick: int, part: int) -> None:
        self.acts.charge_back(*_one(self.model.paid, pick), part)

    @precondition(lambda self: self.acts.open_chargebacks)
    @rule(pick=_pick, outcome=st.sampled_from(["lost", "lost", "won"]), is_told=st.booleans())
    def bank_decides(self, pick: int, outcome: str, is_told: bool) -> None:
        chargeback = _one(self.acts.open_chargebacks, pick)
        self.acts.decide_chargeback(chargeback, outcome, is_told=is_told)

    @precondition(lambda self: self.model.contested)
    @rule()
    def refunds_come_back(self) -> None:
        self.acts.refunds_come_back()

    @precondition(lambda self: self.model.contested)
    @rule(pick=_pick, who=_roles, what=_deeds)
    def act_on_contested(self, pick: int, who: str, what: str) -> None:
        parts = [part for whole in self.model.contested for part in whole.parts]
        self.acts.act_on_contested(_one(parts, pick), who, what)

    # ---- what holds -----------------------------------------------------------------------------

    @invariant()
    def bookings_are_where_they_may_be(self) -> None:
        rows = self.acts.bookings()
        now = self.acts.now()
        assert {str(row.id) for row in rows} == self.model.bookings.keys()
        for row in rows:
            booking = self.model.bookings[str(row.id)]
            assert row.state in booking.states_possible(now), booking
            booking.expires_at = _exactly(booking.expires_at, row.expires_at)
            booking.respond_by = _exactly(booking.respond_by, row.respond_by)

    @invariant()
    def every_claim_is_its_owners(self) -> None:
        assert self.acts.claims() == {
            claim: (owner, self.model.bookings[owner].expires_at)
            for claim, owner in self.model.owners.items()
        }

    @invariant()
    def every_use_of_a_voucher_is_somebodys(self) -> None:
        now = self.acts.now()
        assert self.acts.uses() == sorted(each.id for each in self.model.wholes if each.uses(now))

    @invariant()
    def payments_are_known_as_far_as_they_were_asked_about(self) -> None:
        known = {charge.reference: charge.known for _, charge in self.model.charges}
        assert self.acts.payments() == known

    @invariant()
    def audit_is_clean(self) -> None:
        self.acts.run(audit_is_clean())

    def _everybody_has_their_money(self) -> None:
        """What must be true once everything that has begun has ended."""
        self.acts.come_to_rest()
        self.bookings_are_where_they_may_be()
        self.every_claim_is_its_owners()
        self.every_use_of_a_voucher_is_somebodys()
        self.payments_are_known_as_far_as_they_were_asked_about()
        assert self.acts.money() == self.model.money()
        assert self.acts.run(breaches(self.acts.town)) == []


def _one(things: Sequence[T], pick: int) -> T:
    return things[pick % len(things)]


def _exactly(expected: datetime | None, found: datetime | None) -> datetime | None:
    """What was found, if it is what was expected but for the moments that asking took."""
    if expected is None or found is None:
        assert expected == found
        return None
    assert abs(found - expected) < SLACK
    return found


@pytest.mark.timeout(900)  # a failure is made smaller, which takes its time
def test_the_house_does_what_its_model_says(
    databases: Databases, template: Any, tmp_path: Path
) -> None:
    """A few examples, each time the same; HOUSE_EXAMPLES=1000 tries so many others."""
    machine: Any = partial(HouseMachine, databases, template.template_dbname, tmp_path)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or 9,
            derandomize=not EXAMPLES,
            database=None,
            stateful_step_count=40,
            deadline=None,
            print_blob=True,
            phases=[Phase.generate],
            suppress_health_check=EVERY_CHECK,
        ),
    )
