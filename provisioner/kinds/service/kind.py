"""The kind ``service``: one process, what it runs with, and when it must be restarted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import STATIC, ClusterView
from provisioner.kinds.ids import service_id
from provisioner.kinds.kind import Difference, Kind, Probe, Record, Seen, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.rendering import RESERVED, text_of
from provisioner.kinds.service.digest import digest
from provisioner.kinds.service.guard import guard
from provisioner.kinds.service.static import offline_log_dirs, static_differences
from provisioner.kinds.service.steps import steps
from provisioner.plan.model import (
    PRIVILEGED,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Pending,
    Present,
    Refused,
    State,
    Unmanaged,
)
from provisioner.spec.types import Node, Role, Spec, Supervisor

PACKAGE = __package__ or ""
OTHERS = "others"
HELD = "it is held: "
"""Begins the refusal of a node that ``stop --hold`` keeps down."""


TIERS = {Role.ZOOKEEPER: 0, Role.CONTROLLER: 1, Role.COMBINED: 1, Role.BROKER: 2}


def texts_of(places: HostLayout, node: Node, logging: str) -> tuple[Id, Id, Id]:
    """The files a process is started with, in the order the digest takes them."""
    host = places.host
    return (
        Id(host, "file", node.properties),
        Id(host, "file", places.launch(node)),
        Id(host, "file", logging),
    )


def ports(node: Node) -> list[int]:
    found = [listener.port for listener in node.listeners]
    if node.controller_listener and node.is_controller:
        found.append(node.controller_listener.port)
    if node.client_port:
        found.append(node.client_port)
    return sorted(set(found))


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """Every node runs once, with the digest of its wanted inputs."""
    name = "log4j.properties" if spec.version.startswith("3.") else "log4j2.properties"
    logging = f"{places.home}/config/{name}"
    states = {}
    for node in places.nodes:
        inputs = [*texts_of(places, node, logging)]
        inputs += [Id(node.host, "storage", d.path) for d in node.log_dirs]
        inputs += [Id(node.host, "file", places.digest_key)]
        inputs += [Id(node.host, "file", f"{places.home}/bin")]
        if places.java:
            inputs.append(Id(places.host, "java", places.java.path))
        if places.kafka:
            inputs.append(Id(places.host, "kafka", places.kafka.path))
        if places.scripts:
            inputs.append(Id(places.host, "kafka", places.scripts.path))
        if node.role is Role.BROKER:
            inputs += [Id(z.host, "storage", z.log_dirs[0].path) for z in spec.zookeeper]
        fields: dict[str, object] = {
            "running": True,
            "processes": 1,
            "running_digest": Pending("the host's key"),
        }
        if places.supervisor is Supervisor.SYSTEMD:
            unit = Id(node.host, "file", f"/etc/systemd/system/{places.unit(node)}")
            inputs.append(unit)
            fields |= {"enabled": True, "drop_ins": (), "by_systemd": True}
        states[service_id(node)] = State(
            fields,
            inputs=tuple(inputs),
            args={
                "role": node.role.value,
                "user": places.user,
                "home": places.home,
                "properties": node.properties,
                "out": f"{places.logs(node)}/kafkaServer.out",
                "log": f"{places.logs(node)}/server.log",
                "manifest": places.manifest,
                "state_owner": places.state_owner,
                "log_dirs": tuple(d.path for d in node.log_dirs),
                "broker": node.id if node.is_broker else None,
                "supervisor": places.supervisor.value,
                "tier": TIERS[node.role],
                "ports": tuple(ports(node)),
                "unit": places.unit(node),
            },
        )
    return states


def probe(places: HostLayout) -> Sequence[Probe]:
    """Two scripts: files, read as Kafka's user, and processes, which the login sees best. The
    last record of the second is what belongs to no service."""
    if not places.nodes:
        return []
    systemd = places.supervisor is Supervisor.SYSTEMD
    owned, rooted = ("", places.state) if systemd else (places.state, "")
    ids = tuple(service_id(node) for node in places.nodes)
    kept = [places.home, places.digest_key, owned, places.user]
    running = [places.user, places.home, rooted]
    for node in places.nodes:
        unit = places.unit(node) if systemd else ""
        kept += [node.name, node.properties]
        running += [node.name, node.properties, ",".join(map(str, ports(node))), unit]
    home = script(PACKAGE, "held.sh", "home.sh")
    processes = script(PACKAGE, "held.sh", "processes.sh", "listening.sh", "probe.sh")
    others = Id(places.host, "service", OTHERS)
    return [
        Probe(home, ids, tuple(kept), 2, places.kafka_user, shared=4, seconds=20),
        Probe(processes, (*ids, others), tuple(running), 4, PRIVILEGED, shared=3, seconds=20),
    ]


def parse(id: Id, record: Record) -> Observation:
    """Running or not is a field of a service; a service is never absent."""
    if id.name == OTHERS:
        return Present({}, volatile={"others": record.many.get("other", ())})
    pids = record.many.get("pid", ())
    digests = record.many.get("digest", ())
    fields: dict[str, object] = {
        "running": bool(pids),
        "processes": len(pids),
        "running_digest": digests[0] if digests else None,
        "files_digest": record.values.get("files_digest", "-"),
        "hold": record.values.get("hold"),
        "distribution": record.values.get("distribution"),
    }
    listening = record.values.get("listening", "")
    volatile: dict[str, object] = {
        "pid": pids[0] if pids else None,
        "start": record.values.get("start"),
        "state": record.values.get("state"),
        "pids": pids,
        "key": record.values.get("key", ""),
        "listening": tuple(int(p) for p in listening.split(",") if p),
    }
    if "LoadState" in record.values:
        fields |= supervised(record, volatile)
    return Present(fields, volatile=volatile)


def supervised(record: Record, volatile: dict[str, object]) -> dict[str, object]:
    """systemd's view of the unit; a drop-in below ``NAME.service.d`` was made by somebody else."""
    values = record.values
    ours = tuple(
        path
        for path in values.get("DropInPaths", "").split()
        if ".service.d/" in path and "/kafka-" in path
    )
    for name in ("ActiveState", "SubState", "MainPID", "NRestarts", "Result", "NeedDaemonReload"):
        volatile[name] = values.get(name, "")
    volatile["drop_in_lines"] = record.lines
    pid = volatile["pid"]
    return {
        "enabled": values.get("UnitFileState") == "enabled",
        "drop_ins": ours,
        "by_systemd": pid is None or pid == values.get("MainPID"),
    }


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """The wanted digest, from the wanted files and the host's key. On a host without a key
    nothing was started by provision, so every running digest differs."""
    resolved = {}
    for id, state in mine.items():
        files = [i for i in state.inputs if i.kind == "file"][:3]
        units = [i for i in state.inputs if i.name.endswith(".service")]
        seen = observed.get(id)
        key = str(seen.volatile.get("key") or "none") if isinstance(seen, Present) else "none"
        wanted = [every[i] for i in files if i in every]
        if len(wanted) == len(files) and not any(_waits(s) for s in wanted):
            texts = [text_of(s) for s in wanted]
            static = {k: v for k, v in wanted[0].fields.items() if k not in RESERVED}
            state = replace(
                state,
                fields={
                    **state.fields,
                    "running_digest": wanted_digest(key, texts, [text_of(every[u]) for u in units]),
                },
                args={**state.args, "static": static},
            )
        resolved[id] = state
    return resolved


