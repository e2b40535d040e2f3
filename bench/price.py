"""What a no-op costs beside an older checkout: CPU and wall, in turn, over SSH and here.

    BENCH_BEFORE=/path/to/older/checkout python -m bench price

Each checkout has its own lab, made by it, for two versions may not agree on one. Without
``$BENCH_BEFORE`` only this one is measured.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.clock import Cost, run
from bench.local import LocalLab, local_lab
from bench.places import provision
from bench.results import Results


def price(results: Results, runs: int) -> None:
    """Minima of CPU: what others do on the machine only adds to it."""
    before = os.environ.get("BENCH_BEFORE")
    with local_lab() as lab, local_lab() as old:
        jobs = {"now": (provision(), lab)}
        if before:
            jobs["before"] = ([str(Path(before) / ".venv/bin/provision")], old)
        for command, own in jobs.values():
            run([*command, "apply", str(own.spec)])
        results.head(f"no-op drift on this machine, Python {sys.version.split()[0]}")
        costs: dict[str, list[Cost]] = {name: [] for name in jobs}
        for _ in range(runs):
            for name, (command, own) in jobs.items():
                costs[name].append(_drift(command, own))
        results.costs(costs)
        least = {name: min(cost.cpu for cost in found) for name, found in costs.items()}
        for name, cpu in least.items():
            print(f"least CPU, {name}: {cpu:.3f} s")
        if before:
            results.target("CPU now / before", least["now"] / least["before"], 0.8)


def _drift(command: list[str], lab: LocalLab) -> Cost:
    return run([*command, "drift", str(lab.spec)])
