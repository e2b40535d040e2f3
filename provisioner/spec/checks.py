"""Cross-checks of a built spec: what is wrong only when two values are looked at together.

    check_all(review)      problems and warnings are put into the review

Ids and folders are here; hosts and addresses in ``checks_hosts.py``; listeners and ports in
``checks_listeners.py``; topics and properties in ``checks_kafka.py``; quotas in
``checks_quotas.py``; what Kafka requires of
several properties together in ``rules.py``.
Every check reports all that it finds; none changes anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import Notice, Problem
from provisioner.spec.build_nodes import ABSENT, Built
from provisioner.spec.types import Node, Role, Supervisor
from provisioner.spec.words import ENV_NAME, release
from provisioner.spec.yamlfile import Document, Loc

# Kafka's own folders below kafka.home, which no log dir may be or be in.
OWN_FOLDERS = ("bin", "config", "libs", "logs", ".provision")
ENV_WORDS = {
    "KAFKA_HEAP_OPTS": "heap",
    "KAFKA_OPTS": "jvm_opts",
    "KAFKA_JVM_PERFORMANCE_OPTS": "jvm_opts",
    "KAFKA_GC_LOG_OPTS": "jvm_opts",
    "KAFKA_JMX_OPTS": "jmx_port",
    "JMX_PORT": "jmx_port",
    "JAVA_HOME": "kafka.java",
    "CLASSPATH": "nothing: the class path is the tool's own",
    "LOG_DIR": "nothing: logs go to logs/NODE below kafka.home",
}


@dataclass
class Review:
    """The spec under review, the file as it was written, and what was found."""

    built: Built
    source: Document
    known_hosts: Collection[str]
    inventory: str | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)

    def report(self, message: str, loc: Loc, hint: str = "", **more: Any) -> None:
        self.problems.append(self.built.document.problem(message, loc, hint=hint, **more))

    def warn(self, message: str, loc: Loc) -> None:
        self.warnings.append(self.built.document.notice(message, loc))

    def written(self, part: str) -> int:
        """How many items the file has under ``part``, understood or not."""
        items = self.source.data.get(part) if isinstance(self.source.data, dict) else None
        return len(items) if isinstance(items, list) else int(items is not None)

    @property
    def staying(self) -> int:
        """How many brokers the file has, understood or not, without those that are to go."""
        return self.written("brokers") - len(self.built.spec.leaving)

    @property
    def version_is_known(self) -> bool:
        kafka = self.source.data.get("kafka")
        return isinstance(kafka, dict) and kafka.get("version") == self.built.spec.version

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is written for a Kafka that somebody else runs."""
        return "bootstrap" in self.source.data

    def where(self, loc: Loc, near: Loc = ()) -> str:
        """``line 3``, and the file where it is another than that of ``near``."""
        source, line, _ = self.built.document.find(loc)
        here, *_ = self.built.document.find(near)
        return f"line {line}" if source.file == here.file else f"{source.file}, line {line}"

    def config_loc(self, node: Node, key: str) -> Loc:
        """Where a property of a node is written: at the node, or below ``defaults``."""
        places = [self.built.loc(node)]
        if node.is_controller:
            places.append(self.built.controller_locs[node.id])
        for part, number, *_ in places:
            item = (getattr(self.built.shape, str(part)) or [])[int(number)]
            if key in (item.config or {}):
                return (part, number, "config", key)
        return ("defaults", "config", key)

    def items(self) -> Iterator[tuple[str, int, Any]]:
        """Every entry of the three lists of nodes, as written."""
        for part in ("zookeeper", "controllers", "brokers"):
            for number, item in enumerate(getattr(self.built.shape, part) or ()):
                yield part, number, item


def check_all(review: Review) -> None:
    for one in (mode, kafka, ids, combined, folders, nodes):
        one(review)


