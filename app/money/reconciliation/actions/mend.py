"""What this room mends itself: fees of a gateway's service are posted."""

from typing import Final

from app.edge.gateways.port import GatewayName
from app.foundation.alerts import resolve_alert
from app.foundation.db import Tx
from app.money.bank_statements.model import NewPayout
from app.money.ledger import actions as ledger
from app.money.reconciliation import rules
from app.money.reconciliation.actions.compare import ALERT
from app.money.reconciliation.model import Difference, DifferenceKind
from app.money.reconciliation.queries import differences, movements

_TRIES_MAX: Final = 20
_PER_RUN_MAX: Final = 500


async def begin_mending(tx: Tx, gateway: GatewayName, *, only_new: bool) -> list[Difference]:
    """The differences to try to mend now, each of which is counted as tried once more.

    Those that nobody has explained and that were not tried too often; `only_new`: not tried at all.
    """
    tries_max = 1 if only_new else _TRIES_MAX
    found = await differences.to_mend(
        tx, gateway, but=rules.FOR_A_PERSON, tries_max=tries_max, limit=_PER_RUN_MAX
    )
    await differences.count_tries(tx, [each.id for each in found])
    return found


async def read_payout(tx: Tx, difference: Difference) -> NewPayout | None:
    """The payout to our bank that a difference is about, as the gateway lists it."""
    return await movements.find_payout(tx, difference.gateway, difference.subject)


async def post_fee(tx: Tx, difference: Difference) -> None:
    """Post a change of our balance that is a fee, and close its difference. Does so once.

    Not if an admin has explained it meanwhile: that may have posted it.
    """
    known = await differences.lock(tx, difference.id)
    is_open = known and known.closed_at is None and known.explained_at is None
    if known and is_open and known.kind is DifferenceKind.MISSING_HERE:
        await differences.close_one(tx, known.id)
        await resolve_alert(tx, ALERT, str(known.id))
        await ledger.post(tx, rules.fee_of_change(known, known.at_gateway or 0))
