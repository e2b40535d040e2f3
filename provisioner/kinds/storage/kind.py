"""The kind ``storage``: a log dir (or ZooKeeper's data dir) and what it was formatted as."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kinds import properties
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.ids import storage_id
from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.storage import leaving
from provisioner.kinds.storage.basis import basis
from provisioner.kinds.storage.guard import guard
from provisioner.kinds.storage.quorum import directory_id, format_flags, has_voters, voted_with
from provisioner.plan.model import (
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Pending,
    Present,
    Refused,
    Run,
    State,
    Step,
    Unknown,
)
from provisioner.spec.types import Node, Role, Spec

PACKAGE = __package__ or ""


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """KRaft: formatted with the cluster's id; ZooKeeper: its ``myid``; a broker of a ZooKeeper
    cluster formats its own log dirs when it first starts."""
    states: dict[Id, State] = {}
    for node in places.nodes:
        for log_dir in node.log_dirs:
            args = {
                "node": node.name,
                "node_id": str(node.id),
                "role": node.role.value,
                "user": places.user,
                "home": places.home,
                "properties": node.properties,
                "manifest": places.manifest,
                "state_owner": places.state_owner,
                "mounted": log_dir.mounted,
                "adopted": places.preinstalled,
                "java": spec.java if places.preinstalled else "",
            }
            fields: dict[str, object] = {}
            alone = places.preinstalled and len(spec.zookeeper) == 1
            if node.role is Role.ZOOKEEPER:
                # A single server needs no myid, and one that was set up by hand has none.
                fields = {} if alone else {"myid": str(node.id)}
            elif spec.is_kraft or node.is_controller:
                fields = {"cluster_id": Pending("the cluster id"), "node_id": str(node.id)}
            inputs = _inputs(spec, places, node) if "cluster_id" in fields else ()
            states[storage_id(places.host, log_dir.path)] = State(fields, inputs, args=args)
    return states | leaving.desired(places)


def _inputs(spec: Spec, places: HostLayout, node: Node) -> tuple[Id, ...]:
    """Inputs of a format: the properties, and Kafka's own command."""
    host = places.host
    files = [node.properties, places.cluster_id_file]
    files += [] if places.preinstalled else [f"{places.home}/bin"]
    found = [Id(host, "file", path) for path in files]
    found += [Id(host, "kafka", places.home)] if places.preinstalled else []
    found += [Id(host, "java", places.java.path)] if places.java else []
    found += [Id(host, "kafka", d.path) for d in (places.kafka, places.scripts) if d]
    return tuple(found)


def probe(places: HostLayout) -> Sequence[Probe]:
    """One script per storage, so that a hanging mount makes only itself unknown. Kafka's user
    reads the folders; the manifest's owner reads what it records about them."""
    text = script(PACKAGE, "filesystem.sh", "probe.sh")
    paths = [log_dir.path for node in places.nodes for log_dir in node.log_dirs]
    gone = [path for _, path in leaving.data(places)]
    ids = {path: storage_id(places.host, path) for path in (*paths, *gone)}
    found = [Probe(text, (id,), (path,), 1, places.kafka_user) for path, id in ids.items()]
    if paths:
        recorded = script(PACKAGE, "recorded.sh")
        words, known = (places.manifest, *paths), tuple(ids[path] for path in paths)
        found.append(Probe(recorded, known, words, 1, places.state_user, shared=1))
    return found


def parse(id: Id, record: Record) -> Observation:
    """Empty or on another filesystem although the manifest says it was formatted: probably not
    mounted, so Unknown and never absent."""
    values = record.values
    if "error" in values:
        return Unknown(values["error"])
    recorded = values.get("recorded")
    role = values.get("role", "")
    empty = "absent" in values or values.get("empty") == "true"
    if recorded and role != "zookeeper":
        elsewhere = recorded not in ("-", values.get("filesystem", ""))
        if empty or elsewhere:
            what = "is empty" if empty else f"is on another filesystem than {recorded}"
            allow = LOST.get(role, ("data-loss", "format-controller"))
            return Unknown(
                f"{id.name} was formatted before and now {what}: not mounted? "
                f"To accept this: {' '.join(f'--allow {name}' for name in allow)}",
                allow,
                _found(values, record.lines, None),
            )
    return _found(values, record.lines, recorded, record.many.get("stray", ()))


LOST = {"broker": ("data-loss",), "controller": ("format-controller",)}
"""The ``--allow`` words that accept a storage that is not as recorded; a combined node needs
both."""


