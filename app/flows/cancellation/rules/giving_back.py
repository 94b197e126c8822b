"""What is given back of a part, by which rule, and what its guest and its host get of that."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.edge.gateways.amounts import ANY, AmountRule, Operation
from app.edge.gateways.registry import amounts_of
from app.flows.cancellation.model import (
    PARTS_MAX,
    GiveBack,
    GivenBack,
    HeldFast,
    KeptFee,
    NotCancellable,
    NotPaidYet,
    PartPreview,
    Piece,
    Ruling,
    TooManyParts,
)
from app.flows.cancellation.rules import cancelling
from app.foundation import states
from app.foundation.audit import ActorRole
from app.foundation.errors import FieldError, Invalid
from app.foundation.ids import derived
from app.market.bookings.model import MOVES, UNPAID, Booking, BookingState
from app.market.bookings.rules import splitting
from app.market.bookings.rules.splitting import Held, Split, Wish
from app.market.inventory.model import Kind
from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Division, Pot, PotKind, PotState
from app.money.escrow.model import Split as PotSplit
from app.money.payments.model import ChargeContested

_REASON = "given back"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done: a part is split (or not, if all of it is given back) and cancelled.

    `pots` are those that are split, `divisions` what becomes of what is given back.
    """

    split: Split | None
    ruling: Ruling
    pots: list[PotSplit]
    divisions: list[Division]
    back: PartPreview


def wish(request: GiveBack) -> Wish | None:
    """What a request wants to give back; None: all of the part. Raises Invalid."""
    given = {
        "units": request.units,
        "firstNights": request.first_nights,
        "lastNights": request.last_nights,
        "all": request.everything,
    }
    named = [name for name, value in given.items() if value is not None]
    if not named:
        raise Invalid.field("units", f"give one of {', '.join(given)}")
    if beside := named[1:]:
        message = f"cannot stand beside {named[0]}"
        raise Invalid(message, errors=[FieldError(field=name, message=message) for name in beside])
    if request.everything:
        return None
    return Wish(
        units=request.units or (),
        first_nights=request.first_nights or 0,
        last_nights=request.last_nights or 0,
    )


def plan(
    part: Booking,
    pots: Sequence[Pot],
    wanted: Wish | None,
    *,
    by: ActorRole,
    now: datetime,
    part_id: UUID,
    number: int,
    kept: KeptFee | None = None,
) -> Plan:
    """What becomes of a part of which this is given back now; a new part has this id and number.

    Raises MoveRefused, NotPaidYet, NotCancellable, HeldFast, ChargeContested, TooManyParts, and
    Invalid.
    """
    states.check(MOVES, part.state, BookingState.CANCELLED)
    if part.state in UNPAID:
        raise NotPaidYet("Cancel it, and book what you want.")
    if wanted is None or splitting.is_all(part, wanted):
        return _whole(part, pots, by=by, now=now, kept=kept)
    _check_whole(pots)
    if number > PARTS_MAX:
        raise TooManyParts("Cancel what is left of it, and book what you want.")
    split = splitting.split(part, wanted, held(pots), part_id=part_id, part=number)
    ruling = cancelling.keeping(_ruling(split, wanted, pots, by=by, now=now), kept)
    splits = _splits(split, pots)
    divisions = _divisions(splits, ruling)
    return Plan(
        split=split,
        ruling=ruling,
        pots=splits,
        divisions=divisions,
        back=cancelling.part_preview(part, ruling, divisions),
    )


def held(pots: Sequence[Pot]) -> Held:
    """What of the money of a part is in escrow. A rental that a voucher paid counts as held."""
    refunds = ANY
    for pot in pots:
        refunds = _refunds(pot)
    return Held(
        rental=all(pot.is_undivided for pot in pots if pot.kind is PotKind.RENTAL),
        deposit=any(pot.is_undivided for pot in pots if pot.kind is PotKind.DEPOSIT),
        refunds=refunds,
    )


def reply(planned: Plan, part: Booking, *, is_done: bool) -> GivenBack:
    """A plan for a part as it is shown, before and after it is carried out."""
    split, back = planned.split, planned.back
    gone = split.gone if split else part
    return GivenBack(
        booking_id=part.id,
        rule=back.rule,
        until=back.until,
        rental=back.rental,
        deposit=back.deposit,
        total=back.total,
        kept_fee=back.kept_fee,
        given_back=Piece.of(gone, gone.id if is_done or not split else None),
        stays=Piece.of(split.stays, part.id) if split else None,
    )


def _whole(
    part: Booking, pots: Sequence[Pot], *, by: ActorRole, now: datetime, kept: KeptFee | None
) -> Plan:
    ruling = cancelling.keeping(cancelling.ruling(part, by, now), kept)
    divisions = escrow_rules.give_back(
        pots, rental_bps=ruling.back_bps, reason="cancelled", fee=cancelling.fee_of(ruling, pots)
    )
    back = cancelling.part_preview(part, ruling, divisions)
    return Plan(split=None, ruling=ruling, pots=[], divisions=divisions, back=back)


