"""``ModelCluster``: machines and a Kafka that exist only as data.

It prints what the probes would print, is planned from by the real stages, and does the steps that
the real kinds give. A step that would fail on a real host (a process started without its file, a
broker on a log dir that is not formatted) is an ``Impossible`` here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from provisioner.kafka.port import (
    DEFAULT,
    DYNAMIC_BROKER,
    DYNAMIC_DEFAULT,
    STATIC,
    BrokerView,
    ClusterView,
    ConfigEntry,
    LogDirView,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.request import Ask
from provisioner.kinds import properties
from provisioner.kinds.layout import Distribution, Facts, HostLayout, layout_for
from provisioner.kinds.quota.requests import Entity
from provisioner.kinds.registry import KINDS, asks, asks_more
from provisioner.kinds.service.digest import digest
from provisioner.kinds.service.kind import ports as ports_of
from provisioner.plan.model import (
    Await,
    Call,
    Change,
    Id,
    Layer,
    Observation,
    Plan,
    Put,
    Run,
    State,
    Step,
    Unpack,
    Wave,
)
from provisioner.plan.rules import Seen
from provisioner.run.steps import sequence
from provisioner.site.look import probes_of, record
from provisioner.site.observe import told
from provisioner.site.planning import Planned, make_plan
from provisioner.site.site import Options, Site
from provisioner.spec import features as kafkas
from provisioner.spec.load import load
from provisioner.spec.types import Node, Role, Spec, Supervisor

SPECS = Path(__file__).parent / "specs"
FRESH = "FreshClusterIdOfTheRun"
ZOOKEEPERS = "IdThatZooKeeperMadeUpp"
ROOT = "root:root"


RATES = (
    "producer_byte_rate",
    "consumer_byte_rate",
    "request_percentage",
    "controller_mutation_rate",
)


CHECKPOINT = "recovery-point-offset-checkpoint"
"""What a broker writes into each of its log dirs when it first starts."""
KEEPING = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}


class Impossible(Exception):
    """A real host would have refused this step."""


@cache
def spec_of(name: str) -> Spec:
    """A spec of ``specs/``, bound to hosts on which Kafka's user is at home in /home/kafka."""
    spec = load(SPECS / f"{name}.yaml", env={"HOME": "/nonexistent"})
    homes = dict.fromkeys(spec.hosts, "/home/kafka")
    return replace(spec.bind(homes), fresh_cluster_id=FRESH)


FACTS = Facts(
    login="kafka",
    uid=1000,
    user="kafka",
    group="kafka",
    home="/home/kafka",
    user_exists=True,
    arch="x86_64",
    system="Linux",
    libc="glibc",
    root=True,
)


AS_ROOT = replace(FACTS, login="root", uid=0, root=True)


def places_of(spec: Spec, host: str, facts: Facts = FACTS) -> HostLayout:
    own = f"{spec.home_on(host)}/.provision/dist"
    return layout_for(
        spec,
        host,
        facts,
        kafka=Distribution("kafka-bytes", f"{own}/kafka-v-1", "kafka-bytes", spec.version),
        java=Distribution("java-bytes", f"{own}/java-v-1", "java-bytes", "21"),
        scripts=Distribution("scripts-bytes", f"{own}/scripts-v-1", "scripts-bytes", "1"),
    )


@dataclass
class Entry:
    """What is at a path. ``kind`` is what ``stat -c %F`` prints."""

    kind: str
    mode: str
    owner: str
    text: str = ""
    target: str = ""
    trouble: str = ""


@dataclass
class Process:
    node: Node
    pid: int
    digest: str
    static: dict[str, str]
    age: int = 3600


