"""Connected accounts, and links to the page on which their owners answer questions."""

import re
import time
from secrets import token_hex
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.sandbox.books.accounts import ConnectedAccount, Standing
from app.sandbox.faults import Operation, Rule, inject_after_effect, inject_before_effect
from app.sandbox.simulator import Simulator
from app.sandbox.stripe.api.listing import Line, Wanted, check_query, page
from app.sandbox.stripe.api.reading import (
    ApiRequest,
    Fields,
    answer,
    check,
    read_metadata,
    with_valid_key,
)
from app.sandbox.stripe.dialect import NAME
from app.sandbox.stripe.wire import accounts, errors

NOWHERE: Final = "XX"  # a country in which no account can be paid

_LINK_SECONDS: Final = 300
_COUNTRY = re.compile(r"[A-Z]{2}")
_OPTIONAL: Final = (
    "type", "country", "email", "business_type", "metadata[*]", "business_profile[name]",
    "business_profile[url]", "capabilities[transfers][requested]",
    "capabilities[card_payments][requested]", "settings[payouts][schedule][interval]",
    "tos_acceptance[service_agreement]", "controller[fees][payer]",
    "controller[losses][payments]", "controller[requirement_collection]",
    "controller[stripe_dashboard][type]",
)  # fmt: skip


@post("/accounts", status_code=200)
async def create(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        return accounts.account(_open(simulator, fields))

    return await answer(request, simulator, Operation.RECIPIENT, do)


@get("/accounts")
async def listed(request: ApiRequest, simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_RECIPIENT)
    await inject_before_effect(rule)
    check_query(request)
    seen = [
        Line(each.code, each.created_at, each)
        for each in simulator.books.accounts.all()
        if each.standing is not Standing.GONE
    ]
    await inject_after_effect(rule)
    return page(Wanted(request, "account", rule), seen, accounts.account)


@get("/accounts/{account_id:str}")
async def read(account_id: FromPath[str], simulator: NamedDependency[Simulator]) -> dict[str, Any]:
    rule = simulator.faults.take(Operation.VERIFY_RECIPIENT)
    await inject_before_effect(rule)
    account = _find(simulator, account_id)
    await inject_after_effect(rule)
    return accounts.account(account)


@post("/account_links", status_code=200)
async def create_link(request: ApiRequest, simulator: NamedDependency[Simulator]) -> Response[Any]:
    def do(fields: Fields, _: Rule | None) -> dict[str, Any]:
        check(fields, required=["account", "type", "refresh_url", "return_url"])
        if fields["type"] != "account_onboarding":
            raise errors.invalid("The sandbox knows only account_onboarding", param="type")
        for name in ("refresh_url", "return_url"):
            if not fields[name].startswith(("http://", "https://")):
                raise errors.invalid("Not a valid URL", param=name, code="url_invalid")
        return _link(simulator, fields, base_url=str(request.base_url))

    return await answer(request, simulator, Operation.ONBOARDING, do)


router = Router("/v1", route_handlers=[create, listed, read, create_link], guards=[with_valid_key])


def _open(simulator: Simulator, fields: Fields) -> ConnectedAccount:
    check(fields, required=[], optional=_OPTIONAL)
    has_controller = any(name.startswith("controller[") for name in fields)
    if has_controller and "type" in fields:
        raise errors.invalid(
            "You may not provide the `type` parameter and the `controller` parameter "
            "simultaneously. They are mutually exclusive.",
            param="type",
        )
    if not has_controller and fields.get("type") not in ("express", "standard", "custom"):
        raise errors.invalid("Invalid account type", param="type")
    country = fields.get("country", "US")
    if not _COUNTRY.fullmatch(country) or country == NOWHERE:
        raise errors.refused(
            f"Country '{country}' is unknown.", code="country_unsupported", param="country"
        )
    code = f"acct_{token_hex(8)}"
    name, email = fields.get("business_profile[name]", ""), fields.get("email", "")
    simulator.books.transfers.find_or_create_recipient(
        gateway=NAME,
        code=code,
        kind="express",
        name=name,
        account_number=code,
        bank_code="",
        currency="",
    )
    metadata = msgspec.json.encode(read_metadata(fields, "metadata")).decode()
    return simulator.books.accounts.open(
        code=code, name=name, email=email, country=country, metadata=metadata
    )


def _link(simulator: Simulator, fields: Fields, *, base_url: str) -> dict[str, Any]:
    account = _find(simulator, fields["account"])
    now, token = int(time.time()), token_hex(16)
    simulator.books.accounts.link(
        token=token,
        code=account.code,
        return_url=fields["return_url"],
        refresh_url=fields["refresh_url"],
        expires_at=now + _LINK_SECONDS,
    )
    url = f"{base_url}onboarding/{token}"
    return accounts.link(url, created=now, expires_at=now + _LINK_SECONDS)


def _find(simulator: Simulator, code: str) -> ConnectedAccount:
    """An account; one that never existed and one that has revoked our access give one error."""
    account = simulator.books.accounts.find(code)
    if account is None or account.standing is Standing.GONE:
        raise errors.no_access(code)
    return account
