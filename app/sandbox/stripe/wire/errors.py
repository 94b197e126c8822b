"""Errors in Stripe's own form."""

from typing import Any


class StripeError(Exception):
    """An error reply. `is_kept`: it came after the call had begun, and is repeated for its key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        is_kept: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_kept = is_kept
        error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            error["code"] = code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param:
            error["param"] = param
        self.body = {"error": error}


def invalid_key() -> StripeError:
    return StripeError(401, "Invalid API Key provided: sk_test_****")


def no_version() -> StripeError:
    """Stripe would use the account's default version: here a call without one is a mistake."""
    return StripeError(400, "Send a Stripe-Version header", param="Stripe-Version")


def missing(param: str) -> StripeError:
    return StripeError(
        400, f"Missing required param: {param}.", code="parameter_missing", param=param
    )


def unknown(param: str) -> StripeError:
    return StripeError(
        400, f"Received unknown parameter: {param}", code="parameter_unknown", param=param
    )


def invalid(message: str, *, param: str, code: str = "") -> StripeError:
    return StripeError(400, message, code=code, param=param)


def refused(message: str, *, code: str = "", param: str = "") -> StripeError:
    """The parameters are valid, but it cannot be done."""
    return StripeError(400, message, code=code, param=param, is_kept=True)


def not_found(what: str, key: str, *, param: str) -> StripeError:
    return StripeError(404, f"No such {what}: '{key}'", code="resource_missing", param=param)


def no_cursor(what: str, key: str, *, param: str) -> StripeError:
    """A page should begin where no row is."""
    return StripeError(400, f"No such {what}: '{key}'", code="resource_missing", param=param)


def no_route(method: str, path: str) -> StripeError:
    return StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
    )


def no_access(account: str) -> StripeError:
    return StripeError(
        403,
        f"The provided key does not have access to account '{account}' (or that account does not "
        "exist). Application access may have been revoked.",
        code="account_invalid",
    )


def other_parameters(key: str) -> StripeError:
    return StripeError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
        kind="idempotency_error",
    )


def key_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably "
        f"means you submitted twice, and the other request is still going through): {key}. Please "
        "try again.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def broken() -> StripeError:
    return StripeError(500, "An unknown error occurred", kind="api_error")


def too_many() -> StripeError:
    return StripeError(429, "Too many requests", code="rate_limit")
