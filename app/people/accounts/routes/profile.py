"""One's own account, its address and its password, over HTTP."""

from typing import Final

from litestar import get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from app.foundation import limits
from app.foundation.db import transaction
from app.foundation.limited import by_account
from app.foundation.limits import PROVE
from app.people.accounts import actions, rules, stories
from app.people.accounts.guards import AuthenticatedRequest, require_session, require_step_up
from app.people.accounts.model import Account, AccountChanges, ChosenPassword, NewEmail
from app.people.accounts.routes.cookies import client_of


@get("/api/me", tags=["accounts"], summary="One's own account")
async def read_me(request: AuthenticatedRequest) -> Account:
    async with transaction() as tx:
        return await actions.read_account(tx, account_id=request.user.id)


@patch(
    "/api/me",
    guards=[require_session],
    tags=["accounts"],
    summary="Change fields of one's own account; those that are not sent stay as they are",
)
async def change_me(request: AuthenticatedRequest, data: JSONBody[AccountChanges]) -> Account:
    async with transaction() as tx:
        return await actions.change_account(
            tx,
            by=actions.actor_of(request.user),
            account_id=request.user.id,
            changes=data,
        )


@post(
    "/api/me/email/verification",
    status_code=204,
    guards=[require_session],
    tags=["accounts"],
    summary="Have the link that proves your address mailed again",
)
async def mail_proof(request: AuthenticatedRequest) -> None:
    async with transaction() as tx:
        account = await actions.read_account(tx, account_id=request.user.id)
        await limits.take(tx, *rules.mail_buckets(account.email, asker=account.id))
        await actions.mail_proof(tx, account)


@post(
    "/api/me/email",
    status_code=204,
    guards=[require_step_up],
    tags=["accounts"],
    summary="Change your address: a link is mailed to the new one, and counts once it is used",
    examples={"another address": {"email": "ada.lovelace@example.com"}},
)
async def ask_change(request: AuthenticatedRequest, data: JSONBody[NewEmail]) -> None:
    """The old address reads of it then, and can take it back for 72 hours."""
    email = rules.checked(data).email
    async with transaction() as tx:
        await limits.take(tx, *rules.mail_buckets(email, asker=request.user.id))
        await actions.ask_change(tx, request.auth, email)


@post(
    "/api/me/password",
    status_code=204,
    guards=[require_step_up, by_account(PROVE)],
    tags=["accounts"],
    summary="Change your password; all other sessions end",
    examples={"another password": {"password": "staple battery correct"}},
)
async def change_password(request: AuthenticatedRequest, data: JSONBody[ChosenPassword]) -> None:
    await stories.change_password(request.auth, data.password, client=client_of(request))


routes: Final[list[HTTPRouteHandler]] = [
    read_me,
    change_me,
    mail_proof,
    ask_change,
    change_password,
]
