"""Windows and shares; what a division means for the ledger, the guest and the host."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.edge.gateways.amounts import AmountRule, Operation
from app.edge.gateways.registry import amounts_of, ties_transfers
from app.foundation import states
from app.foundation.audit import Change, Subject
from app.foundation.money import split
from app.money.escrow.model import (
    MOVES,
    AlreadyDisputed,
    Division,
    Holding,
    NotYetOpen,
    Pot,
    PotKind,
    PotState,
    Split,
    WindowClosed,
)
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import ChargeContested, Refund
from app.money.payouts.model import Payout

WINDOWS: Final = {PotKind.RENTAL: timedelta(hours=1), PotKind.DEPOSIT: timedelta(hours=2)}

WHOLE_BPS: Final = 10_000
_ESCROW: Final = {
    PotKind.RENTAL: AccountKind.ESCROW_RENTAL,
    PotKind.DEPOSIT: AccountKind.ESCROW_DEPOSIT,
}


def divide(
    pot: Pot, *, to_guest: int, reason: str, automatic: bool = False, fee: int = 0
) -> Division:
    """The shares of a pot of which the guest gets `to_guest`, cut to what its gateway can pay.

    Some gateways pay in steps of several minor units. The guest's share is rounded down to such a
    step, and what it loses stays in the rest. Of the rest the platform takes its commission,
    rounded down; the host's share is what remains, rounded down to a step; and less than one step,
    which nobody could be paid, goes to the platform with its commission. So it does with what a
    host keeps of a deposit, if that was agreed on: it was not in bookings made before it was asked.

    What a voucher pays at the platform's cost is added to the rest in proportion: where the guest
    gets half of what was paid back, half of the voucher is added, rounded down. So the guest never
    gets more than was paid, and the host what would have been due without the voucher.

    Of the guest's share `fee` is kept for the platform, which the gateway has taken of the charge;
    at the most so much that the rest can be paid. It changes nobody else's share.

    Raises ChargeContested while a chargeback of the pot's charge is open.
    """
    if pot.contested:
        raise ChargeContested("What is held stays where it is until its chargeback is decided.")
    refunds = amounts_of(pot.gateway, Operation.REFUND, pot.currency)
    to_guest = refunds.share(to_guest)
    kept_fee = _kept(fee, to_guest, refunds)
    rest = pot.left - to_guest
    from_voucher = pot.voucher * rest // pot.amount
    is_income = pot.kind is PotKind.RENTAL or pot.commission_on_deposit
    bps = pot.commission_bps if is_income else 0
    _, uncut = split(rest + from_voucher, [bps, WHOLE_BPS - bps])
    to_host = amounts_of(pot.gateway, Operation.TRANSFER, pot.currency).in_steps(uncut)
    return Division(
        pot=pot,
        to_guest=to_guest - kept_fee,
        commission=rest + from_voucher - to_host + kept_fee,
        to_host=to_host,
        from_voucher=from_voucher,
        kept_fee=kept_fee,
        reason=reason,
        automatic=automatic,
    )


def _kept(fee: int, to_guest: int, refunds: AmountRule) -> int:
    """How much of a fee is kept of what the guest gets: in whole steps, and what is left of the
    share is nothing, or an amount that the gateway can pay.
    """
    kept = refunds.in_steps(min(fee, to_guest))
    if refunds.share(to_guest - kept) == to_guest - kept:
        return kept
    return max(0, refunds.in_steps(to_guest - refunds.least))


def changes(divisions: Sequence[Division]) -> list[Change]:
    """What the audit log keeps of divisions."""
    return [
        Change(
            subject=Subject("pot", division.pot.id),
            before={"state": division.pot.state, "amount": division.pot.money(division.pot.left)},
            after={
                "state": division.state,
                "toGuest": division.pot.money(division.to_guest),
                "commission": division.pot.money(division.commission),
                "toHost": division.pot.money(division.to_host),
                "fromVoucher": division.pot.money(division.from_voucher),
                "keptFee": division.pot.money(division.kept_fee),
                "reason": division.reason,
            },
        )
        for division in divisions
    ]


def release(pot: Pot) -> Division:
    """A pot that nobody disputed: the rental is its host's, the deposit goes back to the guest.

    That a deposit comes back was agreed: its refund does not wait at the refund gate.
    """
    if pot.kind is PotKind.RENTAL:
        return divide(pot, to_guest=0, reason="rental released")
    return divide(pot, to_guest=pot.left, reason="deposit returned")


def give_back(
    pots: Sequence[Pot], *, rental_bps: int, reason: str, automatic: bool = False, fee: int = 0
) -> list[Division]:
    """Divisions that give a part of the rental, and all of the deposit, back to the guest.

    `rental_bps` is that part in hundredths of a percent. It is rounded down, and cut as `divide`
    says. A `fee` is kept of the guest's part of the rental. Raises ChargeContested.
    """
    shares = {PotKind.RENTAL: rental_bps, PotKind.DEPOSIT: WHOLE_BPS}
    return [
        divide(
            pot,
            to_guest=part(pot.left, shares[pot.kind]),
            reason=reason,
            automatic=automatic,
            fee=fee if pot.kind is PotKind.RENTAL else 0,
        )
        for pot in pots
        if pot.is_undivided
    ]


def take(pots: Sequence[Pot], amount: int) -> dict[UUID, int]:
    """How much of each pot that is held goes, if others take so much of their charge.

    Deposits go first, which are the guest's unless there is damage; then the rentals; those of one
    kind in the order in which they are given. Minor units, by the ids of the pots; no pot gives
    nothing.
    """
    taken: dict[UUID, int] = {}
    for kind in (PotKind.DEPOSIT, PotKind.RENTAL):
        for pot in pots:
            if pot.kind is kind and pot.is_undivided and (part := min(amount, pot.left)):
                taken[pot.id] = part
                amount -= part
    return taken


def taken_of(kind: PotKind, pots: Sequence[Pot], taken: Mapping[UUID, int]) -> int:
    """How much of what is taken out of pots comes out of those of one kind. Minor units."""
    return sum(taken.get(pot.id, 0) for pot in pots if pot.kind is kind)


def part(amount: int, bps: int) -> int:
    """A part of an amount, given in hundredths of a percent; rounded down to minor units."""
    return split(amount, [bps, WHOLE_BPS - bps])[0]


def check_disputable(pot: Pot, now: datetime) -> None:
    """Check that a pot can be disputed at this instant.

    Raises AlreadyDisputed, WindowClosed, NotYetOpen, and MoveRefused for a pot that was divided
    before its window opened.
    """
    if pot.state is PotState.DISPUTED:
        raise AlreadyDisputed("Add to the dispute that is open.")
    if pot.closes_at and max(now, pot.divided_at or now) >= pot.closes_at:
        raise WindowClosed(
            f"It could be disputed until {pot.closes_at:%Y-%m-%d %H:%M:%S} UTC.",
            members={"closesAt": pot.closes_at},
        )
    states.check(MOVES, pot.state, PotState.DISPUTED)
    if pot.opens_at is None:
        raise NotYetOpen("The booking is not confirmed.", members={"opensAt": None})
    if now < pot.opens_at:
        raise NotYetOpen(
            f"It can be disputed from {pot.opens_at:%Y-%m-%d %H:%M:%S} UTC on.",
            members={"opensAt": pot.opens_at},
        )


def split_off(pot: Pot, amount: int, *, voucher: int, pot_id: UUID, booking_id: UUID) -> Pot:
    """A pot that has a part of what is held in another, for a booking that was split from its own.

    `voucher` is what of the voucher goes with it, if the platform bears that. It has no window: it
    is divided at once.
    """
    return msgspec.structs.replace(
        pot,
        id=pot_id,
        booking_id=booking_id,
        amount=amount,
        voucher=voucher if pot.voucher else 0,
        opens_at=None,
        closes_at=None,
    )


def posting_of_split(split: Split) -> Posting:
    """The posting that moves what is held from the account of one booking to that of another."""
    return Posting(
        kind=PostingKind.SPLIT,
        source_id=split.into.id,
        booking_id=split.into.booking_id,
        entries=(
            Entry(account(split.pot), -split.into.amount),
            Entry(account(split.into), split.into.amount),
        ),
        memo=f"from the booking {split.pot.booking_id}",
    )


def names_of_pots(part: int) -> dict[PotKind, str]:
    """Under which names the ids of a part's pots are derived from the charge that fills them."""
    return {kind: kind if part == 1 else f"{kind} {part}" for kind in PotKind}


