"""How far a migration from ZooKeeper to KRaft is, by what was seen: the kinds of which something
changes on the way ask here. Nothing of it is remembered.

Up: the controllers run beside ZooKeeper (``CONTROLLERS``); each broker is restarted in ZooKeeper
mode, to take part (``HYBRID``), and Kafka copies the metadata; each is restarted in KRaft mode, and
the controllers still write to ZooKeeper (``DUAL_WRITE``). The end is a spec without ``zookeeper``,
down again one without ``controllers`` (``Way``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

from provisioner.kinds.ids import file_id, migration_id, service_id
from provisioner.plan.diff import Item
from provisioner.plan.model import (
    Absent,
    Action,
    Change,
    Deferred,
    Id,
    Observation,
    Observed,
    Present,
)
from provisioner.spec.types import Level, Node, Role, Spec

END, BACK = "finalize-migration", "revert-migration"
"""The words of ``--allow``."""
FLAG = "zookeeper.metadata.migration.enable"
CONTROLLERS, METADATA = "controllers", "metadata"
"""Of what Kafka does by itself: the controllers are ready; they have all metadata."""
NODES = ("/controller", "/migration")
"""Where ZooKeeper keeps who is in charge, and how far the migration is."""
EPOCH = "/controller_epoch"
"""Where it keeps the epoch of who is in charge; a broker takes the next one."""
AHEAD = 1000
"""By how much that goes past the controllers', which elect each other until they are stopped."""


class Mode(Enum):
    """What a broker's or a controller's properties file makes of it."""

    UNKNOWN = "?"
    NONE = "no file"
    ZOOKEEPER = "ZooKeeper"
    MIGRATING = "migrating"
    KRAFT = "KRaft"


def mode(node: Node, observed: Observed) -> Mode:
    """By its file, which is written only when that may be. Of a controller ``MIGRATING`` is what
    still writes to ZooKeeper."""
    seen = observed.get(file_id(node.host, node.properties))
    if isinstance(seen, Absent):
        return Mode.NONE
    return mode_of(node, seen.fields) if isinstance(seen, Present) else Mode.UNKNOWN


def mode_of(node: Node, values: Mapping[str, object]) -> Mode:
    migrating = str(values.get(FLAG, "")).strip().lower() == "true"
    if values.get("process.roles"):
        return Mode.MIGRATING if migrating and not node.is_broker else Mode.KRAFT
    if not values.get("zookeeper.connect"):
        return Mode.NONE
    return Mode.MIGRATING if migrating else Mode.ZOOKEEPER


def runs(node: Node, observed: Observed) -> bool | None:
    """None where that is not known."""
    seen = observed.get(service_id(node))
    return bool(seen.fields["running"]) if isinstance(seen, Present) else None


def runs_its_files(node: Node, observed: Observed) -> bool:
    """Whether it runs with what it would be started with now."""
    seen = observed.get(service_id(node))
    if not isinstance(seen, Present) or not seen.fields["running"]:
        return False
    digest = seen.fields.get("running_digest")
    return digest not in (None, "-") and digest == seen.fields.get("files_digest")


# --- what ZooKeeper says --------------------------------------------------------------------------


def znodes(observed: Observed) -> Mapping[str, Any] | None:
    """The content of ``NODES`` that are there, by name; None where ZooKeeper was not asked or did
    not answer."""
    seen = observed.get(migration_id(METADATA))
    return seen.volatile["znodes"] if isinstance(seen, Present) else None


def told(found: Mapping[str, str | None]) -> dict[str, Observation]:
    """The same as observations, by the name of what Kafka does."""
    known = {name: text for name, text in found.items() if text is not None}
    volatile = {"znodes": known}
    return {
        name: Present({"done": done}, volatile=volatile)
        for name, done in (
            (CONTROLLERS, NODES[1] in known and not malformed(known)),
            (METADATA, copied(known)),
        )
    }


def copied(found: Mapping[str, str]) -> bool:
    """Whether a controller of the quorum is in charge, and has taken over all metadata."""
    controller, state = values(found.get(NODES[0])), values(found.get(NODES[1]))
    return _number(controller, "kraftControllerEpoch") >= 0 <= _number(state, OFFSET)


