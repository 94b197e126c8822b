"""What a booking is to escrow, to its passengers, to mails, and to clocks that change."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from app.edge.notifications.model import BookingFacts
from app.foundation.money import Money
from app.foundation.states import MoveRefused
from app.market.bookings.model import (
    Booking,
    BookingState,
    LocalInstant,
    NewPassenger,
    Passenger,
    PassengerRow,
)
from app.market.bookings.rules.orders import passenger_errors
from app.market.inventory import rules as inventory_rules
from app.market.inventory.model import Kind
from app.market.vouchers.model import BorneBy, Priced, Voucher
from app.money.escrow.model import Holding, Windows
from app.money.payments.model import Payment


def priced(booking: Booking) -> Priced:
    """A part of a booking, as a voucher looks at its price."""
    return Priced(
        listing_id=booking.listing_id,
        host_id=booking.host_id,
        kind=booking.kind,
        currency=booking.currency,
        rental=booking.rental,
        fee=booking.fee,
        rest=booking.deposit,
    )


def discounted(parts: Iterable[Booking], shares: Iterable[int], voucher: str) -> list[Booking]:
    """Parts of which a voucher of this name pays a share each, in minor units."""
    return [
        msgspec.structs.replace(
            part,
            discount=share,
            total=part.total - share,
            terms=msgspec.structs.replace(part.terms, voucher=voucher) if share else part.terms,
        )
        for part, share in zip(parts, shares, strict=True)
    ]


def has_voucher(parts: Iterable[Booking]) -> bool:
    """Whether a voucher pays anything of these parts."""
    return any(part.discount for part in parts)


def holding(booking: Booking, payment: Payment, voucher: Voucher | None) -> Holding:
    """What a charge paid for: the host's fee belongs to the rental.

    What a voucher pays that the platform bears is added as the rental is divided.
    """
    is_ours = voucher is not None and voucher.borne_by is BorneBy.PLATFORM
    return Holding(
        booking_id=booking.id,
        part=booking.part,
        payment_id=payment.id,
        guest_id=booking.guest_id,
        host_id=booking.host_id,
        gateway=payment.gateway,
        currency=booking.currency,
        rental=booking.rental + booking.fee - booking.discount,
        deposit=booking.deposit,
        commission_bps=booking.terms.commission_bps,
        commission_on_deposit=booking.terms.commission_on_deposit,
        voucher=booking.discount if is_ours else 0,
    )


def total(parts: Iterable[Booking]) -> Money:
    """What the guest pays for all parts of a booking."""
    amounts = [(part.total, part.currency) for part in parts]
    return Money(amount=sum(amount for amount, _ in amounts), currency=amounts[0][1])


def amounts_apart(parts: Iterable[Booking]) -> list[int]:
    """The amounts of a booking's total that are held apart, and may go to different people."""
    return [
        amount
        for part in parts
        for amount in (part.rental + part.fee - part.discount, part.deposit)
    ]


def that_end_with(declined: Booking, parts: Sequence[Booking], now: datetime) -> list[Booking]:
    """The other parts of a booking that end as a host declines one; none if they stand alone.

    What has begun does not end any more.
    """
    if parts[0].stand_alone:
        return []
    return [
        part
        for part in parts
        if part.id != declined.id
        and (
            part.state is BookingState.AWAITING_HOST
            or (part.state is BookingState.CONFIRMED and part.check_in_at > now)
        )
    ]


def unanswered(parts: Iterable[Booking], now: datetime) -> list[Booking]:
    """The parts whose hosts did not answer in time, the earliest first."""
    late = [
        (part.respond_by, part.part, part)
        for part in parts
        if part.state is BookingState.AWAITING_HOST and part.respond_by and part.respond_by <= now
    ]
    return [part for _, _, part in sorted(late, key=lambda each: each[:2])]


