"""Errors in Paystack's own form."""

from typing import Any


class WireError(Exception):
    """An error reply; without a `code` it has no type either."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "validation_error",
        code: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"status": False, "message": message}
        if code:
            self.body.update(meta={"nextStep": next_step}, type=kind, code=code)


def broken() -> WireError:
    return WireError(500, "An error occurred")


def too_many() -> WireError:
    return WireError(429, "Too many requests")


def invalid_key() -> WireError:
    return WireError(401, "Invalid key")


def missing(field: str) -> WireError:
    return WireError(
        400,
        f"{field.capitalize()} is required",
        code="missing_params",
        next_step="Provide all required params",
    )


def invalid(message: str, *, next_step: str) -> WireError:
    return WireError(400, message, code="invalid_params", next_step=next_step)


def duplicate_reference() -> WireError:
    return WireError(
        400,
        "Duplicate Transaction Reference",
        code="duplicate_reference",
        next_step="Try and create the Transaction or Charge with a new reference",
    )


def transaction_not_found() -> WireError:
    return WireError(
        404,
        "Transaction reference not found.",
        code="transaction_not_found",
        next_step="Pass the reference of a transaction that exists on this integration",
    )


def not_found(what: str) -> WireError:
    return WireError(
        404,
        f"{what} not found",
        code=f"{what.lower()}_not_found",
        next_step="Pass the id of one that exists on this integration",
    )


def transfer_not_found() -> WireError:
    return WireError(404, "Transfer not found", code="transfer_not_found")


def duplicate_transfer_reference() -> WireError:
    return WireError(
        400,
        "Please provide a unique reference. Reference already exists on a transfer",
        code="duplicate_transfer_reference",
        next_step="Try again with a unique reference",
    )


def insufficient_balance() -> WireError:
    return WireError(
        400,
        "Your balance is not enough to fulfil this request",
        kind="api_error",
        code="insufficient_balance",
        next_step="Top up your balance",
    )
