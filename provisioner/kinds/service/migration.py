"""Processes in a migration from ZooKeeper: brokers that are restarted several times, and what is
stopped at its end (ZooKeeper's servers) or on the way back (the controllers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.kinds.ids import service_id
from provisioner.kinds.kind import Difference, Question, Verdict
from provisioner.kinds.phases import (
    BACK,
    END,
    NODES,
    Mode,
    finalised,
    foreseen,
    goes_back,
    is_controller,
    later,
    leftover,
    may_end,
    mode,
    next_epoch,
    runs,
    unseen,
    voters,
    znodes,
)
from provisioner.plan.model import (
    PRIVILEGED,
    Change,
    Deferred,
    Id,
    Observation,
    Observed,
    Present,
    Refused,
    Run,
    State,
    Unmanaged,
)
from provisioner.spec.types import Level, Node, Spec, Supervisor

FORMER, LATER, CLEARS = "former", "later restarts", "metadata log"
BOOTS = "enabled"
STAYS = "a ZooKeeper server of before the migration to KRaft: stopped, its files and data stay"


def args(spec: Spec, node: Node) -> dict[str, Any]:
    """A broker in ZooKeeper mode has no log of KRaft's metadata: what one was that is taken back
    would be replayed by the next migration. One that takes part keeps one too, so it goes again
    with the last step back: the next migration may start the broker by a reboot."""
    clears = node.is_broker and (spec.level is Level.HYBRID or goes_back(spec))
    return {
        LATER: later(spec, node),
        CLEARS: tuple(d.path for d in node.log_dirs) if clears else (),
    }


def goes_over(spec: Spec, node: Node, observed: Observed) -> dict[str, Any]:
    """A broker begins its log of the metadata anew when it goes over to KRaft mode: that log tells
    since when it is, and while it took part in ZooKeeper mode it kept one already."""
    if not node.is_broker or spec.level is not Level.DUAL_WRITE:
        return {}
    seen = observed.get(service_id(node))
    static = seen.volatile.get("static") if isinstance(seen, Present) else None
    if not static or static.get("process.roles"):
        return {}
    return {CLEARS: tuple(each.path for each in node.log_dirs)}


def chained(id: Id, state: State, now: Difference, seen: Observation) -> Difference:
    """A restart of a chain brings about its digest; which keys differ, its file says."""
    if isinstance(now, Change) and now.action == "restart" and isinstance(seen, Present):
        names = [n for n in ("running_digest", "processes") if n in state.fields]
        before = {name: seen.fields.get(name) for name in names}
        after = {name: state.fields[name] for name in names}
        now = replace(now, before=before, after=after, fields=tuple(names))
    return foreseen(id, now, state.args[LATER], "restart")


# --- what is stopped ------------------------------------------------------------------------------


def resolved(spec: Spec, state: State, observed: Observed) -> State:
    """``waits``: why it is not stopped yet; ``deletes``: what then goes in ZooKeeper."""
    node: Node = state.args[FORMER]
    if not is_controller(node):
        waits = "" if finalised(spec, observed) else "once every controller runs without ZooKeeper"
        return replace(state, args={**state.args, "waits": waits, "deletes": ()})
    waits, deletes = _controller(spec, node, observed)
    connect = [f"{_address(spec, z)}:{z.client_port}" for z in spec.zookeeper]
    epoch = next_epoch(znodes(observed) or {})
    more = {"waits": waits, "deletes": deletes, "connect": ",".join(connect), "epoch": epoch}
    return replace(state, args={**state.args, **more})


def _address(spec: Spec, server: Node) -> str:
    return spec.hosts[server.host].kafka_address or "localhost"


def _controller(spec: Spec, node: Node, observed: Observed) -> tuple[str, tuple[str, ...]]:
    """The last one of them takes along what ZooKeeper keeps of the migration: until that is gone
    no broker is in charge."""
    known = znodes(observed)
    if known is None:
        return "once ZooKeeper tells how far the migration is", ()
    if who := next(filter(None, (unseen(spec, voters(b, observed)) for b in spec.brokers)), ""):
        return f"once controller {who}, which also takes part, can be stopped too", ()
    if not may_end(spec, observed):
        return "once every broker is back in ZooKeeper mode", ()
    # They are stopped in this order.
    if node != max(spec.former, key=lambda each: str(service_id(each))):
        return "", ()
    if runs(node, observed) is not False:
        took_part = any(mode(b, observed) is Mode.MIGRATING for b in spec.brokers)
        return "", NODES if took_part else NODES[1:]
    return "", tuple(leftover(known))


def judged(id: Id, state: State, seen: Present) -> Difference:
    running, waits, deletes = seen.fields["running"], state.args["waits"], state.args["deletes"]
    boots = bool(seen.fields.get("enabled"))
    if not running and not deletes and not boots:
        return None
    if waits:
        return Deferred(id, f"stopped {waits}", "stop", foreseen=True)
    back = is_controller(state.args[FORMER])
    whose = "the migration is taken back" if back else "the migration is finalised"
    if not running and not deletes:
        # A run was killed between the two: the next reboot would start it again.
        why = f"{whose}: it is not to start at boot"
        return Change(id, "update", {BOOTS: True}, {BOOTS: False}, (BOOTS,), reason=why)
    gone = f"; {' and '.join(deletes)} in ZooKeeper are deleted" if deletes else ""
    before, after = {"running": running}, {"running": False}
    return Change(id, "stop", before, after, ("running",), reason=f"{whose}{gone}")


def after_stop(state: State) -> Sequence[Run]:
    """What is in ZooKeeper goes at once: until then the brokers have nobody in charge. What systemd
    supervised is not started at boot again."""
    args = state.args
    if FORMER not in args:
        return []
    steps = []
    if deletes := args.get("deletes"):
        epoch = "" if args["epoch"] is None else str(args["epoch"])
        words = (str(args["home"]), str(args["connect"]), epoch, *deletes)
        steps.append(Run("service/forget_migration", words, str(args["user"]), seconds=180))
    return [*steps, *disabled(state)]


def disabled(state: State) -> Sequence[Run]:
    args = state.args
    if FORMER not in args or args["supervisor"] != Supervisor.SYSTEMD.value:
        return []
    return [Run("service/disable", (str(args["unit"]),), PRIVILEGED)]


def before_start(state: State) -> Sequence[Run]:
    paths: tuple[str, ...] = state.args.get(CLEARS, ())
    return [Run("service/clear_metadata", paths, str(state.args["user"]))] if paths else []


def guard(question: Question) -> Iterator[Verdict]:
    """What was before is stopped only where that is said."""
    yield from _needless(question)
    word = BACK if goes_back(question.spec) else END
    what = "the migration would be " + ("taken back" if word == BACK else "finalised")
    former: Mapping[Id, Node] = {service_id(node): node for node in question.spec.former}
    for change in question.changes:
        if change.id in former and not question.rules.permits_all(word):
            yield Refused(change.id, f"{what}: {change.id.name} would be stopped", word, change)


def _needless(question: Question) -> Iterator[Verdict]:
    """A ZooKeeper that would be started beside brokers that are in KRaft mode for good."""
    spec, seen = question.spec, question.seen.things
    if spec.is_kraft or spec.migration or spec.former or question.rules.rebuild:
        return
    if not any(mode(node, seen) is Mode.KRAFT for node in spec.brokers):
        return
    mine = {service_id(server) for server in spec.zookeeper}
    for change in question.changes:
        if change.id in mine and change.action == "start":
            why = "the brokers are in KRaft mode, and need no ZooKeeper"
            yield Refused(change.id, why, None, change)


def left_behind(spec: Spec, observed: Observed) -> Iterator[Unmanaged]:
    """ZooKeeper servers that nobody needs any more."""
    for node in spec.former:
        if not is_controller(node) and runs(node, observed) is False:
            yield Unmanaged(service_id(node), detail=STAYS)
