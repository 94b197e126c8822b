"""Runs, movements and differences: what is stored, compared, alerted, explained and shown."""

from app.money.reconciliation.actions.administer import (
    explain,
    posted_by_hand,
    queue_run,
    read_days,
    read_difference,
    read_page,
    unexplained,
)
from app.money.reconciliation.actions.compare import (
    Comparison,
    alert,
    compare_all,
    lock_comparing,
    open_differences,
    open_hours,
    prepare,
    record_all,
)
from app.money.reconciliation.actions.gather import (
    begin,
    fail,
    finish,
    forget_differences,
    forget_hours,
    forget_movements,
    forget_runs,
    keep,
    store_asked,
    store_page,
    take_unfinished,
)
from app.money.reconciliation.actions.mend import begin_mending, post_fee, read_payout
from app.money.reconciliation.actions.trial import begin_trial

__all__ = [
    "Comparison",
    "alert",
    "begin",
    "begin_mending",
    "begin_trial",
    "compare_all",
    "explain",
    "fail",
    "finish",
    "forget_differences",
    "forget_hours",
    "forget_movements",
    "forget_runs",
    "keep",
    "lock_comparing",
    "open_differences",
    "open_hours",
    "post_fee",
    "posted_by_hand",
    "prepare",
    "queue_run",
    "read_days",
    "read_difference",
    "read_page",
    "read_payout",
    "record_all",
    "store_asked",
    "store_page",
    "take_unfinished",
    "unexplained",
]
