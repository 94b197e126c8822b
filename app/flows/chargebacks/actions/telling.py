"""Who is told of a chargeback: operators by alerts, the host by mail, and the audit log."""

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


async def moved(tx: Tx, case: Case, chargeback: Chargeback, *, by: Actor, reason: str) -> None:
    """It is open, won or lost now: an alert is open as long as it is.

    The host is told, whose money it is; of a charge that bought nothing, none is.
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
        await tell_host(tx, case, chargeback, _KINDS[chargeback.state], chargeback.money)


async def tell_host(tx: Tx, case: Case, chargeback: Chargeback, kind: Kind, money: Money) -> None:
    """Tell the host of money."""
    await notifications.notify(
        tx,
        account_id=case.booking.host_id,
        kind=kind,
        source_id=chargeback.id,
        data=rules.facts(case.booking, chargeback, money),
    )


async def due(tx: Tx, chargebacks: Sequence[Chargeback]) -> None:
    """Alert about evidence that is due soon."""
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


async def mismatch(tx: Tx, case: Case, found: FoundChargeback, differences: Sequence[str]) -> None:
    """What is told does not fit its charge, or what was told before: nothing is booked."""
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


async def contradiction(tx: Tx, chargeback: Chargeback, found: FoundChargeback) -> None:
    """It has ended otherwise than the gateway says now: somebody must look, and adjust by hand."""
    await raise_alert(
        tx,
        kind="chargeback_contradicted",
        severity=Severity.CRITICAL,
        subject=str(chargeback.id),
        details=rules.alert(chargeback) | {"ours": chargeback.state, "theirs": found.status},
    )


async def unknown(tx: Tx, gateway: GatewayName, gateway_id: str, **details: str) -> None:
    """It is about no charge of ours, or cannot be read."""
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
