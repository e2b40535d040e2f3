"""A cluster of a test's own: a spec as data, a home in a folder of the test, ports that were free.

Everything goes through ``python -m provisioner``, as a user's commands would. What a lab started is
ended by its own pids.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kafka_client import Both, connect
from tests.real.kafka_processes import free_ports
from tests.real.provisioned import PATIENCE, ROOT, Answer, Provisioned

# C1 and the serial collector halve the CPU of a start, which is most of what these tests cost.
JVM = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
CLEANER = {"log.cleaner.dedupe.buffer.size": 8 << 20}
"""The default takes 128 of the 256 MB in one piece: now and then they are not there."""
SESSIONS = {"broker.session.timeout.ms": 5000, "broker.heartbeat.interval.ms": 500}
"""KRaft lets a broker that was stopped register again when its old session is over: Kafka's own 9
seconds would be waited for at each restart."""
SESSION = 6.0
"""ZooKeeper's session timeout, in seconds: Kafka's own 18 would be waited for after each kill."""
ZOOKEEPER = {
    "zookeeper.session.timeout.ms": int(SESSION * 1000),
    # As long as the session unless it is set: a broker that starts on a busy machine would give up.
    "zookeeper.connection.timeout.ms": 60_000,
}

Spec = dict[str, Any]
Tree = dict[str, tuple[str, int, int, int, str]]


@dataclass
class Lab(Provisioned):
    """A cluster whose spec is data, and so can be changed between two commands."""

    data: Spec = field(default_factory=dict)
    user: str = ""
    """Who runs the commands; empty: who runs the tests."""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.data["cluster"])

    def write(self) -> None:
        """The spec file: JSON is YAML."""
        self.spec.write_text(json.dumps(self.data, indent=1))
        self.spec.chmod(0o644)

    @contextlib.contextmanager
    def changed(self, change: Callable[[Spec], None]) -> Iterator[None]:
        """Another spec for a while."""
        before = json.dumps(self.data)
        try:
            change(self.data)
            self.write()
            yield
        finally:
            self.data = json.loads(before)
            self.write()

    # -- commands

    def command(self, verb: str, *words: str) -> list[str]:
        plain = super().command(verb, *words)
        if not self.user:
            return plain
        return [sys.executable, "-m", "tests.as_user", self.user, *plain]

    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(self.env)

    def start(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """The command, running, in a session of its own; stdout and stderr apart."""
        return subprocess.Popen(
            self.command(verb, *words),
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def answer(self, running: subprocess.Popen[str]) -> Answer:
        out, err = running.communicate(timeout=PATIENCE)
        assert "Traceback" not in out + err, out + err
        document = json.loads(out) if "--json" in running.args else {}  # type: ignore[operator]
        return Answer(running.returncode, out, err, document)

    def run(self, verb: str, *words: str) -> Answer:
        return self.answer(self.start(verb, *words))

    def json(self, verb: str, *words: str, code: int | None = 0) -> dict[str, Any]:
        """The one cluster of a command's document; ``code`` is how it has to end (None: anyhow)."""
        done = self.run(verb, *words, "--json")
        assert code in (None, done.code), f"{verb}: {done.code}, {reasons(done)}\n{shown(done)}"
        assert done.document["exit_code"] == done.code
        return done.cluster

    def apply(self, *words: str) -> None:
        self.json("apply", *words)

    def applied(self, *words: str) -> list[tuple[str, str, str]]:
        """What an apply that reached its goal did: (action, kind, name)."""
        cluster = self.json("apply", *words)
        assert cluster["in_sync"] is True
        assert cluster["healthy"] is True
        return [(c["action"], c["kind"], self.short(c["name"])) for c in cluster["applied"]]

    def short(self, name: str) -> str:
        return name.removeprefix(f"{self.home}/")

    def drift(self, *words: str) -> dict[str, Any]:
        return self.json("drift", *words, code=None)

    # -- what there is

    @property
    def nodes(self) -> dict[str, str]:
        """Node → the name of its properties file."""
        names = {f"zookeeper-{z['id']}": "zookeeper" for z in self.data.get("zookeeper", [])}
        brokers = {b["id"] for b in self.data["brokers"]}
        for c in self.data.get("controllers", []):
            if c["id"] not in brokers:
                names[f"controller-{c['id']}"] = f"controller-{c['id']}"
        for id in brokers:
            plain = id == 0 and not self.kraft
            names[f"broker-{id}"] = "server" if plain else f"server-{id}"
        return {node: f"{name}.properties" for node, name in names.items()}

    def properties(self, node: str) -> Path:
        return self.home / "config" / self.nodes[node]

    def processes(self) -> dict[str, list[int]]:
        """Node → the pids that run with its file."""
        return {node: self.pids(name) for node, name in self.nodes.items()}

    def pid(self, node: str) -> int:
        (only,) = self.pids(self.nodes[node])
        return only

    def pids_now(self) -> dict[str, int]:
        """Node → its one pid; a node without or with two fails the test."""
        return {node: self.pid(node) for node in self.nodes}

    def tree(self, *, without: Sequence[str] = ()) -> Tree:
        """Every path below the home: type, mode, owner, mtime in ns, content. What Kafka itself
        keeps writing (data and logs) is left out."""
        found: Tree = {}
        mine = [self.home / d for d in ("logs", *self.data_dirs())]
        for path in sorted(self.home.rglob("*")):
            name = str(path.relative_to(self.home))
            if name in without or any(path.is_relative_to(m) and path != m for m in mine):
                continue
            with contextlib.suppress(FileNotFoundError):
                state = path.lstat()
                content = ""
                if path.is_symlink():
                    content = str(path.readlink())
                elif path.is_file() and "dist/" not in name:
                    content = hashlib.sha256(path.read_bytes()).hexdigest()
                when = 0 if path in mine or path == self.home else state.st_mtime_ns
                found[name] = (oct(state.st_mode), state.st_uid, when, state.st_size, content)
        return found

    def data_dirs(self) -> list[str]:
        found = [z["data_dir"] for z in self.data.get("zookeeper", [])]
        return found + [d for b in self.data["brokers"] for d in b["log_dirs"]]

    def temporaries(self) -> list[str]:
        """What a run that was cut off may have left beside a file."""
        return [
            str(path)
            for path in self.home.rglob("*")
            if ".provision." in path.name
            or path.name.endswith((".provision", ".incoming", ".broken", ".new"))
            if path != self.home / ".provision"
        ]

    # -- Kafka

    @contextlib.contextmanager
    def cluster(self) -> Iterator[Both]:
        found = connect([("localhost", port) for port in self.ports])
        try:
            yield found
        finally:
            found.close()

    def produce(self, topic: str, values: Sequence[bytes]) -> None:
        with self.cluster() as cluster:
            lost = [
                a for a in cluster.produce(topic, values, seconds=120) if isinstance(a, Exception)
            ]
        assert not lost, lost

    def consume(self, topic: str) -> list[bytes]:
        with self.cluster() as cluster:
            return [record.value for record in cluster.consume(topic, seconds=120)]

    # -- the end

    def clean(self) -> None:
        """Ends what runs, at once: what ``destroy`` takes away is tested where it is meant, and it
        waits for brokers that have nobody to hand over to."""
        self.end(*self.pids(), how=signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)