def _found(
    values: Mapping[str, str],
    lines: Sequence[str],
    recorded: str | None,
    stray: tuple[str, ...] = (),
) -> Present | Absent:
    empty = "absent" in values or values.get("empty") == "true"
    if "absent" in values:
        return Absent()
    meta = properties.parse("\n".join(lines))
    fields: dict[str, object] = {
        "cluster_id": meta.get("cluster.id") or values.get("zookeeper_cluster_id"),
        "node_id": meta.get("node.id") or meta.get("broker.id"),
        "myid": values.get("myid"),
        "data": values.get("data") == "true" or bool(meta),
        "empty": empty,
        "mounted": values.get("mounted") == "true",
        "writable": values.get("writable") != "false",
        "directory_id": meta.get("directory.id"),
    }
    if values.get("lost_and_found") == "true":
        fields["lost_and_found"] = True
    if stray:
        fields["stray"] = stray
    if values.get("meta") == "present" and not (fields["cluster_id"] and fields["node_id"]):
        # A power loss can leave the file without its content; the data beside it is whole.
        fields["meta_lost"] = True
        fields["partitions"] = values.get("partitions") == "true"
    since = values.get("metadata_since", "")
    volatile = {
        "filesystem": values.get("filesystem", ""),
        "recorded": recorded,
        "ran": values.get("ran") == "true",
        "metadata_since": int(since) if since.isdecimal() else None,
    }
    return Present(fields, volatile=volatile)


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """Fills in the cluster id, and what ``judge`` needs to know about the other storages."""
    known = cluster_id(spec, observed)
    brokers_have = _id_of(spec, observed, zookeeper=False)
    zookeeper_has = _id_of(spec, observed, zookeeper=True)
    resolved = {}
    for id, state in mine.items():
        if leaving.LEAVING in state.args:
            resolved[id] = replace(state, args={**state.args, "cluster": known.value})
            continue
        args = {
            **state.args,
            "conflict": known.reason if known.conflict else "",
            "brokers_have": brokers_have,
            "zookeeper_has": zookeeper_has,
            "fresh": known.fresh,
        }
        fields = dict(state.fields)
        if "cluster_id" in fields and known.value:
            fields["cluster_id"] = known.value
            node = spec.node(str(args["node"]))
            static = has_voters(every.get(Id(id.host, "file", node.properties)))
            args["format"] = () if static else format_flags(spec, node, known, observed)
            votes = spec.controller_quorum == "dynamic" and node.is_controller and not static
            voted = voted_with(node, observed) or directory_id(known.value, node.id)
            args["directory_id"] = voted if votes else ""
        resolved[id] = replace(state, fields=fields, args=args)
    return resolved


def _id_of(spec: Spec, observed: Observed, *, zookeeper: bool) -> str | None:
    """The cluster id in ZooKeeper's data, or in the brokers' log dirs."""
    if spec.is_kraft:
        return None
    for node in spec.nodes:
        if (node.role is Role.ZOOKEEPER) is zookeeper:
            for log_dir in node.log_dirs:
                seen = observed.get(storage_id(node.host, log_dir.path))
                if isinstance(seen, Present) and seen.fields.get("cluster_id"):
                    return str(seen.fields["cluster_id"])
    return None


