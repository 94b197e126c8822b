"""The laws, on one page. Each is judged by a column of its name in `queries`.

If a critical law is broken, a unit or a cent is not where the books say. If another one is broken,
work was not done: it is later than a stopped or busy worker explains.
"""

from typing import Final

from app.foundation.alerts import Severity
from app.operations.invariants.model import Law

_C: Final = Severity.CRITICAL
_W: Final = Severity.WARNING


def _law(name: str, severity: Severity, sentence: str) -> Law:
    return Law(name=name, severity=severity, sentence=sentence)


LAWS: Final = (
    # ---- units ----
    _law("sold_once", _C, "A paid booking has each of its units for each of its slots, for good."),
    _law("held_until_deadline", _C, "An unpaid booking has all of its units until its deadline."),
    _law("unpaid_holds_end", _C, "No booking has units for good before it is paid."),
    _law("ended_claims_nothing", _C, "An expired, declined or cancelled booking has no units."),
    _law("claims_as_booked", _C, "Nothing is claimed for a booking but its own units and slots."),
    # ---- the ledger ----
    _law("ledger_balances", _C, "Each ledger transaction moves something, and sums to zero."),
    _law("postings_move_amounts", _C, "A posting moves the amount of what it is about."),
    _law("escrow_not_negative", _C, "No escrow account is below zero."),
    _law("escrow_is_the_pots", _C, "An escrow account holds what its undivided pot says."),
    _law("guests_owed_refunds", _C, "A guest is owed the refunds that have not arrived yet."),
    _law("hosts_owed_transfers", _C, "A host is owed the transfers not arrived yet, less debts."),
    _law(
        "revenue_is_commission", _C, "The platform has the commissions, less refunds at its cost."
    ),
    _law("cash_at_gateways", _C, "A gateway has what came in, less what went out and its fees."),
    _law("losses_are_chargebacks", _C, "Chargeback losses are what nobody else pays for."),
    _law("bank_has_payouts", _C, "Our bank has the payouts that left gateways and did not fail."),
    _law("vouchers_cost", _C, "Vouchers cost what they have added to pots at our expense."),
    _law("checkpoints_sum_up", _C, "A checkpoint is the sum of its account's entries up to it."),
    # ---- money in ----
    _law("paid_has_pots", _C, "A booking that was paid has its price in pots; no other has any."),
    _law("pots_as_agreed", _C, "A pot's guest, host, currency and commission are the booking's."),
    _law("windows_as_booked", _C, "A pot's window is where the booking's instants put it."),
    _law("pots_follow_booking", _C, "The states of a booking and of its pots fit each other."),
    _law("charges_posted_once", _C, "A charge is in the ledger once if it succeeded, else never."),
    _law(
        "charges_fill_pots", _C, "An applied charge is, to the cent, what its booking's pots hold."
    ),
    _law("unapplied_given_back", _C, "A charge that bought nothing is refunded in full."),
    _law("refunds_counted", _C, "A charge counts its refunds, which never exceed it."),
    _law("vouchers_not_oversold", _C, "A voucher counts its uses, and has no more than it may."),
    _law("voucher_uses_fit", _C, "A voucher is used by a booking that costs less, while it lives."),
    # ---- money out ----
    _law("divisions_posted_once", _C, "A pot is in the ledger as divided once, if it is divided."),
    _law("commission_as_agreed", _C, "The platform keeps its commission of the host's part only."),
    _law("vouchers_add", _C, "A voucher adds to a divided pot as much as the guest did not get."),
    _law("shares_instructed", _C, "Each share of a divided pot has its refund or transfer, once."),
    _law(
        "pots_close_when_arrived", _C, "A pot is closed when all its money has arrived, not before."
    ),
    _law(
        "disputes_freeze", _C, "A pot is disputed while a dispute about it is open, and only then."
    ),
    _law("disputes_in_window", _C, "A dispute is about the pot of its side, in the pot's window."),
    _law("disputes_decide", _C, "A pot whose dispute was resolved is divided as decided."),
    _law(
        "instructions_have_causes", _C, "Nothing is paid out by us without a pot, charge or debt."
    ),
    _law(
        "amounts_can_be_sent", _C, "What is to be paid out is an amount that its gateway can pay."
    ),
    _law("sent_together_once", _C, "Each transfer goes alone or in one with others, all alike."),
    _law("effects_posted_once", _C, "What has arrived or come back is in the ledger, each once."),
    _law("intent_before_effect", _C, "Each attempt was stored before it was sent to the gateway."),
    _law("recoveries_counted", _C, "A debt counts what was kept back for it, and no more is kept."),
    _law(
        "late_refunds_borne", _C, "A refund after the payout is posted, and somebody pays for it."
    ),
    _law("taken_in_borne", _C, "What was moved without us is taken in, and somebody pays for it."),
    _law(
        "chargebacks_posted_once",
        _C,
        "A chargeback is posted as taken and recovered, each once, and with its fee.",
    ),
    _law("chargebacks_borne", _C, "A host owes what is to be recovered from the next payouts."),
    _law("chargebacks_freeze", _C, "A charge is frozen while a chargeback is open, and only then."),
    _law("chargebacks_recovered", _C, "What a chargeback took from something is missing there."),
    # ---- settlements ----
    _law("hosts_settled", _C, "What moved a host's money by the last month is in one settlement."),
    _law("settlements_sum_up", _C, "A settlement is its lines and what the one before it left."),
    # ---- the bank ----
    _law("statements_add_up", _C, "A bank statement's entries lead from one balance to the other."),
    _law("payouts_arrived_once", _C, "A payout arrived with an entry that nobody took back."),
    _law(
        "differences_explained", _C, "Gateway and ledger differ nowhere for an hour, unexplained."
    ),
    # ---- states ----
    _law("booking_history_whole", _C, "A booking's history leads to its state without a gap."),
    _law("payment_history_whole", _C, "A charge's history leads to its state without a gap."),
    _law("pot_history_whole", _C, "A pot's history leads to its state without a gap."),
    _law("dispute_history_whole", _C, "A dispute's history leads to its state without a gap."),
    _law("chargeback_history_whole", _C, "A chargeback's history leads to its state, no gap."),
    _law("instruction_history_whole", _C, "An instruction's history leads to its state, no gap."),
    # ---- work that was not done ----
    _law("holds_expire", _W, "No hold is unpaid 15 minutes after its deadline."),
    _law("requests_end", _W, "No request waits for its host an hour after its deadline."),
    _law("pots_are_released", _W, "No pot is held 15 minutes after its window closed undisputed."),
    _law("bookings_complete", _W, "No booking is open an hour after its end, its pots settled."),
    _law("charges_settle", _W, "No charge is open for more than a day."),
    _law("instructions_move", _W, "No refund or transfer is an hour late for its next step."),
    _law("instructions_arrive", _W, "No refund or transfer was given up."),
    _law(
        "webhooks_processed", _W, "No webhook was given up, or is 15 minutes late for its next try."
    ),
    _law("mails_sent", _W, "No mail is unsent 30 minutes after it was due."),
    _law("keys_come_free", _W, "No idempotency key without a reply is busy for an hour."),
    _law("instants_as_agreed", _W, "A booking to come is at its local times, as clocks go by now."),
    _law("jobs_start", _W, "No job waits for a worker 15 minutes after it was due."),
    _law("jobs_end", _W, "No job gave up."),
)
