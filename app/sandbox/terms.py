"""The terms of the merchant's account at a gateway: in which currency it settles, and how late."""

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from app.sandbox.books.transactions import Exchange
from app.sandbox.dialect import Dialect


class Settling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Charges of one currency come into the balance in another, at a rate of major units."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    rate: Annotated[str, Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,8})?$")]


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a gateway and its merchant have agreed on.

    `settles_in`: by the currency that guests pay in; other currencies are settled as they are.

    What a charge brings the balance is reported `late_seconds` after it is paid: 0 is at once, null
    only when a call of `settle` asks for it.
    """

    settles_in: dict[str, Settling] = {}
    late_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = 0

    def exchange(self, currency: str, dialect: Dialect) -> Exchange | None:
        """How a charge of this currency comes into the balance; None: as it is."""
        settling = self.settles_in.get(currency)
        if settling is None or settling.currency == currency:
            return None
        shift = dialect.digits(settling.currency) - dialect.digits(currency)
        return Exchange(
            currency=settling.currency,
            rate=settling.rate,
            ratio=Decimal(settling.rate).scaleb(shift),
        )
