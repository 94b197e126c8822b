"""Whose table is it? One room writes a table, and that room alone reads it, but for what is here.

import-linter sees who imports whom, and cannot see SQL. So this page is what a room may rely on:
before you change a table, look here for the other rooms that use its columns.
"""

import re
from typing import Final

import pytest

from tests.architecture.statements import ROOT, Use, read_all, tables_of

# The room that writes a table, and that the others ask for what is in it.
OWNERS: Final = {
    "business_clock": "foundation/business_clock",
    "alerts": "foundation/alerts",
    "audit_log": "foundation/audit",
    "idempotency_keys": "foundation/idempotency",
    "job_locks": "foundation/locks",
    "limit_buckets": "foundation/limits",
    "migrations": "foundation/migrate",
    # people
    "accounts": "people/accounts",
    "sessions": "people/accounts",
    "refresh_tokens": "people/accounts",
    "second_factors": "people/second_factors",
    "recovery_codes": "people/second_factors",
    # edge
    "gateway_calls": "edge/calls",
    "gateway_outages": "edge/calls",
    "notifications": "edge/notifications",
    "webhook_events": "edge/webhooks",
    # money
    "ledger_accounts": "money/ledger",
    "ledger_transactions": "money/ledger",
    "ledger_entries": "money/ledger",
    "ledger_checkpoints": "money/ledger",
    "instructions": "money/instructions",
    "instruction_history": "money/instructions",
    "payments": "money/payments",
    "payment_history": "money/payments",
    "payout_accounts": "money/payees",
    "gateway_movements": "money/reconciliation",
    "reconciliation_runs": "money/reconciliation",
    "reconciliation_hours": "money/reconciliation",
    "differences": "money/reconciliation",
    "movement_adjustments": "money/reconciliation",
    "host_debts": "money/payouts",
    "debt_recoveries": "money/payouts",
    "taken_in": "money/taken_in",
    "settlement_months": "money/settlements",
    "settlement_lines": "money/settlements",
    "settlements": "money/settlements",
    "bank_accounts": "money/bank_statements",
    "bank_statements": "money/bank_statements",
    "bank_statement_entries": "money/bank_statements",
    "bank_entries": "money/bank_statements",
    "bank_entry_parts": "money/bank_statements",
    "bank_reversals": "money/bank_statements",
    "expected_payouts": "money/bank_statements",
    "pots": "money/escrow",
    "escrow_events": "money/escrow",
    # market
    "listings": "market/inventory",
    "units": "market/inventory",
    "price_overrides": "market/inventory",
    "blocked_dates": "market/inventory",
    "claims": "market/claims",
    "vouchers": "market/vouchers",
    "voucher_uses": "market/vouchers",
    "bookings": "market/bookings",
    "booking_history": "market/bookings",
    "passengers": "market/bookings",
    "disputes": "market/disputes",
    "dispute_history": "market/disputes",
    "dispute_evidence": "market/disputes",
    # flows
    "late_refunds": "flows/sending",
    "chargebacks": "flows/chargebacks",
    "chargeback_history": "flows/chargebacks",
    # operations
    "job_pauses": "operations/jobs",
    "job_retention": "operations/jobs",
    "job_runs": "operations/jobs",
    # tasks
    "job_errors": "tasks/runner",
    "job_ticks": "tasks/runner",
    "job_workers": "tasks/runner",
    "procrastinate_jobs": "tasks/runner",
    "procrastinate_events": "tasks/runner",
    "procrastinate_workers": "tasks/runner",
    "procrastinate_periodic_defers": "tasks/runner",  # unused: runner has timers of its own
}

# Rooms that may read every table (and write none but their own).
READERS: Final = {
    "operations/invariants": "the laws compare what different rooms have written",
    "flows/tracking": "one list, in order, of all that happened to a booking's money",
}

_FREE: Final = "the hot path: what is free is found by one statement"
_SWEEP: Final = "a sweep locks the next row that is due, and passes over those that are not"
_OPERATOR: Final = "an operator looks at the queue and changes it; the runner serves no requests"

_THREE_WAYS: Final = "a reconciliation compares a list with what is here and with the ledger"

