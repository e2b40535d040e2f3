"""What is said at the end of ``maintain``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from provisioner.cleaning import clean
from provisioner.plan.model import Report
from provisioner.report.roll import LIMITS


def told(done: Sequence[str], hosts: Sequence[str], report: Report, words: str) -> list[str]:
    """Which hosts were visited, which were not, and how to go on."""
    lines = [f"done and in sync: {clean(', '.join(done)) or 'none'}"]
    left = [host for host in hosts if host not in done]
    if not left:
        return lines
    if report.ended:
        lines.append(f"{LIMITS[report.ended]}; not visited: {clean(', '.join(left))}")
    else:
        lines.append(f"it ended at {clean(left[0])}")
        if left[1:]:
            lines.append(f"not visited: {clean(', '.join(left[1:]))}")
    lines.append(f"to start what is down: provision start {words}")
    lines += [f"to continue: provision maintain {words} --host {shlex.quote(h)}" for h in left[:1]]
    return lines
