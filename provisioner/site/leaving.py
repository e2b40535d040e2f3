"""Nodes that are to go: where they listen and have their data, as their host says, where the spec
does not. Their properties file has it; when that is gone, the manifest has the log dirs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.hosts.transport import TransportError
from provisioner.kinds import properties
from provisioner.site.paths import is_path, listeners_in
from provisioner.site.scripts import text_of
from provisioner.spec.types import LogDir, Node, Spec, Supervisor

if TYPE_CHECKING:
    from provisioner.site.site import Site


def with_what_leaves(site: Site) -> Spec:
    """The spec with what the hosts of such nodes tell. Nothing is asked where it has all."""
    spec = site.spec
    lacking = [n for n in spec.going if n.host in site.shells and not (n.listeners and n.log_dirs)]
    told = {(node.host, node.name): _asked(site, node) for node in lacking}
    leaving, retiring = (
        tuple(told.get((node.host, node.name), node) for node in some)
        for some in (spec.leaving, spec.retiring)
    )
    return replace(spec, leaving=leaving, retiring=retiring)


def _asked(site: Site, node: Node) -> Node:
    facts, spec = site.facts[node.host], site.spec
    if not facts.user_exists:
        return node
    state = spec.state_on(node.host)
    owner = facts.user if spec.supervisor is Supervisor.PROCESS else ""
    try:
        (manifest,) = site.observer(node.host).read(
            [Reading(text_of("directory/manifest"), (f"{state}/manifest",), owner)]
        )
        paths = _storages(manifest.text if manifest and manifest.status == 0 else "")
        text = constant("leaving.sh", "provisioner.site")
        (frame,) = site.observer(node.host).read(
            [Reading(text, (node.properties, *paths), facts.user)]
        )
    except TransportError:
        return node  # the host is lost: its own look says so
    return told(node, frame.text if frame and frame.status == 0 else "")


def _storages(manifest: str) -> list[str]:
    pairs = [line.split("\t") for line in manifest.split("\n")]
    return sorted({p[1] for p in pairs if len(p) > 1 and p[0] == "storage" and is_path(p[1])})


def told(node: Node, text: str) -> Node:
    """What ``leaving.sh`` printed, in the place of what the spec leaves out."""
    own, _, rest = f"\n{text}".partition("\n=")
    values = properties.parse(own)
    dirs = [path.strip() for path in values.get("log.dirs", values.get("log.dir", "")).split(",")]
    dirs += _belonging(node, f"={rest}".split("\n")) if rest else []
    found = tuple(LogDir(path) for path in dict.fromkeys(dirs) if is_path(path))
    listeners = listeners_in(values.get("listeners", ""))
    advertised = listeners_in(values.get("advertised.listeners", "")) or listeners
    return replace(
        node,
        log_dirs=node.log_dirs or found,
        listeners=node.listeners or listeners,
        advertised_listeners=node.advertised_listeners or advertised,
    )


def _belonging(node: Node, lines: Iterable[str]) -> list[str]:
    """The log dirs that say they are this node's."""
    found, path = [], ""
    for line in lines:
        if line.startswith("="):
            path = line[1:]
        elif path and line.partition("=")[2].strip() == str(node.id):
            found.append(path)
    return found
