"""The form of our references: by it an event about somebody else's payment is told at once.

An account at a gateway may serve other products beside Berthold, whose webhooks come here too.
"""

import re
from typing import Final

_CHARGE: Final = re.compile(r"pay-[0-9a-f]{32}")
_REFUND: Final = re.compile(r"rf-[0-9a-f]{32}-[0-9]{1,5}")
GATEWAYS_OWN: Final = "charge:"  # begins what is a gateway's own name of a charge
_TRANSFER: Final = re.compile(r"tr-[0-9a-f]{32}-[0-9]{1,5}")


def is_charge(reference: str | None) -> bool:
    """Whether a charge of ours could have this reference."""
    return bool(reference and _CHARGE.fullmatch(reference))


def is_gateways(reference: str | None) -> bool:
    """Whether this is a gateway's own name of a charge."""
    return bool(reference and reference.startswith(GATEWAYS_OWN))


def is_refund(reference: str | None) -> bool:
    """Whether an attempt at a refund of ours could have this reference."""
    return bool(reference and _REFUND.fullmatch(reference))


def is_transfer(reference: str | None) -> bool:
    """Whether an attempt at a transfer of ours could have this reference."""
    return bool(reference and _TRANSFER.fullmatch(reference))
