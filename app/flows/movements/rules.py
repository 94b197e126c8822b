"""What follows from a movement that we did not begin: what it does first, what an alert says."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.edge.gateways.port import FoundCharge, FoundInstruction
from app.flows.chargebacks import rules as chargeback_rules
from app.flows.chargebacks.model import Case, Cut
from app.flows.movements.model import NotTakenIn
from app.foundation.ids import derived
from app.foundation.money import Money
from app.market.bookings.model import Booking
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import PotKind
from app.money.instructions.model import Instruction
from app.money.instructions.rules import attempts
from app.money.ledger.model import Account, AccountKind
from app.money.payments.model import Payment
from app.money.taken_in.model import TakenIn


def moved(found: Sequence[FoundInstruction]) -> list[FoundInstruction]:
    """The refunds or transfers at a gateway that have moved money, or may still move it."""
    return [each for each in found if each.status.moves_money]


def exact_first(unsent: Sequence[Instruction], amount: int) -> list[Instruction]:
    """Unsent transfers in the order in which a movement of `amount` (minor units) does them.

    Those of just that amount first, then in the order in which they are given.
    """
    return sorted(unsent, key=lambda each: each.amount != amount)


def out_of(case: Case, pots: Mapping[UUID, int], transfers: Sequence[Cut]) -> dict[Account, int]:
    """The accounts that a refund comes out of, and how much of each it takes, in minor units.

    Those of pots, by their ids, and those of the hosts whose transfers are cut.
    """
    taken = {escrow_rules.account(pot): amount for pot in case.pots if (amount := pots.get(pot.id))}
    for host_id in case.host_ids:
        if amount := chargeback_rules.of_host(transfers, host_id):
            currency = case.payment.currency
            taken[Account(AccountKind.HOST_PAYABLE, currency, owner_id=host_id)] = amount
    return taken


def given_back(case: Case, pots: Mapping[UUID, int], transfers: Sequence[Cut]) -> list[Booking]:
    """The parts whose rentals, or whose hosts' transfers, a refund was taken from."""
    of_rentals = {
        pot.booking_id for pot in case.pots if pot.kind is PotKind.RENTAL and pot.id in pots
    }
    of_transfers = {cut.instruction.booking_id for cut in transfers}
    return [part for part in case.parts if part.id in of_rentals | of_transfers]


def part_paid(
    case: Case, found: FoundInstruction, hosts: Sequence[UUID], unsent: Sequence[Instruction]
) -> Booking:
    """The part of a charge's booking whose host a transfer by somebody else has paid.

    `hosts` are those of the account that it went to. One that we made, before the database was
    restored, names the pot that it was of. Of a host's several parts it is the one of which so
    much, or the first of which anything, has not been sent. Raises NotTakenIn.
    """
    for pot in case.pots:
        if attempts.is_of_pot(found.reference, pot.id):
            return case.part(pot.booking_id)
    paid_hosts = case.host_ids if len(case.host_ids) == 1 else sorted(set(hosts))
    parts = [part for part in case.parts if part.host_id in paid_hosts]
    if len({part.host_id for part in parts}) != 1:
        raise NotTakenIn(
            f"It goes to {found.recipient}, and {len(case.host_ids)} hosts are to be paid."
        )
    for transfer in unsent:
        for part in parts:
            if part.id == transfer.booking_id:
                return part
    return parts[0]


def another_id(first: Payment, charge_id: str) -> tuple[UUID, str]:
    """The id and reference of a further payment under the reference of `first`."""
    return derived(first.id, charge_id), f"{first.asked_as}.{charge_id}"


def asked_money(found: FoundCharge, parts: Sequence[Booking]) -> Money:
    """What a charge that is not here was to be: the price of its booking's parts, if it is here."""
    if not parts:
        return found.money
    return Money(amount=sum(part.total for part in parts), currency=parts[0].currency)


def in_charge_currency(money: Money, charge: Payment) -> int | None:
    """An amount of the gateway's balance in minor units of the charge's currency, at its rate.

    None if it is in neither of the charge's currencies.
    """
    if money.currency == charge.currency:
        return money.amount
    settled = charge.settled
    if settled is None or settled.currency != money.currency or not settled.amount:
        return None
    return money.amount * charge.amount // settled.amount


def alert(taken: TakenIn) -> dict[str, Any]:
    """What the alert about something that was taken in says."""

    def text(amount: int) -> str:
        return str(Money(amount=amount, currency=taken.currency))

    return {
        "kind": taken.kind,
        "paymentId": str(taken.payment_id),
        "bookingId": str(taken.booking_id or ""),
        "gateway": taken.gateway,
        "gatewayId": taken.gateway_id,
        "amount": text(taken.amount),
        "fromUnsent": text(taken.from_unsent),
        "fromOwed": text(taken.from_owed),
        "fromDeposit": text(taken.from_deposit),
        "fromRental": text(taken.from_rental),
        "fromTransfers": text(taken.from_transfers),
        "fromHost": text(taken.from_host),
        "loss": text(taken.loss),
    }
