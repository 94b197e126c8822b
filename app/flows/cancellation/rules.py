"""How much a guest gets back, by who cancels and when."""

from collections.abc import Sequence
from datetime import datetime

from app.flows.cancellation.model import NotCancellable, Preview, Ruling
from app.foundation.audit import ActorRole
from app.foundation.money import Money
from app.market.bookings.model import UNPAID, Booking, BookingState
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Division, PotKind


def ruling(booking: Booking, by: ActorRole, now: datetime) -> Ruling:
    """The ruling for a booking that is cancelled at this instant. Raises NotCancellable.

    If the guest cancels, the frozen terms decide. If the host or an admin cancels, or if the
    booking is not confirmed yet, everything is refunded.
    """
    if booking.state in UNPAID:
        return Ruling(
            back_bps=escrow_rules.WHOLE_BPS, rule="nothing is paid yet", until=booking.expires_at
        )
    if booking.state is BookingState.AWAITING_HOST:
        rule = "the host has not accepted yet: all comes back"
        return Ruling(back_bps=escrow_rules.WHOLE_BPS, rule=rule, until=booking.respond_by)
    if booking.check_in_at <= now:
        raise NotCancellable("It has begun.")
    if by is not ActorRole.GUEST:
        rule = f"cancelled by the {by}: all comes back"
        return Ruling(back_bps=escrow_rules.WHOLE_BPS, rule=rule, until=booking.check_in_at)
    return _by_policy(booking, now)


def preview(booking: Booking, ruling: Ruling, divisions: Sequence[Division]) -> Preview:
    """What the guest gets back by these divisions of pots."""
    back = {division.pot.kind: division.to_guest for division in divisions}

    def money(amount: int) -> Money:
        return Money(amount=amount, currency=booking.currency)

    return Preview(
        booking_id=booking.id,
        rule=ruling.rule,
        until=ruling.until,
        rental=money(back.get(PotKind.RENTAL, 0)),
        deposit=money(back.get(PotKind.DEPOSIT, 0)),
        total=money(sum(back.values())),
    )


def _by_policy(booking: Booking, now: datetime) -> Ruling:
    for tier in booking.terms.cancellation:
        if now < tier.until:
            return Ruling(
                back_bps=tier.back_bps, rule=_in_words(booking, tier.back_bps), until=tier.until
            )
    return Ruling(back_bps=0, rule=_in_words(booking, 0), until=booking.check_in_at)


def _in_words(booking: Booking, back_bps: int) -> str:
    parts = {0: "nothing", escrow_rules.WHOLE_BPS: "all"}
    part = parts.get(back_bps) or f"{back_bps / 100:g} %"
    deposit = ", and the deposit" if booking.deposit else ""
    return f"{booking.terms.policy} policy: {part} of rental and fee comes back{deposit}"
