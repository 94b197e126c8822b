"""Payout accounts of a shop's host: added and removed over HTTP, or simply there."""

from typing import Any

from app.edge.gateways.port import GatewayName
from app.edge.gateways.registry import gateway_named
from app.foundation.db import execute, transaction
from app.people.accounts.model import Principal
from tests import make
from tests.edge.gateways.adapters import bank_account
from tests.sandbox.webhooks import all_delivered
from tests.shop import Shop

NUMBER = "0123456789"
ACCOUNT = {
    "holder": "Ada Okafor",
    "kind": "bank_account",
    "accountNumber": NUMBER,
    "bankCode": "058",
    "currency": "NGN",
}
AT_STRIPE: dict[str, Any] = {
    "holder": "Hannah Host",
    "kind": "gateway_account",
    "country": "FR",
    "currency": "EUR",
    "accountNumber": None,
    "bankCode": None,
}
PATH = "/api/host/payout-accounts"


async def add_account(
    shop: Shop, *, key: str = "", who: Principal | None = None, **changed: Any
) -> Any:
    return await shop.post(who or shop.host, PATH, ACCOUNT | changed, key=key)


async def list_accounts(shop: Shop) -> list[Any]:
    return (await shop.get(shop.host, PATH))["accounts"]


async def remove_account(shop: Shop, account: Any, *, who: Principal | None = None) -> int:
    path = f"{PATH}/{account['id']}"
    return (await shop.api.delete(path, headers=make.bearer(who or shop.host))).status_code


async def account_at_stripe(shop: Shop, **changed: Any) -> str:
    """Open an account for the host at Stripe that can be paid; returns Stripe's code of it."""
    reply = await add_account(shop, **AT_STRIPE | changed)
    assert reply.status_code == 201, reply.text
    (known,) = await shop.sandbox.accounts()
    await shop.sandbox.onboard(known["code"])
    await all_delivered(shop.sandbox)
    await shop.run_jobs()
    return str(known["code"])


async def make_payee(shop: Shop) -> None:
    """Give the host an active payout account, which the gateway knows."""
    recipient = await bank_account(gateway_named(GatewayName.PAYSTACK))
    async with transaction() as tx:
        await execute(
            tx,
            """
            INSERT INTO payout_accounts (id, host_id, gateway, currency, kind, holder,
                                         account_number, bank_code, recipient, state)
            VALUES (%(id)s, %(host_id)s, 'paystack', 'NGN', 'bank_account', 'Host Demo',
                    '0001234567', '058', %(recipient)s, 'active')""",
            id=make.new_id(),
            host_id=shop.host.id,
            recipient=recipient,
        )
