"""The hosted page on which payees tell a gateway what it must know of them."""

from html import escape
from typing import Annotated, Final

from litestar import MediaType, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from app.gateways.sandbox.checkout import HEADERS, PAGES
from app.gateways.sandbox.simulator import Simulator

_SEE_OTHER: Final = 303
ReturnUrl = Annotated[str, QueryParameter(name="return_url", max_length=2_000)]


@get("/{code:str}", media_type=MediaType.HTML)
async def show(
    code: FromPath[str], simulator: NamedDependency[Simulator], return_url: ReturnUrl = ""
) -> Response[str]:
    account = simulator.books.accounts.find(code)
    if account is None:
        raise NotFoundException("There is no such account.")
    page = PAGES.get_template("onboarding.html").render(account=account, return_url=return_url)
    return Response(page, headers=HEADERS)


@post("/{code:str}/finish")
async def finish(
    code: FromPath[str], simulator: NamedDependency[Simulator], return_url: ReturnUrl = ""
) -> Redirect:
    """All is answered: the account can be paid, and the owner goes back."""
    if simulator.onboard(code, is_ready=True) is None:
        raise NotFoundException("There is no such account.")
    ok = return_url.startswith(("http://", "https://"))
    return Redirect(return_url if ok else f"/onboarding/{escape(code)}", status_code=_SEE_OTHER)


router = Router("/onboarding", route_handlers=[show, finish])
