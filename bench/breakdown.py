"""Where a no-op ``drift`` spends its time: one instrumented run in a process of its own.

    python -m bench.breakdown SPEC

prints one JSON object: milliseconds of the main thread by part, which add up to the whole.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PARTS = (
    ("interpreter", "Python starts"),
    ("imports", "imports of the main thread"),
    ("spec", "spec and inventory read and checked"),
    ("connect", "connected, first look (who am I here)"),
    ("artifacts", "locks and cache looked up"),
    ("look", "host: one exec reads it all"),
    ("kafka", "still waiting for Kafka after the host (import and answers)"),
    ("rest", "desired state, comparison, text, closing"),
)


def show(spec: Path, runs: int) -> None:
    """Medians of ``runs`` runs, a line for each part."""
    found = [_child(spec) for _ in range(runs)]
    for name, text in PARTS:
        print(f"{text:62} {1000 * statistics.median(each[name] for each in found):5.0f} ms")
    beside = 1000 * statistics.median(each["beside"] for each in found)
    print(f"{'(beside the host: Kafka library imported, all asked)':62} {beside:5.0f} ms")


def _child(spec: Path) -> dict[str, float]:
    started = time.time()
    words = [sys.executable, "-m", "bench.breakdown", str(spec), repr(started)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return found


class Stopwatch:
    """Adds up what parts take; a part inside another one is taken out of the outer one."""

    def __init__(self) -> None:
        self.total: dict[str, float] = {}
        self._open: list[float] = []

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:
            started = time.monotonic()
            self._open.append(0.0)
            try:
                return work(*args, **more)
            finally:
                took = time.monotonic() - started
                inner = self._open.pop()
                self.total[name] = self.total.get(name, 0.0) + took - inner
                if self._open:
                    self._open[-1] += took

        return timed


def main(spec: str, born: float) -> None:
    begun, now = time.time(), time.monotonic()
    watch = Stopwatch()
    imports = watch.around("imports", _imports)
    load, observe, planning, target_module, command = imports()
    cluster_class = target_module.Site
    beside = Stopwatch()
    load.load_all = watch.around("spec", load.load_all)
    target_module._open_host = watch.around("connect", target_module._open_host)
    target_module.place = watch.around("artifacts", target_module.place)
    observe.look = watch.around("look", observe.look)
    planning.observe = watch.around("kafka", planning.observe)
    cluster_class.cluster = _asked(beside, cluster_class.cluster)
    command.run(["drift", spec])
    whole = time.monotonic() - now
    parts = {"interpreter": begun - born, **watch.total}
    parts["rest"] = whole - sum(watch.total.values())
    parts["beside"] = beside.total.get("cluster", 0.0)
    shown = {name: parts.get(name, 0.0) for name in (*dict(PARTS), "beside")}
    print(json.dumps(shown), file=sys.stderr)


def _imports() -> tuple[Any, ...]:
    from provisioner.hosts import local
    from provisioner.site import observe, planning, site
    from provisioner.spec import load
    from provisioner.verbs import drift
    from provisioner.verbs.shared import command, opening

    assert all((local, drift, opening))  # what the verb imports by itself, later
    return load, observe, planning, site, command


def _asked(watch: Stopwatch, make: Callable[..., Any]) -> Callable[..., Any]:
    """``Site.cluster``, which imports the library, and its first ``view``."""

    def cluster(self: Any) -> Any:
        found = watch.around("cluster", make)(self)
        if not hasattr(found, "was_timed"):
            found.was_timed = True
            found.view = watch.around("cluster", found.view)
        return found

    return cluster


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
