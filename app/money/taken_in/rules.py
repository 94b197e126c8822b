"""Whose money moved at a gateway without us, and what that means for the ledger."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from app.money.escrow import rules as escrow_rules
from app.money.escrow.model import Pot, PotKind
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment
from app.money.taken_in.model import REFUNDED_THERE, Shares, TakenIn


def shares_of_refund(amount: int, *, promised: int, pots: Sequence[Pot]) -> Shares:
    """Whose money a refund was that somebody made at the gateway. Amounts are minor units.

    First what was promised to the guest and was not sent; then the deposits, which are the guest's
    unless there is damage; then the rentals. The rest was divided already: it is `loss` until
    `less_transfers` takes from that what hosts were not sent yet.
    """
    from_unsent = min(amount, promised)
    taken = escrow_rules.take(pots, amount - from_unsent)
    return Shares(
        from_unsent=from_unsent,
        from_deposit=escrow_rules.taken_of(PotKind.DEPOSIT, pots, taken),
        from_rental=escrow_rules.taken_of(PotKind.RENTAL, pots, taken),
        loss=amount - from_unsent - sum(taken.values()),
    )


def less_transfers(shares: Shares, amount: int) -> Shares:
    """The shares, if hosts bear so much (minor units) of the loss: it had not been sent to them."""
    return structs.replace(shares, from_transfers=amount, loss=shares.loss - amount)


def shares_of_transfer(amount: int, *, promised: int) -> Shares:
    """Whose money a transfer was that somebody made at the gateway. Amounts are minor units.

    First what was promised to the host and was not sent; the host owes the rest.
    """
    from_unsent = min(amount, promised)
    return Shares(from_unsent=from_unsent, from_host=amount - from_unsent)


def posting(taken: TakenIn, payment: Payment, out_of: Mapping[Account, int]) -> Posting | None:
    """The posting that makes a refund owed to the guest; None if all of it was owed before.

    `out_of` are the accounts that its shares come out of: what was not sent to a host is not owed
    to that host any more.
    """
    guest = Account(AccountKind.GUEST_REFUNDABLE, taken.currency, owner_id=payment.owed_to)
    entries = [Entry(account, -amount) for account, amount in out_of.items() if amount]
    if taken.loss:
        platform = Account(AccountKind.PLATFORM_REVENUE, taken.currency)
        entries.append(Entry(platform, -taken.loss))
    if not entries:
        return None
    return Posting(
        kind=PostingKind.TAKEN_IN,
        source_id=taken.id,
        booking_id=taken.booking_id,
        entries=(*entries, Entry(guest, taken.amount - taken.from_unsent - taken.from_owed)),
        memo=REFUNDED_THERE,
    )
