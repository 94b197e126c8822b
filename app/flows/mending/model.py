"""What a reconciliation reports."""

import msgspec

from app.money.reconciliation.model import DayReply, Difference


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of days, each of three columns, and the differences that are open."""

    days: list[DayReply]
    differences: list[Difference]

    @property
    def is_explained(self) -> bool:
        """Whether there is no difference, or only such as somebody has explained."""
        return all(difference.explained_at for difference in self.differences)
