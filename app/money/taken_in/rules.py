"""Whose money moved at a gateway without us, and what that means for the ledger."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import structs

from app.money.escrow.model import Pot, PotKind
from app.money.escrow.rules import account
from app.money.ledger.model import Account, AccountKind, Entry, Posting, PostingKind
from app.money.payments.model import Payment
from app.money.taken_in.model import REFUNDED_THERE, Shares, TakenIn


def shares_of_refund(amount: int, *, promised: int, pots: Sequence[Pot]) -> Shares:
    """Whose money a refund was that somebody made at the gateway. Amounts are minor units.

    First what was promised to the guest and was not sent; then the deposit, which is the guest's
    unless there is damage; then the rental. The rest was divided already: it is `loss` until
    `less_transfers` takes from that what the host was not sent yet.
    """
    from_unsent = min(amount, promised)
    rest = amount - from_unsent
    held = {pot.kind: pot.left for pot in pots if pot.is_undivided}
    from_deposit = min(rest, held.get(PotKind.DEPOSIT, 0))
    from_rental = min(rest - from_deposit, held.get(PotKind.RENTAL, 0))
    return Shares(
        from_unsent=from_unsent,
        from_deposit=from_deposit,
        from_rental=from_rental,
        loss=rest - from_deposit - from_rental,
    )


def less_transfers(shares: Shares, amount: int) -> Shares:
    """The shares, if the host bears so much (minor units) of the loss: it had not been sent."""
    return structs.replace(shares, from_transfers=amount, loss=shares.loss - amount)


def shares_of_transfer(amount: int, *, promised: int) -> Shares:
    """Whose money a transfer was that somebody made at the gateway. Amounts are minor units.

    First what was promised to the host and was not sent; the host owes the rest.
    """
    from_unsent = min(amount, promised)
    return Shares(from_unsent=from_unsent, from_host=amount - from_unsent)


def posting(
    taken: TakenIn, payment: Payment, pots: Sequence[Pot], *, host_id: UUID | None
) -> Posting | None:
    """The posting that makes a refund owed to the guest; None if all of it was owed before.

    What was not sent to the host is not owed to the host any more.
    """
    by_kind = {pot.kind: account(pot) for pot in pots}
    guest = Account(AccountKind.GUEST_REFUNDABLE, taken.currency, owner_id=payment.owed_to)
    entries: list[Entry] = []
    if taken.from_deposit:
        entries.append(Entry(by_kind[PotKind.DEPOSIT], -taken.from_deposit))
    if taken.from_rental:
        entries.append(Entry(by_kind[PotKind.RENTAL], -taken.from_rental))
    if taken.from_transfers:
        host = Account(AccountKind.HOST_PAYABLE, taken.currency, owner_id=host_id)
        entries.append(Entry(host, -taken.from_transfers))
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
