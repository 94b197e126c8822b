"""Record each call to a gateway, read what was recorded, and say which gateways are down."""

from app.edge.calls.actions.attempts import forget_old, read_page, record
from app.edge.calls.actions.health import (
    count_failure,
    end_outage,
    gateways_down,
    is_failing,
    list_gateways,
)

__all__ = [
    "count_failure",
    "end_outage",
    "forget_old",
    "gateways_down",
    "is_failing",
    "list_gateways",
    "read_page",
    "record",
]