# All other statements that touch another room's table, and why they may.
EXCEPTIONS: Final = {
    ("foundation/idempotency", "limit_buckets", "writes"): "the hot path: one statement for both",
    ("people/accounts", "second_factors", "reads"): "what a session may do, in one statement",
    ("market/bookings", "claims", "writes"): "the hot path: a booking is held by one statement",
    ("market/bookings", "claims", "reads"): "the same statement looks beside the nights it claims",
    ("market/bookings", "pots", "reads"): _SWEEP,
    ("market/bookings", "listings", "reads"): "local times of bookings made before they were kept",
    ("operations/health", "business_clock", "reads"): "a lock of no row: what only reads refuses",
    ("market/inventory", "bookings", "reads"): "a host whose booking was completed is not new",
    ("market/availability", "listings", "reads"): _FREE,
    ("market/availability", "units", "reads"): _FREE,
    ("market/availability", "blocked_dates", "reads"): _FREE,
    ("market/availability", "claims", "reads"): _FREE,
    ("market/claims", "units", "reads"): _FREE,
    ("market/claims", "blocked_dates", "reads"): _FREE,
    ("market/disputes", "pots", "reads"): "a dispute is shown with the amount that it is about",
    ("money/payouts", "payout_accounts", "reads"): _SWEEP,
    ("money/payouts", "instructions", "reads"): "a host's transfers, each with its debts' part",
    ("money/payouts", "instruction_history", "reads"): "a host is shown why one is not sent",
    ("money/reconciliation", "payments", "reads"): _THREE_WAYS,
    ("money/reconciliation", "instructions", "reads"): _THREE_WAYS,
    ("money/reconciliation", "expected_payouts", "reads"): _THREE_WAYS,
    ("money/reconciliation", "payout_accounts", "reads"): "a transfer to one of them is ours",
    ("money/reconciliation", "ledger_accounts", "reads"): _THREE_WAYS,
    ("money/reconciliation", "ledger_transactions", "reads"): _THREE_WAYS,
    ("money/reconciliation", "ledger_entries", "reads"): _THREE_WAYS,
    ("flows/mending", "gateway_movements", "reads"): _THREE_WAYS,
    ("flows/mending", "movement_adjustments", "reads"): _THREE_WAYS,
    ("flows/mending", "chargebacks", "reads"): _THREE_WAYS,
    ("flows/mending", "payments", "reads"): _THREE_WAYS,
    ("flows/mending", "ledger_accounts", "reads"): _THREE_WAYS,
    ("flows/mending", "ledger_transactions", "reads"): _THREE_WAYS,
    ("flows/mending", "ledger_entries", "reads"): _THREE_WAYS,
    ("development/dev", "accounts", "reads"): "whether the demo's accounts are there already",
    ("edge/notifications", "accounts", "reads"): "a mail is due with the address it goes to",
    ("foundation/queue", "procrastinate_jobs", "writes"): "a job is queued with what it is about",
    ("tasks/runner", "job_runs", "writes"): "the runner imports no room, and has a run to report",
    ("tasks/runner", "job_runs", "reads"): "which ticks have run, when the clock was wrong",
    ("operations/jobs", "job_errors", "reads"): _OPERATOR,
    ("operations/jobs", "job_ticks", "reads"): _OPERATOR,
    ("operations/jobs", "job_ticks", "writes"): _OPERATOR,
    ("operations/jobs", "job_workers", "reads"): _OPERATOR,
    ("operations/jobs", "procrastinate_jobs", "reads"): _OPERATOR,
    ("operations/jobs", "procrastinate_jobs", "writes"): _OPERATOR,
    ("operations/jobs", "procrastinate_events", "reads"): _OPERATOR,
    ("operations/jobs", "procrastinate_workers", "reads"): _OPERATOR,
}

# Files with statements that no parser can read whole, because they are put together.
PUT_TOGETHER: Final = {
    "app/operations/invariants/queries/judging.py": "around whole statements, which are read",
}

USES, PIECES = read_all()


def test_each_table_is_written_and_read_by_its_own_room_alone_but_for_named_exceptions() -> None:
    assert _foreign(USES) - EXCEPTIONS.keys() == set()


def test_no_exception_is_named_that_no_statement_needs_any_more() -> None:
    assert EXCEPTIONS.keys() - _foreign(USES) == set()
    assert READERS.keys() - {use.room for use in USES} == set()
    assert PUT_TOGETHER.keys() - {piece.file for piece in PIECES} == set()


def test_each_exception_says_why() -> None:
    assert [use for use, reason in EXCEPTIONS.items() if not reason] == []


def test_each_table_of_the_schema_has_an_owner_and_each_owner_a_table() -> None:
    schema = (ROOT / "schema.sql").read_text()
    assert (
        set(re.findall(r"CREATE (?:UNLOGGED )?(?:TABLE|VIEW) public\.(\w+)", schema))
        == OWNERS.keys()
    )


def test_money_touches_no_table_of_the_product() -> None:
    """Not even as an exception: money must work for whatever is sold."""
    product = [table for table, room in OWNERS.items() if room.startswith(("market/", "flows/"))]
    assert [use for use in USES if use.room.startswith("money/") and use.table in product] == []


def test_each_statement_can_be_read_whole() -> None:
    assert [piece for piece in PIECES if piece.file not in PUT_TOGETHER] == []


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT * FROM claims WHERE slot = %(slot)s", {"reads claims"}),
        ("INSERT INTO claims (slot) SELECT day FROM days", {"writes claims", "reads days"}),
        ("UPDATE pots SET a = x.a FROM pots AS x", {"writes pots", "reads pots"}),
        ("DELETE FROM claims USING units WHERE true", {"writes claims", "reads units"}),
        ("WITH x AS (UPDATE pots SET a = 1 RETURNING *) SELECT * FROM x", {"writes pots"}),
        ("WITH pots AS (SELECT * FROM pots) SELECT * FROM pots", {"reads pots"}),
        ("SELECT FROM pots AS a FOR UPDATE OF a", {"reads pots"}),
        ("SELECT (SELECT 1 FROM a), EXISTS (SELECT FROM b)", {"reads a", "reads b"}),
        ("SELECT runner.enqueue(%(names)s) FROM generate_series(1, 2) AS n", set[str]()),
        ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", {"writes a", "reads b"}),
    ],
)
def test_what_a_statement_writes_and_reads_is_seen(statement: str, tables: set[str]) -> None:
    assert {f"{verb} {table}" for table, verb in tables_of(statement)} == tables


def _foreign(uses: set[Use]) -> set[Use]:
    """Those that touch a table of another room, or one that nobody owns."""
    return {
        use
        for use in uses
        if OWNERS.get(use.table) != use.room and not (use.room in READERS and use.verb == "reads")
    }
