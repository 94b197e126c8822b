"""Connected accounts, and the page on which their owners answer what is asked."""

import re
import time
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.gateways.sandbox.books.accounts import Account
from app.gateways.sandbox.faults import Operation, Rule, strike_after, strike_before
from app.gateways.sandbox.simulator import Simulator
from app.gateways.sandbox.stripe.api.reading import (
    Asking,
    Fields,
    answer,
    check,
    read_metadata,
    with_valid_key,
)
from app.gateways.sandbox.stripe.dialect import NAME
from app.gateways.sandbox.stripe.wire import accounts, errors, objects

_LINK_SECONDS: Final = 300
_COUNTRY = re.compile(r"[A-Z]{2}")
_OPTIONAL: Final = (
    "type", "country", "email", "business_type", "metadata[*]", "business_profile[name]",
    "capabilities[transfers][requested]",
)  # fmt: skip


@post("/accounts", status_code=200)
async def create(request: Asking, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        return accounts.account(_open(simulator, fields))

    return await answer(request, simulator, Operation.RECIPIENT, do)


@get("/accounts/{account_id:str}")
async def read(account_id: FromPath[str], simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_RECIPIENT)
    await strike_before(rule)
    account = _find(simulator, account_id)
    await strike_after(rule)
    return accounts.account(account)


@get("/balance")
async def balance(simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    return objects.balance(simulator.books.reckon(NAME))


@post("/account_links", status_code=200)
async def create_link(request: Asking, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        check(fields, required=["account", "type", "refresh_url", "return_url"])
        if fields["type"] != "account_onboarding":
            raise errors.invalid("The sandbox knows only account_onboarding", param="type")
        account = _find(simulator, fields["account"])
        query = urlencode({"return_url": fields["return_url"]})
        now = int(time.time())
        url = f"{request.base_url}onboarding/{account.code}?{query}"
        return accounts.link(url, created=now, expires_at=now + _LINK_SECONDS)

    return await answer(request, simulator, Operation.ONBOARDING, do)


router = Router("/v1", route_handlers=[create, read, create_link, balance], guards=[with_valid_key])


def _open(simulator: Simulator, fields: Fields) -> Account:
    check(fields, required=[], optional=_OPTIONAL)
    if fields.get("type") not in ("express", "standard", "custom"):
        raise errors.invalid("Invalid account type", param="type")
    if not _COUNTRY.fullmatch(country := fields.get("country", "US")):
        raise errors.refused(f"Country '{country}' is unknown.", param="country")
    code = f"acct_{token_hex(8)}"
    email = fields.get("email", "")
    simulator.books.transfers.know(
        gateway=NAME,
        code=code,
        kind="express",
        name=email,
        account_number=code,
        bank_code="",
        currency="",
    )
    metadata = msgspec.json.encode(read_metadata(fields, "metadata")).decode()
    return simulator.books.accounts.open(code=code, email=email, country=country, metadata=metadata)


def _find(simulator: Simulator, code: str) -> Account:
    if account := simulator.books.accounts.find(code):
        return account
    raise errors.not_found("account", code, param="account")
