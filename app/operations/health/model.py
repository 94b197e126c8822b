"""What load balancers see of a process."""

from app.foundation.wire import Output


class Health(Output, frozen=True):
    status: str