OFFSET = "kraft_metadata_offset"


def values(text: str | None) -> Mapping[str, Any]:
    """What a node holds; nothing where that is not what Kafka writes."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    return value if isinstance(value, int) else -1


def malformed(found: Mapping[str, str]) -> bool:
    """Whether ``/migration`` is there and not what a controller writes: Kafka would stall on it."""
    return NODES[1] in found and OFFSET not in values(found[NODES[1]])


# --- where it stands ------------------------------------------------------------------------------


def staged(spec: Spec, observed: Observed) -> Spec:
    """The spec at the level that is next, or kept, by what was seen."""
    now = level(spec, observed)
    return spec if now is spec.level else replace(spec, level=now)


def level(spec: Spec, observed: Observed) -> Level | None:
    if spec.migration:
        return _up(spec, observed)
    if spec.zookeeper and spec.former:
        return _back(spec, observed)
    return None


def target(spec: Spec) -> Level:
    """What ``migration`` asks for."""
    return Level.HYBRID if spec.migration == "hybrid" else Level.DUAL_WRITE


def _up(spec: Spec, observed: Observed) -> Level:
    """One level further only once all that it takes was seen; a roll that has begun goes on."""
    modes = [mode(node, observed) for node in spec.brokers]
    wanted = target(spec)
    if Mode.KRAFT in modes:
        return wanted
    if Mode.MIGRATING in modes:
        return wanted if _is_hybrid(spec, modes, observed) else Level.HYBRID
    return Level.HYBRID if _controllers_ready(spec, observed) else Level.CONTROLLERS


def _is_hybrid(spec: Spec, modes: Iterable[Mode], observed: Observed) -> bool:
    """Whether every broker takes part, and the controllers have all metadata."""
    return (
        all(each is Mode.MIGRATING for each in modes)
        and all(runs_its_files(node, observed) for node in (*spec.brokers, *spec.controllers))
        and copied(znodes(observed) or {})
    )


def _controllers_ready(spec: Spec, observed: Observed) -> bool:
    known = znodes(observed) or {}
    return (
        all(mode(node, observed) is Mode.MIGRATING for node in spec.controllers)
        and all(runs_its_files(node, observed) for node in spec.controllers)
        and all(runs(node, observed) for node in spec.brokers)
        and NODES[1] in known
        and not malformed(known)
    )


def _back(spec: Spec, observed: Observed) -> Level | None:
    """The brokers take part in ZooKeeper mode as long as a controller runs, or ZooKeeper still
    names one; from then on nothing of a migration is left."""
    modes = [mode(node, observed) for node in spec.brokers]
    if Mode.KRAFT in modes:
        return Level.HYBRID
    return Level.HYBRID if Mode.MIGRATING in modes and not is_over(spec, observed) else None


def goes_back(spec: Spec) -> bool:
    """Whether ``controllers`` and ``migration`` were taken out while it was under way."""
    return bool(spec.zookeeper and spec.former)


def unseen(spec: Spec, quorum: object) -> str:
    """On the way back: the first of a broker's ``controller.quorum.voters`` that is on no host of
    the spec, as ``100 at HOST:PORT``; empty where all are known."""
    known = {node.id for node in spec.former}
    for voter in str(quorum or "").split(","):
        id, _, address = voter.strip().partition("@")
        if id.isdecimal() and int(id) not in known:
            return f"{id} at {address}"
    return ""


def voters(node: Node, observed: Observed) -> object:
    """Those in its file."""
    seen = observed.get(file_id(node.host, node.properties))
    return seen.fields.get("controller.quorum.voters") if isinstance(seen, Present) else None


def may_end(spec: Spec, observed: Observed) -> bool:
    """On the way back: whether the controllers may be stopped, because no broker needs them."""
    return all(
        mode(node, observed) in (Mode.ZOOKEEPER, Mode.MIGRATING, Mode.NONE) for node in spec.brokers
    ) and all(
        runs_its_files(node, observed)
        for node in spec.brokers
        if mode(node, observed) is Mode.MIGRATING
    )


def is_over(spec: Spec, observed: Observed) -> bool:
    """On the way back: no controller runs, and ZooKeeper keeps nothing of the migration."""
    found = znodes(observed)
    down = all(runs(node, observed) is False for node in spec.former)
    return down and found is not None and not leftover(found)


def is_back(spec: Spec, observed: Observed) -> bool:
    """On the way back: nothing but the controllers' files and data is left of the migration. They
    go last, for they tell that it was one."""
    return is_over(spec, observed) and all(
        mode(node, observed) is Mode.ZOOKEEPER and runs_its_files(node, observed)
        for node in spec.brokers
    )


def leftover(found: Mapping[str, str]) -> list[str]:
    """The nodes in ZooKeeper that a migration leaves and that keep the brokers from going on
    without it."""
    held = _number(values(found.get(NODES[0])), "kraftControllerEpoch") >= 0
    return [name for name in NODES if name in found and (name != NODES[0] or held)]


def next_epoch(found: Mapping[str, str]) -> int | None:
    """What ``EPOCH`` has to be when the controllers are gone: they wrote epochs of their own quorum
    into every partition, and a broker in charge with a lower one could change none of them. None
    where they never were in charge."""
    theirs = _number(values(found.get(NODES[0])), "kraftControllerEpoch")
    own = found.get(EPOCH, "").strip()
    return None if theirs < 0 else max(theirs, int(own) if own.isdecimal() else 0) + AHEAD


def finalised(spec: Spec, observed: Observed) -> bool:
    """Whether every controller runs without ZooKeeper, so that its servers may be stopped."""
    return all(
        mode(node, observed) is Mode.KRAFT and runs_its_files(node, observed)
        for node in spec.controllers
    )


def asks_zookeeper(spec: Spec) -> bool:
    """Whether ZooKeeper is asked how far it is."""
    return bool(spec.migration) or goes_back(spec)


def phase(spec: Spec, observed: Observed) -> str | None:
    """``hybrid`` or ``dual-write``, as it was reached; None where neither is."""
    if not spec.zookeeper or not (spec.migration or spec.former):
        return None
    modes = {mode(node, observed) for node in spec.brokers} - {Mode.NONE, Mode.UNKNOWN}
    if modes == {Mode.KRAFT}:
        return "dual-write"
    return "hybrid" if Mode.MIGRATING in modes or Mode.KRAFT in modes else None


def is_controller(node: Node) -> bool:
    return node.role is Role.CONTROLLER


def at_work(spec: Spec, observed: Observed, *, brokers: bool) -> bool:
    """Whether the controllers run for a migration; with ``brokers`` whether these take part."""
    taking_part = {Mode.MIGRATING, Mode.KRAFT}
    nodes = [(node, {Mode.MIGRATING}) for node in spec.controllers]
    nodes += [(node, taking_part) for node in spec.brokers] if brokers else []
    return all(mode(n, observed) in modes and runs_its_files(n, observed) for n, modes in nodes)


# --- what comes later -----------------------------------------------------------------------------

ENTERS = "the controllers run beside ZooKeeper and are ready: then in ZooKeeper mode, taking part"
MOVES = "every broker takes part and the controllers have all metadata: then in KRaft mode"
LEAVES = "the controllers are stopped and what they left in ZooKeeper is deleted"
BACK_AGAIN = "every broker runs without them"


def later(spec: Spec, node: Node) -> tuple[str, ...]:
    """Why a broker's file is written again, and it is restarted again, in later rounds."""
    if not node.is_broker or spec.level is None:
        return ()
    if goes_back(spec):
        return (LEAVES,)
    steps = ((Level.CONTROLLERS, ENTERS), (Level.HYBRID, MOVES))
    return tuple(why for at, why in steps if spec.level <= at < target(spec))


def foreseen(id: Id, now: Any, coming: Iterable[str], action: Action) -> tuple[Item, ...]:
    """What is done now as one of a chain, and what comes later."""
    items = now if isinstance(now, tuple) else (now,) if now is not None else ()
    chained = [replace(i, more=True) if isinstance(i, Change) else i for i in items]
    return (*chained, *(Deferred(id, f"once {why}", action, foreseen=True) for why in coming))
