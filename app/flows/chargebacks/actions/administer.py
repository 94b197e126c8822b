"""Administer: what admins see of chargebacks; and record, where a gateway does not report them."""

from uuid import UUID

from app.edge.gateways.port import ChargebackStatus, FoundChargeback, GatewayName
from app.edge.gateways.registry import gateway_named
from app.flows.chargebacks import queries, rules
from app.flows.chargebacks.actions.post import lock_case, lose, post, win
from app.flows.chargebacks.actions.recover import awaits_refund
from app.flows.chargebacks.model import (
    MOVES,
    Chargeback,
    ChargebackKnown,
    ChargebackPage,
    ChargebackReply,
    ChargebackState,
    ChargebackStory,
    Close,
    GatewayTells,
    NewChargeback,
    NoSuchChargeback,
    NotTheSame,
    RefundUnderWay,
)
from app.foundation import paging, states
from app.foundation.audit import Actor, ActorRole
from app.foundation.db import Tx
from app.money.payments import actions as payments


async def record(tx: Tx, new: NewChargeback, *, admin_id: UUID) -> ChargebackReply:
    """Open a chargeback that its gateway does not report.

    Raises NoSuchPayment, ChargeNotPaid, GatewayTells, ChargebackKnown, NotTheSame.
    """
    payment = await payments.get(tx, new.payment_id)
    live = _live_if_silent(payment.gateway)
    if await queries.lock(tx, payment.gateway, new.gateway_id):
        raise ChargebackKnown(f"{payment.gateway} has reported {new.gateway_id} before.")
    found = FoundChargeback(
        gateway_id=new.gateway_id,
        charge_reference=payment.reference,
        status=ChargebackStatus.OPEN,
        money=new.amount,
        is_taken=new.is_taken,
        fee=None,
        reason=new.reason,
        evidence_due_at=new.evidence_due_at,
        live=live,
        data={},
    )
    if differences := rules.differences(payment, None, found, live=live):
        raise NotTheSame(f"It differs from its charge in {', '.join(differences)}.")
    chargeback = await post(tx, payment.id, found, live=live, by=Actor(ActorRole.ADMIN, admin_id))
    if chargeback is None:
        raise NotTheSame("It differs from its charge.")
    return ChargebackReply.of(chargeback)


async def close(tx: Tx, chargeback_id: UUID, request: Close, *, admin_id: UUID) -> None:
    """Record how a chargeback has ended, where its gateway reports nothing, or nothing that fits.

    Raises NoSuchChargeback, GatewayTells, MoveRefused, RefundUnderWay.
    """
    asked = await _get(tx, chargeback_id)
    if not request.overrule:
        _live_if_silent(asked.gateway)
    case = await lock_case(tx, asked.payment_id)
    chargeback = await queries.lock(tx, asked.gateway, asked.gateway_id) or asked
    by = Actor(ActorRole.ADMIN, admin_id)
    to = ChargebackState(request.outcome)
    states.check(MOVES, chargeback.state, to)
    if to is ChargebackState.WON:
        await win(tx, case, chargeback, by=by, reason=request.reason, is_back=True)
        return
    if await awaits_refund(tx, chargeback.payment_id):
        raise RefundUnderWay("Close it when that has ended: it decides who bears the loss.")
    await lose(tx, case, chargeback, by=by, reason=request.reason)


async def read_page(
    tx: Tx, *, state: ChargebackState | None, limit: int, cursor: str | None
) -> ChargebackPage:
    """A page of chargebacks, newest first. Raises Invalid for a made-up cursor."""
    before = paging.read_id(cursor)
    found = await queries.page(tx, state=state, before=before, limit=limit + 1)
    page, next_cursor = paging.cut(found, limit, by=lambda chargeback: chargeback.id)
    replies = [ChargebackReply.of(chargeback) for chargeback in page]
    return ChargebackPage(chargebacks=replies, next_cursor=next_cursor)


async def read_story(tx: Tx, chargeback_id: UUID) -> ChargebackStory:
    """One chargeback, with its history. Raises NoSuchChargeback."""
    chargeback = await _get(tx, chargeback_id)
    return ChargebackStory(
        chargeback=ChargebackReply.of(chargeback),
        history=await queries.history(tx, chargeback_id),
    )


def _live_if_silent(name: GatewayName) -> bool:
    """Whether a gateway that reports no chargebacks moves real money.

    Raises GatewayTells for a gateway that reports them.
    """
    gateway = gateway_named(name)
    if gateway.reports_chargebacks:
        raise GatewayTells(f"{name} reports its chargebacks; they are posted as it reports them.")
    return gateway.live


async def _get(tx: Tx, chargeback_id: UUID) -> Chargeback:
    if chargeback := await queries.find(tx, chargeback_id):
        return chargeback
    raise NoSuchChargeback(f"There is no chargeback {chargeback_id}.")
