"""What a town's model keeps of bookings, their parts, charges, pots, and uses of vouchers."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

WHOLE: Final = 10_000  # hundredths of a percent
COMMISSION: Final = 1_000
# How long before it begins a guest may cancel, and what of the rental comes back then.
POLICIES: Final = {
    "flexible": [(timedelta(hours=24), WHOLE), (timedelta(0), 5_000)],
    "moderate": [(timedelta(days=5), WHOLE), (timedelta(hours=24), 5_000)],
}

DISPUTES_MAX: Final = 3  # of one pot, with those that were withdrawn
WINDOWS: Final = {"rental": timedelta(hours=1), "deposit": timedelta(hours=2)}

PAYMENT_TIME: Final = timedelta(minutes=30)
LOOK_AGAIN_IN: Final = timedelta(hours=1)
LOOK_FOR: Final = timedelta(days=7)
UNPAID: Final = ("held", "awaiting_payment")
HOSTS: Final = ("host", "driver")
ENDED: Final = ("cancelled", "declined", "expired")


class Claim(NamedTuple):
    listing: str
    label: str
    slot: date


@dataclass
class Charge:
    """An attempt to pay: what happened at the gateway, and what the application knows of it."""

    id: str
    reference: str
    begun_at: datetime
    at_gateway: str = "open"  # absent, open, declined, paid
    known: str = "pending"
    is_wanted: bool = True  # what it paid for could be had
    look_at: datetime | None = None  # when the application asks by itself
    wanted_back: int = 0  # by the guest's bank

    def __post_init__(self) -> None:
        self.look_at = self.begun_at + LOOK_AGAIN_IN

    @property
    def is_open(self) -> bool:
        return self.known in ("created", "pending")


@dataclass
class Pot:
    """Money held for a booking; divided when somebody knows what is the guest's of it."""

    amount: int
    commission: int  # of what the guest does not get, in hundredths of a percent
    on_release: int  # what the guest gets if nobody complains
    voucher: int = 0  # what the platform adds to all of it
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    dispute: str | None = None
    claimed: int = 0  # in the dispute
    disputes: int = 0  # with those that were withdrawn
    to_guest: int | None = None

    @property
    def is_held(self) -> bool:
        return self.to_guest is None and self.dispute is None

    @property
    def to_host(self) -> int:
        rest = self.amount - (self.to_guest or 0)
        rest += self.voucher * rest // self.amount
        return rest - rest * self.commission // WHOLE

    def is_open(self, now: datetime) -> bool:
        """Whether somebody may complain about it."""
        in_window = self.opens_at and self.closes_at and self.opens_at <= now < self.closes_at
        return self.is_held and bool(in_window) and self.disputes < DISPUTES_MAX

    def freeze(self, dispute: str, claimed: int) -> None:
        self.dispute, self.claimed = dispute, claimed
        self.disputes += 1

    def decide(self, to_guest: int) -> None:
        self.dispute, self.to_guest = None, to_guest


@dataclass(eq=False)
class Booking:
    """A part of a booking; `rental` is what a voucher leaves to pay of rental and fee."""

    id: str
    whole: "Whole"
    host: str
    claims: frozenset[Claim]
    check_in: datetime
    check_out: datetime
    price: int  # the rental alone, with what a voucher pays
    rental: int
    discount: int
    deposit: int
    policy: str
    is_stay: bool
    is_request: bool
    respond_within: timedelta
    expires_at: datetime | None
    state: str = "held"
    respond_by: datetime | None = None
    pots: dict[str, Pot] = field(default_factory=dict)
    is_guests_end: bool = False  # the guest has cancelled what was paid for
    agreed: datetime = field(init=False)  # when it was to begin

    def __post_init__(self) -> None:
        self.agreed = self.check_in

    @property
    def guest(self) -> str:
        return self.whole.guest

    @property
    def total(self) -> int:
        return self.rental + self.deposit

    @property
    def is_contested(self) -> bool:
        return self.whole.is_contested

    @property
    def labels(self) -> list[str]:
        return sorted({claim.label for claim in self.claims})

    @property
    def slots(self) -> list[date]:
        return sorted({claim.slot for claim in self.claims})

    def is_in_time(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at > now

    def is_ahead(self, now: datetime) -> bool:
        return self.state == "confirmed" and self.check_in > now

    def states_possible(self, now: datetime) -> set[str]:
        """One that is over completes by itself, once its money is divided."""
        return {self.state, "completed"} if self.is_over(now) else {self.state}

    def is_over(self, now: datetime) -> bool:
        is_divided = all(pot.to_guest is not None for pot in self.pots.values())
        return self.state == "confirmed" and self.check_out <= now and is_divided

    def back(self, now: datetime, who: str) -> int:
        """What of the rental comes back if it is cancelled now, in hundredths of a percent."""
        if self.state != "confirmed" or who != "guest":
            return WHOLE
        left = self.agreed - now
        return next((bps for before, bps in POLICIES[self.policy] if left > before), 0)

    def divide(self, bps: int) -> None:
        """So much of the rental goes back, in hundredths of a percent, and all of the deposit."""
        for kind, pot in self.pots.items():
            pot.to_guest = pot.amount * bps // WHOLE if kind == "rental" else pot.amount


@dataclass(eq=False)
class Whole:
    """A booking of one part or several: one guest, one hold, one price to pay."""

    guest: str
    stand_alone: bool = False
    voucher: str = ""  # its code
    is_used: bool = False  # its use is held or paid for
    parts: list[Booking] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    is_contested: bool = False  # a bank wants money back: see banks.py

    @property
    def id(self) -> str:
        return self.parts[0].id

    @property
    def state(self) -> str:
        """That of all parts, as long as nothing is paid."""
        states = {part.state for part in self.parts}
        return states.pop() if len(states) == 1 else "paid"

    @property
    def expires_at(self) -> datetime | None:
        return self.parts[0].expires_at

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts)

    @property
    def open_charge(self) -> Charge | None:
        return next((charge for charge in self.charges if charge.is_open), None)

    def uses(self, now: datetime) -> bool:
        """Whether it keeps others from using its voucher."""
        return self.is_used and (self.expires_at is None or self.expires_at > now)


class Voucher(NamedTuple):
    uses_max: int | None
    once_per_guest: bool


VOUCHERS: Final = {
    "ALL-20": Voucher(2, once_per_guest=False),
    "HOST-10": Voucher(None, once_per_guest=True),
}
BORNE_BY_US: Final = "ALL-20"
