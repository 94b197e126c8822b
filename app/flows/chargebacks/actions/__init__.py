"""The verbs of chargebacks: look up, post, recover, keep refunds, notify; and what admins do."""

from app.flows.chargebacks.actions.administer import close, read_page, read_story, record
from app.flows.chargebacks.actions.keep_refund import keep_refund, lock_around
from app.flows.chargebacks.actions.look_up import (
    contested_charges,
    find_charge,
    look_up_listed,
    look_up_open,
    post_reported,
)
from app.flows.chargebacks.actions.post import lock_case, post
from app.flows.chargebacks.actions.recover import cancel, lock_unsent, replace

__all__ = [
    "cancel",
    "close",
    "contested_charges",
    "find_charge",
    "keep_refund",
    "lock_around",
    "lock_case",
    "lock_unsent",
    "look_up_listed",
    "look_up_open",
    "post",
    "post_reported",
    "read_page",
    "read_story",
    "record",
    "replace",
]
