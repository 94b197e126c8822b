"""A desk where a gateway is reconciled: charges, refunds and transfers that both sides know."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.edge.gateways.lists import Span
from app.edge.gateways.port import FoundCharge, GatewayName
from app.edge.gateways.registry import gateway_named
from app.flows.checkout import actions as checkout
from app.flows.mending import stories
from app.flows.sending import stories as sending
from app.foundation.audit import SYSTEM
from app.foundation.db import Tx, execute, fetch_all, fetch_value, transaction
from app.money.instructions import actions as instructions
from app.money.instructions.model import InstructionKind, NewInstruction
from app.money.payments.model import Payment
from app.money.reconciliation import actions as reconciliation
from app.money.reconciliation import stories as reconciliation_stories
from app.money.reconciliation.model import Difference
from app.people.accounts.model import Principal, Role
from tests import make, paid
from tests.money.reconciliation.stripe_lists import Row, StripeLists

STRIPE = GatewayName.STRIPE
RECIPIENT = "acct_1PayeeOfTheTests"


class Desk:
    """`lists` is what Stripe has; what is here comes by the application's own ways."""

    def __init__(self, lists: StripeLists, url: str) -> None:
        self.lists = lists
        self.url = url

    async def paid(self, *, fee: int = 300, **more: Any) -> tuple[Payment, Row]:
        """A stay that a guest has paid for, here and at Stripe."""
        async with transaction() as tx:
            payment = await self.begun(tx)
        row = self.lists.charge(payment.reference, payment.amount, fee=fee, **more)
        await self.settle(payment)
        return payment, row

    async def begun(self, tx: Tx) -> Payment:
        """A stay that a guest has begun to pay for."""
        booking = await paid.unpaid_stay(tx, currency="EUR", price=10_000, deposit=2_000)
        return await checkout.begin(tx, [booking], gateway=STRIPE)

    async def payout_account(self, tx: Tx, recipient: str) -> None:
        """An account at Stripe that a host is paid to."""
        host = await make.account(tx, Role.GUEST, Role.HOST)
        await execute(
            tx,
            """
            INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder, country,
                                         recipient, state)
            VALUES (%(id)s, %(host_id)s, 'stripe', 'EUR', 'gateway_account', 'A Host', 'FR',
                    %(recipient)s, 'active')""",
            id=make.new_id(),
            host_id=host.id,
            recipient=recipient,
        )

    async def settle(self, payment: Payment) -> None:
        """Settle a charge with what Stripe says of it now."""
        found = await gateway_named(STRIPE).find_charge(payment.reference)
        assert isinstance(found, FoundCharge)
        async with transaction() as tx:
            await checkout.settle(tx, payment, found, live=False)

    async def refunded(self, payment: Payment, amount: int) -> tuple[UUID, Row]:
        """A part of a charge, refunded: confirmed here, and there."""
        return await self._sent(InstructionKind.REFUND, payment, amount, payment.reference)

    async def transferred(self, payment: Payment, amount: int) -> tuple[UUID, Row]:
        """A transfer to a host: confirmed here, and there."""
        return await self._sent(InstructionKind.TRANSFER, payment, amount, RECIPIENT)

    async def _sent(
        self, kind: InstructionKind, payment: Payment, amount: int, target: str
    ) -> tuple[UUID, Row]:
        instruction_id = make.new_id()
        assert payment.booking_id
        async with transaction() as tx:
            payee = await make.account(tx)
            new = NewInstruction(
                id=instruction_id,
                kind=kind,
                booking_id=payment.booking_id,
                payment_id=payment.id,
                source_id=make.new_id(),
                payee_id=payee.id,
                gateway=STRIPE,
                target=target,
                amount=amount,
                currency=payment.currency,
                reason="a test",
            )
            await instructions.queue_all(tx, [new], by=SYSTEM)
        await sending.send(instruction_id)
        await sending.look_up(instruction_id)
        return instruction_id, self.lists.rows[f"{kind}s"][-1]

    async def reconcile(self, *, hours: int = 24) -> int:
        return await stories.reconcile(STRIPE, span(hours=hours))

    async def compared(self) -> None:
        """Reconcile, but mend nothing."""
        async with transaction() as tx:
            run = await reconciliation.begin(tx, STRIPE, span())
        gateway = gateway_named(STRIPE)
        run = await reconciliation_stories.gather(gateway, run)
        await reconciliation_stories.compare(gateway, run, stories.OTHERS)

    async def admin(self) -> Principal:
        async with transaction() as tx:
            return await make.account(tx, Role.ADMIN)

    async def found(self) -> list[str]:
        """The open differences, in words: what, kind, and the three columns."""
        return [
            f"{each.what} {each.kind} {each.at_gateway} {each.here} {each.in_ledger}"
            for each in await self.differences()
        ]

    async def seen(self) -> list[str]:
        """What a trial sees now, before anything is mended: in words, as in `found`."""
        report = await stories.try_out(self.url, STRIPE, span())
        return sorted(
            f"{each.what} {each.kind} {each.at_gateway} {each.here} {each.in_ledger}"
            for each in report.differences
        )

    async def differences(self) -> list[Difference]:
        async with transaction() as tx:
            return await fetch_all(
                tx,
                Difference,
                "SELECT * FROM differences WHERE closed_at IS NULL ORDER BY what, kind, subject",
            )

    async def unexplained(self) -> dict[str, int]:
        async with transaction() as tx:
            found = await reconciliation.unexplained(tx)
        return {money.currency: money.amount for money in found}

    async def balance(self, account: str) -> int:
        """What is on all accounts of a kind."""
        async with transaction() as tx:
            found = await fetch_value(
                tx,
                int,
                """
                SELECT sum(amount)::bigint FROM ledger_entries
                  JOIN ledger_accounts ON ledger_accounts.id = account_id
                 WHERE kind = %(account)s""",
                account=account,
            )
        return found or 0

    async def count(self, sql: Any) -> int:
        async with transaction() as tx:
            return await fetch_value(tx, int, sql) or 0


def span(*, hours: int = 24) -> Span:
    """The last hours, and the next."""
    now = datetime.now(UTC)
    return Span(since=now - timedelta(hours=hours), until=now + timedelta(hours=1))