def _check_whole(pots: Sequence[Pot]) -> None:
    """Whether what is held may be split. Raises HeldFast, ChargeContested."""
    for pot in pots:
        if pot.contested:
            raise ChargeContested("What is held stays where it is until its chargeback is decided.")
        if pot.state is PotState.DISPUTED:
            raise HeldFast(f"The {pot.kind} is disputed: wait until that is decided.")
        if pot.charged_back or pot.given_back:
            raise HeldFast(f"A part of the {pot.kind} has gone back already: only all can follow.")


# ---- which rule ---------------------------------------------------------------------------------


def _ruling(
    split: Split, wanted: Wish, pots: Sequence[Pot], *, by: ActorRole, now: datetime
) -> Ruling:
    """The ruling for what is given back of a part at this instant. Raises NotCancellable."""
    was = split.was
    if was.state is BookingState.AWAITING_HOST:
        return cancelling.ruling(was, by, now)
    if was.check_in_at > now:
        ruling = cancelling.ruling(was, by, now)
        return msgspec.structs.replace(ruling, rule=_in_words(split, by, ruling.back_bps))
    _check_to_come(split, wanted, now)
    until = split.stays.check_out_at
    if not held(pots).rental:
        rule = "the rental is paid out: the stay is shortened, and no money moves"
        return Ruling(back_bps=0, rule=rule, until=until)
    if by is ActorRole.GUEST:
        return Ruling(back_bps=0, rule="the stay has begun: nothing comes back", until=until)
    whole = escrow_rules.WHOLE_BPS
    return Ruling(back_bps=whole, rule=_in_words(split, by, whole), until=until)


def _check_to_come(split: Split, wanted: Wish, now: datetime) -> None:
    """What has begun is not given back, but for nights whose day has not come. As `_ruling`."""
    if split.was.kind is Kind.TRIP:
        raise NotCancellable("It has begun.")
    if not wanted.last_nights:
        raise NotCancellable("It has begun: some of the lastNights can be given back.")
    if split.stays.check_out_at <= now:
        raise NotCancellable(
            f"The guest would have left at {split.stays.check_out_at:%Y-%m-%d %H:%M} UTC: "
            "fewer of the lastNights can be given back."
        )


def _in_words(split: Split, by: ActorRole, back_bps: int) -> str:
    words = {0: "nothing", escrow_rules.WHOLE_BPS: "all"}
    share = words.get(back_bps) or f"{back_bps / 100:g} %"
    deposit = ", and its deposit" if split.gone.deposit else ""
    what = f"{share} of the rental of what is given back comes back{deposit}"
    if by is ActorRole.GUEST:
        return f"{split.was.terms.policy} policy: {what}"
    return f"given back by the {by}: {what}"


# ---- money --------------------------------------------------------------------------------------


def _splits(split: Split, pots: Sequence[Pot]) -> list[PotSplit]:
    """The pots that are split, each with the new one; of these the rental has the lower id.

    What a voucher adds is split with the discount. Raises HeldFast.
    """
    gone = split.gone
    amounts = {
        PotKind.RENTAL: gone.rental + gone.fee - gone.discount,
        PotKind.DEPOSIT: gone.deposit,
    }
    if not amounts[PotKind.RENTAL] and gone.discount and any(pot.voucher for pot in pots):
        raise HeldFast("So little was paid of the rental that it cannot be shared.")
    taken = [pot for pot in pots if pot.is_undivided and amounts[pot.kind]]
    taken.sort(key=lambda pot: pot.kind is PotKind.DEPOSIT)
    ids = sorted(derived(pot.id, f"part {gone.part}") for pot in taken)
    return [
        PotSplit(
            pot=pot,
            into=escrow_rules.split_off(
                pot, amounts[pot.kind], voucher=gone.discount, pot_id=id_, booking_id=gone.id
            ),
        )
        for pot, id_ in zip(taken, ids, strict=True)
    ]


def _divisions(splits: Sequence[PotSplit], ruling: Ruling) -> list[Division]:
    """Who gets what of what is given back: the guest all of the deposit."""
    fee = cancelling.fee_of(ruling, [each.into for each in splits])
    return [
        escrow_rules.divide(
            each.into,
            to_guest=each.into.amount
            if each.pot.kind is PotKind.DEPOSIT
            else share(each.pot.amount, each.into.amount, ruling.back_bps, _refunds(each.pot)),
            reason=_REASON,
            fee=fee if each.pot.kind is PotKind.RENTAL else 0,
        )
        for each in splits
    ]


def share(before: int, given: int, back_bps: int, refunds: AmountRule) -> int:
    """The guest's share of what is given back of a rental, in minor units.

    It is what the guest's share of all was, less what it is of what stays: so it does not matter
    in how many steps, and in which order, something is given back.
    """
    whole = refunds.in_steps(escrow_rules.part(before, back_bps))
    return whole - refunds.in_steps(escrow_rules.part(before - given, back_bps))


def _refunds(pot: Pot) -> AmountRule:
    return amounts_of(pot.gateway, Operation.REFUND, pot.currency)