def answer_before(booking: Booking, parts: Sequence[Booking], now: datetime) -> datetime | None:
    """When an answer to a request is too late for other parts that end with it; None if it is not.

    That is when the first of them begins.
    """
    if parts[0].stand_alone:
        return None
    others = [part.check_in_at for part in parts if part.id != booking.id]
    return min((begins for begins in others if begins > now), default=None)


def windows(booking: Booking) -> Windows:
    """From when on pots may be disputed: the rental from check-in, or from arrival for a trip."""
    is_trip = booking.kind is Kind.TRIP
    return Windows(
        rental_opens_at=booking.check_out_at if is_trip else booking.check_in_at,
        deposit_opens_at=booking.check_out_at,
    )


def seat_ids(booking: Booking, passengers: Sequence[NewPassenger]) -> list[int]:
    """The unit of each passenger. Raises Invalid for seats not of this booking or named twice."""
    by_label = {line.label: line.unit_id for line in booking.lines}
    inventory_rules.refuse(list(passenger_errors(passengers, list(by_label))))
    return [by_label[passenger.seat] for passenger in passengers]


def passengers(booking: Booking, rows: Sequence[PassengerRow]) -> list[Passenger]:
    """The passengers of a booking, each with the label of their unit."""
    labels = {line.unit_id: line.label for line in booking.lines}
    return [
        Passenger(
            seat=labels[row.unit_id], name=row.name, document=row.document, contact=row.contact
        )
        for row in rows
    ]


def facts(booking: Booking, *, reason: str) -> BookingFacts:
    """The facts of a mail about a booking."""
    stated = BookingFacts(
        booking_id=booking.id,
        listing_title=booking.terms.title,
        unit_labels=booking.labels,
        check_in_at=booking.check_in_at,
        check_out_at=booking.check_out_at,
        total=Money(amount=booking.total, currency=booking.currency),
        zone=booking.terms.zone,
    )
    if booking.terms.check_out_zone:
        stated["arrival_zone"] = booking.terms.check_out_zone
    if reason:
        stated["reason"] = reason
    if booking.split_from:
        stated["given_back"] = True
    if booking.respond_by:
        stated["respond_by"] = booking.respond_by
    return stated


def facts_of_whole(parts: Sequence[Booking], *, reason: str) -> BookingFacts:
    """The facts of a mail about a booking with all its parts."""
    stated = facts(parts[0], reason=reason)
    stated["listing_title"] = ", ".join(dict.fromkeys(part.terms.title for part in parts))
    stated["unit_labels"] = [label for part in parts for label in part.labels]
    stated["check_in_at"] = min(part.check_in_at for part in parts)
    stated["check_out_at"] = max(part.check_out_at for part in parts)
    stated["total"] = total(parts)
    return stated


def is_misplaced(known: LocalInstant) -> bool:
    """Whether an instant is not the local time that was agreed on, as clocks go by now."""
    return inventory_rules.instant(known.local, known.zone) != known.at


def at_local_times(booking: Booking, known: Iterable[LocalInstant]) -> Booking:
    """A booking with its instants, and those of its terms, where its local times are now."""
    begins, ends = booking.check_in_at, booking.check_out_at
    for each in known:
        at = inventory_rules.instant(each.local, each.zone)
        begins, ends = (at, ends) if each.is_begin else (begins, at)
    moved = begins - booking.check_in_at
    tiers = [
        msgspec.structs.replace(tier, until=tier.until + moved)
        for tier in booking.terms.cancellation
    ]
    return msgspec.structs.replace(
        booking,
        check_in_at=begins,
        check_out_at=ends,
        terms=msgspec.structs.replace(booking.terms, cancellation=tiers),
    )


def check_asked_of_host(booking: Booking) -> None:
    """Whether a booking waits for its host's answer. Raises MoveRefused."""
    if booking.state is not BookingState.AWAITING_HOST:
        raise MoveRefused(f"The booking is {booking.state}.")
