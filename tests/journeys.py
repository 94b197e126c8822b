"""A stay of one host and a trip of another, booked together and paid by one charge."""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.edge.gateways.port import Accepted, FoundInstruction, GatewayName, MoneyOutStatus
from app.flows.checkout import actions as checkout
from app.flows.sending import actions as sending
from app.foundation.db import Tx, execute, fetch_values
from app.market.bookings import actions as bookings
from app.market.bookings.model import Booking, Reserve, WantedPart
from app.money.escrow import actions as escrow
from app.money.escrow.model import Pot
from app.money.instructions import actions as instructions
from app.money.instructions.model import Instruction, InstructionKind, InstructionState
from app.money.payments import actions as payments
from app.money.payments.model import Payment
from app.people.accounts.model import Principal, Role
from tests import make, paid

STAY_RENTAL, STAY_DEPOSIT, TRIP_RENTAL = 2_000_000, 500_000, 500_000
WHOLE = STAY_RENTAL + STAY_DEPOSIT + TRIP_RENTAL
# What their hosts get: 10% are the platform's.
STAY_HOST, TRIP_HOST = 1_800_000, 450_000


class Journey(NamedTuple):
    """The two parts and the charge that paid for both."""

    stay: Booking
    trip: Booking
    payment: Payment

    @property
    def parts(self) -> list[Booking]:
        return [self.stay, self.trip]


async def journey(
    tx: Tx,
    *,
    stay_host: Principal | None = None,
    trip_host: Principal | None = None,
    stay_in: int = 30,
    trip_in: int = 40,
    stay: dict[str, Any] | None = None,
    trip: dict[str, Any] | None = None,
    stand_alone: bool = False,
    with_accounts: bool = True,
    gateway: GatewayName = GatewayName.PAYSTACK,
) -> Journey:
    """A night in `stay_in` days and a seat in `trip_in` days, paid for; both hosts can be paid."""
    stay_host = stay_host or await make.account(tx, Role.GUEST, Role.HOST)
    trip_host = trip_host or await make.account(tx, Role.GUEST, Role.HOST)
    guest = await make.account(tx)
    if with_accounts:
        for host in {stay_host.id, trip_host.id}:
            await payee(tx, host)
    stay_id = await make.stay(tx, stay_host, **stay or {})
    trip_id = await make.trip(tx, trip_host, days_ahead=trip_in, **trip or {})
    check_in = await make.today(tx) + timedelta(days=stay_in)
    night = WantedPart(
        listing_id=stay_id,
        unit_count=1,
        check_in=check_in,
        check_out=check_in + timedelta(days=1),
    )
    seat = WantedPart(trip_id=trip_id, seat_count=1)
    request = Reserve(parts=[night, seat], parts_stand_alone=stand_alone)
    parts = await bookings.reserve(tx, guest_id=guest.id, request=request)
    payment = await checkout.begin(tx, parts, gateway=gateway)
    await paid.settle(tx, payment, fee=0)  # known: transfers of it can be sent
    slept, driven = await bookings.lock_whole(tx, parts[0].id)
    return Journey(slept, driven, await payments.lock(tx, payment.id))


async def payee(tx: Tx, host_id: UUID) -> None:
    """An account that a host is paid to, at Paystack; its code is the end of the host's id."""
    await execute(
        tx,
        """
        INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder,
                                     account_number, bank_code, recipient, state)
        VALUES (%(id)s, %(host_id)s, 'paystack', 'NGN', 'bank_account', 'A Host',
                '0001234567', '058', %(recipient)s, 'active')""",
        id=make.new_id(),
        host_id=host_id,
        recipient=recipient(host_id),
    )


def recipient(host_id: UUID) -> str:
    """What the gateway calls the account of a host that `payee` made."""
    return f"RCP_{host_id.hex[-12:]}"


async def pots_of(tx: Tx, journey: Journey) -> dict[str, Pot]:
    """The pots of both, by the kind of the listing and of the pot."""
    held = [pot for part in journey.parts for pot in await escrow.of_booking(tx, part.id)]
    names = {journey.stay.id: "stay", journey.trip.id: "trip"}
    return {f"{names[pot.booking_id]} {pot.kind}": pot for pot in held}


async def money_out(tx: Tx, journey: Journey) -> list[str]:
    """Refunds and transfers of both, the oldest first: of which part, what, its state, how much."""
    names = {journey.stay.id: "stay", journey.trip.id: "trip"}
    out = [each for part in journey.parts for each in await instructions.of_booking(tx, part.id)]
    return [
        f"{names[each.booking_id]} {each.kind} {each.state} {each.amount}"
        for each in sorted(out, key=lambda each: each.id)
        if each.booking_id
    ]


async def release(tx: Tx, part: Booking) -> None:
    """Time passes until all windows of a part have closed: what is due by then is released."""
    await paid.set_clock(tx, part.check_out_at + timedelta(hours=3))
    await escrow.release_due(tx, limit=100)


async def send_all(tx: Tx, part: Booking) -> None:
    """All refunds and transfers of a part arrive that are to be sent."""
    for instruction in await instructions.of_booking(tx, part.id):
        if instruction.state is InstructionState.QUEUED:
            assert await arrive(tx, instruction)


async def arrive(tx: Tx, instruction: Instruction) -> bool:
    """One is sent, and its gateway says that it has arrived; False if it is not to be sent now."""
    begun = await sending.begin(tx, instruction.id)
    if begun is None:
        return False
    accepted = Accepted(gateway_id=str(instruction.id), status=MoneyOutStatus.PENDING, data={})
    sent = await instructions.record(tx, begun.instruction, accepted)
    done = await instructions.settle(tx, sent, found(sent), live=False)
    await sending.follow(tx, sent.state, done)
    return True


def found(sent: Instruction) -> FoundInstruction:
    """What the gateway says of one that has arrived."""
    return FoundInstruction(
        reference=sent.reference or "",
        gateway_id=str(sent.id),
        status=MoneyOutStatus.SUCCEEDED,
        money=sent.money,
        failure="",
        live=False,
        fee=0,
        data={},
    )


def sent_by_others(
    payment: Payment, kind: InstructionKind, amount: int, *, to: str = ""
) -> FoundInstruction:
    """What somebody did at the gateway's dashboard of a charge: a refund, or a transfer."""
    done = make.new_id()
    return FoundInstruction(
        reference=f"by-hand-{kind}-{done}",
        gateway_id=str(done),
        status=MoneyOutStatus.SUCCEEDED,
        money=payment.money_of(amount),
        failure="",
        live=False,
        fee=0,
        data={},
        charge_reference=payment.reference,
        recipient=to,
    )


async def mails(tx: Tx) -> list[str]:
    """The mails to hosts about money: of what, of which listing, of how much."""
    return await fetch_values(
        tx,
        str,
        """
        SELECT concat_ws(' ', kind, data ->> 'listing_title', data -> 'amount' ->> 'amount')
          FROM notifications
         WHERE kind IN ('chargeback_opened', 'chargeback_lost', 'chargeback_won', 'host_debt',
                        'rental_given_back')
         ORDER BY 1""",
    )
