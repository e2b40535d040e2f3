"""What ``destroy`` removes on a host, and in which order: pure, from the manifest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import PRIVILEGED, Change, Id
from provisioner.spec.types import Node, Supervisor
from provisioner.spec.words import is_login

Entry = tuple[str, str]
"""(kind, name) of one manifest entry."""

UNITS = "/etc/systemd/system/"
KINDS = frozenset({"account", "directory", "file", "java", "kafka", "storage"})
NORMAL = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f]+)+")
"""An absolute path without ``.``, ``..``, empty parts or control characters."""


@dataclass(frozen=True)
class Removal:
    """One call of ``directory/destroy``: the sort of things (``what``), their names, and the
    user that removes them."""

    what: str
    names: tuple[str, ...]
    user: str


def entries(manifest: str) -> list[Entry]:
    """The entries of a manifest, each once; invalid lines are skipped. A manifest is only a
    claim by its owner: ``permitted`` decides which entries count."""
    pairs = [line.split("\t") for line in manifest.split("\n")]
    return list(
        dict.fromkeys(
            (p[0], p[1])
            for p in pairs
            if len(p) > 1
            and p[0] in KINDS
            and (NORMAL.fullmatch(p[1]) or (p[0] == "account" and is_login(p[1])))
        )
    )


def permitted(places: HostLayout, ours: Iterable[Entry]) -> list[Entry]:
    """The entries that a manifest may claim. Units and accounts only where only root can write
    it, and only names that we use for this cluster; files and distributions below the home.
    Folders may be anywhere: they are removed only when empty, and as the manifest's owner, or
    where the spec itself names them."""
    rooted = places.supervisor is Supervisor.SYSTEMD
    unit = re.compile(
        re.escape(f"{UNITS}kafka-{places.cluster}-")
        + r"(broker|controller|zookeeper)-\d{1,9}\.service"
    )

    adopted = places.nodes if places.preinstalled else ()
    named = {node.properties for node in adopted}
    dropins = {dropin(places, node) for node in adopted if node.unit}

    def counts(kind: str, name: str) -> bool:
        if kind == "account":
            return rooted and name == places.user
        if kind == "file" and (unit.fullmatch(name) or name in dropins):
            return rooted
        if kind == "file" and name in named:
            return True
        return kind in ("directory", "storage") or name.startswith(f"{places.home}/")

    return [(kind, name) for kind, name in ours if counts(kind, name)]


def dropin(places: HostLayout, node: Node) -> str:
    """What a unit that was there is told by us."""
    return f"{UNITS}{node.unit}.d/90-provision-{places.cluster}.conf"


def removals(places: HostLayout, ours: Sequence[Entry], kept: Collection[str]) -> list[Removal]:
    """Users before what they use: units and files, distributions and logs, folders from the
    bottom up; the state folder and the home, with the parents made for them, last. ``kept`` are
    log dirs that stay: then the state folder and their parents stay too."""
    ours = permitted(places, ours)
    names = {kind: [n for k, n in ours if k == kind] for kind, _ in ours}
    files, made = names.get("file", []), names.get("directory", [])
    dropins = [n for n in files if n.startswith(UNITS) and n.endswith(".conf")]
    units = [n for n in files if n.startswith(UNITS) and n not in dropins]
    last = [n for n in made if _holds(n, (places.home, places.private_dir, places.state))]
    early = [n for n in made if n not in last and not _holds(n, kept)]
    inside = [n for n in early if _holds(places.home, (n,))]
    outside = [n for n in early if n not in inside]
    steps = [
        Removal("unit", tuple(units), PRIVILEGED),
        Removal("drop-in", tuple(dropins), PRIVILEGED),
        Removal("file", tuple(n for n in files if n not in (*units, *dropins)), places.kafka_user),
        Removal(
            "tree",
            (*names.get("java", []), *names.get("kafka", []), *_logs(places, names)),
            places.kafka_user,
        ),
        Removal("directory", _upwards(inside), places.kafka_user),
        *_folders(places, outside),
    ]
    steps += [] if kept else _end(places, last, names)
    if not places.user_exists:
        steps = [step for step in steps if step.user != places.kafka_user]
    return [step for step in steps if step.names]


def _end(
    places: HostLayout, last: Sequence[str], names: Mapping[str, Sequence[str]]
) -> list[Removal]:
    """Removing the state folder removes the manifest, so everything else it lists goes first."""
    above = [n for n in last if _holds(n, (places.home,))]
    beside = [n for n in last if n not in above and _holds(n, (places.state,))]
    state = (places.state,) if places.state != places.private_dir else ()
    users = tuple(n for n in names.get("account", ()) if n == places.user)
    return [
        Removal("state", (places.private_dir,), places.kafka_user),
        *_folders(places, above),
        Removal("state", state, places.state_user),
        *_as_root(places, [n for n in beside if n != places.private_dir]),
        Removal("account", users, PRIVILEGED),
    ]


def _folders(places: HostLayout, folders: Sequence[str]) -> list[Removal]:
    """Those that root may remove, then the others."""
    rooted = [n for n in folders if _rooted(places, n)]
    others = _upwards(n for n in folders if n not in rooted)
    return [*_as_root(places, rooted), Removal("directory", others, places.kafka_user)]


def _as_root(places: HostLayout, folders: Sequence[str]) -> list[Removal]:
    """Kafka's user removes what it can; root removes the rest."""
    names = _upwards(folders)
    return [
        Removal("mine", names, places.kafka_user),
        Removal("directory", names, PRIVILEGED),
    ]


def _logs(places: HostLayout, names: Mapping[str, Sequence[str]]) -> list[str]:
    """The folders of Kafka's log files, also of nodes that left the spec; never data."""
    data = [d.path for node in places.known for d in node.log_dirs] + [*names.get("storage", ())]
    mine = [n for n in names.get("directory", ()) if n.rpartition("/")[0] == f"{places.home}/logs"]
    return [n for n in mine if not _holds(n, data)]


def _rooted(places: HostLayout, folder: str) -> bool:
    """Whether root removes it, where the login is root: the spec names it, or root owns the
    manifest. Anything else in a user's manifest, and the content of log dirs, is removed as that
    user."""
    wanted = [places.home, *(d.path for node in places.known for d in node.log_dirs)]
    if any(folder.startswith(f"{path}/") for path in wanted):
        return False
    return places.supervisor is Supervisor.SYSTEMD or folder in wanted


def changes(host: str, ours: Sequence[Entry], steps: Sequence[Removal]) -> list[Change]:
    """The same, as the journal names it."""
    gone = {name for step in steps for name in step.names}
    return [
        Change(Id(host, kind, name), "delete", None, None, ())
        for kind, name in ours
        if name in gone
    ]


def _holds(folder: str, paths: Iterable[str]) -> bool:
    """Whether one of the paths is the folder or below it."""
    return any(path == folder or path.startswith(folder + "/") for path in paths)


def _upwards(folders: Iterable[str]) -> tuple[str, ...]:
    """Each before the one it is in."""
    return tuple(sorted(folders, key=lambda name: (-name.count("/"), name)))
