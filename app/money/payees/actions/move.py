"""Move a payout account on, with all that follows from it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from app.edge.gateways.recipients import RecipientReady
from app.foundation import audit, states
from app.foundation.alerts import resolve_alerts
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx
from app.money.instructions import actions as instructions
from app.money.payees import queries, rules
from app.money.payees.model import (
    MOVES,
    Payee,
    PayoutAccount,
    PayoutAccountState,
)

_S = PayoutAccountState
_STUCK: Final = "payout_account_stuck"
_STOPPED: Final = "payout_account_stopped"

# Longer than the calls that ask a gateway about one account can take, repeats included. If no
# answer is recorded by then, a crash has cut them off, and the account may be asked about again.
CALLING_FOR: Final = timedelta(minutes=3)


async def redirect(tx: Tx, payee: Payee, recipient: str | None) -> None:
    """Send transfers that are queued or waiting to this account; with None they wait."""
    host_id, gateway, currency = payee
    await instructions.withdraw(tx, payee_id=host_id, gateway=gateway, currency=currency)
    if recipient:
        await instructions.resume_all(
            tx, payee_id=host_id, gateway=gateway, currency=currency, target=recipient
        )


async def take(tx: Tx, account: PayoutAccount) -> PayoutAccount:
    return await queries.take_account(tx, account.id, calling_for=CALLING_FOR) or account


async def move(
    tx: Tx,
    account: PayoutAccount,
    to: PayoutAccountState,
    *,
    by: Actor,
    answered: int | None = None,
    ready: RecipientReady | None = None,
    missing: Sequence[str] = (),
    failure: str | None = None,
    next_try_in: timedelta | None = None,
) -> PayoutAccount:
    states.check(MOVES, account.state, to)
    moved = await queries.move_account(
        tx,
        account,
        to,
        answered=account.answered if answered is None else answered,
        ready=ready,
        missing=missing,
        failure=failure,
        next_try_in=next_try_in,
    )
    if moved is None:
        raise states.MoveRefused("Somebody else changed this account at the same moment.")
    await audit.record(
        tx,
        by=by,
        action=rules.VERBS[to],
        subject=Subject("payout_account", account.id),
        before={"state": account.state},
        after={"state": to, "accountNumber": account.masked_number},
        reason=failure or "",
    )
    await resolve_alerts(tx, (_STUCK, _STOPPED), [str(account.id)])
    return moved
