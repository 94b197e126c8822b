"""The web application: routes, plugins, lifespan, error mapping."""

import gc
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import structlog
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp

import app.edge.calls.routes
import app.edge.webhooks.routes
import app.flows.cancellation.routes
import app.flows.chargebacks.routes
import app.flows.checkout.routes
import app.flows.sending.routes
import app.flows.tracking.routes
import app.market.availability.routes
import app.market.bookings.routes
import app.market.disputes.routes
import app.market.inventory.routes
import app.market.vouchers.routes
import app.money.bank_statements.routes
import app.money.instructions.routes
import app.money.ledger.routes
import app.money.payees.routes
import app.money.payouts.routes
import app.money.reconciliation.routes
import app.money.settlements.routes
import app.operations.alerts.routes
import app.operations.audit_log.routes
import app.operations.health.routes
import app.operations.jobs.routes
import app.pages.links.routes
import app.people.accounts.routes
from app import api_page
from app.edge.calls.stories import CallRecorder
from app.edge.gateways.registry import close_gateways, open_gateways
from app.edge.gateways.retries import PATIENCE_OF_REQUESTS_S
from app.foundation import asgi, db, web
from app.foundation.addresses import proxy_warning
from app.foundation.business_clock import refuse_moved_clock
from app.foundation.errors import Problem, Unauthenticated
from app.foundation.logs import configure_logs
from app.foundation.settings import settings
from app.people.accounts.guards import Authentication, unauthenticated_reply

_log = structlog.get_logger(__name__)


def create_app() -> ASGIApp:
    """The ASGI application, its settings read from the environment."""
    configure_logs(settings().log_level, json=not settings().is_development)
    _warn_of_proxy()
    litestar = Litestar(
        route_handlers=[
            *app.people.accounts.routes.routes,
            *app.pages.links.routes.routes,
            *app.market.bookings.routes.routes,
            *app.market.vouchers.routes.routes,
            *app.money.instructions.routes.routes,
            *app.flows.cancellation.routes.routes,
            *app.flows.chargebacks.routes.routes,
            *app.flows.checkout.routes.routes,
            *app.market.disputes.routes.routes,
            *app.market.inventory.routes.routes,
            *app.market.availability.routes.routes,
            *app.operations.jobs.routes.routes,
            *app.money.ledger.routes.routes,
            *app.flows.sending.routes.routes,
            *app.operations.health.routes.routes,
            *app.operations.audit_log.routes.routes,
            *app.operations.alerts.routes.routes,
            *app.edge.calls.routes.routes,
            *app.money.payees.routes.routes,
            *app.money.payouts.routes.routes,
            *app.money.bank_statements.routes.routes,
            *app.money.settlements.routes.routes,
            *app.money.reconciliation.routes.routes,
            *app.flows.tracking.routes.routes,
            *app.edge.webhooks.routes.routes,
            *([api_page.assets] if settings().shows_schema else []),
        ],
        middleware=[DefineMiddleware(Authentication)],
        before_request=web.refuse_nul,
        dto=web.StrictBody,
        return_dto=None,
        logging_config=None,  # configured above; Litestar's would replace it
        lifespan=[_lifespan],
        request_max_body_size=web.BODY_BYTES_MAX,
        cors_config=_cors(settings().web_origins),
        openapi_config=api_page.DESCRIPTION if settings().shows_schema else None,
        exception_handlers={
            Unauthenticated: unauthenticated_reply,
            Problem: web.problem_reply,
            HTTPException: web.framework_refusal,
            Exception: web.unexpected_failure,
        },
    )
    if settings().shows_schema:
        api_page.describe(litestar)
    whole = asgi.with_all_methods(asgi.with_deadline(litestar))
    is_encrypted = settings().base_url.startswith("https://")
    return web.with_request_id(asgi.with_headers(whole, is_encrypted=is_encrypted))


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    """What pages of these origins may ask; None if there are none but our own."""
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=[method for method in HttpMethod if method is not HttpMethod.TRACE],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-None-Match",
            "X-CSRF-Token",
            "X-Request-Id",
        ],
        allow_credentials=True,
        expose_headers=[
            "ETag",
            "Idempotency-Replayed",
            "Location",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Request-Id",
        ],
        max_age=600,
    )


def _warn_of_proxy() -> None:
    warning = proxy_warning(os.environ.get("FORWARDED_ALLOW_IPS", ""))
    if warning and settings().is_production:
        _log.warning("limits by address do not work", reason=warning)


@asynccontextmanager
async def _lifespan(_: Litestar) -> AsyncGenerator[None, None]:
    await db.open_pool(settings().database_url, size_max=settings().database_pool_size_max)
    recorder = CallRecorder()
    open_gateways(settings(), recorder=recorder, patience_s=PATIENCE_OF_REQUESTS_S)
    try:
        if settings().is_production:
            async with db.transaction() as tx:
                await refuse_moved_clock(tx)
        gc.freeze()  # searching what stays for garbage would stop all requests for 0.1 s
        yield
    finally:
        await close_gateways()
        await recorder.finish()
        await db.close_pool()
