"""Ctrl-C and TERM before anything is changed: the command ends at once, with one document."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.cli.conftest import SPEC, Ran, clean_environment

LOOKING = ["plan", "drift", "verify", "status", "log", "lock"]
SOON = 120.0  # seconds; the hosts below would be waited for ten minutes
SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)


@dataclass
class Silent:
    """A port that takes connections and says nothing: as a host that hangs."""

    server: socket.socket

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])

    def inventory(self, folder: Path, *names: str) -> Path:
        options = "-o ConnectTimeout=600 -o UserKnownHostsFile=/dev/null"
        hosts = {
            name: {"ansible_host": f"127.0.0.{n}", "kafka_address": f"10.0.0.{n}"}
            for n, name in enumerate(names, 1)
        }
        common = {"ansible_port": self.port, "ansible_ssh_common_args": options}
        path = folder / "hosts.yaml"
        path.write_text(json.dumps({"all": {"vars": common, "hosts": hosts}}))
        return path


@pytest.fixture
def silent() -> Iterator[Silent]:
    with socket.create_server(("", 0)) as server:
        server.settimeout(SOON)
        yield Silent(server)


def start(folder: Path, *argv: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "provisioner", *argv],
        cwd=folder,
        env={**clean_environment(folder), "PYTHONFAULTHANDLER": "1", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(running: subprocess.Popen[str], number: signal.Signals) -> Ran:
    running.send_signal(number)
    try:
        out, err = running.communicate(timeout=SOON)
    except subprocess.TimeoutExpired:
        # It says where it stands.
        running.send_signal(signal.SIGABRT)
        out, err = running.communicate()
        raise AssertionError(f"it went on: {out}{err}") from None
    assert "Traceback" not in err
    return Ran(running.returncode, out, err)


def write(folder: Path, cluster: str, *hosts: str) -> str:
    """A spec with a broker on each host, and ZooKeeper on the first."""
    broker = "  - {{id: {n}, host: {h}, listeners: ['PLAINTEXT://:{p}'], log_dirs: [logs-{n}]}}"
    lines = [broker.format(n=n, h=h, p=23092 + n) for n, h in enumerate(hosts)]
    text = SPEC.format(cluster=cluster, home=folder / f"kafka-{cluster}")
    head = text[: text.index("brokers:")].replace("host: localhost", f"host: {hosts[0]}")
    path = folder / f"{cluster}.yaml"
    path.write_text(head + "brokers:\n" + "\n".join(lines) + "\n")
    return path.name


@SIGNALS
@pytest.mark.parametrize("verb", [*LOOKING, "apply", "stop"])
def test_while_it_connects(
    silent: Silent, tmp_path: Path, verb: str, number: signal.Signals, code: int
) -> None:
    spec = write(tmp_path, "one", "h1", "h2")
    inventory = silent.inventory(tmp_path, "h1", "h2")
    running = start(tmp_path, verb, spec, "-i", str(inventory), "--json")
    connections = [silent.server.accept() for _ in range(2)]
    ran = end(running, number)
    assert (ran.code, ran.document["exit_code"]) == (code, code)
    assert ran.document["command"] == verb
    (error,) = ran.document["errors"]
    assert error["code"] == "interrupted"
    assert f"SIG{'INT' if code == 130 else 'TERM'}" in error["message"]
    for connection, _ in connections:
        connection.close()


@SIGNALS
@pytest.mark.parametrize("verb", ["drift", "apply"])
def test_several_clusters(
    silent: Silent, tmp_path: Path, verb: str, number: signal.Signals, code: int
) -> None:
    """What only looks ends at once; what may change something answers for each cluster."""
    specs = [write(tmp_path, name, "h1") for name in ("one", "two")]
    inventory = silent.inventory(tmp_path, "h1")
    running = start(tmp_path, verb, *specs, "-i", str(inventory), "--parallel", "1", "--json")
    (connection, _) = silent.server.accept()
    if verb == "apply":
        # The one that connects goes on until it knows; the other is not begun.
        running.send_signal(number)
        time.sleep(0.5)
        connection.close()
        silent.server.close()
    ran = end(running, number)
    assert (ran.code, ran.document["exit_code"]) == (code, code)
    assert [e["code"] for e in ran.document["errors"]][-1:] == ["interrupted"]
    assert "interrupted" not in [e["code"] for e in ran.document["errors"]][:-1]
    connection.close()


def fake(folder: Path, name: str) -> tuple[Path, Path]:
    """A command that hangs in place of the real one, and the file that it makes when it begins."""
    begun = folder / "begun"
    path = folder / "bin" / name
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n: >'{begun}'\nexec sleep 600\n")
    path.chmod(0o755)
    return path.parent, begun


@SIGNALS
@pytest.mark.parametrize("verb", ["plan", "drift", "verify", "status", "log"])
def test_while_it_looks(
    tmp_path: Path, spec: Path, verb: str, number: signal.Signals, code: int
) -> None:
    """A probe hangs, as on a dead NFS mount."""
    name = {"status": "awk", "log": "wc"}.get(verb, "stat")
    (tmp_path / "kafka-one/.provision").mkdir(parents=True)
    (tmp_path / "kafka-one/.provision/journal.jsonl").touch()
    folder, begun = fake(tmp_path, name)
    running = start(tmp_path, verb, spec.name, PATH=f"{folder}:{os.environ['PATH']}")
    limit = time.monotonic() + SOON
    while not begun.exists():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < limit, "the probe was not begun"
        time.sleep(0.02)
    ran = end(running, number)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("error: interrupted by SIG")
