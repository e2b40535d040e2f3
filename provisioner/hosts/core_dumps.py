"""No core dump of a process that holds a password: it would have it in plain text."""

from __future__ import annotations

import contextlib
import resource


def forbid() -> None:
    """For this process and those it starts. The hard limit stays: a service may raise its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