def shown(done: Answer) -> str:
    return f"{done.text}\n{done.progress}"


def reasons(done: Answer) -> str:
    """Why a command did not end well, in one line: of a long report only a part may be kept."""
    document = done.document
    found = [f"{e['code']}: {e['message']}" for e in document.get("errors", [])]
    for cluster in document.get("clusters", []):
        found += [str(error) for error in cluster.get("errors") or []]
        found += [f"{c['name']}: {c['detail']}" for c in cluster["checks"] if not c["ok"]]
        for key in ("failed", "refused", "unknown", "deferred", "not_started"):
            for each in cluster[key]:
                what = f"{key} {each['kind']} {each['name']}"
                found.append(f"{what}: {each.get('message') or each.get('reason')}")
    return " | ".join(found)[:1500]


def until(what: Callable[[], Any], seconds: float = 300.0) -> Any:
    """What it gives once that is true."""
    limit = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < limit, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return found


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def items(cluster: Mapping[str, Any], key: str, **wanted: Any) -> list[dict[str, Any]]:
    """Those of a document's changes, refusals, … that have these values."""
    return [i for i in cluster[key] if all(i.get(k) == v for k, v in wanted.items())]


def item(cluster: Mapping[str, Any], key: str, **wanted: Any) -> dict[str, Any]:
    found = items(cluster, key, **wanted)
    assert len(found) == 1, f"{wanted} in {key}: {json.dumps(cluster[key], indent=1)}"
    return found[0]


def zookeeper_lab(folder: Path, name: str = "atu-lab", home: str = "dev/my kafka") -> Lab:
    """The cluster of the lab sheet; written, not applied."""
    ports = free_ports(4)
    lab = _lab(folder, name, home, ports[:3], kraft=False)
    lab.data["defaults"]["config"].update(ZOOKEEPER)
    lab.data["zookeeper"] = [
        {"id": 1, "host": "localhost", "client_port": ports[3], "data_dir": "zookeeper"}
    ]
    lab.write()
    return lab


def kraft_lab(
    folder: Path, name: str = "kraft-lab", home: str = "kafka", version: str = "4.3.1",
    brokers: int = 3, quorum: str = "",
) -> Lab:  # fmt: skip
    """Combined nodes; written, not applied."""
    ports = free_ports(2 * brokers)
    lab = _lab(folder, name, home, ports[:brokers], kraft=True)
    lab.data["kafka"]["version"] = version
    lab.data["defaults"]["config"].update(SESSIONS)
    lab.data["controllers"] = [
        {"id": id, "host": "localhost", "port": port} for id, port in enumerate(ports[brokers:])
    ]
    if quorum:
        lab.data["controller_quorum"] = quorum
    if brokers < 3:
        lab.data["topics"] = {"atu": {"partitions": 1, "replication": 1}}
    lab.write()
    return lab


def lab_of(folder: Path, kafka: str) -> Lab:
    """Three brokers of a version and a mode (``4.3.1 kraft``); written, not applied. Before 4.0
    the quorum is static."""
    version, mode = kafka.split()
    if mode == "zookeeper":
        return zookeeper_lab(folder)
    return kraft_lab(folder, version=version, quorum="static" if version.startswith("3.") else "")


def _lab(folder: Path, name: str, home: str, ports: Sequence[int], *, kraft: bool) -> Lab:
    folder.mkdir(parents=True, exist_ok=True)
    data: Spec = {
        "cluster": name,
        "kafka": {"version": "3.9.1", "home": str(folder / home)},
        "defaults": {"heap": "256m", "jvm_opts": list(JVM), "config": dict(CLEANER)},
        "brokers": [
            {
                "id": id,
                "host": "localhost",
                "listeners": [f"PLAINTEXT://localhost:{port}"],
                "log_dirs": [f"logs-{id}"],
            }
            for id, port in enumerate(ports)
        ],
        "topics": {
            "atu": {"partitions": 1, "replication": 1},
            "purchases": {"partitions": 3, "replication": 3},
        },
    }
    return Lab(folder / "lab.yaml", folder / home, list(ports), kraft, data)