def mode(review: Review) -> None:
    """ZooKeeper or KRaft, and whether this version has it."""
    spec, shape = review.built.spec, review.built.shape
    if review.is_elsewhere:
        return  # see checks_bootstrap.py
    zookeeper, controllers = review.written("zookeeper"), review.written("controllers")
    if "brokers" not in review.source.data:
        review.report("'brokers' is missing", (), "add brokers: …, or bootstrap: [HOST:PORT]")
    if zookeeper and controllers and not shape.migration:
        review.report(
            "both zookeeper and controllers are given",
            ("controllers",),
            key=True,
            hint="keep one; to migrate a cluster to KRaft write migration: hybrid, or dual-write",
        )
    if shape.brokers == [] and review.source.data.get("brokers") == []:
        review.report(
            "'brokers' is empty", ("brokers",), hint="a cluster has at least one", key=True
        )
    if not zookeeper and not controllers:
        review.report(
            "the cluster has neither zookeeper nor controllers",
            (),
            hint="add controllers: (KRaft), or zookeeper: (Kafka up to 3.9)",
        )
    if not controllers and shape.controller_quorum:
        review.report(
            "'controller_quorum' without controllers",
            ("controller_quorum",),
            key=True,
            hint="take it out, or add controllers",
        )
    if not review.version_is_known:
        return
    version = release(spec.version)
    if zookeeper and version >= (4, 0, 0):
        review.report(
            f"Kafka {spec.version} has no ZooKeeper: 3.9 was the last",
            ("zookeeper",),
            key=True,
            hint="use controllers, or a version up to 3.9",
        )
    if version < (2, 8, 0) or (controllers and version < (3, 3, 0)):
        least = "3.3.0 (the first with KRaft for use)" if controllers else "2.8.0"
        review.report(
            f"Kafka {spec.version} is older than {least}",
            ("kafka", "version"),
            hint="use a newer version",
        )
    if spec.controller_quorum == "dynamic" and controllers and version < (3, 9, 0):
        review.report(
            f"Kafka {spec.version} has no dynamic quorum: 3.9 is the first",
            ("controller_quorum",),
            hint="write static, or take it out",
        )


def kafka(review: Review) -> None:
    """Home, user, source."""
    spec, shape = review.built.spec, review.built.shape
    if not spec.home.startswith(("/", "~/")):
        review.report(
            f"kafka.home '{spec.home}' is relative",
            ("kafka", "home"),
            hint="write an absolute path, or ~/…",
        )
    if shape.kafka.user == "root":
        if spec.supervisor is Supervisor.SYSTEMD:
            review.report(
                "Kafka must not run as root under systemd",
                ("kafka", "user"),
                hint="take the line out (the user is then kafka), or name another",
            )
        else:
            review.warn("Kafka runs as root: meant for a container or CI only", ("kafka", "user"))
    given = shape.kafka.source
    if not isinstance(given, str) and (given.path is None) == (given.url is None):
        review.report(
            "the source needs exactly one of path and url",
            ("kafka", "source"),
            hint="write {path: FILE, sha512: …} or {url: …, sha512: …}",
        )


def ids(review: Review) -> None:
    """A controller that moves has its id twice: where it goes from it is ``absent``."""
    seen: dict[tuple[str, int], Loc] = {}
    for part, number, item in review.items():
        if part == "controllers" and item.state == ABSENT:
            continue  # see checks_leaving.py
        loc: Loc = (part, number, "id")
        first = seen.setdefault((part, item.id), loc)
        if first is not loc:
            review.report(
                f"id {item.id} is taken: {part[:-1] if part.endswith('s') else part} "
                f"{item.id} is in {review.where(first)}",
                loc,
                "give each its own id",
            )


def combined(review: Review) -> None:
    """A controller with a broker's id is the same process, so it must be on the same host."""
    shape = review.built.shape
    brokers = {broker.id: (n, broker) for n, broker in enumerate(shape.brokers)}
    for number, controller in enumerate(shape.controllers or ()):
        loc: Loc = ("controllers", number)
        if controller.state == ABSENT:
            continue  # see checks_leaving.py
        given = (controller.port is not None) + (controller.controller_listener is not None)
        if given != 1:
            words = "neither" if given == 0 else "both"
            review.report(
                f"controller {controller.id} has {words} of port and controller_listener",
                loc,
                "give port, or controller_listener: NAME://HOST:PORT",
            )
        if controller.id not in brokers:
            continue
        at, broker = brokers[controller.id]
        if broker.host != controller.host:
            review.report(
                f"controller {controller.id} is on {controller.host}, but broker {broker.id} is on "
                f"{broker.host} ({review.where(('brokers', at))})",
                (*loc, "id"),
                "one id is one process: give the controller an id of its own, or the same host",
            )
            continue
        if controller.log_dir is not None:
            review.report(
                "a combined node keeps its metadata in its first log dir",
                (*loc, "log_dir"),
                "take log_dir out, or give the controller an id of its own",
                key=True,
            )
        twice(review, loc, controller, broker)


