"""The verbs of sending: what may be sent, what follows from how it went, and what admins do."""

from app.flows.sending.actions.administer import (
    begin_look_up,
    read_page,
    read_story,
    reissue,
    retry,
)
from app.flows.sending.actions.follow import check_sent, follow, follow_sending
from app.flows.sending.actions.refund_late import refund_past_payout
from app.flows.sending.actions.send import (
    admit_refunds,
    begin,
    next_failed_refund,
    next_failed_transfer,
    next_to_admit,
    retry_attempt,
    send_due,
)

__all__ = [
    "admit_refunds",
    "begin",
    "begin_look_up",
    "check_sent",
    "follow",
    "follow_sending",
    "next_failed_refund",
    "next_failed_transfer",
    "next_to_admit",
    "read_page",
    "read_story",
    "refund_past_payout",
    "reissue",
    "retry",
    "retry_attempt",
    "send_due",
]
