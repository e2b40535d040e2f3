"""The data of a node that is to go. It is removed by name only (``--allow wipe-log-dir``), when
the node is gone from the cluster; what says that it is another node's is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provisioner.kinds import retiring
from provisioner.kinds.ids import storage_id
from provisioner.kinds.kind import Difference, Question, Verdict
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.leaving import Stage, stage
from provisioner.kinds.phases import BACK, BACK_AGAIN, is_back, is_controller
from provisioner.plan.model import (
    Change,
    Deferred,
    Id,
    Observation,
    Observed,
    Present,
    Refused,
    Run,
    State,
)
from provisioner.spec.types import Node, Spec

LEAVING = "leaving"
FORMER = "former"
"""Whether it is a controller of a migration that is taken back."""
ALLOW = "wipe-log-dir"


def data(places: HostLayout) -> list[tuple[Node, str]]:
    """What goes: the log dirs of brokers that leave, and of controllers of a migration that is
    taken back."""
    gone = (*places.leaving, *filter(is_controller, places.former))
    return [(node, log_dir.path) for node in gone for log_dir in node.log_dirs]


def gone(node: Node, spec: Spec, seen: Observed) -> bool:
    """Whether nothing of it is in the cluster any more."""
    if node.is_broker:
        return stage(node, seen) is Stage.GONE
    now = retiring.stage(node, retiring.new_place(spec, node), seen)
    return now is retiring.Stage.GONE


def desired(places: HostLayout) -> dict[Id, State]:
    return {
        storage_id(places.host, path): State(
            {}, args={**_args(places, node), FORMER: node in places.former}
        )
        for node, path in data(places)
    }


def _args(places: HostLayout, node: Node) -> dict[str, Any]:
    return {
        LEAVING: node,
        "node": node.name,
        "node_id": str(node.id),
        "role": node.role.value,
        "home": places.home,
        "user": places.user,
        "manifest": places.manifest,
        "state": places.state,
        "state_owner": places.state_owner,
    }


def judged(id: Id, state: State, seen: Observation) -> Difference:
    """Its data, as its own meta.properties says."""
    if not isinstance(seen, Present) or seen.fields["empty"]:
        return None
    fields, node = seen.fields, state.args[LEAVING]
    known = state.args.get("cluster")
    if fields["node_id"] != str(node.id) or (known and fields["cluster_id"] != known):
        return None
    before = {"cluster_id": fields["cluster_id"], "node_id": fields["node_id"]}
    back = "the migration is taken back"
    why = back if state.args.get(FORMER) else f"{node.name} has left the cluster"
    return Change(id, "delete", before, None, effect="loss", reason=why)


def verdicts(question: Question, changes: Sequence[Change]) -> Iterator[Verdict]:
    for change in changes:
        args: Mapping[str, Any] = question.wanted[change.id].args
        node: Node = args[LEAVING]
        if args.get(FORMER):
            yield _of_controller(question, node, change)
        elif not question.rules.permits(ALLOW, change.id.name):
            why = f"the data of {node.name}, which is to go, stays there"
            yield Refused(change.id, why, ALLOW, change, change.id.name)
        elif not gone(node, question.spec, question.seen.things):
            why = f"emptied once {node.name} has left the cluster"
            yield Deferred(change.id, why, "delete", foreseen=True)
        else:
            yield change


def _of_controller(question: Question, node: Node, change: Change) -> Verdict:
    """What it holds is a copy of what ZooKeeper has."""
    if not question.rules.permits_all(BACK):
        why = f"the migration would be taken back: the data of {node.name} would be removed"
        return Refused(change.id, why, BACK, change)
    if not is_back(question.spec, question.seen.things):
        return Deferred(change.id, f"emptied once {BACK_AGAIN}", "delete", foreseen=True)
    return change


def steps(change: Change, state: State) -> Sequence[Run]:
    """Emptied; then its folder goes, if it was made by this tool, and what is recorded of it."""
    args, path = state.args, change.id.name
    user, owner = str(args["user"]), str(args["state_owner"])
    cluster = str((change.before or {}).get("cluster_id") or "")
    words = (path, cluster, str(args["node_id"]), "", str(args["home"]), str(args["role"]))
    manifest = str(args["manifest"])
    below = path.startswith(f"{args['home']}/")
    wipe = Run("storage/wipe", words, user, seconds=600)
    leave = Run("storage/leave", (manifest, path), user if below else owner)
    forget = Run("storage/forget", (manifest, path), owner)
    # A controller of that id may be made there again: an empty folder that is recorded as full
    # would then be taken for a lost mount.
    return [forget, wipe, leave] if args.get(FORMER) else [wipe, leave, forget]