def twice(review: Review, loc: Loc, controller: Any, broker: Any) -> None:
    for name in ("heap", "jvm_opts", "jmx_port", "jmx_address", "config_file", "unit"):
        one, other = getattr(controller, name), getattr(broker, name)
        if one is not None and other is not None and one != other:
            review.report(
                f"'{name}' of combined node {broker.id} is given twice: {one} and {other}",
                (*loc, name),
                "keep one: it is one process",
            )
    for name in ("config", "env"):
        one, other = getattr(controller, name) or {}, getattr(broker, name) or {}
        for key in one.keys() & other.keys():
            if one[key] != other[key]:
                review.report(
                    f"'{key}' of combined node {broker.id} is given twice, differently",
                    (*loc, name, key),
                    "keep one: it is one process",
                )


def node_item(review: Review, node: Node) -> Any:
    part, number = review.built.loc(node)
    return getattr(review.built.shape, str(part))[number]


def topic_item(review: Review, name: str) -> Any:
    """A wanted topic as it is written."""
    return review.built.shape.topics[name]


def controller_item(review: Review, loc: Loc) -> Any:
    return (review.built.shape.controllers or [])[int(loc[1])]


def folders(review: Review) -> None:
    """Equal and nested folders on one host, and folders of Kafka's own."""
    seen: dict[str, list[tuple[str, str, Loc]]] = {}
    for node in review.built.spec.known:
        loc = review.built.loc(node)
        for number, folder in enumerate(node.log_dirs):
            at = folder_loc(node, loc, number)
            own_folder(review, folder.path, node, at)
            for path, who, first in seen.setdefault(node.host, []):
                if nested(folder.path, path):
                    words = "is the same folder as" if folder.path == path else "overlaps with"
                    review.report(
                        f"{folder.path} {words} {path} of {who} ({review.where(first)})",
                        at,
                        "give each its own folder",
                    )
                    break
            seen[node.host].append((folder.path, node.name, at))


def folder_loc(node: Node, loc: Loc, number: int) -> Loc:
    word = {Role.ZOOKEEPER: "data_dir", Role.CONTROLLER: "log_dir"}.get(node.role)
    return (*loc, word) if word else (*loc, "log_dirs", number)


def nested(one: str, other: str) -> bool:
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


def own_folder(review: Review, path: str, node: Node, loc: Loc) -> None:
    home = review.built.spec.home
    if path == home or home.startswith(path + "/"):
        review.report(
            f"{path} holds kafka.home ({home}), so it cannot hold the data of {node.name}",
            loc,
            "use a folder below it or beside it",
        )
    # Of a Kafka that runs already, its own start has shown that it can.
    for name in () if review.built.spec.preinstalled else OWN_FOLDERS:
        if nested(path, f"{home}/{name}") and path.startswith(home + "/"):
            review.report(
                f"{path} is where Kafka's own {name}/ is",
                loc,
                f"use another folder for the data, such as data/{node.name}",
            )


def nodes(review: Review) -> None:
    """Environment, and counts that make no majority."""
    layers: list[tuple[Any, Loc]] = [(review.built.shape.defaults, ("defaults",))]
    layers += [(item, (part, number)) for part, number, item in review.items()]
    for layer, loc in layers:
        for name in layer.env or {}:
            if not ENV_NAME.fullmatch(name):
                review.report(
                    f"'{name}' is not a name of an environment variable",
                    (*loc, "env", name),
                    "use letters, digits and '_'",
                    key=True,
                )
            elif name in ENV_WORDS:
                review.report(
                    f"'{name}' is not for env: the spec has a key of its own for it",
                    (*loc, "env", name),
                    f"use {ENV_WORDS[name]}",
                    key=True,
                )
    for part in ("zookeeper", "controllers"):
        gone = len(review.built.spec.retiring) if part == "controllers" else 0
        count = review.written(part) - gone
        if count > 0 and count % 2 == 0:
            review.warn(
                f"{count} servers survive no more failures than {count - 1}: use an odd number",
                (part,),
            )
