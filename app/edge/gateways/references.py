"""The form of our references: it shows at once whether a charge or a transfer can be ours.

An account at a gateway may serve other products beside Berthold: their charges are in its lists,
and their webhooks come here too.
"""

import re
from typing import Final
from uuid import UUID

_CHARGE: Final = re.compile(r"pay-([0-9a-f]{32})")
_TRANSFER: Final = re.compile(r"tr-[0-9a-f]{32}-[0-9]{1,5}")
GATEWAYS_OWN: Final = "charge:"  # begins what is a gateway's own name of a charge


def of_charge(payment_id: UUID) -> str:
    """The reference of a charge that we begin."""
    return f"pay-{payment_id.hex}"


def payment_id_in(reference: str) -> UUID | None:
    """The id of the charge that has this reference; None if it does not have the form of ours."""
    found = _CHARGE.fullmatch(reference)
    return UUID(hex=found[1]) if found else None


def is_charge(reference: str | None) -> bool:
    """Whether a charge of ours could have this reference."""
    return bool(reference and _CHARGE.fullmatch(reference))


def is_gateways(reference: str | None) -> bool:
    """Whether this is a gateway's own name of a charge."""
    return bool(reference and reference.startswith(GATEWAYS_OWN))


def is_transfer(reference: str | None) -> bool:
    """Whether an attempt at a transfer of ours could have this reference."""
    return bool(reference and _TRANSFER.fullmatch(reference))
