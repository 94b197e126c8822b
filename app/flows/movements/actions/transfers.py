"""Transfers that somebody made at a gateway: whose they are, and what they do of what is owed."""

from collections.abc import Sequence
from uuid import UUID

from app.edge.gateways import references
from app.edge.gateways.port import FoundInstruction, GatewayName
from app.flows.chargebacks import actions as chargebacks
from app.flows.chargebacks import rules as chargeback_rules
from app.flows.movements import rules
from app.flows.movements.actions.charges import find_charge
from app.flows.movements.actions.strange import alert, strange
from app.flows.movements.model import NotTakenIn
from app.flows.sending import actions as sending
from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.money.escrow import actions as escrow
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind, InstructionState
from app.money.payments import actions as payments
from app.money.payments.model import Payment, PaymentState
from app.money.payouts import actions as payouts
from app.money.taken_in import actions as taken_in
from app.money.taken_in import rules as taken_in_rules
from app.money.taken_in.model import PAID_THERE

_TRANSFER = InstructionKind.TRANSFER


async def charge_of_transfer(
    tx: Tx, gateway: GatewayName, found: FoundInstruction
) -> Payment | None:
    """The charge that a transfer is taken in for; None if it is here already, or not ours.

    It is the one that it names, if it goes to a host of that one. One that names none is for what a
    host has not been sent: for a transfer of just that amount, else for the oldest. A host to whom
    nothing is to be sent gets it ahead of the latest charge there.

    Raises NotTakenIn if it is of a charge and goes to nobody that we know, or to an account that
    several hosts have.
    """
    if await instructions.find_by_gateway_id(tx, gateway, found.gateway_id, _TRANSFER):
        return None
    named = await find_charge(tx, gateway, found)
    if references.is_transfer(found.reference):  # we made it, and the database was restored since
        return named
    hosts = await payouts.hosts_of_recipient(tx, gateway, found.recipient)
    if named and named.booking_id:
        booking = await bookings.read(tx, named.booking_id)
        if any(part.host_id in hosts for part in await bookings.parts_of(tx, booking)):
            return named
    if len(hosts) > 1:
        raise NotTakenIn(f"{len(hosts)} hosts have the account {found.recipient}.")
    if hosts and (payment := await _charge_of_host(tx, gateway, hosts[0], found)):
        return payment
    if named:
        raise NotTakenIn(f"It is of {named.reference}, and goes to {found.recipient}.")
    return None


async def take_in_transfer(
    tx: Tx, payment_id: UUID, found: FoundInstruction, *, live: bool
) -> bool:
    """Take in a transfer of a charge that we did not begin; False if it is here already.

    It does what its host was owed and had not got; the rest is a debt of the host, for the part of
    the booking that is the host's. Raises NotTakenIn if it is of another currency than the charge,
    or goes to none of its hosts though there are several.
    """
    asked = await payments.get(tx, payment_id)
    if asked.booking_id is None or asked.state is not PaymentState.SUCCEEDED:
        raise NotTakenIn(f"The charge is {asked.state}, of booking {asked.booking_id}.")
    case = await chargebacks.lock_case(tx, payment_id)
    if not await strange(tx, _TRANSFER, [found], case.payment):
        return False
    amount = rules.in_charge_currency(found.money, case.payment)
    if amount is None:
        raise NotTakenIn(f"{found.money} cannot be of a charge of {case.payment.money}.")
    unsent = await chargebacks.lock_unsent(tx, case)
    in_order = rules.exact_first(unsent.transfers, amount)
    hosts = await payouts.hosts_of_recipient(tx, case.payment.gateway, found.recipient)
    part = rules.part_paid(case, found, hosts, in_order)
    owed = [each for each in in_order if each.payee_id == part.host_id]
    cuts = chargeback_rules.cut(owed, amount)
    promised = sum(cut.amount for cut in cuts)
    await chargebacks.cancel(tx, case, cuts, targets=unsent.targets, reason=PAID_THERE)
    shares = taken_in_rules.shares_of_transfer(amount, promised=promised)
    taken, transfer = await taken_in.take_in_transfer(
        tx,
        case.payment,
        found,
        shares,
        host_id=part.host_id,
        booking_id=part.id,
        amount=amount,
        live=live,
    )
    if shares.from_host:
        await payouts.owe(
            tx,
            cause_id=taken.id,
            host_id=part.host_id,
            booking_id=part.id,
            money=case.payment.money_of(shares.from_host),
            reason=PAID_THERE,
        )
    await sending.follow(tx, InstructionState.SENT, transfer)
    await alert(tx, taken)
    return True


async def _charge_of_host(
    tx: Tx, gateway: GatewayName, host_id: UUID, found: FoundInstruction
) -> Payment | None:
    """The charge of a host that a transfer without a charge of its own is for."""
    unsent = await instructions.unsent_of_payee(tx, host_id, gateway)
    charges = await _fitting(tx, found, [each.payment_id for each in unsent])
    waiting = [each for each in unsent if each.payment_id in charges]
    for each in waiting:
        payment = charges[each.payment_id]
        if each.amount == rules.in_charge_currency(found.money, payment):
            return payment
    if waiting:
        return charges[waiting[0].payment_id]
    latest = await escrow.latest_charges_of_host(tx, host_id, gateway)
    return next(iter((await _fitting(tx, found, latest)).values()), None)


async def _fitting(
    tx: Tx, found: FoundInstruction, payment_ids: Sequence[UUID]
) -> dict[UUID, Payment]:
    """Those of these charges that are in the currency of a transfer, or were exchanged into it."""
    asked = [await payments.get(tx, payment_id) for payment_id in dict.fromkeys(payment_ids)]
    return {each.id: each for each in asked if rules.in_charge_currency(found.money, each)}
