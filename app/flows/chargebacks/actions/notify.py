"""Notify hosts of chargebacks, alert operators about them, and record them in the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.edge.gateways.port import FoundChargeback, GatewayName
from app.edge.notifications import actions as notifications
from app.edge.notifications.model import Kind
from app.flows.chargebacks import rules
from app.flows.chargebacks.model import (
    Case,
    Chargeback,
    ChargebackReply,
    ChargebackState,
    Recovery,
)
from app.foundation import audit
from app.foundation.alerts import Severity, Sighting, raise_alert, raise_alerts, resolve_alerts
from app.foundation.audit import Actor, Subject
from app.foundation.db import Tx
from app.foundation.money import Money
from app.market.bookings.model import Booking

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
    tx: Tx,
    case: Case,
    chargeback: Chargeback,
    *,
    by: Actor,
    reason: str,
    recovery: Recovery | None = None,
) -> None:
    """A chargeback was opened, won or lost: record it, and notify the hosts whose money it is.

    Each is notified of a part of the booking, and of the chargeback as far as it can be of that. An
    alert is open as long as the chargeback is. A charge that bought nothing concerns no host.
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
    hosts = rules.named_hosts(case, chargeback, recovery) if recovery else {}
    await _record(tx, chargeback, by=by, reason=reason, more=hosts)
    for part_id, amount in rules.concerned(case, chargeback).items():
        part, money = case.part(part_id), Money(amount=amount, currency=chargeback.currency)
        await notify_host(tx, part, chargeback, _KINDS[chargeback.state], money)


async def notify_host(
    tx: Tx, part: Booking, chargeback: Chargeback, kind: Kind, money: Money
) -> None:
    """Notify the host of a part of what a chargeback means for this money."""
    await notifications.notify(
        tx,
        account_id=part.host_id,
        kind=kind,
        source_id=rules.notice_id(chargeback, part),
        data=rules.facts(part, chargeback, money),
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


async def _record(
    tx: Tx, chargeback: Chargeback, *, by: Actor, reason: str, more: Mapping[str, Any]
) -> None:
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
            **more,
        },
        reason=reason,
    )
