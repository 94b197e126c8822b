"""`python -m app.development.tethered web …`: a `berthold` command that ends when its parent does.

The parent holds the other end of this process's standard input and never writes to it. However
the parent ends, also by kill -9, the system closes that end, and this process reads the end of its
input.
"""

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_SECONDS = 8.0


def main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv[0] = "berthold"
    runpy.run_module("app.cli", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
