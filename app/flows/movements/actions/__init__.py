"""The verbs of movements: take in charges, refunds and transfers of which we did not know.

Locks are taken in the order of all transactions: booking, pots, charge, instructions.
"""

from app.flows.movements.actions.charges import find_charge, take_in_charge
from app.flows.movements.actions.refunds import take_in_refunds
from app.flows.movements.actions.transfers import charge_of_transfer, take_in_transfer

__all__ = [
    "charge_of_transfer",
    "find_charge",
    "take_in_charge",
    "take_in_refunds",
    "take_in_transfer",
]
