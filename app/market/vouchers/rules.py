"""What a voucher may be used for, and how much of the price of each part it pays."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate, pairwise
from uuid import UUID

from app.edge.gateways.registry import refused_by_all, steps_of
from app.foundation.errors import FieldError, Invalid
from app.foundation.money import EXPONENTS, Money, split
from app.market.inventory.model import Listing
from app.market.vouchers.model import NewVoucher, Priced, Voucher

FIELD = "voucherCode"
_WHOLE_BPS = 10_000
_HUNDREDTH = 100


def unknown(code: str) -> Invalid:
    """The problem of a code that no voucher has."""
    return Invalid.field(FIELD, f"there is no voucher {code}")


def check_period(voucher: Voucher, now: datetime) -> None:
    """Check that a voucher may be used at this instant. Raises Invalid."""
    if voucher.ended_at is not None:
        raise Invalid.field(FIELD, "this voucher has been ended")
    if now < voucher.starts_at:
        raise Invalid.field(FIELD, f"can be used from {voucher.starts_at:%Y-%m-%d %H:%M} UTC on")
    if now >= voucher.ends_at:
        raise Invalid.field(FIELD, f"could be used until {voucher.ends_at:%Y-%m-%d %H:%M} UTC")


def discounts(voucher: Voucher, parts: Sequence[Priced]) -> list[int]:
    """What a voucher pays of each part of a booking, in their order, in minor units.

    It pays of the rentals that it is for, in proportion, and never more than a rental. All of it is
    rounded down to whole steps in which gateways charge, so that the rest can be paid.

    Raises Invalid, which says why, if it pays nothing here, or leaves nothing to pay.
    """
    eligible = [part for part in parts if _is_for(voucher, part)]
    _check_eligible(voucher, eligible)
    currency = eligible[0].currency
    rentals = [part.rental if part in eligible else 0 for part in parts]
    step = steps_of(currency)
    shares = spread(_worth(voucher, sum(rentals)), rentals, step=step)
    if not sum(shares):
        raise Invalid.field(FIELD, "pays nothing of this price")
    _check_rest(parts, shares)
    return shares


def spread(amount: int, weights: Sequence[int], *, step: int = 1) -> list[int]:
    """An amount in proportion to weights, in whole steps; no share is more than its weight.

    `amount` is at most the sum of the weights. What is rounded at one share is made up for at the
    next: unlike `money.split`, of which the last share has all remainders, and may be more than its
    weight. All shares sum to the amount rounded down to steps, if the weights are whole steps.
    """
    units, total = min(amount, sum(weights)) // step, sum(weights)
    if not total:
        return [0 for _ in weights]
    ends = [units * reached // total for reached in accumulate(weights, initial=0)]
    shares = [(end - begin) * step for begin, end in pairwise(ends)]
    return [
        min(share, weight - weight % step) for share, weight in zip(shares, weights, strict=True)
    ]


def _is_for(voucher: Voucher, part: Priced) -> bool:
    pairs = (
        (voucher.host_id, part.host_id),
        (voucher.listing_id, part.listing_id),
        (voucher.kind, part.kind),
    )
    return all(wanted is None or wanted == given for wanted, given in pairs)


def _check_eligible(voucher: Voucher, eligible: Sequence[Priced]) -> None:
    """Check that the parts a voucher is for are in its currency, and enough."""
    if not eligible:
        raise Invalid.field(FIELD, "is for nothing of what is booked here")
    currency = eligible[0].currency
    if voucher.currency and voucher.currency != currency:
        raise Invalid.field(FIELD, f"is for prices in {voucher.currency}, and not in {currency}")
    if sum(part.rental for part in eligible) < voucher.least:
        least = Money(voucher.least, voucher.currency or currency)
        raise Invalid.field(FIELD, f"is for prices of at least {least}, without fee and deposit")


def _worth(voucher: Voucher, rental: int) -> int:
    """What a voucher pays of a rental, before it is rounded to steps."""
    if voucher.amount is not None:
        return min(voucher.amount, rental)
    bps = voucher.percent_bps or 0
    worth, _ = split(rental, [bps, _WHOLE_BPS - bps])
    return worth if voucher.discount_max is None else min(worth, voucher.discount_max)


def _check_rest(parts: Sequence[Priced], shares: Sequence[int]) -> None:
    """Check that something is left of each rental, and that a gateway could charge the rest.

    A hundredth at least: something of each unit and night, should a part of them be given back.
    """
    for part, share in zip(parts, shares, strict=True):
        price = part.rental + part.fee
        if share and (price - share) * _HUNDREDTH < price:
            raise Invalid.field(FIELD, "leaves nothing to pay, or less than a hundredth")
    total = sum(part.rental + part.fee + part.rest for part in parts) - sum(shares)
    if reason := refused_by_all(Money(total, parts[0].currency)):
        raise Invalid.field(FIELD, f"leaves what cannot be paid: {reason}")


# ---- new vouchers -------------------------------------------------------------------------------


def currency_of(new: NewVoucher) -> str | None:
    """The currency of a new voucher's amounts; None if it has none."""
    return next((money.currency for money in _amounts(new).values()), None)


def errors(new: NewVoucher, listing: Listing | None, *, starts_at: datetime) -> list[FieldError]:
    """Everything that is wrong with a new voucher, by field. `listing` is the one that it names."""
    return [*_worth_errors(new), *_currency_errors(new, listing), *_other_errors(new, starts_at)]


def _worth_errors(new: NewVoucher) -> Iterator[FieldError]:
    if new.amount is None and new.percent_bps is None:
        yield FieldError(field="amount", message="give one of amount, percentBps")
    if new.amount is not None and new.percent_bps is not None:
        yield FieldError(field="percentBps", message="cannot stand beside amount")
    if new.discount_max is not None and new.percent_bps is None:
        yield FieldError(field="discountMax", message="is for percentBps only")
    for name, money in _amounts(new).items():
        if not money.amount and name != "least":
            yield FieldError(field=f"{name}.amount", message="must be more than nothing")


def _currency_errors(new: NewVoucher, listing: Listing | None) -> Iterator[FieldError]:
    currency = listing.currency if listing else currency_of(new)
    for name, money in _amounts(new).items():
        if money.currency not in EXPONENTS:
            message = f"must be one of {', '.join(EXPONENTS)}"
            yield FieldError(field=f"{name}.currency", message=message)
        elif money.currency != currency:
            yield FieldError(field=f"{name}.currency", message=f"must be {currency}")


def _other_errors(new: NewVoucher, starts_at: datetime) -> Iterator[FieldError]:
    if new.ends_at <= starts_at:
        yield FieldError(
            field="endsAt", message="must be after startsAt, which is now if not given"
        )


def _amounts(new: NewVoucher) -> Mapping[str, Money]:
    given = {"amount": new.amount, "discountMax": new.discount_max, "least": new.least}
    return {name: money for name, money in given.items() if money is not None}


def listing_errors(
    listing: Listing | None, new: NewVoucher, host_id: UUID | None
) -> Iterator[FieldError]:
    """What is wrong with the listing that a voucher names, beside who offers it and its kind."""
    if listing is None:
        return
    if host_id is not None and listing.host_id != host_id:
        yield FieldError(field="listingId", message="is of another host")
    if new.kind is not None and listing.kind is not new.kind:
        yield FieldError(field="kind", message=f"the listing is a {listing.kind}")
