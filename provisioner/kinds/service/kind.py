"""The kind ``service``: one process, what it runs with, and when it must be restarted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import STATIC, ClusterView
from provisioner.kinds.ids import service_id
from provisioner.kinds.kind import Difference, Kind, Probe, Record, Seen, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.leaving import PASSES
from provisioner.kinds.live import live_keys, waits_for_start
from provisioner.kinds.refilling import begins
from provisioner.kinds.rendering import RESERVED, text_of
from provisioner.kinds.service import leaving, migration, preinstalled
from provisioner.kinds.service.basis import basis
from provisioner.kinds.service.desired import desired, ports
from provisioner.kinds.service.digest import digest
from provisioner.kinds.service.guard import guard
from provisioner.kinds.service.holds import judged, observed, refusal
from provisioner.kinds.service.mending import mended, strangers
from provisioner.kinds.service.readiness import ended, progress, settled
from provisioner.kinds.service.refilled import needed
from provisioner.kinds.service.static import offline_log_dirs, static_differences
from provisioner.kinds.service.steps import steps
from provisioner.kinds.switch import THEN, with_later
from provisioner.plan.model import (
    PRIVILEGED,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Pending,
    Present,
    State,
    Unmanaged,
)
from provisioner.spec.types import Spec, Supervisor

PACKAGE = __package__ or ""
OTHERS = "others"


def probe(places: HostLayout) -> Sequence[Probe]:
    """Two scripts: files, read as Kafka's user, and processes, which the login sees best. The
    last record of the second is what belongs to no service."""
    nodes = places.known
    if not nodes:
        return []
    systemd = places.supervisor is Supervisor.SYSTEMD
    owned, rooted = ("", places.state) if systemd else (places.state, "")
    ids = tuple(service_id(node) for node in nodes)
    kept = [places.home, places.digest_key, owned, places.user]
    running = [places.user, places.home, rooted]
    for node in nodes:
        unit = places.unit(node) if systemd else ""
        kept += [node.name, node.properties]
        running += [node.name, node.properties, ",".join(map(str, ports(node))), unit]
    home = script(PACKAGE, "held.sh", "home.sh")
    processes = script(PACKAGE, "held.sh", "processes.sh", "listening.sh", "probe.sh")
    others = Id(places.host, "service", OTHERS)
    files = Probe(home, ids, tuple(kept), 2, places.kafka_user, shared=4, seconds=20)
    return [
        preinstalled.probe(places, ids) if places.preinstalled else files,
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
        "distribution": record.values.get("distribution"),
    }
    listening = record.values.get("listening", "")
    volatile: dict[str, object] = {
        "pid": pids[0] if pids else None,
        "start": record.values.get("start"),
        "age": _seconds(record.values.get("age", "")),
        "state": record.values.get("state"),
        "pids": pids,
        "key": record.values.get("key", ""),
        "listening": tuple(int(p) for p in listening.split(",") if p),
        **preinstalled.parsed(record),
    }
    held, age = observed(record)
    fields |= held
    volatile |= age
    if "LoadState" in record.values:
        fields |= supervised(record, volatile)
    return Present(fields, volatile=volatile)


def _seconds(text: str) -> int | None:
    """For how long the process runs."""
    return int(text) if text.isdigit() else None


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
    resolved, new = {}, begins(spec, observed)
    for id, state in mine.items():
        node = spec.node(id.name)
        more = {**needed(node, new), **migration.goes_over(spec, node, observed)}
        state = replace(state, args={**state.args, **more})
        if leaving.LEAVING in state.args:
            resolved[id] = leaving.resolved(state.args[leaving.LEAVING], state, observed)
            continue
        if migration.FORMER in state.args:
            resolved[id] = migration.resolved(spec, state, observed)
            continue
        if state.args.get("preinstalled"):
            resolved[id] = _with_file(spec, state, every)
            continue
        files = [i for i in state.inputs if i.kind == "file"][:3]
        then = every[files[0]].args.get(THEN) if files and files[0] in every else None
        state = replace(state, args={**state.args, THEN: then}) if then else state
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
                args={
                    **state.args,
                    "static": static,
                    "live": live_keys(spec.version),
                    "later": waits_for_start(spec.node(id.name)),
                },
            )
        resolved[id] = state
    return resolved


def _with_file(spec: Spec, state: State, every: Mapping[Id, State]) -> State:
    """With the keys that its file should have."""
    file = every.get(state.inputs[0])
    if file is None:
        return state
    static = {k: v for k, v in file.fields.items() if k not in RESERVED and v is not None}
    live = live_keys(spec.version)
    return replace(state, args={**state.args, "static": static, "live": live})


def wanted_digest(key: str, texts: Sequence[str], plain: Sequence[str]) -> str:
    """Without a key (first run, or the key was removed) no running process can be proved to run
    with the wanted files, so every running digest differs."""
    return digest(key, texts, plain) if key else "of a key that is yet to be made"


def _waits(state: State) -> bool:
    return any(isinstance(value, Pending) for value in state.fields.values())


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Of a broker in a migration also the restarts that come later."""
    decided, difference = _judged(id, state, observation, fields)
    if not state.args.get(migration.LATER):
        return decided, difference
    return True, migration.chained(id, state, difference, observation)


