"""Clusters on real hosts, as a user has them: a spec, an inventory, and the command line.

Nothing here looks into the tool: what a test sees is what a command answers, and what is on the
hosts, where it looks as root and without SSH.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hosts.machine import Machine

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # for one command or one wait: a hang ends the test, slowness does not
ZOOKEEPER, KRAFT = "3.9.2", "4.3.1"
# Of these small heaps the default takes 128 MB in one piece: now and then it is not there.
CLEANER = "log.cleaner.dedupe.buffer.size: 8388608"
# Kafka's own 18 s would be waited for after each kill. A start gives up after the second, which is
# as short as the first unless it is set.
ZOOKEEPER_SESSION = "zookeeper.session.timeout.ms: 6000, zookeeper.connection.timeout.ms: 60000"
# C1 and the serial collector halve the CPU of a start, which is most of what these tests cost.
JVM = "jvm_opts: [-XX:TieredStopAtLevel=1, -XX:+UseSerialGC]"
LEFTOVERS = r".*\(\.incoming\|\.provision\|\.broken\|manifest\.new\|lock\.token\.new\)"


@dataclass
class Answer:
    """What one command ended with."""

    code: int
    text: str
    progress: str

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.text}\n{self.progress}"

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def cluster(self) -> dict[str, Any]:
        (only,) = self.document["clusters"]
        return dict(only)

    @property
    def changes(self) -> dict[str, dict[str, Any]]:
        """The changes by kind and name; things of hosts also with ``@host``."""
        found = {}
        for change in self.cluster["changes"]:
            name = f"{change['kind']} {change['name']}"
            found[name] = found[f"{name}@{change['host']}"] = change
        return found


@dataclass
class Place:
    """A folder with a spec and an inventory for some machines, and the commands on them."""

    folder: Path
    machines: Sequence[Machine]
    user: str = "deploy"
    environment: Mapping[str, str] = field(default_factory=dict)
    options: str = ""
    name: str = "spec"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def spec(self) -> Path:
        return self.folder / f"{self.name}.yaml"

    def inventory(self, **variables: str) -> None:
        """Each machine under its name, in the group ``kafka``."""
        options = "-o ConnectTimeout=5 " + self.options
        hosts = {
            m.name: {
                "ansible_host": m.address,
                "ansible_port": m.options.port,
                "kafka_address": m.address,
                "ansible_ssh_common_args": f"{options}-o UserKnownHostsFile={m.known_hosts}",
            }
            for m in self.machines
        }
        common = {
            "ansible_user": self.user,
            "ansible_become": self.user not in ("root", "plain"),
            "ansible_ssh_private_key_file": str(self.machines[0].key),
            **variables,
        }
        whole = {"all": {"vars": common, "children": {"kafka": {"hosts": hosts}}}}
        # JSON is YAML.
        (self.folder / "inventory.yaml").write_text(json.dumps(whole, indent=1))

    def write(self, text: str) -> None:
        """The spec, without its line ``inventory:``."""
        self.inventory()
        self.spec.write_text(text + "inventory: inventory.yaml\n")

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text()
        assert old in text
        self.spec.write_text(text.replace(old, new))

    def command(self, verb: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "provisioner", verb, str(self.spec), *words]

    def run(self, verb: str, *words: str) -> Answer:
        done = subprocess.run(
            self.command(verb, *words),
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def json(self, verb: str, *words: str) -> Answer:
        return self.run(verb, "--json", *words)

    def ok(self, verb: str, *words: str) -> Answer:
        """The command, which must end with 0."""
        answer = self.run(verb, *words)
        assert answer.code == 0, str(answer)
        return answer

    @contextlib.contextmanager
    def begun(self, verb: str, *words: str) -> Iterator[Begun]:
        """The command while it runs; killed at the end if it still does."""
        log = self.folder / f"{verb}-{time.monotonic_ns()}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                self.command(verb, *words),
                cwd=ROOT,
                env={**os.environ, **self.environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Begun(process, log)
        finally:
            process.kill()
            process.wait()


@dataclass
class Begun:
    """A command that runs. What it says is in ``log``."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str) -> None:
        """Until it said these words; it must not end before."""
        until(lambda: words in self.text or self.process.poll() is not None, words)
        assert words in self.text, self.text

    def end(self) -> int:
        return self.process.wait(PATIENCE)


def until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    """Wait for what must come. Fails the test after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it never came: {what}"
        time.sleep(0.05)


# --- specs ---------------------------------------------------------------------------------------


def lab(host: str, name: str = "lab", more: str = "", config: str = "") -> str:
    """ZooKeeper and three brokers on one host, as on the sheet."""
    return f"""cluster: {name}
