"""What load balancers see of a process."""

from app.foundation.wire import Output


class Health(Output, frozen=True):
    status: str


class Readiness(Output, frozen=True):
    """`zoneData`: the version of the time zones by which local times become instants.

    It must be the same in all processes.
    """

    status: str
    zone_data: str
