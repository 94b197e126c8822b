"""One's own second factor, over HTTP."""

from typing import Final

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from app.foundation.db import transaction
from app.people.accounts import actions, stories
from app.people.accounts.guards import AuthenticatedRequest, require_session, require_step_up
from app.people.accounts.model import ConfirmFactor, Role
from app.people.accounts.routes.cookies import unstored
from app.people.second_factors import actions as second_factors
from app.people.second_factors.model import NewFactor, RecoveryCodes, SecondFactorRequired


@post(
    "/api/me/2fa",
    status_code=200,
    guards=[require_step_up],
    tags=["accounts"],
    summary="Begin a second factor: a secret for an authenticator app, shown once",
)
async def begin_factor(request: AuthenticatedRequest) -> Response[NewFactor]:
    async with transaction() as tx:
        account = await actions.read_account(tx, account_id=request.user.id)
        begun = await second_factors.begin(tx, account_id=account.id, email=account.email)
    return unstored(begun)


@post(
    "/api/me/2fa/confirm",
    status_code=200,
    guards=[require_session],
    tags=["accounts"],
    summary="Put the second factor in use, by its first code; the recovery codes, shown once",
)
async def confirm_factor(
    request: AuthenticatedRequest, data: JSONBody[ConfirmFactor]
) -> Response[RecoveryCodes]:
    return unstored(await stories.confirm_factor(request.auth, code=data.code))


@post(
    "/api/me/2fa/recovery-codes",
    status_code=200,
    guards=[require_step_up],
    tags=["accounts"],
    summary="Ten new recovery codes in place of those before",
)
async def renew_recovery_codes(request: AuthenticatedRequest) -> Response[RecoveryCodes]:
    async with transaction() as tx:
        codes = await second_factors.renew_recovery_codes(
            tx, by=actions.actor_of(request.user), account_id=request.user.id
        )
    return unstored(codes)


@post(
    "/api/me/2fa/end",
    status_code=204,
    guards=[require_step_up],
    tags=["accounts"],
    summary="End the second factor; admins cannot",
)
async def end_factor(request: AuthenticatedRequest) -> None:
    if Role.ADMIN in request.user.roles:
        raise SecondFactorRequired("Replace the recovery codes instead, or ask another admin.")
    async with transaction() as tx:
        await second_factors.end(tx, by=actions.actor_of(request.user), account_id=request.user.id)


routes: Final[list[HTTPRouteHandler]] = [
    begin_factor,
    confirm_factor,
    renew_recovery_codes,
    end_factor,
]
