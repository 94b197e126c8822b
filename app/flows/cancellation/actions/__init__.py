"""The verbs of cancelling and of giving back, each with its preview."""

from app.flows.cancellation.actions.cancel import cancel, preview
from app.flows.cancellation.actions.give_back import give_back, preview_give_back

__all__ = ["cancel", "give_back", "preview", "preview_give_back"]
