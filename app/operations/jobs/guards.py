"""A guard that lets clients without an account trigger jobs if they know a job secret."""

from typing import Final

from litestar.handlers import BaseRouteHandler

from app.foundation.settings import settings
from app.operations.jobs.model import JobSecretWrong
from app.people.accounts.guards import AnyConnection
from app.people.accounts.rules import same_text

HEADER: Final = "x-job-secret"


def require_job_secret(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """Guard: compares with all secrets, always, so that its time reveals nothing about them."""
    given = connection.headers.get(HEADER, "")
    fits = [same_text(given, secret) for secret in settings().job_secrets]
    if not any(fits):
        raise JobSecretWrong(f"Send one of JOB_SECRETS as {HEADER}.")
