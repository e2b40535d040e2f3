"""The files of a Kafka that was there before this tool: what the spec wants in them, and who may
write them (decision 44).

Mode and owner stay as they are. What the file says in other words stays as it is written
(``spelling``). Only a difference of meaning rewrites it, whole, with the former text kept once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.file import dropin, settings
from provisioner.kinds.file.spelling import Around, spelled
from provisioner.kinds.ids import directory_id, file_id, service_id
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.rendering import RESERVED
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Id,
    Observation,
    Observed,
    Pending,
    Present,
    Put,
    Refused,
    Run,
    State,
    Step,
)
from provisioner.spec.types import Node, Spec

NOT_MODELLED = ("metadata.log.dir", "zookeeper.metadata.migration.enable")
"""Keys that would change where data is, or what the cluster is, if they were taken out."""


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """The properties of each node, what its unit is told besides, and the cluster's id."""
    states: dict[Id, State] = {}
    for node in places.nodes:
        states[file_id(places.host, node.properties)] = State(
            {"type": "file", **settings.properties(spec, node)},
            args={
                "format": "properties",
                "user": places.user,
                "node": node.name,
                "role": node.role,
                "adopted": True,
                "root": places.root,
                "group": places.group,
            },
            inputs=(directory_id(places.host, node.properties.rpartition("/")[0]),),
        )
        if node.unit:
            states[file_id(places.host, dropin.path(places, node))] = dropin.state(
                spec, places, node
            )
    if spec.is_kraft:
        fields = {"type": "file", "mode": "0640", "cluster.id": Pending("the cluster id")}
        args = {"format": "properties", "user": places.cluster_id_user, "optional": True}
        states[file_id(places.host, places.cluster_id_file)] = State(fields, args=args)
    return states


def paths(places: HostLayout) -> list[str]:
    """What Kafka's user reads."""
    return sorted(node.properties for node in places.nodes)


def rooted_paths(places: HostLayout) -> list[str]:
    """What root reads: drop-ins of units."""
    return sorted(dropin.path(places, node) for node in places.nodes if node.unit)


def resolve(spec: Spec, mine: Mapping[Id, State], observed: Observed) -> Mapping[Id, State]:
    """The wanted keys in the file's own words; whose it is, and who writes it."""
    resolved = dict(mine)
    known = cluster_id(spec, observed)
    for id, state in mine.items():
        args = state.args
        if args.get("adopted"):
            resolved[id] = _adopted(spec, spec.node(str(args["node"])), id, state, observed)
        elif args.get("drop_in"):
            resolved[id] = dropin.resolved(state, observed.get(service_id(spec.node(args["node"]))))
        elif args.get("optional"):
            # The storages of a cluster that runs have its id: nothing is written for it.
            resolved[id] = replace(state, args={**args, "needless": not known.fresh})
    return resolved


def _adopted(spec: Spec, node: Node, id: Id, state: State, observed: Observed) -> State:
    seen, args = observed.get(id), dict(state.args)
    wanted: dict[str, str | None] = {k: v for k, v in state.fields.items() if k not in RESERVED}
    above = observed.get(directory_id(id.host, id.name.rpartition("/")[0]))
    folder = str(above.fields.get("owner")) if isinstance(above, Present) else ""
    rooted = folder.startswith("root:") and args["user"] != "root"
    args |= {"folder": folder, "writer": PRIVILEGED if rooted else args["user"], "mode": "0640"}
    args["owner"] = f"root:{args['group']}"
    if isinstance(seen, Present) and seen.fields.get("type") == "file":
        found = {k: str(v) for k, v in seen.fields.items() if k not in RESERVED}
        around = Around(spec, node, found, _registered(observed.get(service_id(node))))
        # What should not be in it is wanted as nothing.
        wanted = {**dict.fromkeys(found), **spelled(around, _known(wanted))}
        args |= {"mode": seen.fields.get("mode"), "owner": seen.fields.get("owner")}
    return replace(state, fields={"type": "file", **wanted}, args=args)


def _known(values: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


def _registered(seen: Observation | None) -> str:
    return str(seen.volatile.get("registered") or "") if isinstance(seen, Present) else ""


def judge(id: Id, state: State, seen: Observation, fields: Sequence[str]) -> Refused | None:
    """Why this file is not written, if it may not be."""
    args = state.args
    if not args.get("adopted") or not fields:
        return None
    if isinstance(seen, Present) and seen.fields.get("type") == "link":
        why = f"it is a link to {seen.fields.get('target')}: name that file in config_file"
        return Refused(id, why)
    lost = [key for key in NOT_MODELLED if key in fields and state.fields.get(key) is None]
    if lost and isinstance(seen, Present):
        return Refused(id, f"it has {lost[0]}, which is not yet supported: nothing is written")
    if isinstance(seen, Present) and "/" in str(seen.fields.get("zookeeper.connect", "")):
        why = "zookeeper.connect has a path (chroot), which is not yet supported"
        return Refused(id, why) if "zookeeper.connect" in fields else None
    whose = str(args["folder"]).partition(":")[0]
    if whose == "root" and args["user"] != "root" and not args["root"]:
        why = "its folder belongs to root: log in as root, or set ansible_become: true"
        return Refused(id, why)
    if whose not in ("", "root", args["user"]):
        told = f"chown {args['user']} {shlex.quote(id.name.rpartition('/')[0])}"
        why = f"its folder belongs to {whose}, neither root nor Kafka's user: {told}"
        return Refused(id, why)
    return None


def needless(state: State, seen: Observation) -> bool:
    """Whether it may be left out, and is."""
    return isinstance(seen, Absent) and bool(state.args.get("needless"))


def steps(path: str, text: str, state: State) -> Sequence[Step]:
    """Written by who owns it. What root writes is given its former owner again."""
    writer, owner = str(state.args["writer"]), str(state.args["owner"])
    put = Put(path, text, str(state.args["mode"]), writer, keep=True)
    if writer != PRIVILEGED or owner == "root:root":
        return [put]
    return [put, Run("file/give", (path, owner), PRIVILEGED)]
