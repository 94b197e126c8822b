"""What a payee's account must look like, whichever gateway pays it."""

import re
from collections.abc import Collection
from typing import Final

from app.edge.gateways.recipients import Flaw, NewRecipient, RecipientKind
from app.edge.gateways.wallets import read_wallet

_BANK_NUMBERS: Final = {"NGN": r"[0-9]{10}", "ZAR": r"[0-9]{7,11}"}
_BANK_NUMBER: Final = r"[0-9A-Za-z]{6,34}"
_TILL: Final = r"[0-9]{5,10}"
_BANK_CODES: Final = {"NGN": r"[0-9]{3,6}"}
_CODE: Final = r"[0-9A-Za-z_-]{2,20}"
_COUNTRY: Final = r"[A-Z]{2}"


def find_flaw(
    new: NewRecipient, gateway: str, payable: Collection[tuple[RecipientKind, str]]
) -> Flaw | None:
    """Why a gateway that pays these kinds of accounts in these currencies could not pay this one.

    None if its form shows nothing wrong.
    """
    if (new.kind, new.currency) not in payable:
        kind = new.kind.replace("_", " ")
        return Flaw("kind", f"{gateway} pays {new.currency} to no {kind}")
    if new.kind is RecipientKind.GATEWAY_ACCOUNT:
        return _flaw_of_gateway_account(new, gateway)
    if new.kind is RecipientKind.MOBILE_MONEY:
        wallet = read_wallet(new)
        return wallet if isinstance(wallet, Flaw) else _flaw_of_code(new)
    if new.country:
        return Flaw("country", "only a gateway account or a wallet has one")
    return _flaw_of_number(new) or _flaw_of_code(new)


def _flaw_of_gateway_account(new: NewRecipient, gateway: str) -> Flaw | None:
    if new.account_number:
        return Flaw("account_number", f"leave it out: {gateway} asks for it itself")
    if new.bank_code:
        return Flaw("bank_code", f"leave it out: {gateway} asks for it itself")
    if not re.fullmatch(_COUNTRY, new.country):
        return Flaw("country", f"{gateway} must know it: two letters, such as FR")
    return None


def _flaw_of_number(new: NewRecipient) -> Flaw | None:
    match new.kind:
        case RecipientKind.MOBILE_MONEY_BUSINESS:
            number, what = _TILL, "till or paybill number"
        case _:
            number, what = _BANK_NUMBERS.get(new.currency, _BANK_NUMBER), "account number"
    if not re.fullmatch(number, new.account_number):
        return Flaw("account_number", f"this is no {what} for {new.currency}")
    return None


def _flaw_of_code(new: NewRecipient) -> Flaw | None:
    is_bank = new.kind is RecipientKind.BANK_ACCOUNT
    code = _BANK_CODES.get(new.currency, _CODE) if is_bank else _CODE
    if not re.fullmatch(code, new.bank_code):
        return Flaw("bank_code", f"this is no code of a bank or operator for {new.currency}")
    return None
