"""Run a command that sees only the processes it starts: `python -m tests.alone COMMAND…` (root).

The tool reports every Kafka that it sees on a machine. Those of another worker, of a test run
beside this one, or of the person at the machine are none of a test's business. What the command
started ends with it, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tests.hosts import linux, pid1


def main(command: Sequence[str]) -> int:
    """Run it; return its exit status. Raises OSError when not root."""

    def be() -> int:
        linux.unshare(linux.NEW_MOUNTS)
        linux.mount("", "/", linux.PRIVATE | linux.RECURSIVE)
        linux.mount("proc", "/proc", 0, kind="proc")
        return pid1.run(command, os.environ)

    init = pid1.fork(be, "tests.alone")
    pid1.forward_signals(init)
    _, status = os.waitpid(init, 0)
    return pid1.exit_status(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
