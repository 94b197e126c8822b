"""What an account number must look like, whichever gateway pays it."""

import re
from typing import Final

from app.gateways.port import NewRecipient, RecipientKind

_BANK_NUMBERS: Final = {"NGN": r"[0-9]{10}", "ZAR": r"[0-9]{7,11}"}
_BANK_NUMBER: Final = r"[0-9A-Za-z]{6,34}"
# A phone's number as it is dialled at home, or with the country's code.
_PHONES: Final = {
    "GHS": r"(0|233)[0-9]{9}",
    "KES": r"(0|254)[0-9]{9}",
    "UGX": r"(0|256)[0-9]{9}",
}
_PHONE: Final = r"[0-9]{8,15}"
_TILL: Final = r"[0-9]{5,10}"
_BANK_CODES: Final = {"NGN": r"[0-9]{3,6}"}
_CODE: Final = r"[0-9A-Za-z_-]{2,20}"


def what_is_wrong_with(new: NewRecipient) -> str | None:
    """Why no gateway could pay this account; None where nothing is wrong to the eye."""
    match new.kind:
        case RecipientKind.BANK_ACCOUNT:
            number = _BANK_NUMBERS.get(new.currency, _BANK_NUMBER)
            code, what = _BANK_CODES.get(new.currency, _CODE), "account number"
        case RecipientKind.MOBILE_MONEY:
            number, code, what = _PHONES.get(new.currency, _PHONE), _CODE, "phone number"
        case RecipientKind.MOBILE_MONEY_BUSINESS:
            number, code, what = _TILL, _CODE, "till or paybill number"
    if not re.fullmatch(number, new.account_number):
        return f"{new.account_number} is no {what} for {new.currency}"
    if not re.fullmatch(code, new.bank_code):
        return f"{new.bank_code} is no code of a bank or operator for {new.currency}"
    return None
