"""Ways to break each law, in SQL that returns the ids of what must be named."""

from typing import Final

from tests.operations.invariants.breaches.breach import Breach
from tests.operations.invariants.breaches.chargebacks import CHARGEBACKS
from tests.operations.invariants.breaches.ledger import LEDGER, UNITS
from tests.operations.invariants.breaches.money_in import MONEY_IN
from tests.operations.invariants.breaches.money_out import MONEY_OUT
from tests.operations.invariants.breaches.moves import LATE, STATES
from tests.operations.invariants.breaches.reconciliation import RECONCILIATION
from tests.operations.invariants.breaches.settlements import BANK, SETTLEMENTS
from tests.operations.invariants.breaches.vouchers import VOUCHERS

__all__ = ["BREACHES", "Breach"]

BREACHES: Final = (
    *UNITS,
    *LEDGER,
    *MONEY_IN,
    *VOUCHERS,
    *MONEY_OUT,
    *CHARGEBACKS,
    *SETTLEMENTS,
    *BANK,
    *RECONCILIATION,
    *STATES,
    *LATE,
)