@dataclass
class Machine:
    """One host: paths, distributions (path → digest and what is wrong), processes, manifest."""

    name: str
    key: str
    entries: dict[str, Entry] = field(default_factory=dict)
    distributions: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    recorded: dict[str, str] = field(default_factory=dict)
    mounts: set[str] = field(default_factory=set)
    filesystem: str = "ext2/ext3:abc"
    processes: list[Process] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    hold: str = ""
    spec_holds: dict[str, str] = field(default_factory=dict)
    troubles: dict[Id, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        """The content of a file; raises Impossible where there is none."""
        entry = self.entries.get(path)
        if entry is None or not entry.kind.startswith("regular"):
            raise Impossible(f"{self.name}: no file {path}")
        return entry.text

    def entry(self, path: str) -> Entry:
        """What is at the path; raises Impossible where nothing is."""
        if path not in self.entries:
            raise Impossible(f"{self.name}: nothing at {path}")
        return self.entries[path]

    def distribution(self, path: str) -> str:
        if path not in self.distributions:
            raise Impossible(f"{self.name}: nothing at {path}")
        return self.distributions[path][0]

    def put(self, path: str, text: str, mode: str = "0640", owner: str = "kafka:kafka") -> None:
        parent = self.entries.get(path.rpartition("/")[0])
        if parent is None or parent.kind != "directory":
            raise Impossible(f"{self.name}: no folder for {path}")
        if path in self.entries and self.entries[path].kind == "directory":
            raise Impossible(f"{self.name}: {path} is a folder")
        kind = "regular file" if text else "regular empty file"
        self.entries[path] = Entry(kind, mode, owner, text)


@dataclass
class Topic:
    replicas: list[list[int]]
    config: dict[str, str] = field(default_factory=dict)
    internal: bool = False
    lagging: set[tuple[int, int]] = field(default_factory=set)
    """(partition, broker): replicas that are not in sync although the broker is alive."""
    moving: dict[int, list[int]] = field(default_factory=dict)
    """partition → where Kafka is moving its replicas."""
    id: str = ""
    ages: list[int] = field(default_factory=list)
    """Of each partition the ages of its records in milliseconds, the oldest first."""
    record_bytes: int = 100
    emptied: set[int] = field(default_factory=set)
    """Partitions that were made anew, empty."""
    led: dict[int, int] = field(default_factory=dict)
    """Partition → the broker that leads it in place of the first that could."""
    bytes: list[int] = field(default_factory=list)
    """Of each partition; none: sizes are not told."""


class ModelCluster:
    """Begins as machines with nothing on them; ``made(name)`` is one already in sync."""

    def __init__(self, spec: Spec, facts: Facts = FACTS):
        self.spec = spec
        self.site = Site(spec, Options(), noted={})
        self.site.places = {n: places_of(spec, n, facts) for n in self.site.used_hosts}
        self.machines = {name: Machine(name, key=f"key-of-{name}") for name in self.site.used_hosts}
        if spec.user and spec.supervisor is Supervisor.PROCESS:
            for machine in self.machines.values():
                machine.accounts.add(spec.user)  # only under systemd we make it
        for node in spec.nodes:
            for log_dir in node.log_dirs:
                if log_dir.mounted:
                    machine = self.machines[node.host]
                    machine.entries[log_dir.path] = Entry("directory", "0755", ROOT)
                    machine.mounts.add(log_dir.path)
        self.topics: dict[str, Topic] = {}
        self.dynamic: dict[int, dict[str, str]] = {}
        self.wide: dict[str, str] = {}
        self.quotas: dict[Entity, dict[str, float]] = {}
        self.groups: dict[str, tuple[str, set[str]]] = {}
        """Consumer groups: name → its type, and the topics in which it has an offset."""
        self.hidden: set[str] = set()
        """Topics that the tool has no right to describe."""
        self.unread: set[str] = set()
        """Questions (as classes of the kinds) that no broker answers."""
        self.ids = 0
        self.pids = 100
        self.zookeeper_id = ZOOKEEPERS
        self.controller: int | None = None
        self.formats = 0
        self.voters: dict[int, str] = {}
        """KRaft's: id → the directory it votes with, nothing where the quorum is static."""
        self.registered: set[int] = set()
        self.racks: dict[int, str] = {}
        self.history: list[Change] = []
        latest = kafkas.features(spec.version) if spec.is_kraft else {}
        self.finalized = {name: each.most for name, each in latest.items() if each.most}
        if spec.controller_quorum == "static":
            self.finalized.pop(kafkas.KRAFT, None)
        self.endpoints: dict[int, tuple[str, int]] = {}
        """KRaft's: where the others reach each voter."""
        self.runs: dict[int, str] = {}
        """Broker → the version it runs where that is not the spec's."""
        self.controllers: set[int] = {node.id for node in spec.controllers}
        """The registered ones."""
        self.strangers: set[int] = set()
        """Registered brokers that do not run and are not in the spec."""
        self.filled: dict[int, int] = {}
        """Broker that came back without its data → looks after which its replicas are in sync."""

    @classmethod
    def made(cls, name: str) -> ModelCluster:
        model = cls(spec_of(name))
        model.apply()
        model.history.clear()
        return model

    def becomes_spec(self, spec: Spec) -> None:
        """Somebody edits the spec's file."""
        self.spec = self.site.spec = spec
        facts = FACTS
        for name in self.site.used_hosts:
            self.machines.setdefault(name, Machine(name, key=f"key-of-{name}"))
        reached = [name for name in self.site.used_hosts if name not in self.site.unreachable]
        self.site.places = {name: places_of(spec, name, facts) for name in reached}

    def copy(self) -> ModelCluster:
        """The same cluster once more; what is done to one is not done to the other."""
        other = ModelCluster(self.spec)
        other.site.places = dict(self.site.places)
        other.site.unreachable = dict(self.site.unreachable)
        other.site.noted = dict(self.site.noted or {})
        memo = {id(self.spec): self.spec} | {id(node): node for node in self.spec.nodes}
        for name, value in vars(self).items():
            if name not in ("spec", "site"):
                setattr(other, name, copy.deepcopy(value, memo))
        return other

    # -- what is seen

    def observe(self) -> Seen:
        seen: dict[Id, Observation] = {}
        for host, where in self.site.places.items():
            machine = self.machines.get(host)
            if machine is None:
                continue
            for probe in probes_of(where):
                for id in probe.ids:
                    text = self.record_of(machine, id)
                    seen[id] = _parsed(id, text)
        view = self.view()
        why = "" if view else "nobody answers"
        away = {host: str(error) for host, error in self.site.unreachable.items()}
        return told(self.spec, Seen(seen, view, why, away=away))

    def plan(self) -> Plan:
        return self.planned().plan

    def planned(self) -> Planned:
        return make_plan(self.site, self.observe())

    def record_of(self, machine: Machine, id: Id) -> str:
        """What the probe of a thing prints after its line ``=``."""
        if id in machine.troubles:
            return f"error={machine.troubles[id]}\n"
        match id.kind:
            case "directory":
                return "\n".join(self._stat(machine, id.name)) + "\n"
            case "file":
                return "\n".join(self._file(machine, id.name)) + "\n"
            case "java" | "kafka":
                return "\n".join(self._distribution(machine, id.name)) + "\n"
            case "storage":
                return "\n".join(self._storage(machine, id.name)) + "\n"
            case "service":
                return "\n".join(self._service(machine, id.name)) + "\n"
        return "exists=true\n" if id.name in machine.accounts else "absent=\n"

    def _stat(self, machine: Machine, path: str) -> list[str]:
        entry = machine.entries.get(path)
        if entry is None:
            return ["absent="]
        if entry.trouble:
            return [f"error={entry.trouble}"]
        return [f"type={entry.kind}", f"mode={entry.mode}", f"owner={entry.owner}"]

    def _file(self, machine: Machine, path: str) -> list[str]:
        lines = self._stat(machine, path)
        entry = machine.entries.get(path)
        if entry is None or entry.trouble:
            return lines
        if entry.kind == "symbolic link":
            return [*lines, f"target={entry.target}"]
        if entry.kind.startswith("regular"):
            lines += ["|" + line for line in entry.text.splitlines()]
        return lines

    def _distribution(self, machine: Machine, path: str) -> list[str]:
        if path not in machine.distributions:
            return ["absent="]
        found, wrong = machine.distributions[path]
        return [f"digest={found}", *wrong]

    def _storage(self, machine: Machine, path: str) -> list[str]:
        entry = machine.entries.get(path)
        inside = {
            p.removeprefix(path + "/"): e
            for p, e in machine.entries.items()
            if p.startswith(path + "/")
        }
        gone = [node for node in self.spec.going if node.host == machine.name]
        goes = any(path == d.path for node in gone for d in node.log_dirs)
        recorded = None if goes else machine.recorded.get(path)
        tail = [f"filesystem={machine.filesystem}"]
        if recorded:
            tail += [f"recorded={machine.filesystem}", f"role={recorded}"]
        if entry is None:
            return ["absent=", *tail]
        lines = [
            f"mounted={'true' if path in machine.mounts else 'false'}",
            f"empty={'false' if inside else 'true'}",
        ]
        if {"__cluster_metadata-0/quorum-state", CHECKPOINT} & inside.keys():
            lines.append("~ran=true")
        if "meta.properties" in inside:
            lines += ["|" + line for line in inside["meta.properties"].text.splitlines()]
        if "myid" in inside:
            lines.append(f"myid={inside['myid'].text.strip()}")
        if "version-2/log.1" in inside:
            lines += ["data=true"]
            if inside["version-2/log.1"].text:
                lines += [f"zookeeper_cluster_id={inside['version-2/log.1'].text}"]
        return [*lines, *tail]

    def _service(self, machine: Machine, name: str) -> list[str]:
        if name == "others":
            return [f"~other={line}" for line in machine.others]
        node = next(n for n in self.spec.known if (n.host, n.name) == (machine.name, name))
        where = self.site.places[machine.name]
        has_key = where.digest_key in machine.entries
        lines = [
            f"~files_digest={self.would(machine, node)}",
            f"~key={machine.entries[where.digest_key].text.strip() if has_key else ''}",
        ]
        if name in machine.spec_holds:
            lines += [f"hold={machine.spec_holds[name]}", "hold_from=spec", "~hold_age=90000"]
        elif machine.hold:
            lines.append(f"hold={machine.hold}")
        for process in machine.processes:
            if process.node.name == name:
                lines += [f"~age={process.age}"]
                lines += [f"~pid={process.pid}", "~start=1", "~state=S", "~uid=1000"]
                lines += [f"digest={process.digest}", f"running={node.properties}"]
                lines += [f"distribution={where.kafka.path if where.kafka else ''}"]
        ports = ports_of(node)
        running = any(p.node.name == name for p in machine.processes)
        lines.append("~listening=" + (",".join(map(str, ports)) if running else ""))
        return lines

    def would(self, machine: Machine, node: Node) -> str:
        """What the launcher's ``digest`` would print."""
        try:
            return self._digest(machine, node)
        except Impossible:
            return "-"

    def _digest(self, machine: Machine, node: Node) -> str:
        where = self.site.places[machine.name]
        launch = machine.text(where.launch(node))
        logging = properties.parse(launch)["logging"]
        key = (
            machine.entries[where.digest_key].text.strip()
            if where.digest_key in machine.entries
            else ""
        )
        return _digest_of(key, (machine.text(node.properties), launch, machine.text(logging)))

    # -- Kafka

    def alive(self) -> list[int]:
        return sorted(
            {
                process.node.id
                for machine in self.machines.values()
                for process in machine.processes
                if process.node.is_broker
            }
        )

    def taking(self) -> list[int]:
        """The brokers to which Kafka gives replicas of what others create."""
        cordoned = {id for id, keys in self.dynamic.items() if "cordoned.log.dirs" in keys}
        alive, stays = self.alive(), [broker.id for broker in self.spec.brokers]
        goes = [node.id for node in self.spec.leaving if node.id in alive]
        return [
            id
            for id in (*stays, *goes)
            if self.finalized.get(kafkas.METADATA, 0) < 30 or id not in cordoned
        ]

    def process(self, name: str) -> Process:
        for machine in self.machines.values():
            for process in machine.processes:
                if process.node.name == name:
                    return process
        raise Impossible(f"{name} does not run")

    def view(self) -> ClusterView | None:
        alive = self.alive()
        if not alive:
            return None
        quorum = None
        # KRaft keeps the registration of a broker that is down, and fences it.
        tells = all(id not in self.runs or not self.runs[id].startswith("3.") for id in alive)
        gone = {*self.registered, *(self.strangers if tells else ())}
        known = sorted({*alive, *gone}) if self.spec.is_kraft else alive
        if self.spec.is_kraft:
            serving = self.serving()
            if len(serving) <= len(self.voters) // 2:
                return None
            lags = {id: 0 if id in serving else 1000 for id in self.voters}
            others = frozenset(pair for pair in self.up() if pair[0] not in serving)
            silent = {id: 0.1 if id in serving else 60.0 for id in self.voters}
            reading = dict.fromkeys(others, 0)
            quorum = QuorumView(
                min(serving), lags, others, dict(self.voters), reading, self.endpoints, silent
            )
        seen = ClusterView(
            "id",
            self.controller,
            tuple(
                BrokerView(b, "localhost", 9092 + b, self.racks.get(b), fenced=b not in alive)
                for b in known
            ),
            tuple(
                self._topic(name, topic, alive)
                for name, topic in sorted(self.topics.items())
                if name not in self.hidden
            ),
            {b: self._configs(b) for b in alive},
            dict(self.wide),
            {b: (LogDirView("/data", 0, partitions=self._sizes(b)),) for b in alive},
            quorum=quorum,
            answers={ask: self.answer(ask) for ask in asks(self.spec)},
            noted=self.site.noted,
            aims=self.site.aims,
        )
        for _ in range(3):
            new = [ask for ask in asks_more(seen, self.spec) if ask not in seen.answers]
            silent = {ask.what: "denied" for ask in new if type(ask).__name__ in self.unread}
            told = {ask: self.answer(ask) for ask in new if ask.what not in silent}
            answers, errors = {**seen.answers, **told}, {**seen.errors, **silent}
            seen = replace(seen, answers=answers, errors=errors)
        self._arrive()
        return seen

    def up(self) -> list[tuple[int, str]]:
        """The controllers that run, with their directories."""
        return [
            (process.node.id, self.directory_of(machine, process.node))
            for machine in self.machines.values()
            for process in machine.processes
            if process.node.is_controller
        ]

    def serving(self) -> list[int]:
        """The voters that run with the directory they vote with."""
        up = self.up()
        return [id for id, directory in self.voters.items() if (id, directory) in up]

    @property
    def is_static(self) -> bool:
        return bool(self.voters) and not any(self.voters.values())

    def _sizes(self, broker: int) -> dict[tuple[str, int], int]:
        """What a broker's replicas hold, as far as sizes are told."""
        return {
            (name, number): topic.bytes[number]
            for name, topic in self.topics.items()
            for number, replicas in enumerate(topic.replicas)
            if topic.bytes and broker in replicas
        }

    def answer(self, ask: Ask) -> Any:
        """What the ask makes of Kafka's answer: ``DescribeQuotas`` of ``told_describe_quotas``."""
        return ask.read(getattr(self, f"told_{snake(ask)}")(ask))

    def told_offsets(self, ask: Any) -> Any:
        topics: dict[str, list[Any]] = {}
        for name, number, age in ask.partitions:
            ages = self.topics[name].ages
            young = [at for at, old in enumerate(ages) if old <= age]
            offset = {"earliest": 0, "latest": len(ages)}.get(ask.when, young[0] if young else -1)
            item = SimpleNamespace(partition_index=number, error_code=0, offset=offset)
            topics.setdefault(name, []).append(item)
        return _topics(topics)

    def told_named_topics(self, ask: Any) -> Any:
        """Those of ``hidden`` may not be described."""
        codes = dict.fromkeys(self.topics, 0) | dict.fromkeys(self.hidden, 29)
        return SimpleNamespace(
            topics=[SimpleNamespace(name=n, error_code=codes.get(n, 3)) for n in ask.names]
        )

    def told_sizes(self, ask: Any) -> Any:
        topics: dict[str, list[Any]] = {}
        for name, number in ask.partitions:
            size = len(self.topics[name].ages) * self.topics[name].record_bytes
            item = SimpleNamespace(partition_index=number, partition_size=size, is_future_key=False)
            topics.setdefault(name, []).append(item)
        return SimpleNamespace(results=[SimpleNamespace(error_code=0, **vars(_topics(topics)))])

    def told_groups(self, ask: Any) -> Any:
        """The first broker coordinates all."""
        mine = self.groups if ask.broker == self.alive()[0] else {}
        groups = [SimpleNamespace(group_id=n, group_type=t) for n, (t, _) in mine.items()]
        return SimpleNamespace(error_code=0, groups=groups)

    def told_group_offsets(self, ask: Any) -> Any:
        found = []
        for group in ask.groups:
            topics: dict[str, list[Any]] = {}
            for name, number in ask.partitions:
                offset = 0 if name in self.groups[group][1] else -1
                item = SimpleNamespace(
                    partition_index=number, committed_offset=offset, error_code=0
                )
                topics.setdefault(name, []).append(item)
            found.append(SimpleNamespace(group_id=group, error_code=0, **vars(_topics(topics))))
        return SimpleNamespace(groups=found)

    def told_share_offsets(self, ask: Any) -> Any:
        found = []
        for group in ask.groups:
            topics = [SimpleNamespace(topic_name=name) for name in sorted(self.groups[group][1])]
            found.append(SimpleNamespace(group_id=group, error_code=0, topics=topics))
        return SimpleNamespace(groups=found)

    def told_describe_quotas(self, ask: Any) -> Any:
        """The parts of an entity in any order, numbers as doubles, and what is of no client."""
        every = [*self.quotas.items(), ((("ip", "10.0.0.1"),), {"connection_creation_rate": 1})]
        entries = [
            SimpleNamespace(
                entity=[SimpleNamespace(entity_type=t, entity_name=n) for t, n in reversed(entity)],
                values=[SimpleNamespace(key=k, value=float(v)) for k, v in rates.items()],
            )
            for entity, rates in every
        ]
        return SimpleNamespace(entries=entries)

    def supported(self, broker: int) -> dict[str, tuple[int, int]]:
        version = self.runs.get(broker, self.spec.version)
        return {n: (each.least, each.most) for n, each in kafkas.features(version).items()}

    def told_describe_features(self, ask: Any) -> Any:
        """Kafka tells of a feature only where its level is not 0."""
        id = self.alive()[0] if ask.broker is None else ask.broker
        return SimpleNamespace(
            supported_features=[
                SimpleNamespace(name=name, min_version=low, max_version=top)
                for name, (low, top) in self.supported(id).items()
            ],
            finalized_features=[
                SimpleNamespace(name=name, max_version_level=level)
                for name, level in self.finalized.items()
            ],
            finalized_features_epoch=7,
        )

    def told_validate_features(self, ask: Any) -> Any:
        proposed = {**self.finalized, **{each.feature: each.level for each in ask.levels}}
        refusals = [self._refusal(each, proposed) for each in ask.levels]
        words = next((words for words in refusals if words), "")
        return SimpleNamespace(error_code=95 if words else 0, error_message=words, results=[])

    def _refusal(self, wanted: Any, proposed: Mapping[str, int]) -> str:
        """Why Kafka would not set a level."""
        name, level, now = wanted.feature, wanted.level, self.finalized.get(wanted.feature, 0)
        for id in sorted({*self.alive(), *self.registered, *self.strangers}):
            low, top = (1, 21) if id in self.strangers else self.supported(id).get(name, (0, 0))
            if not (low <= level or level == 0) or level > top:
                return f"Invalid update version {level}. Broker {id} only supports {low}-{top}."
        if (level < now) != wanted.lower:
            return f"{name} is at {now}"
        if wanted.lower and name == kafkas.METADATA and level < kafkas.lowest(now):
            return "Refusing to perform the requested downgrade"
        needs = kafkas.newest()[name].needs.get(level, {})
        low = [f"{other}={least}" for other, least in needs.items() if proposed[other] < least]
        return f"needs {low[0]}" if low else ""

    def told_registered_brokers(self, ask: Any) -> Any:
        """What Kafka says of an assignment to each: it could be, is fenced, is unknown."""
        topics = []
        for id in ask.candidates:
            registered = id in self.registered or id in self.strangers
            why = "are fenced" if registered else f"broker {id}, but no such broker is registered."
            code = 0 if id in self.alive() else 39
            name = f"__provision-broker-{id}"
            topics.append(SimpleNamespace(name=name, error_code=code, error_message=why))
        return SimpleNamespace(topics=topics)

    def told_registered_controllers(self, ask: Any) -> Any:
        brokers = [SimpleNamespace(broker_id=id) for id in sorted(self.controllers)]
        return SimpleNamespace(error_code=0, endpoint_type=2, brokers=brokers)

    def told_list_reassignments(self, ask: Ask) -> Any:
        return SimpleNamespace(
            topics=[
                SimpleNamespace(name=name, partitions=[_ongoing(t, p) for p in sorted(t.moving)])
                for name, t in sorted(self.topics.items())
            ]
        )

    def _arrive(self) -> None:
        """What moves has arrived when somebody looks for the second time, if its brokers are up."""
        alive = self.alive()
        for topic in self.topics.values():
            for partition, to in list(topic.moving.items()):
                if set(to) <= set(alive):
                    topic.replicas[partition] = topic.moving.pop(partition)
        for broker in self.filled.keys() & set(alive):
            self.filled[broker] -= 1
            if not self.filled[broker]:
                self._whole(broker)

    def _whole(self, broker: int) -> None:
        del self.filled[broker]
        for topic in self.topics.values():
            topic.lagging = {(number, id) for number, id in topic.lagging if id != broker}

    def _to_fill(self, broker: int) -> None:
        """All that it has a replica of and somebody else still has."""
        for topic in self.topics.values():
            for number, replicas in enumerate(topic.replicas):
                if broker in replicas and len(replicas) > 1:
                    topic.lagging.add((number, broker))
                    self.filled[broker] = 3

    def _topic(self, name: str, topic: Topic, alive: list[int]) -> TopicView:
        partitions = []
        for number, known in enumerate(topic.replicas):
            to = topic.moving.get(number, [])
            replicas = [*to, *(r for r in known if r not in to)] if to else known
            isr = tuple(r for r in known if r in alive and (number, r) not in topic.lagging)
            leader = next((b for b in (topic.led.get(number), *isr) if b in isr), None)
            partitions.append(PartitionView(number, leader, tuple(replicas), isr))
        minimum = int(
            topic.config.get("min.insync.replicas", self.wide.get("min.insync.replicas", 1))
        )
        keeping = {key: topic.config.get(key, value) for key, value in KEEPING.items()}
        return TopicView(
            name,
            topic.internal,
            tuple(partitions),
            dict(topic.config),
            minimum,
            topic.id,
            keeping,
        )

    def _configs(self, broker: int) -> dict[str, ConfigEntry]:
        layers: dict[str, list[tuple[str, str | None]]] = {}
        for source, values in (
            (DYNAMIC_BROKER, self.dynamic.get(broker, {})),
            (DYNAMIC_DEFAULT, self.wide),
            (STATIC, self.process(f"broker-{broker}").static),
            (DEFAULT, DEFAULTS),
        ):
            for key, value in values.items():
                layers.setdefault(key, []).append((source, value))
        return {
            key: ConfigEntry(found[0][1], found[0][0], False, False, tuple(found))
            for key, found in layers.items()
        }

    # -- what the tool does

    def apply(self, watch: Callable[[Wave], None] = lambda wave: None) -> Plan:
        """Hosts, another look, the cluster: as ``verbs.apply``. Returns the first plan."""
        first = self.planned()
        below = [w for w in first.plan.waves if KINDS[w.changes[0].id.kind].layer < Layer.CLUSTER]
        for wave in below:
            watch(wave)
            self.carry_out(wave, first)
        second = self.planned() if below else first
        for wave in second.plan.waves:
            if KINDS[wave.changes[0].id.kind].layer is Layer.CLUSTER:
                watch(wave)
                self.carry_out(wave, second)
        return first.plan

    def carry_out(self, wave: Wave, planned: Planned) -> None:
        """Every host's unit, in the order in which the executor does its steps."""
        self.history += wave.changes
        for change in wave.changes:
            state = planned.wanted.get(change.id, State({}))
            if noted := KINDS[change.id.kind].noted(change, state):
                self.site.note({str(change.id): noted})
        for host in sorted({change.id.host for change in wave.changes}):
            changes = [c for c in wave.changes if c.id.host == host]
            together = all(KINDS[c.id.kind].layer is not Layer.HOST for c in changes)
            chains = [KINDS[c.id.kind].steps(c, planned.wanted.get(c.id)) for c in changes]
            for group in sequence(chains, together=together):
                for number, step in group:
                    self.step(changes[number], step, planned)

    def step(self, change: Change, step: Step, planned: Planned) -> None:
        match step:
            case Put():
                user = step.user or "root"
                self.machines[change.id.host].put(
                    step.path, step.content, step.mode, f"{user}:{user}"
                )
            case Run():
                name = "run_" + step.function.replace("/", "_")
                machine = self.machines[change.id.host]
                getattr(self, name)(machine, change, step.user or "root", *step.args)
            case Unpack():
                machine = self.machines[change.id.host]
                machine.distributions[step.path] = (step.artifact, [])
            case Call():
                self.send(step.request)
            case Await():
                self._await(step.id, planned.wanted.get(step.id, State({})))

    def send(self, request: Any) -> None:
        """``CreateTopic(…)`` is ``call_create_topic(…)`` with its fields."""
        args = {f.name: getattr(request, f.name) for f in fields(request)}
        getattr(self, f"call_{snake(request)}")(**args)

    def _await(self, id: Id, state: State) -> None:
        if id.host:
            seen: Observation | None = _parsed(id, self.record_of(self.machines[id.host], id))
        else:
            self.observe()
            seen = self.observe().things.get(id)
        if seen is None or not KINDS[id.kind].settled(state, seen):
            raise Impossible(f"{id} does not settle: {seen}")

    def run_account_make(
        self, machine: Machine, change: Change, user: str, name: str, home: str
    ) -> None:
        machine.accounts.add(name)

    def run_directory_make(
        self, machine: Machine, change: Change, user: str, path: str, mode: str, owner: str
    ) -> None:
        above = path.rpartition("/")[0]
        while above:
            if machine.entries.get(above, Entry("directory", "", "")).kind != "directory":
                raise Impossible(f"{above} is no folder")
            above = above.rpartition("/")[0]
        machine.entries[path] = Entry("directory", mode, owner)

    def run_directory_try_make(
        self, machine: Machine, change: Change, user: str, path: str, mode: str
    ) -> None:
        """Kafka's user may make nothing here: root does it all."""

    def run_directory_mend(
        self, machine: Machine, change: Change, user: str, path: str, mode: str, owner: str
    ) -> None:
        entry = machine.entry(path)
        if entry.kind != "directory":
            raise Impossible(f"{path} is no folder")
        entry.mode, entry.owner = mode, owner

    def run_file_make_key(self, machine: Machine, change: Change, user: str, path: str) -> None:
        if path in machine.entries and machine.entries[path].text:
            machine.entries[path].mode = "0400"
            return
        machine.put(path, machine.key + "\n", "0400", f"{user}:{user}")

    def run_file_make_link(
        self, machine: Machine, change: Change, user: str, path: str, target: str
    ) -> None:
        machine.entries[path] = Entry("symbolic link", "0777", f"{user}:{user}", target=target)

    def run_storage_write_myid(
        self, machine: Machine, change: Change, user: str, path: str, id: str
    ) -> None:
        machine.put(f"{path}/myid", id + "\n")

    def run_storage_format(
        self,
        machine: Machine,
        change: Change,
        user: str,
        home: str,
        path: str,
        file: str,
        id: str,
        *flags: str,
    ) -> None:
        if not machine.distributions:
            raise Impossible("no Kafka to format with")
        node = properties.parse(machine.text(file))["node.id"]
        if "--initial-controllers" in flags:
            if self.serving():
                raise Impossible("two quorums in one cluster")
            voters = [voter.split("@") for voter in flags[-1].split(",")]
            self.voters = {int(id): where.rpartition(":")[2] for id, where in voters}
            self.endpoints = {
                int(id): (where.split(":")[0], int(where.split(":")[1])) for id, where in voters
            }
        elif "--no-initial-controllers" in flags and self.is_static:
            raise Impossible("the properties name the voters")
        directory = self.voters.get(int(node)) if "--initial-controllers" in flags else None
        self.format(machine, path, id, node, directory)

    def run_storage_wipe(
        self,
        machine: Machine,
        change: Change,
        user: str,
        path: str,
        cluster: str,
        node: str,
        named: str,
        home: str,
        role: str,
    ) -> None:
        if any(p.node.name == f"broker-{node}" for p in machine.processes):
            raise Impossible(f"{path} is emptied while broker {node} runs")
        meta = properties.parse(machine.text(f"{path}/meta.properties"))
        if named != "yes" and node not in (meta.get("node.id"), meta.get("broker.id")):
            raise Impossible(f"{path} is not of node {node}")
        for found in [entry for entry in machine.entries if entry.startswith(path + "/")]:
            del machine.entries[found]

    def run_storage_leave(
        self, machine: Machine, change: Change, user: str, manifest: str, path: str
    ) -> None:
        if path not in machine.mounts:
            machine.entries.pop(path, None)

    def run_storage_forget(
        self, machine: Machine, change: Change, user: str, manifest: str, path: str
    ) -> None:
        machine.recorded.pop(path, None)

    def run_file_remove(self, machine: Machine, change: Change, user: str, path: str) -> None:
        self._unused(machine, path)
        machine.entries.pop(path, None)

    def run_directory_destroy(
        self, machine: Machine, change: Change, user: str, state: str, what: str, *paths: str
    ) -> None:
        for path in paths:
            self._unused(machine, path)
            for found in [e for e in machine.entries if e == path or e.startswith(path + "/")]:
                del machine.entries[found]

    def _unused(self, machine: Machine, path: str) -> None:
        for process in machine.processes:
            where = self.site.places[machine.name]
            mine = (process.node.properties, where.launch(process.node), where.logs(process.node))
            if path in mine:
                raise Impossible(f"{path} is removed while {process.node.name} runs")

    def run_storage_record(
        self, machine: Machine, change: Change, user: str, manifest: str, role: str, *paths: str
    ) -> None:
        for path in paths:
            machine.recorded[path] = role

    def run_service_start(
        self,
        machine: Machine,
        change: Change,
        user: str,
        home: str,
        launcher: str,
        file: str,
        out: str,
    ) -> None:
        node = next(n for n in self.spec.known if n.host == machine.name and n.properties == file)
        self.launch(machine, node)

    def run_service_stop(
        self,
        machine: Machine,
        change: Change,
        user: str,
        seconds: str,
        owner: str,
        home: str,
        name: str,
        file: str,
    ) -> None:
        machine.processes = [p for p in machine.processes if p.node.name != name]

    def run_service_terminate(
        self, machine: Machine, change: Change, user: str, *whose: str
    ) -> None:
        """That it ends is waited for by the stop after it."""

    def run_service_hold(
        self, machine: Machine, change: Change, user: str, state: str, name: str, why: str, by: str
    ) -> None:
        assert by == "spec"
        machine.spec_holds.pop(name, None)
        if why:
            machine.spec_holds[name] = why

    def call_create_topic(
        self,
        name: str,
        partitions: int,
        replication: int,
        config: dict[str, str],
        assignments: tuple[tuple[int, ...], ...] = (),
    ) -> None:
        alive = self.alive()
        if name in self.topics or replication > len(alive):
            raise Impossible(f"topic {name} with {replication} replicas on {len(alive)} brokers")
        placed = [list(replicas) for replicas in assignments]
        if not all(set(replicas) <= set(alive) for replicas in placed):
            raise Impossible(f"topic {name} on {placed}: {alive} are alive")
        placed = placed or _spread(alive, partitions, replication)
        self.ids += 1
        id = f"00000000-0000-0000-0000-{self.ids:012}"
        self.topics[name] = Topic(placed, dict(config), id=id)

    def call_create_partitions(
        self, name: str, total: int, assignments: tuple[tuple[int, ...], ...] = ()
    ) -> None:
        topic = self.topic_of(name)
        if total <= len(topic.replicas):
            raise Impossible(f"{name} has {len(topic.replicas)} partitions already")
        if assignments:
            topic.replicas += [list(brokers) for brokers in assignments]
            return
        topic.replicas = _spread(self.alive(), total, len(topic.replicas[0]))

    def call_reassign(self, topic: str, targets: dict[int, tuple[int, ...] | None]) -> None:
        known = self.topic_of(topic)
        alive = self.alive()
        for partition, to in targets.items():
            if to is None:
                known.moving.pop(partition, None)
                continue
            if len(set(to)) != len(to) or not set(to) & set(alive):
                raise Impossible(f"{topic}-{partition} to {to}")
            if not set(to) <= set(alive) | set(known.replicas[partition]):
                raise Impossible(f"{topic}-{partition} to {to}: {alive} are alive")
            if partition in known.emptied and known.moving.get(partition) == list(to):
                known.replicas[partition] = known.moving.pop(partition)
                continue
            known.moving[partition] = list(to)

    def call_unregister_broker(self, id: int) -> None:
        if id in self.alive():
            raise Impossible(f"broker {id} runs")
        for name, topic in self.topics.items():
            for replicas in [*topic.replicas, *topic.moving.values()]:
                if id in replicas:
                    raise Impossible(f"broker {id} holds a replica of {name}")
        self.registered.discard(id)

    def call_elect_any_leaders(self, partitions: Sequence[tuple[str, int]]) -> None:
        """Whoever is there of the old and the new replicas, whatever it has."""
        for name, number in partitions:
            topic = self.topic_of(name)
            to = topic.moving.get(number, topic.replicas[number])
            if not set(to) & set(self.alive()):
                raise Impossible(f"nobody can lead {name}-{number}")
            # That the move is done Kafka finds out when it is asked for again.
            topic.emptied.add(number)

    def call_delete_topic(self, name: str, id: str = "") -> None:
        if id not in ("", self.topic_of(name).id):
            raise Impossible(f"no topic with the id {id}")
        del self.topics[name]

    def topic_of(self, name: str) -> Topic:
        if name not in self.topics:
            raise Impossible(f"no topic {name}")
        return self.topics[name]

    def call_alter_topic_config(self, name: str, set: dict[str, str], delete: list[str]) -> None:
        config = self.topic_of(name).config
        config.update(set)
        for key in delete:
            config.pop(key, None)

    def call_alter_broker_config(
        self, broker: int | None, set: dict[str, str], delete: list[str]
    ) -> None:
        values = self.wide if broker is None else self.dynamic.setdefault(broker, {})
        before = {id: self._threads(id) for id in self.alive()}
        values.update(set)
        for key in delete:
            values.pop(key, None)
        for id, counts in before.items():
            for key, now in self._threads(id).items():
                if not counts[key] // 2 <= now <= 2 * counts[key]:
                    raise Impossible(f"{key} of broker {id} from {counts[key]} to {now}")

    def _threads(self, broker: int) -> dict[str, int]:
        """The effective thread counts of a broker."""
        configs = self._configs(broker)
        return {k: int(e.value or 0) for k, e in configs.items() if k.endswith(".threads")}

    def call_add_voter(
        self, id: int, directory: str, endpoint: tuple[str, str, int], replaces: str | None
    ) -> None:
        view = self.view()
        if view is None or view.quorum is None or (id, directory) not in view.quorum.observers:
            raise Impossible(f"controller {id} does not replicate the metadata log as {directory}")
        if self.voters.get(id) != replaces:
            raise Impossible(f"voter {id} has {self.voters.get(id)}, not {replaces}")
        if replaces:
            self.call_remove_voter(id, replaces)
        self.voters[id] = directory
        self.endpoints[id] = endpoint[1:]
        self._commits(f"voter {id} is added")

    def call_remove_voter(self, id: int, directory: str) -> None:
        if self.voters.get(id) != directory:
            raise Impossible(f"voter {id} has {self.voters.get(id)}, not {directory}")
        del self.voters[id]
        self.endpoints.pop(id, None)
        self._commits(f"voter {id} is removed")

    def _commits(self, what: str) -> None:
        """Kafka commits a set of voters with a majority of that set."""
        if len(self.serving()) <= len(self.voters) // 2:
            raise Impossible(f"{what}: {self.serving()} of {sorted(self.voters)} are there")

    def call_unregister_controller(self, id: int) -> None:
        if id in self.voters or any(id == other for other, _ in self.up()):
            raise Impossible(f"controller {id} is not gone")
        if self.finalized[kafkas.METADATA] < 33:
            raise Impossible("not supported")
        self.controllers.discard(id)

    def call_update_feature(self, level: Any) -> None:
        """With eligible leader replicas Kafka keeps a minimum of the cluster, and no broker's."""
        refusal = self._refusal(level, {**self.finalized, level.feature: level.level})
        if refusal:
            raise Impossible(refusal)
        if level.feature == kafkas.KRAFT:
            for machine in self.machines.values():
                for process in machine.processes:
                    if process.node.id in self.voters:
                        self.voters[process.node.id] = self.meta_of(machine, process.node)
        self.finalized[level.feature] = level.level
        if level.feature == "eligible.leader.replicas.version" and level.level:
            self.wide.setdefault("min.insync.replicas", "1")
            for values in self.dynamic.values():
                values.pop("min.insync.replicas", None)

    def call_elect_preferred_leaders(self, partitions: Sequence[tuple[str, int]]) -> None:
        for name, partition in partitions:
            self.topic_of(name).led.pop(partition, None)

    def call_alter_quota(
        self, entity: Entity, set: Mapping[str, float], remove: Sequence[str]
    ) -> None:
        for key, rate in set.items():
            if key not in RATES or (key.endswith("_byte_rate") and rate != int(rate)):
                raise Impossible(f"no quota is {key}={rate}")
        rates = self.quotas.setdefault(entity, {})
        rates.update(set)
        for key in remove:
            rates.pop(key, None)
        if not rates:
            del self.quotas[entity]

    def directory_of(self, machine: Machine, node: Node) -> str:
        if self.spec.controller_quorum == "static" or self.is_static:
            return ""
        return self.meta_of(machine, node)

    def meta_of(self, machine: Machine, node: Node) -> str:
        meta = machine.entries.get(f"{node.log_dirs[0].path}/meta.properties")
        return properties.parse(meta.text)["directory.id"] if meta else "gone"

    def format(
        self, machine: Machine, path: str, cluster: str, node: str, directory: str | None = None
    ) -> None:
        key = "node.id" if self.spec.is_kraft else "broker.id"
        version = "1" if self.spec.is_kraft else "0"
        text = f"version={version}\ncluster.id={cluster}\n{key}={node}\n"
        if self.spec.is_kraft:
            self.formats += 1
            text += f"directory.id={directory or f'directory-{self.formats}'}\n"
            if self.spec.controller_quorum == "static":
                self.voters = {controller.id: "" for controller in self.spec.controllers}
        machine.put(f"{path}/meta.properties", text)

    def launch(self, machine: Machine, node: Node, signed: bool = True) -> None:
        """A process comes up as the real one would, or it is Impossible."""
        where = self.site.places[machine.name]
        for distribution in (where.kafka, where.java, where.scripts):
            if distribution and machine.distributions.get(distribution.path, ("", ["?"]))[1]:
                raise Impossible(f"{node.name} is started with a broken {distribution.path}")
        static = properties.parse(machine.text(node.properties))
        others = [m for m in self.machines.values() if m is not machine and node.is_controller]
        if any(p.node.id == node.id and p.node.is_controller for m in others for p in m.processes):
            raise Impossible(f"controller {node.id} runs elsewhere")
        if self.is_static and "controller.quorum.voters" not in static:
            raise Impossible(f"{node.name} is started without the voters of a static quorum")
        found = self._digest(machine, node) if signed else "-"
        dirs = [self._storage(machine, d.path) for d in node.log_dirs]
        if node.is_broker and any("~ran=true" not in lines for lines in dirs):
            self._to_fill(node.id)
        for log_dir in node.log_dirs:
            path = log_dir.path
            if path not in machine.entries:
                raise Impossible(f"{node.name} is started without {path}")
            meta = machine.entries.get(f"{path}/meta.properties")
            if node.role is Role.ZOOKEEPER:
                machine.entries.setdefault(
                    f"{path}/version-2/log.1", Entry("regular file", "0640", "kafka:kafka", "")
                )
                continue
            if not self.spec.is_kraft:
                self._zookeeper_mode(machine, node, path, meta)
                continue
            if meta is None:
                raise Impossible(f"{node.name} is started on {path}, which is not formatted")
            used = f"{path}/__cluster_metadata-0/quorum-state"
            machine.entries.setdefault(used, Entry("regular file", "0640", "kafka:kafka"))
        self.pids += 1
        machine.processes.append(Process(node, self.pids, found, static))
        started = properties.parse(machine.text(where.launch(node))).get("dist", "")
        other = re.search(r"/kafka-(\d+\.\d+\.\d+)-", started)
        self.runs.pop(node.id, None)
        if other:
            self.runs[node.id] = other[1]
        if node.is_broker:
            self.registered.add(node.id)
        if node.is_controller:
            self.controllers.add(node.id)

    def _zookeeper_mode(self, machine: Machine, node: Node, path: str, meta: Entry | None) -> None:
        if not any(
            p.node.role is Role.ZOOKEEPER for m in self.machines.values() for p in m.processes
        ):
            raise Impossible(f"{node.name} is started and there is no ZooKeeper")
        for zookeeper in self.spec.zookeeper:
            data = f"{zookeeper.log_dirs[0].path}/version-2/log.1"
            entry = self.machines[zookeeper.host].entries.get(data)
            if entry is not None:
                entry.text = entry.text or self.zookeeper_id
                self.zookeeper_id = entry.text
        if meta is None:
            self.format(machine, path, self.zookeeper_id, str(node.id))
            machine.put(f"{path}/{CHECKPOINT}", "")
        elif properties.parse(meta.text)["cluster.id"] != self.zookeeper_id:
            raise Impossible(f"{node.name}: Invalid cluster.id")

    # -- what people do (the words of the cases in tests/unit/kinds/plans)

    def machine_of(self, path_or_node: str) -> tuple[Machine, str]:
        """``h2:config/x`` is on h2, ``config/x`` on the first host; relative to Kafka's home."""
        host, colon, path = path_or_node.rpartition(":")
        machine = self.machines[host] if colon else next(iter(self.machines.values()))
        return machine, path if path.startswith(
            "/"
        ) else f"{self.spec.home_on(machine.name)}/{path}"

    def node_of(self, name: str) -> tuple[Machine, Node]:
        node = self.spec.node(name)
        return self.machines[node.host], node

    def edit(self, path: str, values: dict[str, Any]) -> None:
        """Somebody's editor: sets keys of a properties or launch file; null drops a key."""
        machine, where = self.machine_of(path)
        found = properties.parse(machine.text(where))
        for key, value in values.items():
            found.pop(key, None)
            if value is not None:
                found[key] = str(value)
        machine.entry(where).text = properties.render(found, "edited by hand")

    def write(self, path: str, text: str) -> None:
        machine, where = self.machine_of(path)
        old = machine.entries.get(where)
        kind = "regular file" if text else "regular empty file"
        mode, owner = (old.mode, old.owner) if old else ("0640", "kafka:kafka")
        machine.entries[where] = Entry(kind, mode, owner, text)

    def append(self, path: str, text: str) -> None:
        machine, where = self.machine_of(path)
        machine.entry(where).text += text

    def chmod(self, path: str, mode: str) -> None:
        machine, where = self.machine_of(path)
        machine.entry(where).mode = mode

    def chown(self, path: str, owner: str) -> None:
        machine, where = self.machine_of(path)
        machine.entry(where).owner = owner

    def remove(self, path: str) -> None:
        """``rm -rf``."""
        machine, where = self.machine_of(path)
        for found in list(machine.entries):
            if found == where or found.startswith(where + "/"):
                del machine.entries[found]
        for found in list(machine.distributions):
            if found == where or found.startswith(where + "/"):
                del machine.distributions[found]

    def wipe(self, path: str) -> None:
        """``rm -rf PATH/*``."""
        machine, where = self.machine_of(path)
        for found in list(machine.entries):
            if found.startswith(where + "/"):
                del machine.entries[found]

    def becomes(self, path: str, kind: str, target: str = "") -> None:
        """Something else is there now: ``directory``, ``fifo``, ``symbolic link`` …"""
        machine, where = self.machine_of(path)
        self.remove(path)
        machine.entries[where] = Entry(kind, "0644", "kafka:kafka", target=target)

    def trouble(self, path: str, words: str) -> None:
        """The path cannot be looked at."""
        machine, where = self.machine_of(path)
        entry = machine.entries.setdefault(where, Entry("regular file", "0640", "kafka:kafka"))
        entry.trouble = words

    def unreadable(self, kind: str, path: str, words: str) -> None:
        """One kind's probe cannot read the path."""
        machine, where = self.machine_of(path)
        machine.troubles[Id(machine.name, kind, where)] = words

    def damage(self, path: str, *lines: str) -> None:
        """A distribution is not as it was: ``changed=libs/a.jar``."""
        machine, where = self.machine_of(path)
        machine.distributions[where] = (machine.distribution(where), list(lines))

    def replace_with(self, path: str, digest: str) -> None:
        machine, where = self.machine_of(path)
        machine.distributions[where] = (digest, [])

    def stamp(self, path: str, cluster: str, node: str) -> None:
        """The log dir says that it belongs to this cluster and node."""
        machine, where = self.machine_of(path)
        self.format(machine, where, cluster, node)

    def forget(self, path: str) -> None:
        """The manifest loses what it recorded of a storage."""
        machine, where = self.machine_of(path)
        machine.recorded.pop(where, None)

    def unmount(self, path: str) -> None:
        machine, where = self.machine_of(path)
        machine.mounts.discard(where)
        self.wipe(path)

    def kill(self, name: str) -> None:
        machine, _ = self.node_of(name)
        machine.processes = [p for p in machine.processes if p.node.name != name]

    def kill_all(self) -> None:
        for machine in self.machines.values():
            machine.processes.clear()

    def start(self, name: str) -> None:
        """By hand with our launcher, with what the files have now."""
        machine, node = self.node_of(name)
        self.launch(machine, node)

    def bounce(self, name: str) -> None:
        self.kill(name)
        self.start(name)

    def start_elsehow(self, name: str) -> None:
        """By hand, by a script that is not ours: without a digest."""
        machine, node = self.node_of(name)
        self.launch(machine, node, signed=False)

    def other(self, host: str, line: str) -> None:
        self.machines[host].others.append(line)

    def hold(self, words: str) -> None:
        for machine in self.machines.values():
            machine.hold = words

    def running_digest_static(self, name: str, values: dict[str, str]) -> None:
        """A copied command line: the old digest, other values."""
        self.process(name).static.update(values)

    def topic(self, name: str, partitions: int, replication: int, config: dict[str, str]) -> None:
        replicas = _spread(self.taking(), partitions, replication)
        internal = name in ("__consumer_offsets", "__transaction_state")
        self.ids += 1
        id = f"00000000-0000-0000-0000-{self.ids:012}"
        self.topics[name] = Topic(replicas, dict(config), internal, id=id)

    def records(self, name: str, ages: list[int], size: int = 100) -> None:
        """Each partition gets records of these ages in milliseconds, of so many bytes each."""
        topic = self.topic_of(name)
        topic.ages, topic.record_bytes = sorted(ages, reverse=True), size

    def group(self, name: str, topics: list[str], kind: str = "consumer") -> None:
        """A group that has offsets in these topics."""
        self.groups[name] = (kind, set(topics))

    def topic_config(self, name: str, values: dict[str, str | None]) -> None:
        for key, value in values.items():
            config = self.topic_of(name).config
            config.pop(key, None)
            if value is not None:
                config[key] = value

    def delete_topic(self, name: str) -> None:
        self.call_delete_topic(name)

    def leads(self, name: str, partition: int, broker: int) -> None:
        """Another than the preferred leader."""
        self.topic_of(name).led[partition] = broker

    def finalize(self, levels: dict[str, int]) -> None:
        """Somebody set these levels; 0: not finalised."""
        self.finalized.update(levels)
        self.finalized = {name: level for name, level in self.finalized.items() if level}

    def runs_version(self, version: str, *names: str) -> None:
        """Processes, and what they are started with, are of that version."""
        for node in (self.spec.node(name) for name in names) if names else self.spec.nodes:
            machine, places = self.machines[node.host], self.site.places[node.host]
            for path in (places.launch(node), f"{places.private_dir}/launch/default.conf"):
                entry = machine.entry(path)
                found = properties.parse(entry.text)
                own = found["dist"].rpartition("/")[0]
                found["dist"] = f"{own}/kafka-{version}-0a1b2c3d"
                entry.text = properties.render(found, "of an older version")
            if any(p.node.name == node.name for p in machine.processes):
                self.bounce(node.name)

    def ghost(self, broker: int) -> None:
        """A broker that is registered, does not run, and is not in the spec."""
        self.strangers.add(broker)

    def ghost_controller(self, id: int) -> None:
        self.controllers.add(id)

    def runs_for(self, name: str, seconds: int) -> None:
        self.process(name).age = seconds

    def broker_config(self, broker: int | None, values: dict[str, str]) -> None:
        self.call_alter_broker_config(broker, values, [])

    def quota(self, entity: dict[str, str | None], rates: dict[str, float | None]) -> None:
        """Sets rates of an entity; null drops one."""
        parts = tuple(entity.items())
        wanted = {key: rate for key, rate in rates.items() if rate is not None}
        self.call_alter_quota(parts, wanted, [key for key in rates if rates[key] is None])

    def unreachable(self, host: str, words: str = "connection timed out") -> None:
        """The host is not there: no places, no observation."""
        from provisioner.hosts.transport import TransportError

        self.site.places.pop(host)
        self.machines.pop(host)
        self.site.unreachable[host] = TransportError("unreachable", words)


def _topics(topics: Mapping[str, list[Any]]) -> Any:
    """Answers by topic, as Kafka nests them."""
    return SimpleNamespace(
        topics=[
            SimpleNamespace(name=name, topic_id=None, partitions=items)
            for name, items in topics.items()
        ]
    )


def snake(value: object) -> str:
    """``create_topic`` of a ``CreateTopic``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(value).__name__).lower()


@cache
def _parsed(id: Id, text: str) -> Observation:
    return KINDS[id.kind].parse(id, record(text))


DEFAULTS = {
    "num.io.threads": "8",
    "log.cleaner.threads": "1",
    "log.cleaner.backoff.ms": "15000",
    "background.threads": "10",
}


@cache
def _digest_of(key: str, texts: tuple[str, ...]) -> str:
    return digest(key, texts)


def _ongoing(topic: Topic, partition: int) -> Any:
    was, to = topic.replicas[partition], topic.moving[partition]
    return SimpleNamespace(
        partition_index=partition,
        replicas=[*to, *(id for id in was if id not in to)],
        adding_replicas=[id for id in to if id not in was],
        removing_replicas=[id for id in was if id not in to],
    )


def _spread(brokers: list[int], partitions: int, replication: int) -> list[list[int]]:
    return [
        [brokers[(number + shift) % len(brokers)] for shift in range(replication)]
        for number in range(partitions)
    ]


def stopped_by(wave: Wave) -> Iterator[Change]:
    """The changes of a wave that take a process away for a while."""
    return (c for c in wave.changes if c.id.kind == "service" and c.action in ("restart", "stop"))