def _judged(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Start what is down; restart what runs with something else; leave what is on hold."""
    if not isinstance(observation, Present):
        return False, None
    if migration.FORMER in state.args:
        return True, migration.judged(id, state, observation)
    if leaving.LEAVING in state.args:
        return True, leaving.judged(id, state, observation)
    own = bool(state.args.get("preinstalled"))
    found, unproved = preinstalled.found(id, state, observation) if own else ({}, "")
    static = found if own else static_differences(state, observation)
    offline = offline_log_dirs(state, observation)
    if (change := judged(id, state, observation)) is not None:
        return True, change
    if not fields and not static and not offline and not unproved:
        return True, None
    seen = observation.fields
    if not seen["running"]:
        if seen.get("hold"):
            return True, refusal(id, observation)
        return True, Change(
            id,
            "start",
            {"running": False},
            {"running": True},
            ("running",),
            reason="the process is not running",
        )
    if own and not fields and not offline:
        if (waits := preinstalled.waits(id, state, static, unproved)) is not None:
            return True, waits
    elif set(fields) <= {"enabled", "drop_ins"} and not static and not offline:
        return True, mended(id, state, observation, fields)
    if state.fields.get("hold"):
        return True, refusal(id, observation)
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
                *(_whys(state, seen, static, unproved) if own else ()),
                *([_why(state, seen)] if not own and (fields or static) else []),
                *strangers(observation, fields),
            ]
        ),
    )


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
            told: dict[str, object] = {
                "static": static,
                "opaque": frozenset(
                    key
                    for key, entry in configs.items()
                    if static.get(key) is None and any(s == STATIC for s, _ in entry.synonyms)
                ),
                "registered": next(
                    (f"{b.host}:{b.port}" for b in view.brokers if b.id == node.id), ""
                ),
                "changeable": frozenset(k for k, e in configs.items() if not e.read_only),
                "offline_log_dirs": view.offline_log_dirs.get(node.id, ()),
            }
            seen[service_id(node)] = Present(told)
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
    if seen["running_digest"] == state.fields["running_digest"]:
        return "it was started with other values than its file should have"
    if seen["files_digest"] == state.fields["running_digest"]:
        return "config files changed since it started"
    if seen["files_digest"] == seen["running_digest"]:
        return "running with its current files, which differ from the spec"
    return "config files changed since it started, and differ from the spec"


def _whys(
    state: State, seen: Mapping[str, object], found: preinstalled.Found, unproved: str
) -> Sequence[str]:
    """Of a process of Kafka's own scripts."""
    if seen.get("by_systemd") is False or seen["processes"] != 1:
        return [_why(state, seen)]
    return preinstalled.reasons(found, unproved)


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
    return [*found, *migration.left_behind(spec, observed)]


def processes(spec: Spec) -> Sequence[Id]:
    return [service_id(node) for node in spec.known]


def answering(spec: Spec) -> Sequence[Id]:
    return [service_id(node) for node in spec.brokers]


def runs(observation: Observation | None) -> bool | None:
    return bool(observation.fields["running"]) if isinstance(observation, Present) else None


def not_serving(spec: Spec, seen: Seen) -> Sequence[Id]:
    """Brokers that run and do not serve: what they lead or follow, they do not now."""
    if seen.view is None:
        return ()
    return [service_id(node) for node in spec.brokers if node.id not in seen.view.alive]


def last(spec: Spec, seen: Seen) -> Sequence[Id]:
    """The active controller and ZooKeeper's leader."""
    active = seen.view.controller if seen.view is not None else None
    found = [n for n in spec.nodes if n.id == active and (n.is_broker or n.is_controller)]
    found += [z for z in spec.zookeeper if seen.zookeeper.get(z.id) == "leader"]
    return [service_id(node) for node in found]


KIND = Kind(
    "service",
    Layer.NODE,
    rank=5,
    desired=desired,
    probe=probe,
    parse=parse,
    resolve=resolve,
    judge=with_later("restart", judge),
    find=find,
    read=read,
    guard=guard,
    processes=processes,
    answering=answering,
    runs=runs,
    first=not_serving,
    last=last,
    progress=progress,
    awaiting=lambda id: f"{id.name} to open its port",
    ended=ended,
    settled=settled,
    basis=basis,
    passes=lambda id, spec: PASSES if any(service_id(n) == id for n in spec.going) else 1,
    steps=steps,
    roll=True,
)
