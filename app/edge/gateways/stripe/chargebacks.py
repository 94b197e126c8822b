"""Chargebacks: `GET /v1/disputes`, each with the charge that it is about."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from app.edge.gateways import references
from app.edge.gateways.http import Client
from app.edge.gateways.lists import Page, Row, Span, instant
from app.edge.gateways.port import (
    ChargebackStatus,
    Fact,
    Facts,
    FoundChargeback,
    NoSuchCharge,
    Unknown,
)
from app.edge.gateways.stripe import charges
from app.edge.gateways.stripe.amounts import fee_from_wire, from_wire
from app.edge.gateways.stripe.charges import Charge
from app.edge.gateways.stripe.wire import REASON_LENGTH_MAX, Amount, Id, list_page, read, read_list
from app.foundation.money import Money

_WITH_CHARGES: Final = {"expand[]": "data.charge"}

# How an event names its charge, since it lacks our reference, which never has a colon.
_CHARGE: Final = references.GATEWAYS_OWN

# `warning_closed` ends an inquiry without a chargeback. Every other word (`needs_response`,
# `under_review`, `warning_…`, `appeal_…`, and new ones) is not final, except `prevented`.
_STATUSES: Final = {
    "won": ChargebackStatus.WON,
    "warning_closed": ChargebackStatus.WON,
    "lost": ChargebackStatus.LOST,
}
_PREVENTED: Final = "prevented"
_TIME_MAX: Final = 253_402_300_799  # the latest that datetime can hold, in Unix seconds


class _Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a chargeback does to our balance; in another currency if it was exchanged."""

    amount: int
    currency: str
    fee: int


class _Evidence(msgspec.Struct, frozen=True, kw_only=True):
    due_by: Annotated[int, Meta(ge=0, le=_TIME_MAX)] | None = None


class _Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """What we use of a chargeback."""

    id: Id
    status: str
    amount: Amount
    currency: str
    reason: str
    livemode: bool
    charge: Charge
    balance_transactions: list[_Balance]
    evidence_details: _Evidence
    created: int | None = None
    payment_intent: Fact = None
    is_charge_refundable: bool | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the money is gone now: it is withdrawn once, and returned once if we win.

        If it was exchanged, what is returned may be less than what was withdrawn.
        """
        signs = [each.amount > 0 for each in self.balance_transactions if each.amount]
        return signs.count(False) > signs.count(True)

    @property
    def verdict(self) -> ChargebackStatus:
        """How it ended. `prevented` does not say: the money shows it."""
        if self.status == _PREVENTED:
            return ChargebackStatus.LOST if self.is_taken else ChargebackStatus.WON
        return _STATUSES.get(self.status, ChargebackStatus.OPEN)


def named(charge_id: str) -> str:
    """The name of a charge in an event, as `find` takes it."""
    return f"{_CHARGE}{charge_id}"


async def find(client: Client, charge_reference: str) -> list[FoundChargeback] | Unknown:
    """`GET /v1/disputes?charge=…`: all chargebacks of a charge, newest first.

    What is disputed is the attempt that paid: its id is looked up first, unless an event had it.
    """
    if charge_reference.startswith(_CHARGE):
        return await _of_charge(client, charge_reference, charge_reference.removeprefix(_CHARGE))
    charge = await charges.find_attempt(client, charge_reference)
    match charge:
        case Unknown():
            return charge
        case NoSuchCharge():
            return []
        case Charge(id=charge_id):
            return await _of_charge(client, charge_reference, charge_id)


async def list_span(
    client: Client, span: Span, cursor: str | None
) -> Page[FoundChargeback] | Unknown:
    """`GET /v1/disputes`."""
    return await list_page(client, "/v1/disputes", span, cursor, _read_row, filters=_WITH_CHARGES)


async def _of_charge(
    client: Client, reference: str, charge_id: str
) -> list[FoundChargeback] | Unknown:
    listed = await read_list(
        client,
        "/v1/disputes",
        operation="find_chargebacks",
        reference=reference,
        filters={"charge": charge_id, **_WITH_CHARGES},
    )
    if isinstance(listed, Unknown):
        return listed
    found = [chargeback for each in listed if (chargeback := _read_row(each))]
    if len(found) < len(listed):
        return Unknown(reason=f"a chargeback of {reference} makes no sense")
    return found


def _read_row(row: Row) -> FoundChargeback | None:
    dispute = read(row, _Dispute)
    money = _money(dispute) if dispute else None
    if dispute is None or money is None:
        return None
    return FoundChargeback(
        gateway_id=dispute.id,
        charge_reference=dispute.charge.transfer_group or "",
        status=dispute.verdict,
        money=money,
        is_taken=dispute.is_taken,
        fee=_fee(dispute),
        reason=dispute.reason[:REASON_LENGTH_MAX],
        evidence_due_at=_due_at(dispute),
        live=dispute.livemode,
        at=instant(dispute.created),
        data=_facts(dispute),
        settled=_exchanged(dispute, withdrawn=True),
        returned=_exchanged(dispute, withdrawn=False),
    )


def _money(dispute: _Dispute) -> Money | None:
    """What the bank wants. Exchange rates may have made it more than the guest has paid."""
    charge = dispute.charge
    if dispute.currency != charge.currency:
        return None
    return from_wire(min(dispute.amount, charge.amount), dispute.currency)


def _fee(dispute: _Dispute) -> int | None:
    """Stripe's fees in minor units of our balance's currency, rounded down.

    If Stripe returns its fee with the money, it is 0. None if nothing was withdrawn yet.
    """
    taken = dispute.balance_transactions
    currency = _balance_currency(dispute)
    if currency is None or from_wire(0, currency) is None:
        return None
    return fee_from_wire(max(0, sum(each.fee for each in taken)), currency)


def _exchanged(dispute: _Dispute, *, withdrawn: bool) -> Money | None:
    """What left our balance, or came back; None if it is in the currency of the charge, or none."""
    currency = _balance_currency(dispute)
    moved = [each for each in dispute.balance_transactions if (each.amount < 0) is withdrawn]
    if not moved or currency in (None, dispute.currency):
        return None
    return from_wire(abs(sum(each.amount for each in moved)), moved[0].currency)


def _balance_currency(dispute: _Dispute) -> str | None:
    """The one currency in which our balance was changed; None if there is none, or no one."""
    currencies = {each.currency for each in dispute.balance_transactions}
    return currencies.pop() if len(currencies) == 1 else None


def _due_at(dispute: _Dispute) -> datetime | None:
    """Until when evidence is accepted; Stripe reports 0 if it is not accepted."""
    due_by = dispute.evidence_details.due_by
    return datetime.fromtimestamp(due_by, UTC) if due_by else None


def _facts(dispute: _Dispute) -> Facts:
    """Stripe's words and amounts, kept as evidence."""
    return {
        "status": dispute.status,
        "amount": dispute.amount,
        "currency": dispute.currency,
        "charge": dispute.charge.id,
        "payment_intent": dispute.payment_intent,
        "is_charge_refundable": dispute.is_charge_refundable,
        "withdrawn": -sum(each.amount for each in dispute.balance_transactions),
    }
