"""The tables of moves: the code's, the enum's and the database's are the same, pair by pair."""

import re
from collections.abc import Mapping, Set
from enum import StrEnum
from itertools import product
from typing import Any, Final, LiteralString

import pytest

from app.edge.webhooks import model as webhooks
from app.flows.chargebacks import model as chargebacks
from app.foundation import alerts, states
from app.foundation.audit import SYSTEM
from app.foundation.db import Violated, execute, fetch_value, savepoint, transaction
from app.foundation.money import Money
from app.market.bookings import model as bookings
from app.market.disputes import model as disputes
from app.market.disputes.actions import report_damage
from app.money.escrow import model as escrow
from app.money.escrow.actions import release_due
from app.money.instructions import model as instructions
from app.money.payees import model as payees
from app.money.payments import model as payments
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.shop import Shop

Moves = Mapping[Any, Set[Any]]
MACHINES: Final = [
    (bookings.MOVES, bookings.BookingState),
    (payments.MOVES, payments.PaymentState),
    (webhooks.MOVES, webhooks.EventState),
    (instructions.MOVES, instructions.InstructionState),
    (escrow.MOVES, escrow.PotState),
    (payees.MOVES, payees.PayoutAccountState),
    (disputes.MOVES, disputes.DisputeState),
    (chargebacks.MOVES, chargebacks.ChargebackState),
    (alerts.MOVES, alerts.AlertState),
]


@pytest.mark.parametrize(("moves", "kind"), MACHINES)
def test_a_table_of_moves_has_every_state_and_nothing_else(
    moves: Moves, kind: type[StrEnum]
) -> None:
    assert moves.keys() == set(kind)
    assert {to for targets in moves.values() for to in targets} <= set(kind)
    assert all(was not in targets for was, targets in moves.items()), "staying is no move"


@pytest.mark.parametrize(("moves", "kind"), MACHINES)
def test_a_move_is_allowed_if_its_table_has_it_and_refused_otherwise(
    moves: Moves, kind: type[StrEnum]
) -> None:
    for was, to in product(kind, kind):
        if to in moves[was]:
            states.check(moves, was, to)
        else:
            with pytest.raises(states.MoveRefused):
                states.check(moves, was, to)


@pytest.mark.parametrize(("moves", "kind"), MACHINES)
def test_every_state_of_a_table_of_moves_can_be_reached(moves: Moves, kind: type[StrEnum]) -> None:
    reached = {next(iter(kind))}
    while more := {to for was in reached for to in moves[was]} - reached:
        reached |= more
    assert reached == set(kind)


async def _known_states(constraint: LiteralString) -> set[str]:
    async with transaction() as tx:
        definition = await fetch_value(
            tx,
            str,
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %(name)s",
            name=constraint,
        )
    assert definition is not None
    return set(re.findall(r"'(\w+)'", definition))


async def test_the_database_knows_the_same_states_as_the_code(pool: None) -> None:
    assert await _known_states("bookings_state_known") == set(bookings.BookingState)
    assert await _known_states("payments_state_known") == set(payments.PaymentState)
    assert await _known_states("webhook_events_state_known") == set(webhooks.EventState)
    assert await _known_states("instructions_state_known") == set(instructions.InstructionState)
    assert await _known_states("pots_state_known") == set(escrow.PotState)
    assert await _known_states("payout_accounts_state_known") == set(payees.PayoutAccountState)
    assert await _known_states("disputes_state_known") == set(disputes.DisputeState)
    assert await _known_states("chargebacks_state_known") == set(chargebacks.ChargebackState)
    assert await _known_states("alerts_state_known") == set(alerts.AlertState)


async def _refusal(sql: LiteralString, **params: Any) -> str:
    """The constraint that refuses a row of history, empty if it is taken; nothing stays."""
    constraint = ""
    async with transaction() as tx, savepoint(tx) as undo:
        try:
            await execute(tx, sql, **params)
        except Violated as violated:
            constraint = violated.constraint
        undo()
    return constraint


BOOKING_MOVE: Final = """
    INSERT INTO booking_history (booking_id, was, state, actor, reason)
    VALUES (%(id)s, %(was)s, %(state)s, 'system', 'try')"""
PAYMENT_MOVE: Final = """
    INSERT INTO payment_history (payment_id, was, state, reason)
    VALUES (%(id)s, %(was)s, %(state)s, 'try')"""

POT_MOVE: Final = """
    INSERT INTO escrow_events (booking_id, pot_id, pot, was, state, actor, reason)
    SELECT booking_id, id, kind, %(was)s, %(state)s, 'system', 'try' FROM pots
     WHERE kind = 'deposit'"""
CHARGEBACK_MOVE: Final = """
    INSERT INTO chargeback_history (chargeback_id, was, state, actor, reason)
    SELECT id, %(was)s, %(state)s, 'system', 'try' FROM chargebacks"""
DISPUTE_MOVE: Final = """
    INSERT INTO dispute_history (dispute_id, was, state, actor, reason)
    SELECT id, %(was)s, %(state)s, 'system', 'try' FROM disputes"""
INSTRUCTION_MOVE: Final = """
    INSERT INTO instruction_history (instruction_id, was, state, attempt, reason)
    SELECT id, %(was)s, %(state)s, 1, 'try' FROM instructions"""
CHARGEBACK: Final = """
    INSERT INTO chargebacks (id, payment_id, booking_id, gateway, gateway_id, state, amount,
                             currency, reason, is_taken, gateway_data, look_at)
    SELECT id, id, booking_id, gateway, 'A', 'open', amount, currency, 'B', false, '{}', created_at
      FROM payments"""
