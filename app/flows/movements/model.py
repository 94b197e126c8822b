"""Why a movement that we did not begin cannot be taken in."""

from app.foundation.errors import Conflict


class NotTakenIn(Conflict):
    """It fits no charge of ours, or more was moved than was paid: a person has to decide."""

    title = "This cannot be taken in"
