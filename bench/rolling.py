"""One broker property on three KRaft nodes: rolled by us, by Ansible's rolling play, and bare."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bench.clock import Cost, timed
from bench.ours import Ours
from bench.peers.tools import Peers
from bench.results import Results
from bench.rolled import wait_whole
from provisioner.kafka.client import connect
from tests.hosts.lab import Lab
from tests.hosts.machine import Machine

SETTLE = 5.0  # seconds between making a cluster and changing it


class Watch:
    """How long how many of some addresses were shut, looked at every 50 ms."""

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._addresses, self._ended = addresses, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seconds: dict[int, float] = {}

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def most(self) -> int:
        return max(self.seconds, default=0)

    def _look(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(0.05):
            shut = sum(not _open(address) for address in self._addresses)
            now = time.monotonic()
            self.seconds[shut] = self.seconds.get(shut, 0.0) + now - last
            last = now


def _open(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 0.3).close()
    except OSError:
        return False
    return True


def _bare(machines: Sequence[Machine]) -> None:
    cluster = connect([(machine.address, 9092) for machine in machines])
    try:
        for number, machine in enumerate(machines, 1):
            unit = f"kafka-kraft-broker-{number}"
            done = machine.ssh(f"systemctl stop {unit}; systemctl start {unit}", user="root")
            assert done.returncode == 0, done
            wait_whole(cluster, len(machines))
    finally:
        cluster.close()


def measure(lab: Lab, machines: list[Machine], folder: Path, results: Results, runs: int) -> None:
    """Each makes the cluster its own way, then changes a property that no broker takes live.

    Bare is what no tool can leave out, on the hosts that we have made: each node is stopped,
    started, and waited for until every replica is in sync."""
    found: dict[str, list[Cost]] = {"provision": [], "bare": [], "Ansible, rolling play": []}
    most: dict[str, int] = {}
    ports = [(machine.address, 9092) for machine in machines]

    def watched(name: str, queued: int) -> None:
        time.sleep(SETTLE)
        with Watch(ports) as watch:
            if name == "provision":
                ours.write(queued=queued)
                cost = ours.run("apply")
            elif name == "bare":
                cost = timed(lambda: _bare(machines))
            else:
                words = ("-e", f"queued_max_requests={queued}")
                cost = peers.ansible(*words, play="rolling")
        found[name].append(cost)
        most[name] = max(most.get(name, 0), watch.most)
        shut = {count: round(seconds, 1) for count, seconds in sorted(watch.seconds.items())}
        results.say(f"  {name}: {cost.wall:.1f} s; seconds by brokers shut: {shut}")

    lab.start(machines)
    ours = Ours("kraft", machines, folder)
    ours.up()
    for queued in range(501, 501 + runs):
        watched("provision", queued)
        watched("bare", queued)
    for machine in machines:
        machine.rebuild()
    lab.start(machines)
    peers = Peers("kraft", machines, folder)
    peers.ansible()
    for queued in range(501, 501 + runs):
        watched("Ansible, rolling play", queued)

    results.head("one broker property, rolled over three KRaft nodes")
    results.costs(found)
    first, bare, second = found.values()
    results.ratio("rolled: provision / Ansible", first, second, 0.7)
    results.ratio("rolled: provision / bare", first, bare, 1.15)
    results.target("brokers shut at once, at most", most["provision"], 1)
