"""The kind ``directory``. Data folders are created here and filled by Kafka; this kind never
empties one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from provisioner.kinds.directory import preinstalled
from provisioner.kinds.ids import service_id
from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.leaving import after
from provisioner.kinds.phases import is_controller
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Change,
    Gone,
    Id,
    Layer,
    Observation,
    Present,
    Refused,
    Run,
    State,
    Step,
    Unknown,
)
from provisioner.spec.types import Spec, Supervisor

PACKAGE = __package__ or ""


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """Folders from the top down; Kafka's user owns the home and everything below it."""
    states: dict[Id, State] = {
        Id(places.host, "directory", places.logs(node)): Gone(
            after=after(node), args={"user": places.user, "state": places.state}
        )
        for node in places.leaving
    }
    for node in filter(is_controller, places.former):
        args = {"user": places.user, "state": places.state}
        gone = Gone(after=(service_id(node),), args=args)
        states[Id(places.host, "directory", places.logs(node))] = gone
    if not places.nodes:
        return states

    def want(
        path: str,
        mode: str,
        owner: str,
        user: str = places.user,
        disk: tuple[Id, ...] = (),
        holds: tuple[Id, ...] = (),
    ) -> None:
        fields = {"type": "directory", "mode": mode, "owner": owner}
        args = {"user": user, "maker": places.user, "holds": holds}
        states[Id(places.host, "directory", path)] = State(fields, disk, args=args)

    if places.preinstalled:
        return preinstalled.desired(places)
    outside = PRIVILEGED if places.root else places.user
    want(places.home, "0755", places.owner, outside)
    for path in (f"{places.home}/config", f"{places.home}/logs"):
        want(path, "0755", places.owner)
    for path in (places.private_dir, f"{places.private_dir}/launch", f"{places.private_dir}/dist"):
        want(path, "0750", places.owner)
    if places.supervisor is Supervisor.SYSTEMD:
        want("/var/lib/provision", "0755", "root:root", PRIVILEGED)
        want(places.state, "0750", "root:root", PRIVILEGED)
    for node in places.nodes:
        want(places.logs(node), "0755", places.owner)
        for log_dir in node.log_dirs:
            below = log_dir.path.startswith(places.home + "/")
            # What a lost mount leaves is a folder of somebody else's, and stays as it is.
            holds = (Id(places.host, "storage", log_dir.path),)
            disk = holds if log_dir.mounted else ()
            user = places.user if below else outside
            want(log_dir.path, "0750", places.owner, user, disk, holds)
    return states


def probe(places: HostLayout) -> Sequence[Probe]:
    """One script for everything under the home; each data folder elsewhere has its own, so that
    a hanging mount makes only itself unknown."""
    text = script(PACKAGE, "probe.sh")
    if places.preinstalled:
        return preinstalled.probe(text, places)
    controllers = filter(is_controller, places.former)
    gone = [places.logs(node) for node in (*places.leaving, *controllers)]
    if not places.nodes:
        ids = tuple(Id(places.host, "directory", path) for path in gone)
        return [Probe(text, ids, tuple(gone), 1, places.kafka_user)] if gone else []
    home = [places.home]
    home += [f"{places.home}/{p}" for p in ("config", "logs")]
    home += [places.private_dir, f"{places.private_dir}/launch", f"{places.private_dir}/dist"]
    home += gone
    rooted = ["/var/lib/provision", places.state]
    elsewhere: list[str] = []
    for node in places.nodes:
        home.append(places.logs(node))
        for log_dir in node.log_dirs:
            inside = log_dir.path.startswith(places.home + "/") and not log_dir.mounted
            (home if inside else elsewhere).append(log_dir.path)
    groups = [(home, places.kafka_user), *(([path], places.kafka_user) for path in elsewhere)]
    if places.supervisor is Supervisor.SYSTEMD:
        groups.append((rooted, PRIVILEGED))
    return [
        Probe(text, tuple(Id(places.host, "directory", p) for p in group), tuple(group), 1, user)
        for group, user in groups
    ]


def parse(id: Id, record: Record) -> Observation:
    if "absent" in record.values:
        return Absent()
    if "error" in record.values:
        return Unknown(record.values["error"])
    return Present({name: record.values.get(name) for name in ("type", "mode", "owner")})


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Anything else in a folder's place is refused; a link to a folder is accepted as somebody's
    choice."""
    if isinstance(observation, Present) and "type" in fields:
        found = observation.fields["type"]
        if found == "symbolic link" and state.args.get("adopted"):
            return True, None
        return True, Refused(id, f"expected a directory, found a {found}: move it away")
    if isinstance(observation, Absent) and state.args.get("needed"):
        return True, Refused(id, str(state.args["needed"]))
    if isinstance(observation, Present) and "owner" in fields:
        owner, wanted = str(observation.fields["owner"]), str(state.fields["owner"])
        whose, may = owner.partition(":")[0], (wanted.partition(":")[0], "root")
        why = f"its owner is {owner}, not {wanted}"
        told = f"chown {wanted} {shlex.quote(id.name)}, or remove it"
        if state.args["user"] not in (PRIVILEGED, "root", whose):
            more = "root changes no owner below another user's folder"
            return True, Refused(id, f"{why}; {more}: {told}")
        if state.args["user"] == PRIVILEGED and whose not in may:
            return True, Refused(
                id, f"{why}; root changes the owner only of what root owns: {told}"
            )
    return False, None


def steps(change: Change, state: State) -> Sequence[Step]:
    """Kafka's user creates what it can; root creates the rest, where nobody else can change the
    path."""
    path = change.id.name
    if change.action == "delete":
        words = (str(state.args["state"]), "tree", path)
        return [Run("directory/destroy", words, str(state.args["user"]), 120)]
    user = str(state.args["user"])
    mode, owner = (str(state.fields.get(k) or state.args[k]) for k in ("mode", "owner"))
    if change.action != "create":
        return [Run("directory/mend", (path, mode, owner), user)]
    made = [Run("directory/make", (path, mode, owner), user)]
    if user == PRIVILEGED and not owner.startswith("root:"):
        made.insert(0, Run("directory/try_make", (path, mode), str(state.args["maker"])))
    return made


KIND = Kind(
    "directory",
    Layer.HOST,
    rank=1,
    desired=desired,
    probe=probe,
    parse=parse,
    judge=judge,
    plural="directories",
    steps=steps,
)