def charge(holdings: Sequence[Holding]) -> Posting:
    """The posting of a charge whose money is held in pots, for all parts of its booking."""
    first = holdings[0]
    clearing = Account(
        kind=AccountKind.GATEWAY_CLEARING, currency=first.currency, gateway=first.gateway
    )
    return Posting(
        kind=PostingKind.CHARGE,
        source_id=first.payment_id,
        booking_id=first.booking_id,
        entries=(
            Entry(clearing, -sum(each.rental + each.deposit for each in holdings)),
            *(
                Entry(
                    Account(
                        kind=_ESCROW[kind], currency=holding.currency, owner_id=holding.booking_id
                    ),
                    amount,
                )
                for holding in holdings
                for kind, amount in parts(holding).items()
            ),
        ),
        memo="for the booking",
    )


def parts(holding: Holding) -> dict[PotKind, int]:
    """The amount of each pot of a charge; pots that would be empty are left out."""
    amounts = {PotKind.RENTAL: holding.rental, PotKind.DEPOSIT: holding.deposit}
    return {kind: amount for kind, amount in amounts.items() if amount}


def posting(division: Division) -> Posting:
    """The posting that empties a pot: to the guest, the platform and the host.

    What a voucher adds is the platform's cost: that account is below zero by what it has cost.
    """
    pot = division.pot
    escrow = account(pot)
    guest = Account(kind=AccountKind.GUEST_REFUNDABLE, currency=pot.currency, owner_id=pot.guest_id)
    host = Account(kind=AccountKind.HOST_PAYABLE, currency=pot.currency, owner_id=pot.host_id)
    platform = Account(kind=AccountKind.PLATFORM_REVENUE, currency=pot.currency)
    vouchers = Account(kind=AccountKind.VOUCHERS, currency=pot.currency)
    return Posting(
        kind=PostingKind.DIVISION,
        source_id=pot.id,
        booking_id=pot.booking_id,
        entries=(
            Entry(escrow, -pot.left),
            *([Entry(vouchers, -division.from_voucher)] if division.from_voucher else []),
            Entry(guest, division.to_guest),
            Entry(platform, division.commission),
            Entry(host, division.to_host),
        ),
        memo=division.reason,
    )


