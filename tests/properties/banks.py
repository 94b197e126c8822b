"""Guests' banks want charges back, in a town of which the model knows all else.

The model does not predict what becomes of a booking whose charge is wanted back: it takes over what
the application says. What is checked are the laws, and the balances that the gateway keeps.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx

from tests.properties.giving_back import GivingActs
from tests.properties.records import ENDED, HOSTS, WHOLE, Booking, Charge, Whole
from tests.properties.seen import BookingRow

LOOKED_AT_IN: Final = timedelta(hours=6, minutes=1)

_ROWS: Final = """
    SELECT id, state, expires_at, respond_by FROM bookings WHERE id = ANY(%(ids)s::uuid[])"""
_USED: Final = "SELECT booking_id::text FROM voucher_uses WHERE given_back_at IS NULL"
_DISPUTES: Final = """
    SELECT disputes.id::text FROM disputes JOIN pots ON pots.id = pot_id
     WHERE pots.booking_id = %(booking_id)s AND disputes.state = 'open'"""


class BankActs(GivingActs):
    """What people do in a town, and what their banks do."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.open_chargebacks: list[int] = []

    # ---- banks ----------------------------------------------------------------------------------

    def charge_back(self, whole: Whole, charge: Charge, part: int) -> None:
        """A bank wants so much of what is left back, in hundredths of a percent."""
        amount = max(1, (whole.total - charge.wanted_back) * part // WHOLE)
        if amount > whole.total - charge.wanted_back:
            return
        self._hear()
        opened = self.run(self.town.sandbox.charge_back(charge.reference, amount=amount))
        charge.wanted_back += amount
        whole.is_contested = True
        self.open_chargebacks.append(opened["id"])
        self._hear()

    def decide_chargeback(self, chargeback: int, outcome: str, *, is_told: bool) -> None:
        """A bank decides; a webhook reports it, or the house asks some time later."""
        self._hear()
        self.open_chargebacks.remove(chargeback)
        self.run(self.town.sandbox.close_chargeback(chargeback, outcome))
        if is_told:
            self._hear()
        else:
            self.run(self.town.forward(LOOKED_AT_IN))
            self.sweep("reconcile-chargebacks")
            self.run_jobs()

    def refunds_come_back(self) -> None:
        """All that has arrived of charges that banks want back; an admin wants it sent again."""
        self._hear()
        for refund in self.run(self.town.sandbox.refunds()):
            if refund["status"] == "processed" and self._is_contested(refund):
                self.run(self.town.sandbox.end_refund(refund["id"], "reverse"))
        self._hear()
        page = self.run(self.town.get(self.town.admin, "/api/admin/refunds", state="reversed"))
        for each in page["instructions"]:
            self._try("admin", f"/api/admin/refunds/{each['id']}/reissue", {"reason": "Again"})

    def _is_contested(self, refund: dict[str, Any]) -> bool:
        return refund["transaction_reference"] in {
            charge.reference for whole in self.model.contested for charge in whole.charges
        }

    # ---- people ---------------------------------------------------------------------------------

    def act_on_contested(self, booking: Booking, who: str, what: str) -> None:
        """Somebody does something, allowed or not."""
        path = f"/api/bookings/{booking.id}/{what}"
        name = self.named(booking, who)
        match what:
            case "disputes" | "damage-claims":
                claimed = {"amount": 1, "currency": "NGN"}
                self._try(name, path, {"reason": "Not as promised.", "claimed": claimed})
            case "resolve":
                ruling = {"toGuest": {"amount": 1, "currency": "NGN"}, "decision": "So be it."}
                for dispute in self.run(self.town.values(_DISPUTES, booking_id=booking.id)):
                    self._try("admin", f"/api/admin/disputes/{dispute}/resolve", ruling)
            case _:
                self._try(name, path)
        self.believe()

    def _try(self, who: str, path: str, body: Any = None) -> None:
        reply = self.post(who, path, body)
        refusals = (httpx.codes.CONFLICT, httpx.codes.NOT_FOUND, httpx.codes.FORBIDDEN)
        assert reply.is_success or reply.status_code in refusals, reply.text

    # ---- what happens ---------------------------------------------------------------------------

    def run_jobs(self) -> None:
        super().run_jobs()
        self.believe()

    def sweep(self, name: str) -> None:
        super().sweep(name)
        self.believe()

    def come_to_rest(self) -> None:
        """What banks have not decided yet, the guests win."""
        for chargeback in list(self.open_chargebacks):
            self.decide_chargeback(chargeback, "lost", is_told=True)
        super().come_to_rest()
        self.believe()

    def money(self) -> dict[str, int]:
        """What people have of what no bank wanted back: of a host's debts all payouts are less."""
        got = super().money()
        for refund in self.run(self.town.sandbox.refunds()):
            if refund["status"] == "processed" and self._is_contested(refund):
                booking = self._payer(refund["transaction_reference"])
                got[booking] -= refund["amount"]
        if self.model.contested:
            for host in HOSTS:
                got.pop(host, None)
        return {who: amount for who, amount in got.items() if amount}

    def believe(self) -> None:
        """The model takes over from the application the bookings whose banks want money back."""
        if not self.model.contested:
            return
        ids = [UUID(part.id) for whole in self.model.contested for part in whole.parts]
        for row in self.rows(BookingRow, _ROWS, ids=ids):
            booking = self.model.bookings[str(row.id)]
            booking.pots = {}
            booking.state = row.state
            booking.expires_at, booking.respond_by = row.expires_at, row.respond_by
            self.model.own_or_free(booking, is_over=row.state in ENDED)
        used = self.run(self.town.values(_USED))
        for whole in self.model.contested:
            whole.is_used = whole.id in used

    def _payer(self, reference: str) -> str:
        return next(
            whole.guest for whole, charge in self.model.charges if charge.reference == reference
        )

    def _hear(self) -> None:
        self.deliver()
        self.run_jobs()
