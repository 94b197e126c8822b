"""How large the long tests are: a sample by default, all that is promised with `pytest --full`."""

import os
from typing import Final

# Set by --full, before any test is read; the parallel processes inherit it.
FULL: Final = "BERTHOLD_FULL_TESTS" in os.environ