kafka:
  version: "{ZOOKEEPER}"
{more}defaults:
  heap: 200m
  {JVM}
  config: {{{CLEANER}, {ZOOKEEPER_SESSION}{config}}}
zookeeper:
  - {{id: 1, host: {host}, client_port: 2181, data_dir: zookeeper}}
brokers:
  - {{id: 0, host: {host}, listeners: [PLAINTEXT://localhost:9092], log_dirs: [logs-0]}}
  - {{id: 1, host: {host}, listeners: [PLAINTEXT://localhost:9093], log_dirs: [logs-1]}}
  - {{id: 2, host: {host}, listeners: [PLAINTEXT://localhost:9094], log_dirs: [logs-2]}}
topics:
  atu: {{partitions: 1, replication: 1}}
  purchases: {{partitions: 3, replication: 3}}
"""


def one_node(
    host: str, name: str = "one", more: str = "", log_dir: str = "data", config: str = ""
) -> str:
    """One combined KRaft node: the cluster that is made soonest."""
    return f"""cluster: {name}
kafka:
  version: "{KRAFT}"
{more}defaults:
  heap: 200m
  {JVM}
  config: {{{CLEANER}{config}}}
controllers:
  - {{id: 1, host: {host}, port: 9093}}
brokers:
  - {{id: 1, host: {host}, listeners: [PLAINTEXT://localhost:9092], log_dirs: [{log_dir}]}}
topics:
  atu: {{partitions: 1, replication: 1}}
"""


def three_nodes(machines: Sequence[Machine], name: str = "orders") -> str:
    """A combined KRaft node on each of three hosts, under systemd."""
    lines = [
        f"cluster: {name}",
        f'kafka: {{version: "{KRAFT}", supervisor: systemd}}',
        "defaults:",
        "  heap: 256m",
        f"  {JVM}",
        f"  config: {{{CLEANER}, min.insync.replicas: 2, num.partitions: 4}}",
        "controllers:",
        *(f"  - {{id: {n}, host: {m.name}, port: 9093}}" for n, m in _numbered(machines)),
        "brokers:",
        *(
            f"  - {{id: {n}, host: {m.name}, listeners: ['PLAINTEXT://:9092'], "
            f"log_dirs: [/var/lib/kafka/data]}}"
            for n, m in _numbered(machines)
        ),
        "topics:",
        "  orders: {partitions: 6, replication: 3}",
    ]
    return "\n".join(lines) + "\n"


def ensemble(machines: Sequence[Machine], name: str = "billing") -> str:
    """A ZooKeeper server on each of the first three hosts, a broker on each of the others."""
    lines = [
        f"cluster: {name}",
        f'kafka: {{version: "{ZOOKEEPER}", supervisor: systemd}}',
        "defaults:",
        "  heap: 200m",
        f"  {JVM}",
        f"  config: {{{CLEANER}, min.insync.replicas: 2, {ZOOKEEPER_SESSION}}}",
        "zookeeper:",
        *(
            f"  - {{id: {n}, host: {m.name}, data_dir: /var/lib/zookeeper}}"
            for n, m in _numbered(machines[:3])
        ),
        "brokers:",
        *(
            f"  - {{id: {n}, host: {m.name}, listeners: ['PLAINTEXT://:9092'], "
            f"log_dirs: [/var/lib/kafka/data]}}"
            for n, m in _numbered(machines[3:])
        ),
        "topics:",
        "  invoices: {partitions: 3, replication: 3}",
    ]
    return "\n".join(lines) + "\n"


def _numbered(machines: Sequence[Machine]) -> Iterable[tuple[int, Machine]]:
    return enumerate(machines, start=1)


# --- what is on a host ---------------------------------------------------------------------------


def without_python(machine: Machine) -> None:
    """The image has one, which came with some other program: our hosts need none."""
    on(machine, "rm -f /usr/bin/python3*")
    assert on(machine, "command -v python3 java; true") == ""


def on(machine: Machine, script: str, *words: str) -> str:
    """What a script says that root runs on the host, without SSH."""
    return machine.inside("sh", "-c", script, "sh", *words).stdout


@dataclass(frozen=True)
class Java:
    """A process, told from a later one of the same pid by its start."""

    pid: int
    start: int
    uid: int


def processes(machine: Machine) -> dict[str, list[Java]]:
    """Kafka's and ZooKeeper's processes on the host, by the name of their properties file."""
    script = """for d in /proc/[0-9]*; do
      grep -q -a -E 'kafka\\.Kafka|QuorumPeerMain' $d/cmdline 2>/dev/null || continue
      s=$(cut -d' ' -f22 $d/stat) && u=$(stat -c %u $d) || continue
      c=$(tr '\\0\\n' '\\t ' <$d/cmdline) || continue
      [ -z "$c" ] || printf '%s %s %s %s\\n' ${d#/proc/} "$s" "$u" "$c"
    done 2>/dev/null; true"""
    found: dict[str, list[Java]] = {}
    for line in on(machine, script).splitlines():
        pid, start, uid, command = line.split(" ", 3)
        words = command.rstrip("\t").split("\t")
        if words[0].endswith("/java"):
            name = words[-1].rpartition("/")[2]
            found.setdefault(name, []).append(Java(int(pid), int(start), int(uid)))
    return found


def all_processes(machines: Iterable[Machine]) -> dict[str, list[Java]]:
    return {f"{m.name}/{k}": v for m in machines for k, v in processes(m).items()}


def bounced(before: Mapping[str, list[Java]], after: Mapping[str, list[Java]]) -> set[str]:
    """What runs as another process now, or no longer, or newly."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def leftovers(machine: Machine) -> list[str]:
    """Files that a run makes on its way and that none may leave."""
    found = on(machine, f"find / -xdev -regex '{LEFTOVERS}' ! -name .provision -print")
    return found.split("\n")[:-1]


def remains(machine: Machine) -> str:
    """What is there of a cluster under systemd that was destroyed with its data."""
    folders = "/opt/kafka /var/lib/kafka /var/lib/provision"
    units = "/etc/systemd/system/*kafka* /etc/systemd/system/.*kafka* /etc/systemd/system/*/kafka*"
    account = "! id -u kafka >/dev/null 2>&1 || echo the account"
    return on(machine, f"find {folders} 2>/dev/null; ls -d {units} 2>/dev/null; {account}")


def tree(machine: Machine, *without: str) -> dict[str, str]:
    """Every file of the host with its inode, mode, owner, size and times, but what living hosts
    write by themselves (logins, journals) and what is below ``without``."""
    own = ("/var/log", "/run", "/proc", "/sys", "/dev", "/var/lib/systemd", "/var/lib/sudo")
    prune = " -o ".join(f"-path {path!r}" for path in (*own, *without))
    shown = r"%p\t%i %y %m %U %G %s %T@ %C@ %l\n"
    found = on(machine, f"find / \\( {prune} \\) -prune -o -printf '{shown}'")
    return dict(line.split("\t", 1) for line in found.splitlines() if "\t" in line)


def unit(machine: Machine, name: str) -> dict[str, str]:
    """What systemd says of a unit."""
    shown = on(machine, 'systemctl show -- "$1"', name)
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


# --- what clients see ----------------------------------------------------------------------------


class Watch:
    """Which of some ports are shut, all the while; several addresses, many times a second."""

    def __init__(self, ports: Mapping[str, tuple[str, int]]):
        self._ports, self._ended = dict(ports), threading.Event()
        self.shut: list[frozenset[str]] = []
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            self.shut.append(frozenset(name for name, at in self._ports.items() if not _open(at)))

    @property
    def ever(self) -> set[str]:
        """All that were shut at some time."""
        return {name for names in self.shut for name in names}

    @property
    def most(self) -> int:
        """How many at most were shut at once."""
        return max((len(names) for names in self.shut), default=0)


def _open(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True


class Writer:
    """Writes numbers to a topic with acks=all while it is open; keeps which were acknowledged."""

    def __init__(self, servers: Sequence[str], topic: str):
        self._servers, self._topic = list(servers), topic
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.acknowledged: set[int] = set()

    def __enter__(self) -> Writer:
        self._thread.start()
        until(lambda: len(self.acknowledged) > 20, "first messages")
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        from kafka import KafkaProducer

        producer = KafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            delivery_timeout_ms=300_000,
            request_timeout_ms=20_000,
            max_block_ms=300_000,
            allow_auto_create_topics=False,
        )
        number = 0
        while not self._ended.is_set():
            pending = [
                (n, producer.send(self._topic, str(n).encode())) for n in range(number, number + 5)
            ]
            number += 5
            for n, future in pending:
                with contextlib.suppress(Exception):  # what was not acknowledged may be lost
                    future.get(300)
                    self.acknowledged.add(n)
            time.sleep(0.01)
        producer.close()

    def kept(self) -> set[int]:
        """All numbers that can be read now."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(
            bootstrap_servers=self._servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        parts = [TopicPartition(self._topic, n) for n in consumer.partitions_for_topic(self._topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found: set[int] = set()
        end = time.monotonic() + PATIENCE
        while any(consumer.position(part) < ends[part] for part in parts):
            assert time.monotonic() < end, "the topic cannot be read to its end"
            for records in consumer.poll(timeout_ms=500).values():
                found |= {int(r.value) for r in records if r.value and r.value.isdigit()}
        consumer.close()
        return found
