"""A real Kafka that does not answer, and a spec that wants nothing of it but that it runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.real.lab import Lab, item


@contextmanager
def frozen(lab: Lab) -> Iterator[None]:
    """Its process is there, its port is open, and nothing comes back."""
    pid = lab.pid("broker-0")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_was_not_told_is_never_in_sync(one: Lab) -> None:
    del one.data["topics"]
    one.write()
    one.apply()
    assert one.json("drift")["in_sync"] is True
    with frozen(one):
        for verb, code in (("plan", 3), ("drift", 3), ("verify", 2)):
            cluster = one.json(verb, code=code)
            assert cluster["in_sync"] is None, verb
            assert cluster["complete"] is False, verb
            unknown = item(cluster, "unknown", kind="broker", name="0")
            assert unknown["reason"]
            assert {u["host"] for u in cluster["unknown"]} == {None}
    assert one.json("drift")["in_sync"] is True
