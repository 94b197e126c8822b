"""The hosted checkout page: where a guest pays, is declined, or leaves."""

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import jinja2
import msgspec
from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from app.gateways.sandbox.books.transactions import Transaction
from app.gateways.sandbox.simulator import Simulator

_SEE_OTHER: Final = 303
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_pages = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


class _Leaving(msgspec.Struct, frozen=True):
    """What the page knows of a transaction's metadata, which may be anything."""

    cancel_action: str = ""


@get("/{access_code:str}", media_type=MediaType.HTML)
async def show(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Response[str]:
    transaction = _transaction(simulator, access_code)
    page = _pages.get_template("checkout.html").render(
        transaction=transaction,
        amount=shown_amount(transaction.amount, transaction.currency),
        return_url=_return_url(transaction),
    )
    return Response(page, headers=_HEADERS)


@post("/{access_code:str}/pay")
async def pay(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    transaction = _transaction(simulator, access_code)
    simulator.pay(transaction.reference)
    return _to(_return_url(transaction) or f"/checkout/{access_code}")


@post("/{access_code:str}/decline")
async def decline(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    transaction = _transaction(simulator, access_code)
    simulator.decline(transaction.reference)
    return _to(f"/checkout/{access_code}")  # as at Paystack: another card may do


@post("/{access_code:str}/cancel")
async def cancel(access_code: FromPath[str], simulator: NamedDependency[Simulator]) -> Redirect:
    """Leave without paying, to the address that the merchant named for it."""
    transaction = _transaction(simulator, access_code)
    return _to(_cancel_url(transaction) or f"/checkout/{access_code}")


router = Router("/checkout", route_handlers=[show, pay, decline, cancel])


def shown_amount(amount: int, currency: str) -> str:
    """A wire amount for people: hundredths, but none where the currency has none."""
    whole, hundredths = divmod(amount, 100)
    return f"{whole:,}" if currency == "XOF" else f"{whole:,}.{hundredths:02d}"


def _transaction(simulator: Simulator, access_code: str) -> Transaction:
    transaction = simulator.books.transactions.find_by_access_code(access_code)
    if transaction is None:
        raise NotFoundException("There is no such checkout.")
    return transaction


def _to(url: str) -> Redirect:
    return Redirect(url, status_code=_SEE_OTHER, headers=_HEADERS)


def _return_url(transaction: Transaction) -> str:
    """The merchant's address with `trxref` and `reference` added to its query."""
    if not transaction.callback_url:
        return ""
    parts = urlsplit(transaction.callback_url)
    query = [
        *parse_qsl(parts.query, keep_blank_values=True),
        ("trxref", transaction.reference),
        ("reference", transaction.reference),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _cancel_url(transaction: Transaction) -> str:
    try:
        leaving = msgspec.json.decode(transaction.metadata, type=_Leaving)
    except msgspec.ValidationError:
        return _return_url(transaction)
    url = leaving.cancel_action
    return url if url.startswith(("http://", "https://")) else _return_url(transaction)
