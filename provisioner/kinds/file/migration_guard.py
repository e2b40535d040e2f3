"""What must not be written on the way from ZooKeeper to KRaft. Another mode comes in with the
properties files, so their change is where it is refused: then nothing is stopped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from provisioner.kinds.file.current import settings_now
from provisioner.kinds.ids import file_id, storage_id
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.phases import (
    BACK,
    END,
    FLAG,
    NODES,
    Mode,
    goes_back,
    malformed,
    mode,
    mode_of,
    runs_its_files,
    unseen,
    znodes,
)
from provisioner.plan.model import Change, Deferred, Id, Observed, Present, Refused
from provisioner.spec.types import Level, Node, Spec

IN_ZOOKEEPER = {Mode.ZOOKEEPER, Mode.MIGRATING}


def guard_migration(question: Question) -> Iterator[Verdict]:
    if question.rules.rebuild or not question.changes:
        return
    spec = question.spec
    if why := _for_good(question):
        yield from (Refused(change.id, why, None, change) for change in question.changes)
    elif spec.migration:
        yield from _up(question)
    elif goes_back(spec):
        yield from _back(question)
    else:
        yield from _end(question)


def _for_good(question: Question) -> str:
    """Why nothing of the plan's files may be written."""
    spec, seen = question.spec, question.seen.things
    under_way = any(mode(node, seen) is Mode.MIGRATING for node in spec.nodes)
    under_way = bool(spec.migration) or under_way or goes_back(spec)
    if under_way and _another_version(question.changes):
        return (
            "Kafka's version is not changed while the cluster is migrated from ZooKeeper to "
            "KRaft: keep kafka.version as it runs until the migration is finalised"
        )
    modes = [(node, _now(node, seen)) for node in spec.brokers]
    if not spec.zookeeper:
        return _replaced([node for node, now in modes if now & IN_ZOOKEEPER])
    if spec.migration:
        return ""
    taking_part = [n for n, now in modes if now & {Mode.KRAFT, Mode.MIGRATING}]
    return _no_way_back(question, taking_part)


def _now(node: Node, seen: Observed) -> set[Mode]:
    """What it runs as, and what its file makes of it."""
    return {mode(node, seen), mode_of(node, settings_now(node, seen))}


def _replaced(in_zookeeper: Collection[Node]) -> str:
    if not in_zookeeper:
        return ""
    names = ", ".join(sorted(node.name for node in in_zookeeper))
    verb = "is" if len(in_zookeeper) == 1 else "are"
    return (
        f"{names} {verb} in ZooKeeper mode, and zookeeper cannot be replaced by controllers in one "
        "step: write both and migration: dual-write (Kafka 3.9), apply, and take zookeeper and "
        "migration out after that"
    )


def _no_way_back(question: Question, taking_part: Iterable[Node]) -> str:
    """Its controllers have to be stopped first, so each of them has to be known."""
    spec, seen = question.spec, question.seen
    for node in taking_part:
        who = unseen(spec, settings_now(node, seen.things).get("controller.quorum.voters"))
        if not who:
            continue
        if seen.away:
            names = ", ".join(sorted(seen.away))
            return (
                f"{node.name} follows controller {who}, and {names} cannot be reached: a migration "
                "is taken back with all its controllers at hand; apply again once the host answers"
            )
        return (
            f"{node.name} follows controller {who}, which takes part in no "
            "migration on a host of this spec: from KRaft alone Kafka has no way back to "
            "ZooKeeper; of a migration that is not finalised every controller has to be "
            "on a host that the spec names (where that host was installed anew, first apply the "
            "spec with its controllers again)"
        )
    return ""


def _another_version(changes: Iterable[Change]) -> bool:
    found = [((c.before or {}).get("dist"), (c.after or {}).get("dist")) for c in changes]
    return any(before and after and _version(before) != _version(after) for before, after in found)


def _version(path: object) -> str:
    return str(path).rpartition("/")[2].rpartition("-")[0]


# --- up -------------------------------------------------------------------------------------------


