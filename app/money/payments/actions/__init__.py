"""The verbs of payments: begin, settle, look up, learn, take in, give back, read."""

from app.money.payments.actions.charge import CALLING_FOR, begin, record_start, settle
from app.money.payments.actions.facts import ask_for_facts, learn, take_in
from app.money.payments.actions.look_up import ask_about, ask_about_unpaid, inconclusive
from app.money.payments.actions.read import (
    find_by_gateway_id,
    find_by_reference,
    get,
    lock,
    lock_shared,
    references_of_booking,
    unpaid_ids,
)
from app.money.payments.actions.refund import (
    charge_back,
    contest,
    count_refunded,
    give_back,
    refund_all,
    set_aside,
)

__all__ = [
    "CALLING_FOR",
    "ask_about",
    "ask_about_unpaid",
    "ask_for_facts",
    "begin",
    "charge_back",
    "contest",
    "count_refunded",
    "find_by_gateway_id",
    "find_by_reference",
    "get",
    "give_back",
    "inconclusive",
    "learn",
    "lock",
    "lock_shared",
    "record_start",
    "references_of_booking",
    "refund_all",
    "set_aside",
    "settle",
    "take_in",
    "unpaid_ids",
]