def account(pot: Pot) -> Account:
    """The ledger account for the money that is held in a pot."""
    return Account(kind=_ESCROW[pot.kind], currency=pot.currency, owner_id=pot.booking_id)


def refunds(divisions: Iterable[Division]) -> list[Refund]:
    """The refunds of the guests' shares, where there are any."""
    return [
        Refund(
            payment_id=division.pot.payment_id,
            booking_id=division.pot.booking_id,
            source_id=division.pot.id,
            amount=division.to_guest,
            reason=division.reason,
            automatic=division.automatic,
        )
        for division in divisions
        if division.to_guest
    ]


def payouts(divisions: Iterable[Division]) -> list[Payout]:
    """The payouts of the hosts' shares, where there are any."""
    return [
        Payout(
            source_id=division.pot.id,
            booking_id=division.pot.booking_id,
            payment_id=division.pot.payment_id,
            host_id=division.pot.host_id,
            gateway=division.pot.gateway,
            amount=division.to_host,
            of_charge=_of_charge(division),
            currency=division.pot.currency,
            reason=division.reason,
        )
        for division in divisions
        if division.to_host
    ]


def _of_charge(division: Division) -> int | None:
    """The most that may be sent to the host as the charge's money; None if there is no limit."""
    pot = division.pot
    if not division.from_voucher or not ties_transfers(pot.gateway):
        return None
    steps = amounts_of(pot.gateway, Operation.TRANSFER, pot.currency)
    return steps.in_steps(pot.left - division.to_guest)
