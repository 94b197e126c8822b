"""Local times: what was agreed on, by clocks that governments change."""

from collections.abc import Sequence
from typing import Final

from app.foundation.db import Tx
from app.market.bookings import actions as bookings
from app.market.bookings import rules
from app.market.bookings.model import LocalInstant
from app.operations.invariants.model import Offence, Verdict
from app.operations.invariants.queries.judging import Verdicts

_SHOWN_MAX: Final = 20


async def instants(tx: Tx) -> Verdicts:
    """Each instant to come that bookings have, by the zone data of this process.

    The server's own zones may be others, and so SQL cannot judge this.
    """
    known = await bookings.local_instants(tx, ids_max=_SHOWN_MAX)
    wrong = [each for each in known if rules.is_misplaced(each)]
    shown = {id_: _offence(str(id_), each) for each in wrong for id_ in each.ids}
    return {
        "instants_as_agreed": Verdict(
            subject="booking",
            checked=sum(each.bookings for each in known),
            broken=max(len(shown), _count(wrong, is_begin=True), _count(wrong, is_begin=False)),
            shown=list(shown.values())[:_SHOWN_MAX],
        )
    }


def _count(wrong: Sequence[LocalInstant], *, is_begin: bool) -> int:
    """How many bookings begin, or end, at a wrong instant: no booking does so twice."""
    return sum(each.bookings for each in wrong if each.is_begin is is_begin)


def _offence(booking_id: str, wrong: LocalInstant) -> Offence:
    return Offence(
        id=booking_id,
        what=f"{wrong.local:%Y-%m-%d %H:%M} in {wrong.zone} is not {wrong.at:%Y-%m-%d %H:%M} UTC",
    )
