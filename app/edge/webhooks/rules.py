"""Which events are about somebody else's payments: the form of our references shows it."""

from app.edge.gateways import references
from app.edge.gateways.port import Event, EventKind
from app.edge.webhooks.model import AnotherAccounts, StoredEvent


def check_account(event: StoredEvent, currency: str) -> None:
    """Check that the account that signed an event is believed about a payment in this currency.

    Raises AnotherAccounts.
    """
    if event.account and currency not in event.account.split("+"):
        raise AnotherAccounts(
            f"signed by the account of {event.account}, and about a payment in {currency}"
        )


def is_strangers(event: Event) -> bool:
    """Whether nothing of ours can be meant, whatever we know of charges and transfers.

    A charge of ours always has a reference of ours. A refund, a chargeback or a transfer that was
    made on a gateway's dashboard has none, but may be about a charge or transfer whose id we know.
    """
    match event.kind:
        case EventKind.OTHER:
            return True
        case EventKind.CHARGE_CHANGED:
            return not references.is_charge(event.reference)
        case EventKind.REFUND_CHANGED | EventKind.CHARGEBACK_CHANGED:
            return not references.is_charge(event.reference) and event.gateway_id is None
        case EventKind.PAYEE_PAYOUT_CHANGED:  # without a payee, it is a payout to our own bank
            return event.reference is None
        case EventKind.TRANSFER_CHANGED:
            return not references.is_transfer(event.reference) and event.gateway_id is None
        case _:
            return False
