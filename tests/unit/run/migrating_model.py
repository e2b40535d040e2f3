"""A model of Kafka's migration from ZooKeeper: what each process is by its file, what ZooKeeper
keeps of it, and what Kafka would not survive (``Impossible``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from provisioner.kafka.port import ClusterView, QuorumView
from provisioner.kinds import properties
from provisioner.kinds.phases import EPOCH, Mode, copied, leftover, mode_of
from provisioner.plan.model import Change
from provisioner.site.migrating import former_nodes
from provisioner.spec.types import Node, Role, Spec
from tests.unit.plan.model_cluster import Entry, Impossible, Machine, ModelCluster, Process

LOG = "__cluster_metadata-0"


class MigratingModel(ModelCluster):
    """One of ``specs/migrated.yaml``; ``znodes``: what ZooKeeper keeps."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.znodes: dict[str, str] = {}
        self.quorum_epoch = 0

    # -- the spec

    def edited(self, spec: Spec, **allow: frozenset[str]) -> None:
        """Somebody edits the spec's file, and says what is allowed."""
        self.spec = spec
        found = [n for host, text in self.told() for n in former_nodes(spec, host, text)]
        spec = replace(spec, former=tuple(sorted(found, key=lambda node: node.id)), level=None)
        self.becomes_spec(spec)
        words = {word.replace("_", "-"): values for word, values in allow.items()}
        self.site.options = replace(self.site.options, allow=words)

    def told(self) -> Iterator[tuple[str, str]]:
        """What ``former.sh`` prints on each host."""
        for host, machine in self.machines.items():
            parts = []
            for path, entry in machine.entries.items():
                folder, _, name = path.rpartition("/")
                if not folder.endswith("/.provision/launch") or entry.kind == "directory":
                    continue
                base = name.removesuffix(".conf")
                node = properties.parse(entry.text).get("node", "")
                file = machine.entries.get(f"{self.spec.home_on(host)}/config/{base}.properties")
                if node and file is not None:
                    lines = "".join(f"|{line}\n" for line in file.text.splitlines())
                    parts.append(f"={node} {base}\n{lines}")
            yield host, "".join(parts)

    # -- what runs

    def running(self) -> list[Process]:
        return [p for m in self.machines.values() for p in m.processes]

    def modes(self, *, brokers: bool) -> dict[str, Mode]:
        return {
            p.node.name: mode_of(p.node, p.static)
            for p in self.running()
            if p.node.role is not Role.ZOOKEEPER and p.node.is_broker is brokers
        }

    def evolve(self) -> None:
        """What Kafka does by itself."""
        controllers, brokers = self.modes(brokers=False), self.modes(brokers=True)
        up = Mode.MIGRATING in controllers.values()
        if up and "/migration" not in self.znodes:
            self.znodes["/migration"] = json.dumps({"kraft_metadata_offset": -1})
        whole = len(brokers) == len(self.spec.brokers) and set(brokers.values()) <= {
            Mode.MIGRATING,
            Mode.KRAFT,
        }
        if up and whole and not copied(self.znodes):
            # Of its own quorum: it may be far ahead of ZooKeeper's, and stands in every partition.
            self.quorum_epoch += 60
            content = {"brokerid": 100, "kraftControllerEpoch": self.quorum_epoch}
            self.znodes["/controller"] = json.dumps(content)
            self.znodes["/migration"] = json.dumps({"kraft_metadata_offset": 7})
        if brokers and "/controller" not in self.znodes:
            epoch = int(self.znodes.get(EPOCH, "0")) + 1
            if epoch <= self.quorum_epoch:
                raise Impossible(f"in charge with epoch {epoch}, partitions have a later one")
            self.znodes[EPOCH] = str(epoch)
            self.znodes["/controller"] = json.dumps({"brokerid": 0, "kraftControllerEpoch": -1})

    def view(self) -> ClusterView | None:
        self.evolve()
        self.voters = {c.id: "" for c in self.spec.controllers}
        found = super().view()
        if found is None:
            return None
        if not self.spec.is_kraft and Mode.KRAFT in self.modes(brokers=True).values():
            found = replace(found, quorum=QuorumView(100, {100: 0}, frozenset(), {100: ""}))
        told: dict[str, str | None] = {
            name: self.znodes.get(name) for name in ("/controller", "/migration", EPOCH)
        }
        return replace(found, znodes=told if self._zookeeper_up() else None)

    def _zookeeper_up(self) -> bool:
        return any(p.node.role is Role.ZOOKEEPER for p in self.running())

    def launch(self, machine: Machine, node: Node, signed: bool = True) -> None:
        where = self.site.places[machine.name]
        static = properties.parse(machine.text(node.properties))
        now = mode_of(node, static)
        if node.role is Role.ZOOKEEPER:
            super().launch(machine, node, signed)
            return
        if now is not Mode.KRAFT and not self._zookeeper_up():
            raise Impossible(f"{node.name} is started without ZooKeeper")
        for log_dir in node.log_dirs:
            self._opened(machine, node, log_dir.path, now)
        if node.is_broker:
            self._broker_starts(node, now)
        elif now is Mode.KRAFT and set(self.modes(brokers=True).values()) != {Mode.KRAFT}:
            raise Impossible("a controller gives ZooKeeper up while a broker needs it")
        self.pids += 1
        digest = self._digest(machine, node) if signed else "-"
        assert where.kafka is not None
        machine.processes.append(Process(node, self.pids, digest, static))
        self.evolve()

    def _opened(self, machine: Machine, node: Node, path: str, now: Mode) -> None:
        meta, log = f"{path}/meta.properties", f"{path}/{LOG}/quorum-state"
        if path not in machine.entries:
            raise Impossible(f"{node.name} is started without {path}")
        if meta not in machine.entries:
            if now is Mode.KRAFT or not node.is_broker:
                raise Impossible(f"{node.name} is started on {path}, which is not formatted")
            self.format(machine, path, self.zookeeper_id, str(node.id))
        if node.is_broker and now is not Mode.KRAFT and log in machine.entries:
            raise Impossible(f"{node.name} in ZooKeeper mode finds a log of KRaft's metadata")
        if now is not Mode.ZOOKEEPER:  # one that takes part follows the controllers, too
            machine.entries.setdefault(log, Entry("regular file", "0640", "kafka:kafka"))

    def _broker_starts(self, node: Node, now: Mode) -> None:
        kraft = copied(self.znodes)
        if now is Mode.ZOOKEEPER and kraft:
            raise Impossible(f"{node.name} in ZooKeeper mode, and KRaft is in charge")
        if now is Mode.KRAFT and not kraft:
            raise Impossible(f"{node.name} in KRaft mode, and no metadata is there")

    def format(
        self, machine: Machine, path: str, cluster: str, node: str, directory: str | None = None
    ) -> None:
        machine.put(f"{path}/meta.properties", f"cluster.id={cluster}\nbroker.id={node}\n")
        if "controller" in path:
            text = f"version=1\ncluster.id={cluster}\nnode.id={node}\ndirectory.id=d{node}\n"
            machine.put(f"{path}/meta.properties", text)
        machine.entries.setdefault(
            f"{path}/version", Entry("regular file", "0640", "kafka:kafka", "")
        )

    # -- steps

    def run_service_stop(self, machine: Machine, change: Change, *args: Any) -> None:
        name = args[3]
        brokers = self.modes(brokers=True)
        needed = Mode.KRAFT in brokers.values()
        if change.action == "stop" and name.startswith("controller") and needed:
            raise Impossible(f"{name} is stopped, and a broker in KRaft mode needs it")
        if change.action == "stop" and name.startswith("zookeeper"):
            modes = {*brokers.values(), *self.modes(brokers=False).values()}
            if modes != {Mode.KRAFT}:
                raise Impossible(f"{name} is stopped, and is needed: {modes}")
        super().run_service_stop(machine, change, *args)

    def run_service_clear_metadata(
        self, machine: Machine, change: Change, user: str, *paths: str
    ) -> None:
        for path in paths:
            for found in [e for e in machine.entries if e.startswith(f"{path}/{LOG}")]:
                del machine.entries[found]

    def run_service_forget_migration(
        self, machine: Machine, change: Change, user: str, *words: str
    ) -> None:
        _, _, epoch, *names = words
        if self.modes(brokers=False):
            raise Impossible("a controller runs, and would make them anew")
        if epoch:
            self.znodes[EPOCH] = epoch
        for name in names:
            self.znodes.pop(name, None)
        self.evolve()
        if leftover(self.znodes):
            raise Impossible(f"{leftover(self.znodes)} are still there")
