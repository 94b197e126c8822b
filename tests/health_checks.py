"""The checks with which Hypothesis refuses slow examples: with a real Postgres all are slow."""

from typing import Final, cast

from hypothesis import HealthCheck

# To go through the class gives those that are not deprecated, which its type does not say.
EVERY_CHECK: Final = cast("list[HealthCheck]", list(HealthCheck))