def wanted_digest(key: str, texts: Sequence[str], plain: Sequence[str]) -> str:
    """Without a key (first run, or the key was removed) no running process can be proved to run
    with the wanted files, so every running digest differs."""
    return digest(key, texts, plain) if key else "of a key that is yet to be made"


def _waits(state: State) -> bool:
    return any(isinstance(value, Pending) for value in state.fields.values())


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Start what is down; restart what runs with something else; leave what is on hold."""
    if not isinstance(observation, Present):
        return False, None
    static = static_differences(state, observation)
    offline = offline_log_dirs(state, observation)
    if not fields and not static and not offline:
        return True, None
    seen = observation.fields
    if not seen["running"]:
        if seen.get("hold"):
            return True, Refused(id, f"{HELD}{seen['hold']} (provision start ends the hold)")
        return True, Change(
            id,
            "start",
            {"running": False},
            {"running": True},
            ("running",),
            reason="the process is not running",
        )
    if set(fields) <= {"enabled", "drop_ins"} and not static and not offline:
        return True, _mended(id, state, observation, fields)
    before = {name: seen.get(name) for name in fields} | {k: v[0] for k, v in static.items()}
    after = {name: state.fields.get(name) for name in fields}
    after |= {k: v[1] for k, v in static.items()}
    if offline:
        before["offline_log_dirs"], after["offline_log_dirs"] = offline, ()
    if static:
        # The keys say more than the digest they make.
        before.pop("running_digest", None)
        after.pop("running_digest", None)
    return True, Change(
        id,
        "restart",
        before,
        after,
        tuple(after),
        effect="restart",
        reason="; ".join(
            [
                *([_gave_up(offline)] if offline else []),
                *([_why(state, seen)] if fields or static else []),
                *_strangers(observation, fields),
            ]
        ),
    )


def _mended(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Change:
    """What is repaired without a restart."""
    before = {name: seen.fields[name] for name in fields}
    after = {name: state.fields[name] for name in fields}
    reason = "it is not enabled at boot"
    reasons = _strangers(seen, fields) or [reason]
    return Change(id, "update", before, after, tuple(fields), reason="; ".join(reasons))


def _strangers(seen: Present, fields: Sequence[str]) -> list[str]:
    """The lines of the drop-ins that are not ours."""
    if "drop_ins" not in fields:
        return []
    lines = [line for line in seen.volatile["drop_in_lines"] if not line.endswith(": ")]
    return ["a drop-in not made by provision: " + "; ".join(lines[:6])]


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """The static values that each broker reports to have read at its start."""
    seen: dict[Id, Observation] = {}
    for node in spec.brokers:
        configs = view.broker_configs.get(node.id)
        if configs is not None:
            static = {
                key: entry.layer(STATIC)
                for key, entry in configs.items()
                if not entry.sensitive and any(s == STATIC for s, _ in entry.synonyms)
            }
            seen[service_id(node)] = Present(
                {"static": static, "offline_log_dirs": view.offline_log_dirs.get(node.id, ())}
            )
    return seen


def _gave_up(paths: Sequence[str]) -> str:
    listed = ", ".join(paths)
    return (
        f"the broker took its log dir {listed} offline after a disk error, and uses it again "
        "only after a restart"
    )


def _why(state: State, seen: Mapping[str, object]) -> str:
    if seen.get("by_systemd") is False:
        return "it was not started by systemd"
    if seen["processes"] != 1:
        return f"it was started {seen['processes']} times"
    if seen["running_digest"] == "-":
        return "it was not started by the launcher"
    if seen["files_digest"] == state.fields["running_digest"]:
        return "config files changed since it started"
    if seen["files_digest"] == seen["running_digest"]:
        return "running with its current files, which differ from the spec"
    return "config files changed since it started, and differ from the spec"


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """Kafka's and ZooKeeper's processes that belong to no service of the spec."""
    found = []
    for id, seen in sorted(observed.items()):
        if id.kind != "service" or id.name != OTHERS or not isinstance(seen, Present):
            continue
        for line in seen.volatile["others"]:
            pid, _start, uid, config, main, program, ours = line.split("\t")
            what = "ZooKeeper" if "zookeeper" in main else "Kafka"
            if program == "other":
                what = f"it claims to be {what} but is not Java"
            whose = "" if ours == "yes" else f", run by uid {uid}"
            unmanaged = Id(id.host, "service", config or f"pid {pid}")
            found.append(Unmanaged(unmanaged, detail=f"{what}, pid {pid}{whose}"))
    return found


def processes(spec: Spec) -> Sequence[Id]:
    return [service_id(node) for node in spec.nodes]


def answering(spec: Spec) -> Sequence[Id]:
    return [service_id(node) for node in spec.brokers]


def runs(observation: Observation | None) -> bool | None:
    return bool(observation.fields["running"]) if isinstance(observation, Present) else None


def last(spec: Spec, seen: Seen) -> Sequence[Id]:
    """The active controller and ZooKeeper's leader."""
    active = seen.view.controller if seen.view is not None else None
    found = [n for n in spec.nodes if n.id == active and (n.is_broker or n.is_controller)]
    found += [z for z in spec.zookeeper if seen.zookeeper.get(z.id) == "leader"]
    return [service_id(node) for node in found]


def ended(seen: Observation) -> bool:
    """It does not run, and nobody is about to start it; systemd is, a few times."""
    if not isinstance(seen, Present) or seen.fields["running"]:
        return False
    state = seen.volatile.get("ActiveState")
    if state in ("activating", "active", "reloading"):
        restarts = str(seen.volatile.get("NRestarts", "0"))
        return restarts.isdigit() and int(restarts) >= RESTARTS
    return True


RESTARTS = 3


def settled(state: State, observation: Observation) -> bool:
    """It runs and its port is open."""
    return isinstance(observation, Present) and bool(
        observation.fields["running"] and observation.volatile["listening"]
    )


KIND = Kind(
    "service",
    Layer.NODE,
    rank=5,
    desired=desired,
    probe=probe,
    parse=parse,
    resolve=resolve,
    judge=judge,
    find=find,
    read=read,
    guard=guard,
    processes=processes,
    answering=answering,
    runs=runs,
    last=last,
    awaiting=lambda id: f"{id.name} to open its port",
    ended=ended,
    settled=settled,
    steps=steps,
    roll=True,
)
