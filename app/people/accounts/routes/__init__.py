"""Accounts over HTTP: logging in and out, one's own account, and those that admins see."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from app.people.accounts.routes import factors, profile, sessions, users
from app.people.accounts.routes.sessions import SECURITY_SCHEMES

__all__ = ["SECURITY_SCHEMES", "routes"]

routes: Final[list[HTTPRouteHandler]] = [
    *sessions.routes,
    *profile.routes,
    *factors.routes,
    *users.routes,
]