def _up(question: Question) -> Iterator[Verdict]:
    spec, seen = question.spec, question.seen.things
    if spec.level is Level.HYBRID:
        mine = _files(spec.brokers)
        for change in question.changes:
            down = change.id in mine and (change.before or {}).get("process.roles")
            if down and not question.rules.permits_all(BACK):
                why = f"{_whose(spec, change.id)} would go back to ZooKeeper mode"
                yield Refused(change.id, why, BACK, change)
    if spec.level is not Level.CONTROLLERS:
        return
    mine = _files(spec.controllers)
    made = [c for c in question.changes if c.id in mine and c.id not in _migrating(spec, seen)]
    if not made:
        return
    found = znodes(seen)
    why = _obstacle(spec, seen, found or {})
    for change in made:
        if why:
            yield Refused(change.id, why, None, change)
        elif found is None:
            wait = "once the cluster is up and ZooKeeper tells whether a migration was begun"
            yield Deferred(change.id, wait, change.action)


def _migrating(spec: Spec, seen: Observed) -> set[Id]:
    """The files of controllers that take part already."""
    return _files(n for n in spec.controllers if mode(n, seen) is Mode.MIGRATING)


def _obstacle(spec: Spec, seen: Observed, known: Mapping[str, str]) -> str:
    """What Kafka's migration would stall on."""
    way = "bin/zookeeper-shell.sh HOST:PORT deleteall /migration"
    if malformed(known):
        text = known[NODES[1]]
        return (
            f"ZooKeeper's /migration holds {text[:60]!r}, which no controller wrote (the tool "
            "zookeeper-security-migration.sh makes such a node), and a migration would stall on "
            f"it: delete it ({way})"
        )
    if NODES[1] in known and not _migrating(spec, seen):
        return (
            "ZooKeeper's /migration is of another migration, whose controllers are not those of "
            f"this spec: end that one first, or, if its controllers are gone, delete it ({way})"
        )
    for node in spec.controllers:
        if mode(node, seen) is not Mode.MIGRATING and _has_run(node, seen):
            return (
                f"{node.name} has a metadata log of a controller that ran without "
                f"{FLAG}: Kafka never migrates to such controllers; "
                f"empty {node.log_dirs[0].path}, or name another log_dir"
            )
    return ""


def _has_run(node: Node, seen: Observed) -> bool:
    found = [seen.get(storage_id(node.host, each.path)) for each in node.log_dirs]
    return any(isinstance(each, Present) and each.volatile.get("ran") for each in found)


# --- back, and the end ----------------------------------------------------------------------------


def _back(question: Question) -> Iterator[Verdict]:
    spec = question.spec
    if question.rules.permits_all(BACK):
        return
    brokers, controllers = _files(spec.brokers), _files(spec.former)
    for change in question.changes:
        if change.id in brokers and _is_of_mode(change):
            why = f"the migration would be taken back: {_whose(spec, change.id)} is restarted"
            yield Refused(change.id, why, BACK, change)
        elif change.id in controllers or change.action == "delete":
            why = "the migration would be taken back: its controllers would go"
            yield Refused(change.id, why, BACK, change)


def _is_of_mode(change: Change) -> bool:
    return bool({FLAG, "process.roles", "zookeeper.connect"} & set(change.fields))


def _end(question: Question) -> Iterator[Verdict]:
    spec, seen = question.spec, question.seen.things
    mine = _files(spec.controllers)
    waits = [node.name for node in spec.brokers if not runs_its_files(node, seen)]
    for change in question.changes:
        if change.id not in mine or (change.before or {}).get(FLAG) != "true":
            continue
        if not question.rules.permits_all(END):
            why = (
                "the migration to KRaft would be finalised: the controllers no longer write to "
                "ZooKeeper, and there is no way back"
            )
            yield Refused(change.id, why, END, change)
        elif waits:
            why = f"once {', '.join(waits)} runs with its file"
            yield Deferred(change.id, why, change.action)


def _files(nodes: Iterable[Node]) -> set[Id]:
    return {file_id(node.host, node.properties) for node in nodes}


def _whose(spec: Spec, id: Id) -> str:
    return next(n.name for n in spec.known if file_id(n.host, n.properties) == id)
