"""How much a guest gets back, by who cancels and when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import structs

from app.flows.cancellation.model import (
    KeptFee,
    NotCancellable,
    NotPaidYet,
    PartPreview,
    Preview,
    Ruling,
)
from app.foundation import states
from app.foundation.audit import ActorRole
from app.foundation.errors import Problem
from app.foundation.money import Money
from app.market.bookings.model import MOVES, UNPAID, Booking, BookingState
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Division, Pot, PotKind


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


def is_unpaid(parts: Sequence[Booking]) -> bool:
    """Whether nothing of a booking is paid yet: its parts are all alike until then."""
    return parts[0].state in UNPAID


def check_alone(parts: Sequence[Booking], by: ActorRole) -> None:
    """Check that these parts of a booking may end without the others. Raises NotPaidYet.

    While nothing is paid, one hold and one charge are for all parts. A guest who wants fewer makes
    another booking; a host who does not want the guest ends all.
    """
    if by is not ActorRole.HOST and is_unpaid(parts) and parts[0].part_of is not None:
        raise NotPaidYet("Cancel the whole booking, and book what you want.")


def rulings(parts: Sequence[Booking], by: ActorRole, now: datetime) -> dict[UUID, Ruling]:
    """The ruling for each of these parts that can be cancelled now; others stay as they are.

    Raises MoveRefused, NotCancellable if none can: what refuses the first one.
    """
    found: dict[UUID, Ruling] = {}
    refusals: list[Problem] = []
    for part in parts:
        try:
            states.check(MOVES, part.state, BookingState.CANCELLED)
            found[part.id] = ruling(part, by, now)
        except Problem as refusal:
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    return found


def keeping(ruling: Ruling, kept: KeptFee | None) -> Ruling:
    """The ruling for a guest who has cancelled so much lately that the gateway's fee is kept."""
    return structs.replace(ruling, kept=kept)


def fee_of(ruling: Ruling, pots: Sequence[Pot]) -> int:
    """What is kept of the rental, if so much can be, of what is paid for with these pots."""
    return ruling.kept.of(sum(pot.amount for pot in pots)) if ruling.kept else 0


def divisions(rulings: Mapping[UUID, Ruling], pots: Sequence[Pot]) -> list[Division]:
    """Who gets what of the pots of parts that are cancelled. Raises ChargeContested."""
    by_part = {part_id: [pot for pot in pots if pot.booking_id == part_id] for part_id in rulings}
    return [
        division
        for part_id, ruling in rulings.items()
        for division in escrow_rules.give_back(
            by_part[part_id],
            rental_bps=ruling.back_bps,
            reason="cancelled",
            fee=fee_of(ruling, by_part[part_id]),
        )
    ]


def preview(
    parts: Sequence[Booking], rulings: Mapping[UUID, Ruling], divisions: Sequence[Division]
) -> Preview:
    """What the guest gets back by these divisions of pots."""
    ending = [
        part_preview(
            part, rulings[part.id], [each for each in divisions if each.pot.booking_id == part.id]
        )
        for part in parts
        if part.id in rulings
    ]
    if len(parts) == 1:
        return Preview(**structs.asdict(ending[0]))

    def money(amounts: Iterable[Money]) -> Money:
        return Money(amount=sum(each.amount for each in amounts), currency=parts[0].currency)

    said = list(dict.fromkeys(part.rule for part in ending))
    return Preview(
        booking_id=parts[0].id,
        rule=said[0] if len(said) == 1 else "each part by its own rule",
        until=min((part.until for part in ending if part.until), default=None),
        rental=money(part.rental for part in ending),
        deposit=money(part.deposit for part in ending),
        total=money(part.total for part in ending),
        kept_fee=money(part.kept_fee for part in ending),
        parts=ending,
    )


def part_preview(booking: Booking, ruling: Ruling, divisions: Sequence[Division]) -> PartPreview:
    """What the guest gets back by these divisions of the pots of one part."""
    back = {division.pot.kind: division.to_guest for division in divisions}
    kept_fee = sum(division.kept_fee for division in divisions)
    if ruling.kept and kept_fee:
        ruling = _with_fee(ruling, ruling.kept, Money(amount=kept_fee, currency=booking.currency))

    def money(amount: int) -> Money:
        return Money(amount=amount, currency=booking.currency)

    return PartPreview(
        booking_id=booking.id,
        rule=ruling.rule,
        until=ruling.until,
        rental=money(back.get(PotKind.RENTAL, 0)),
        deposit=money(back.get(PotKind.DEPOSIT, 0)),
        total=money(sum(back.values())),
        kept_fee=money(kept_fee),
    )


def _with_fee(ruling: Ruling, kept: KeptFee, fee: Money) -> Ruling:
    rule = (
        f"{ruling.rule}; less {fee}, which the gateway keeps of what was paid: you have cancelled"
        f" several paid bookings within a day. From {kept.until:%Y-%m-%d %H:%M} UTC on it is"
        " refunded again"
    )
    until = min(ruling.until or kept.until, kept.until)
    return structs.replace(ruling, rule=rule, until=until)


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
