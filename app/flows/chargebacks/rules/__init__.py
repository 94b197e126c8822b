"""Decisions of chargebacks: what a report says, who bears a lost one, what is posted and said."""

from app.flows.chargebacks.rules.bearers import (
    borne_by_hosts,
    charge_hosts,
    cut,
    cut_transfers,
    kept,
    of_host,
    recover,
    successor,
)
from app.flows.chargebacks.rules.postings import (
    fee,
    given_back,
    recovered,
    refund_kept,
    taken,
)
from app.flows.chargebacks.rules.reports import (
    DUE_SOON,
    LOOK_AGAIN_IN,
    amount,
    contradicts,
    differences,
    settled,
    was_taken,
)
from app.flows.chargebacks.rules.words import alert, concerned, facts, named_hosts, notice_id

__all__ = [
    "DUE_SOON",
    "LOOK_AGAIN_IN",
    "alert",
    "amount",
    "borne_by_hosts",
    "charge_hosts",
    "concerned",
    "contradicts",
    "cut",
    "cut_transfers",
    "differences",
    "facts",
    "fee",
    "given_back",
    "kept",
    "named_hosts",
    "notice_id",
    "of_host",
    "recover",
    "recovered",
    "refund_kept",
    "settled",
    "successor",
    "taken",
    "was_taken",
]
