"""Laws, and what an audit finds of each."""

import msgspec

from app.foundation.alerts import Severity
from app.foundation.wire import Output


class Law(Output, frozen=True):
    """What must be true of every snapshot, whatever is done at the same time."""

    name: str
    severity: Severity
    sentence: str


class Offence(Output, frozen=True):
    """A row that breaks a law: its id or key, and what is wrong."""

    id: str
    what: str


class Verdict(Output, frozen=True):
    """How many rows a law was checked on, how many break it, and a few of those."""

    subject: str  # the kind of row, such as "booking"
    checked: int
    broken: int
    shown: list[Offence]


class Finding(Output, frozen=True):
    """A law, and what was found."""

    law: Law
    verdict: Verdict

    @property
    def is_breach(self) -> bool:
        return self.verdict.broken > 0


class Audit(msgspec.Struct, frozen=True):
    """The findings of every law at one instant."""

    findings: list[Finding]

    def breaches(self, severity: Severity) -> list[Finding]:
        """The findings of laws of this severity that are broken."""
        return [f for f in self.findings if f.is_breach and f.law.severity is severity]
