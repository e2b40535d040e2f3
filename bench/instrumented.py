"""A command of ours in a process of its own that counts what it asks and times what it does.

    python -m bench.instrumented VERB SPEC …

runs ``provision VERB SPEC …`` and prints one JSON object as the last line of stderr: requests to
Kafka (in all, and by name), rounds of them, execs on hosts, lock checks; wall seconds of writing to
Kafka (with its lock checks), of waiting for what was written, of verifying, and of the whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bench.clock import Failed


def measured(*words: str, codes: Sequence[int] = (0,)) -> dict[str, Any]:
    """What it printed. Raises Failed for another exit code."""
    command = [sys.executable, "-m", "bench.instrumented", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


class Meter:
    """What was counted and timed, by name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    def timed(self, owner: Any, method: str, name: str) -> None:
        """Times a method, and counts its calls."""
        work: Callable[..., Any] = getattr(owner, method)

        def around(*args: Any, **more: Any) -> Any:
            self.counts[name] += 1
            began = time.monotonic()
            try:
                return work(*args, **more)
            finally:
                self.seconds[name] += time.monotonic() - began

        setattr(owner, method, around)

    def requested(self, pool: Any) -> None:
        ask = pool.ask

        def around(
            pool: Any, address: Any, requests: Sequence[Any], *args: Any, **more: Any
        ) -> Any:
            self.counts["rounds"] += 1
            self.requests.update(type(request).__name__ for request in requests)
            return ask(pool, address, requests, *args, **more)

        pool.ask = around


def main(words: Sequence[str]) -> int:
    from provisioner.hosts.observer import Shell
    from provisioner.kafka.wire import Pool
    from provisioner.run.executor import Executor
    from provisioner.run.session import Session
    from provisioner.verbs import apply
    from provisioner.verbs.shared import command

    meter = Meter()
    meter.requested(Pool)
    meter.timed(Executor, "_calls", "written")
    meter.timed(Executor, "_await", "awaited")
    meter.timed(Session, "holds_lock", "lock_checks")
    meter.timed(Shell, "run", "execs")
    meter.timed(apply, "verify", "verified")
    began = time.monotonic()
    code = command.run(list(words))
    whole = time.monotonic() - began
    shown = {
        "requests": meter.requests.total(),
        "by_name": dict(meter.requests),
        "counts": dict(meter.counts),
        "seconds": {**meter.seconds, "whole": whole},
    }
    print(json.dumps(shown), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
