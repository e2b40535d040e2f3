"""The measurements that need hosts. They run inside a world of ``tests.hosts``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import fleet, rolling
from bench.clock import Cost, Failed, interleaved, middle
from bench.ours import Ours
from bench.peers import files, floor
from bench.peers.tools import Peers, ensure_pyinfra
from bench.results import Results
from tests.hosts import lab as labs
from tests.hosts.lab import Lab
from tests.hosts.machine import Machine
from tests.hosts.options import Options
from tests.hosts.world import World

# Ansible wants Python on its hosts; ours are measured on the very same ones.
PACKAGES = {"PROVISION_TEST_PACKAGES": "python3"}
EVERYBODY = ("floor", "provision", "Ansible", "pyinfra")
LAB_FLAGS = "provision, flags of specs/lab.yaml"
NOOPS = 3  # of each tool, for every time the cluster is made


def inside() -> bool:
    return World.current() is not None


def enter(words: Sequence[str]) -> int:
    """The same command in a new world; what it needs from a network is fetched before."""
    ensure_pyinfra()
    files.ensure()
    command = [sys.executable, "-m", "tests.hosts", "world", "--"]
    command += [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, env={**os.environ, **PACKAGES}).returncode


def measure(parts: Sequence[str], results: Results, runs: int) -> None:
    lab = labs.current()
    assert lab is not None
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for part in parts:
            if part in ("lab", "kraft"):
                Contest(part, _add(lab, 1 if part == "lab" else 3), folder, results).hold(runs)
            elif part == "roll":
                rolling.measure(lab, _add(lab, 3), folder, results, runs)
            else:
                (machine,) = _add(lab, 1, Options(addresses=fleet.MOST))
                fleet.measure(lab, machine, folder, results, runs)
            lab.stop()


def _add(lab: Lab, count: int, options: Options | None = None) -> list[Machine]:
    return [lab.add(options) for _ in range(count)]


class Contest:
    """One cluster, made and looked at by everybody in turn, each on fresh hosts."""

    def __init__(self, kind: str, machines: list[Machine], folder: Path, results: Results) -> None:
        self.kind, self.machines, self.folder, self.results = kind, machines, folder, results
        self.lab = labs.current()
        everybody = [*EVERYBODY, LAB_FLAGS] if kind == "lab" else EVERYBODY
        self.ups: dict[str, list[Cost]] = {name: [] for name in everybody}
        self.noops: dict[str, list[Cost]] = {}
        self.steps = {
            "floor": self._floor,
            "provision": self._provision,
            "Ansible": self._ansible,
            "pyinfra": self._pyinfra,
            LAB_FLAGS: self._lab_flags,
        }

    def hold(self, runs: int) -> None:
        for number in range(runs):
            for name in self.ups:
                self.results.say(f"{self.kind} {number + 1}/{runs}: {name}")
                self._fresh()
                try:
                    self.steps[name]()
                except (Failed, AssertionError, TimeoutError) as error:
                    self.results.say(f"{name} failed: {error}")
        self._report()

    def _fresh(self) -> None:
        assert self.lab is not None
        for machine in self.machines:
            if machine.is_on:
                machine.rebuild()
        self.lab.start(self.machines)

    def _up(self, name: str, cost: Cost) -> None:
        self.ups[name].append(cost)
        self.results.say(f"  up {cost.wall:.1f} s")

    def _noop(self, jobs: dict[str, Callable[[], Cost]], times: int = NOOPS) -> None:
        for name, found in interleaved(times, jobs).items():
            self.noops.setdefault(name, []).extend(found)
            self.results.say(f"  no-op, {name}: {', '.join(f'{c.wall:.2f} s' for c in found)}")

    def _floor(self) -> None:
        cost, parts = floor.up(self.kind, self.machines)
        self._up("floor", cost)
        self.results.say(f"    {parts}")

    def _provision(self) -> None:
        ours = Ours(self.kind, self.machines, self.folder)
        self._up("provision", ours.up())
        self._noop({"provision drift": lambda: ours.run("drift"), "ssh true": self._ssh})

    def _lab_flags(self) -> None:
        self._up(LAB_FLAGS, Ours(self.kind, self.machines, self.folder, lab_flags=True).up())

    def _ansible(self) -> None:
        peers = Peers(self.kind, self.machines, self.folder)
        self._up("Ansible", peers.ansible())
        lean = ("-e", '{"lean": true}')
        jobs: dict[str, Callable[[], Cost]] = {
            "Ansible": peers.ansible,
            "Ansible, lean topics": lambda: peers.ansible(*lean),
        }
        self._noop(jobs, times=1)

    def _pyinfra(self) -> None:
        peers = Peers(self.kind, self.machines, self.folder)
        self._up("pyinfra", peers.pyinfra())
        self._noop({"pyinfra": peers.pyinfra})

    def _ssh(self) -> Cost:
        """Three at once, as a measure of what a connection costs here."""
        three = (self.machines * 3)[:3]
        started = time.monotonic()
        children = [
            subprocess.Popen(machine.ssh_command("true"), stdin=subprocess.DEVNULL)
            for machine in three
        ]
        for child in children:
            child.wait()
        return Cost(time.monotonic() - started)

    def _report(self) -> None:
        results, kind = self.results, self.kind
        results.head(f"{kind}: bare → verified")
        results.costs({f"{kind} up: {name}": found for name, found in self.ups.items()})
        ours = self.ups["provision"]
        for name, limit in (("floor", 1.0), ("Ansible", 0.4), ("pyinfra", 0.5)):
            results.ratio(f"{kind} up: provision / {name}", ours, self.ups[name], limit)
        results.head(f"{kind}: no-op")
        results.costs({f"{kind} no-op: {name}": found for name, found in self.noops.items()})
        drift = self.noops.get("provision drift", [])
        limits = {"Ansible": 20.0, "pyinfra": 5.0}
        if kind == "kraft":
            limits = {"Ansible": 10.0, "pyinfra": 3.0}
        for name, limit in limits.items():
            found = self.noops.get(name, [])
            results.ratio(f"{kind} no-op: {name} / provision", found, drift, limit, least=True)
        if drift:
            ratio = middle(drift) / middle(self.noops["ssh true"])
            print(f"  (a no-op takes {ratio:.1f} × three parallel `ssh host true`)")