MONEY_MOVES: Final = [
    (escrow.MOVES, escrow.PotState, POT_MOVE, "escrow_events_move_allowed"),
    (disputes.MOVES, disputes.DisputeState, DISPUTE_MOVE, "dispute_history_move_allowed"),
    (
        chargebacks.MOVES,
        chargebacks.ChargebackState,
        CHARGEBACK_MOVE,
        "chargeback_history_move_allowed",
    ),
    (
        instructions.MOVES,
        instructions.InstructionState,
        INSTRUCTION_MOVE,
        "instruction_history_move_allowed",
    ),
]
# A refund or transfer that somebody began at the gateway begins as `sent`.
FIRST_STATES: Final = {"held", "open", "queued", "waiting_for_payee", "sent"}


async def test_the_database_takes_each_move_of_a_booking_that_the_table_has(shop: Shop) -> None:
    booking = await shop.reserve("1A")
    for was, to in product(bookings.BookingState, bookings.BookingState):
        refusal = await _refusal(BOOKING_MOVE, id=booking["id"], was=was, state=to)
        expected = "" if to in bookings.MOVES[was] else "booking_history_move_allowed"
        assert refusal == expected, f"{was} -> {to}"


async def test_the_database_takes_each_move_of_a_payment_that_the_table_has(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    for was, to in product(payments.PaymentState, payments.PaymentState):
        refusal = await _refusal(PAYMENT_MOVE, id=payment["id"], was=was, state=to)
        expected = "" if to in payments.MOVES[was] else "payment_history_move_allowed"
        assert refusal == expected, f"{was} -> {to}"


async def test_the_history_of_a_booking_or_payment_begins_with_its_first_state(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    for to in payments.PaymentState:
        refusal = await _refusal(PAYMENT_MOVE, id=payment["id"], was=None, state=to)
        assert (refusal == "") == (to is payments.PaymentState.CREATED), to
    booking_id = payment["bookingId"]
    for state in bookings.BookingState:
        refusal = await _refusal(BOOKING_MOVE, id=booking_id, was=None, state=state)
        assert (refusal == "") == (state is bookings.BookingState.HELD), state


async def _disputed() -> None:
    """A stay whose rental is with its host and whose deposit is disputed: one row of each kind.

    The guest's bank wants it all back, too.
    """
    async with transaction() as tx:
        booking = await paid.stay(tx)
        await paid.set_clock(tx, booking.check_out_at)
        await release_due(tx, limit=10)
        await report_damage(
            tx,
            booking_id=booking.id,
            asker=Principal(id=booking.host_id, roles=(Role.HOST,)),
            request=disputes.DamageReport(
                reason="A", claimed=Money(1, "NGN"), evidence=disputes.NewEvidence(text="B")
            ),
        )
        await execute(tx, CHARGEBACK)


@pytest.mark.parametrize(("moves", "kind", "sql", "constraint"), MONEY_MOVES)
async def test_the_database_takes_each_move_of_money_that_the_table_has_and_no_other(
    pool: None, moves: Moves, kind: type[StrEnum], sql: LiteralString, constraint: str
) -> None:
    await _disputed()
    for was, to in product([None, *kind], kind):
        refusal = await _refusal(sql, was=was, state=to)
        allowed = to in moves[was] if was else to in FIRST_STATES
        assert refusal == ("" if allowed else constraint), f"{was} -> {to}"


@pytest.mark.parametrize(
    "table", ["escrow_events", "dispute_history", "dispute_evidence", "instruction_history"]
)
async def test_histories_of_money_cannot_be_rewritten(pool: None, table: LiteralString) -> None:
    await _disputed()
    statements: list[LiteralString] = [f"UPDATE {table} SET at = at", f"DELETE FROM {table}"]
    for statement in statements:
        with pytest.raises(Violated) as refused:
            async with transaction() as tx:
                await execute(tx, statement)
        assert refused.value.constraint == f"{table}_append_only"


async def test_histories_of_bookings_and_payments_cannot_be_rewritten(shop: Shop) -> None:
    payment = await shop.pending(await shop.reserve("1A"))
    assert payment["state"] == "pending"
    statements: list[LiteralString] = [
        "UPDATE booking_history SET reason = 'other'",
        "DELETE FROM booking_history",
        "UPDATE payment_history SET state = 'succeeded'",
        "DELETE FROM payment_history",
    ]
    for statement in statements:
        with pytest.raises(Violated) as refused:
            async with transaction() as tx:
                await execute(tx, statement)
        assert refused.value.constraint.endswith("_append_only")


async def test_a_late_move_of_a_booking_changes_nothing(pool: None) -> None:
    from app.market.bookings import actions, queries

    async with transaction() as tx:
        host = await make.account(tx)
        guest = await make.account(tx)
        trip_id = await make.trip(tx, host)
        request = bookings.Reserve(trip_id=trip_id, seat_count=1)
        (booking,) = await actions.reserve(tx, guest_id=guest.id, request=request)
    async with transaction() as tx:
        assert await actions.expire(tx, [booking], reason="first")
    async with transaction() as tx:
        to = bookings.BookingState.CANCELLED
        assert await queries.move(tx, booking, to, by=SYSTEM, reason="late") is None
    async with transaction() as tx:
        moves = await queries.history(tx, [booking.id])
    assert [move.state for move in moves] == ["held", "expired"]
