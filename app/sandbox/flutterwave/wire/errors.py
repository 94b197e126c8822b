"""Errors in Flutterwave's own form: messages without codes."""

from typing import Any


class FlutterwaveError(Exception):
    """An error reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"status": "error", "message": message, "data": None}


def invalid_key() -> FlutterwaveError:
    return FlutterwaveError(401, "Invalid authorization key")


def invalid(message: str) -> FlutterwaveError:
    return FlutterwaveError(400, message)


def not_found(what: str) -> FlutterwaveError:
    return FlutterwaveError(404, f"{what} not found")


def transaction_not_found() -> FlutterwaveError:
    return FlutterwaveError(400, "No transaction was found for this id")


def broken() -> FlutterwaveError:
    return FlutterwaveError(503, "Your request may still be processing")


def too_many() -> FlutterwaveError:
    return FlutterwaveError(429, "Too many requests")
