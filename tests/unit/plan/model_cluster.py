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
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.request import Ask
from provisioner.kinds import properties
from provisioner.kinds.layout import Distribution, Facts, HostLayout, layout_for
from provisioner.kinds.quota.requests import Entity
from provisioner.kinds.registry import KINDS, asks
from provisioner.kinds.service.digest import digest
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


class ModelCluster:
    """Begins as machines with nothing on them; ``made(name)`` is one already in sync."""

    def __init__(self, spec: Spec, facts: Facts = FACTS):
        self.spec = spec
        self.site = Site(spec, Options())
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
        self.pids = 100
        self.zookeeper_id = ZOOKEEPERS
        self.controller: int | None = None
        self.formats = 0
        self.voters: dict[int, str] = {}
        """KRaft's: id → the directory it votes with, nothing where the quorum is static."""
        self.registered: set[int] = set()
        self.history: list[Change] = []

    @classmethod
    def made(cls, name: str) -> ModelCluster:
        model = cls(spec_of(name))
        model.apply()
        model.history.clear()
        return model

    def copy(self) -> ModelCluster:
        """The same cluster once more; what is done to one is not done to the other."""
        other = ModelCluster(self.spec)
        other.site.places = dict(self.site.places)
        other.site.unreachable = dict(self.site.unreachable)
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
        recorded = machine.recorded.get(path)
        tail = [f"filesystem={machine.filesystem}"]
        if recorded:
            tail += [f"recorded={machine.filesystem}", f"role={recorded}"]
        if entry is None:
            return ["absent=", *tail]
        lines = [
            f"mounted={'true' if path in machine.mounts else 'false'}",
            f"empty={'false' if inside else 'true'}",
        ]
        if "__cluster_metadata-0/quorum-state" in inside:
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
        node = self.spec.node(name)
        where = self.site.places[machine.name]
        has_key = where.digest_key in machine.entries
        lines = [
            f"~files_digest={self.would(machine, node)}",
            f"~key={machine.entries[where.digest_key].text.strip() if has_key else ''}",
        ]
        if machine.hold:
            lines.append(f"hold={machine.hold}")
        for process in machine.processes:
            if process.node.name == name:
                lines += [f"~pid={process.pid}", "~start=1", "~state=S", "~uid=1000"]
                lines += [f"digest={process.digest}", f"running={node.properties}"]
                lines += [f"distribution={where.kafka.path if where.kafka else ''}"]
        ports = [x.port for x in node.listeners] or [node.client_port or 0]
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
        known = sorted({*alive, *self.registered}) if self.spec.is_kraft else alive
        if self.spec.is_kraft:
            up = {
                p.node.id: self.directory_of(m, p.node)
                for m in self.machines.values()
                for p in m.processes
                if p.node.is_controller
            }
            serving = [id for id, directory in self.voters.items() if up.get(id) == directory]
            if len(serving) <= len(self.voters) // 2:
                return None
            lags = {id: 0 if id in serving else 1000 for id in self.voters}
            others = frozenset((id, d) for id, d in up.items() if id not in serving)
            quorum = QuorumView(min(serving), lags, others, dict(self.voters))
        return ClusterView(
            "id",
            self.controller,
            tuple(BrokerView(b, "localhost", 9092 + b, fenced=b not in alive) for b in known),
            tuple(self._topic(name, topic, alive) for name, topic in sorted(self.topics.items())),
            {b: self._configs(b) for b in alive},
            dict(self.wide),
            quorum=quorum,
            answers={ask: self.answer(ask) for ask in asks(self.spec)},
        )

    def answer(self, ask: Ask) -> Any:
        """What the ask makes of Kafka's answer: ``DescribeQuotas`` of ``told_describe_quotas``."""
        return ask.read(getattr(self, f"told_{snake(ask)}")())

    def told_describe_quotas(self) -> Any:
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

    def _topic(self, name: str, topic: Topic, alive: list[int]) -> TopicView:
        partitions = []
        for number, replicas in enumerate(topic.replicas):
            isr = tuple(r for r in replicas if r in alive and (number, r) not in topic.lagging)
            leader = isr[0] if isr else None
            partitions.append(PartitionView(number, leader, tuple(replicas), isr))
        minimum = int(
            topic.config.get("min.insync.replicas", self.wide.get("min.insync.replicas", 1))
        )
        return TopicView(name, topic.internal, tuple(partitions), dict(topic.config), minimum)

    def _configs(self, broker: int) -> dict[str, ConfigEntry]:
        layers: dict[str, list[tuple[str, str | None]]] = {}
        for source, values in (
            (DYNAMIC_BROKER, self.dynamic.get(broker, {})),
            (DYNAMIC_DEFAULT, self.wide),
            (STATIC, self.process(f"broker-{broker}").static),
            (DEFAULT, {"num.io.threads": "8"}),
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
            voters = (voter.split("@") for voter in flags[-1].split(","))
            self.voters = {int(id): where.rpartition(":")[2] for id, where in voters}
        directory = self.voters.get(int(node)) if "--initial-controllers" in flags else None
        self.format(machine, path, id, node, directory)

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
        node = next(n for n in self.spec.on(machine.name) if n.properties == file)
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

    def call_create_topic(
        self, name: str, partitions: int, replication: int, config: dict[str, str]
    ) -> None:
        alive = self.alive()
        if name in self.topics or replication > len(alive):
            raise Impossible(f"topic {name} with {replication} replicas on {len(alive)} brokers")
        self.topics[name] = Topic(_spread(alive, partitions, replication), dict(config))

    def call_create_partitions(self, name: str, total: int) -> None:
        topic = self.topic_of(name)
        if total <= len(topic.replicas):
            raise Impossible(f"{name} has {len(topic.replicas)} partitions already")
        topic.replicas = _spread(self.alive(), total, len(topic.replicas[0]))

    def call_delete_topic(self, name: str) -> None:
        self.topic_of(name)
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
        values.update(set)
        for key in delete:
            values.pop(key, None)

    def call_add_voter(
        self, id: int, directory: str, endpoint: tuple[str, str, int], replaces: str | None
    ) -> None:
        view = self.view()
        if view is None or view.quorum is None or (id, directory) not in view.quorum.observers:
            raise Impossible(f"controller {id} does not replicate the metadata log as {directory}")
        if self.voters.get(id) != replaces:
            raise Impossible(f"voter {id} has {self.voters.get(id)}, not {replaces}")
        self.voters[id] = directory

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
        if self.spec.controller_quorum == "static":
            return ""
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
        found = self._digest(machine, node) if signed else "-"
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
        if node.is_broker:
            self.registered.add(node.id)

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
        replicas = _spread([b.id for b in self.spec.brokers], partitions, replication)
        internal = name in ("__consumer_offsets", "__transaction_state")
        self.topics[name] = Topic(replicas, dict(config), internal)

    def topic_config(self, name: str, values: dict[str, str | None]) -> None:
        for key, value in values.items():
            config = self.topic_of(name).config
            config.pop(key, None)
            if value is not None:
                config[key] = value

    def delete_topic(self, name: str) -> None:
        self.call_delete_topic(name)

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


def snake(value: object) -> str:
    """``create_topic`` of a ``CreateTopic``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(value).__name__).lower()


@cache
def _parsed(id: Id, text: str) -> Observation:
    return KINDS[id.kind].parse(id, record(text))


@cache
def _digest_of(key: str, texts: tuple[str, ...]) -> str:
    return digest(key, texts)


def _spread(brokers: list[int], partitions: int, replication: int) -> list[list[int]]:
    return [
        [brokers[(number + shift) % len(brokers)] for shift in range(replication)]
        for number in range(partitions)
    ]


def stopped_by(wave: Wave) -> Iterator[Change]:
    """The changes of a wave that take a process away for a while."""
    return (c for c in wave.changes if c.id.kind == "service" and c.action in ("restart", "stop"))