def _unrecorded(state: State, observation: Observation) -> bool:
    """It was formatted for this cluster but the manifest does not record it, so an empty mount
    point would look like a new folder."""
    if not isinstance(observation, Present) or state.args["role"] == "zookeeper":
        return False
    if state.args.get("adopted"):
        # What is noted here is ours to wipe. What was there before is not.
        return False
    return bool(observation.fields["cluster_id"]) and not observation.volatile["recorded"]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Refuses what would lose data or cannot work; everything else is the plain comparison."""
    args = state.args
    if leaving.LEAVING in args:
        return True, leaving.judged(id, state, observation)
    if args.get("conflict"):
        return True, Refused(id, str(args["conflict"]))
    if args["mounted"] and not (isinstance(observation, Present) and observation.fields["mounted"]):
        return True, Refused(id, "it must be a mount point and is not: mount it first")
    reason = _mismatch(id, state, observation)
    if reason:
        return True, Refused(id, reason)
    if isinstance(observation, Absent) and not fields:
        return True, None
    lost = isinstance(observation, Present) and observation.fields.get("meta_lost")
    if lost and isinstance(observation, Present) and "cluster_id" in state.fields:
        return True, _rewritten(id, state, observation)
    if not fields and _unrecorded(state, observation):
        before, after = {"recorded": False}, {"recorded": True}
        why = "the manifest does not record yet that it was formatted"
        return True, Change(id, "update", before, after, ("recorded",), reason=why)
    if isinstance(observation, Present) and fields and not _begun(observation):
        return True, Change(
            id,
            "create",
            None,
            {name: state.fields[name] for name in fields},
            tuple(fields),
            reason="it is not formatted",
        )
    return False, None


def _rewritten(id: Id, state: State, seen: Present) -> Difference:
    """A ``meta.properties`` that a power loss emptied is rewritten: Kafka's data beside it is
    intact and nothing is formatted. Only the manifest knows which node it belonged to."""
    file = f"{id.name}/meta.properties"
    if not seen.volatile["recorded"]:
        why = (
            f"{file} has no cluster id or node id, and no manifest records them: restore it "
            f"from a backup or, if the data may be lost, move {shlex.quote(id.name)} away"
        )
        return Refused(id, why)
    names = ("cluster_id", "node_id")
    return Change(
        id,
        "update",
        {name: seen.fields[name] for name in names},
        {name: state.fields.get(name, state.args["node_id"]) for name in names},
        names,
        reason=f"{file} is empty or truncated (power loss?): it is rewritten, the data is kept",
    )


def _begun(observation: Present) -> bool:
    return any(observation.fields[name] for name in ("cluster_id", "node_id", "myid"))


def _mismatch(id: Id, state: State, observation: Observation) -> str:
    args = state.args
    seen = observation.fields if isinstance(observation, Present) else {}
    if args["role"] == "zookeeper":
        if args.get("brokers_have") and not seen.get("data"):
            return (
                f"ZooKeeper's data dir is empty, but the brokers' log dirs belong to cluster "
                f"{args['brokers_have']}: brokers would exit with 'Invalid cluster.id'. Restore "
                f"{id.name}, or recreate the cluster: provision apply --rebuild"
            )
        wanted = state.fields.get("myid", seen.get("myid"))
        if seen.get("myid") and seen["myid"] != wanted:
            return f"it belongs to ZooKeeper server {seen['myid']}, not {wanted}"
        return ""
    if why := _stray(id, args, seen):
        return why
    mine, zookeeper = seen.get("cluster_id"), args.get("zookeeper_has")
    if mine and zookeeper and mine != zookeeper:
        return (
            f"it belongs to cluster {mine}, but ZooKeeper to {zookeeper}: the broker would exit "
            f"with 'Invalid cluster.id'. To recreate the cluster: provision apply --rebuild"
        )
    if seen.get("node_id") and seen["node_id"] != args["node_id"]:
        return (
            f"it belongs to node {seen['node_id']}, not {args['node_id']}: set "
            f"id: {seen['node_id']} again in the spec, or give node {args['node_id']} a log dir of "
            f"its own"
        )
    if seen and not seen.get("writable"):
        return "it cannot be written: is it mounted read-only?"
    return ""


def _stray(id: Id, args: Mapping[str, object], seen: Mapping[str, object]) -> str:
    """A folder that stops Kafka's log manager. A pure controller has no log manager."""
    why = "Kafka treats every folder in a log dir as a partition and does not start: "
    if seen.get("lost_and_found"):
        lost = shlex.quote(f"{id.name}/lost+found")
        return f"{why}rmdir {lost}, or use a folder below the mount"
    stray = seen.get("stray")
    if isinstance(stray, tuple) and stray and args["role"] != "controller":
        listed = ", ".join(shlex.quote(f"{id.name}/{name}") for name in stray)
        return f"{why}move {listed} away (if it is not a partition)"
    return ""


def steps(change: Change, state: State) -> Sequence[Step]:
    args, path = state.args, change.id.name
    if change.action == "delete":
        return leaving.steps(change, state)
    user = str(args["user"])
    record = Run(
        "storage/record", (str(args["manifest"]), str(args["role"]), path), str(args["state_owner"])
    )
    if change.fields == ("recorded",):
        return [record]
    if change.action == "update":
        words = (path, str(args["node_id"]), str(state.fields["cluster_id"]), args["directory_id"])
        return [Run("storage/restore_meta", words, user)]
    if args["role"] == "zookeeper":
        return [Run("storage/write_myid", (path, str(args["node_id"])), user)]
    said = [str(args["home"]), path, str(args["properties"]), str(state.fields["cluster_id"])]
    said += map(str, args["format"])
    if args.get("adopted"):
        java = str(args["java"])
        return [Run("storage/own_format", (java, *said), user, seconds=120), record]
    return [Run("storage/format", tuple(said), user, seconds=120), record]


KIND = Kind(
    "storage",
    Layer.HOST,
    rank=4,
    desired=desired,
    probe=probe,
    parse=parse,
    resolve=resolve,
    judge=judge,
    guard=guard,
    basis=basis,
    own_wave=True,
    steps=steps,
)
