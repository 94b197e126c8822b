"""Notify hosts of chargebacks, alert operators about them, and record them in the audit log."""

from collections.abc import Sequence
from typing import Final

from app.edge.gateways.port import FoundChargeback, GatewayName
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.flows.chargebacks import rules
from app.flows.chargebacks.model import Case, Chargeback, ChargebackReply, ChargebackState
from app.foundation import audit
from app.foundation.alerts import Severity, Sighting, raise_alert, raise_alerts, resolve_alerts
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx
from app.foundation.money import Money

_S = ChargebackState
_OPENED: Final = "chargeback_opened"
_DUE: Final = "chargeback_due"
_MISMATCH: Final = "chargeback_mismatch"
_VERBS: Final = {_S.OPEN: "open", _S.WON: "win", _S.LOST: "lose"}
_KINDS: Final = {
    _S.OPEN: Kind.CHARGEBACK_OPENED,
    _S.WON: Kind.CHARGEBACK_WON,
    _S.LOST: Kind.CHARGEBACK_LOST,
}


async def notify_move(
    tx: Tx, case: Case, chargeback: Chargeback, *, by: Actor, reason: str
) -> None:
    """A chargeback was opened, won or lost: record it, and notify the host whose money it is.

    An alert is open as long as the chargeback is. A charge that bought nothing concerns no host.
    """
    if chargeback.state is _S.OPEN:
        await raise_alert(
            tx,
            kind=_OPENED,
            severity=Severity.CRITICAL,
            subject=str(chargeback.id),
            details=rules.alert(chargeback),
        )
    else:
        await resolve_alerts(tx, (_OPENED, _DUE), [str(chargeback.id)])
        await resolve_alerts(
            tx, (_MISMATCH,), [_at_gateway(chargeback.gateway, chargeback.gateway_id)]
        )
    await _record(tx, chargeback, by=by, reason=reason)
    if case.pots:
        await notify_host(tx, case, chargeback, _KINDS[chargeback.state], chargeback.money)


async def notify_host(tx: Tx, case: Case, chargeback: Chargeback, kind: Kind, money: Money) -> None:
    """Notify the host of what a chargeback means for this money."""
    await notifications.notify(
        tx,
        account_id=case.booking.host_id,
        kind=kind,
        source_id=chargeback.id,
        data=rules.facts(case.booking, chargeback, money),
    )


async def alert_due(tx: Tx, chargebacks: Sequence[Chargeback]) -> None:
    """Alert operators about evidence that is due soon."""
    await raise_alerts(
        tx,
        [
            Sighting(
                kind=_DUE,
                severity=Severity.CRITICAL,
                subject=str(chargeback.id),
                details=rules.alert(chargeback),
            )
            for chargeback in chargebacks
        ],
    )


async def alert_mismatch(
    tx: Tx, case: Case, found: FoundChargeback, differences: Sequence[str]
) -> None:
    """Alert operators that a report fits neither its charge nor what was reported before.

    Nothing of such a report is posted.
    """
    await raise_alert(
        tx,
        kind=_MISMATCH,
        severity=Severity.CRITICAL,
        subject=_at_gateway(case.payment.gateway, found.gateway_id),
        details={
            "differences": list(differences),
            "found": str(found.money),
            "charge": str(case.payment.money),
            "paymentId": str(case.payment.id),
        },
    )


async def alert_contradiction(tx: Tx, chargeback: Chargeback, found: FoundChargeback) -> None:
    """Alert operators that a gateway now reports another end: they adjust the books by hand."""
    await raise_alert(
        tx,
        kind="chargeback_contradicted",
        severity=Severity.CRITICAL,
        subject=str(chargeback.id),
        details=rules.alert(chargeback) | {"ours": chargeback.state, "theirs": found.status},
    )


async def alert_unknown(tx: Tx, gateway: GatewayName, gateway_id: str, **details: str) -> None:
    """Alert operators about a chargeback that is about no charge of ours, or cannot be read."""
    await raise_alert(
        tx,
        kind="chargeback_unknown",
        severity=Severity.CRITICAL,
        subject=_at_gateway(gateway, gateway_id),
        details=details,
    )


def _at_gateway(gateway: GatewayName, gateway_id: str) -> str:
    return f"{gateway} {gateway_id}"


async def _record(tx: Tx, chargeback: Chargeback, *, by: Actor, reason: str) -> None:
    await audit.record(
        tx,
        by=by,
        action=f"{_VERBS[chargeback.state]}_chargeback",
        subject=Subject("chargeback", chargeback.id),
        before=None if chargeback.state is _S.OPEN else {"state": _S.OPEN},
        after={
            "state": chargeback.state,
            "bookingId": chargeback.booking_id,
            "paymentId": chargeback.payment_id,
            "gatewayId": chargeback.gateway_id,
            "amount": chargeback.money,
            "recovered": ChargebackReply.of(chargeback).recovered,
        },
        reason=reason,
    )
