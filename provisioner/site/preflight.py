"""Before anything is changed: all hosts side by side, all problems at once."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources

from provisioner.errors import Problem, ProvisionError
from provisioner.hosts.observer import Reading
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.ids import directory_id, service_id
from provisioner.kinds.registry import KINDS
from provisioner.kinds.service.desired import ports
from provisioner.plan.model import PRIVILEGED, Change
from provisioner.site.scripts import text_of
from provisioner.site.site import Site
from provisioner.spec.words import heap_bytes

SKEW = 5
FILES = 10_000
SPARE = 200_000_000
"""Bytes that must stay free besides what is pushed."""


@dataclass
class Preflight:
    """``problems`` stop a run before it changes anything; ``warnings`` do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def preflight(site: Site, changes: Iterable[Change] | None = None) -> Preflight:
    """Asks every host that can be reached. ``changes`` None: as if everything were to be made."""
    planned = None if changes is None else list(changes)
    found = Preflight()
    if site.spec.bootstrap:
        return found  # nothing is put on a host
    answers = site.side_by_side(lambda host: _ask(site, host, planned))
    for host, (values, skew) in answers.items():
        if isinstance(values, TransportError):
            continue
        try:
            with understood(host):
                _judge(site, host, values, planned, found)
        except TransportError as error:
            found.problems.append(Problem("preflight", str(error), host=host))
        if abs(skew) > SKEW:
            found.warnings.append(f"{host}: its clock is {skew:+.0f} s off this machine's")
    return found


def check(site: Site, changes: Iterable[Change]) -> None:
    """Says the warnings; raises ProvisionError with every problem."""
    found = preflight(site, changes)
    for warning in found.warnings:
        site.options.warn(warning)
    if found.problems:
        raise ProvisionError(found.problems)


Values = dict[str, list[str]]


def _ask(
    site: Site, host: str, changes: list[Change] | None
) -> tuple[Values | TransportError, float]:
    places = site.places[host]
    starting = {c.id.name for c in changes or [] if c.action == "start" and c.id.host == host}
    nodes = [n for n in places.nodes if changes is None or n.name in starting]
    wanted = " ".join(str(port) for node in nodes for port in ports(node))
    folders = "\n".join(d.path for node in places.nodes for d in node.log_dirs)
    own = resources.files(__package__ or "").joinpath("preflight.sh").read_text()
    text = text_of("service/ports") + text_of("service/processes") + own
    before = time.time()
    try:
        frame = site.observer(host).read(
            [
                Reading(
                    text,
                    (places.home, wanted, folders, _names(site, host), places.state),
                    PRIVILEGED,
                    seconds=20,
                )
            ]
        )[0]
    except TransportError as error:
        return error, 0.0
    values: Values = {}
    for line in (frame.text if frame else "").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            values.setdefault(name, []).append(value)
    try:
        with understood(host):
            clock = float(values.get("clock", ["0"])[0] or 0)
    except TransportError as error:
        return error, 0.0
    middle = (before + time.time()) / 2
    return values, (clock - middle if clock else 0.0)


def _names(site: Site, host: str) -> str:
    """How the nodes on other hosts are called, one a line; addresses need no looking up."""
    names = set()
    for name in site.used_hosts:
        address = site.spec.hosts[name].kafka_address
        if name != host and address and not is_address(address):
            names.add(address)
    return "\n".join(sorted(names))


def is_address(text: str) -> bool:
    """Whether it is an IP address and no name."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _judge(
    site: Site, host: str, values: Values, changes: list[Change] | None, found: Preflight
) -> None:
    for line in values.get("port", []):
        port, pid, user, command = line.split(" ", 3)
        if pid in _sharing(site, host, int(port), values.get("process", [])):
            continue
        who = f"pid {pid} of {user}: {command}" if pid != "-" else command
        found.problems.append(
            Problem(
                "port-taken",
                f"port {port} is taken by {who}",
                "stop it, give the node another port, or (if it is a Kafka you no longer need) "
                "use --rebuild",
                host=host,
            )
        )
    for owner in values.get("owner", []):
        found.problems.append(
            Problem(
                "preflight",
                f"{site.places[host].home} is the home of another cluster, {owner}",
                f"set another kafka.home, or destroy {owner} first "
                f"(was the cluster renamed? Then name it {owner} again)",
                host=host,
            )
        )
    if _first(site, host, changes):
        strangers = _foreign(host, values.get("process", []))
        if site.spec.hosts[host].connection == "local":
            # One's own machine may well run another Kafka; its ports were asked for above.
            found.warnings += [f"{host}: {problem.message}" for problem in strangers]
        else:
            found.problems += strangers
    need = _to_push(site, host, changes)
    free = int(values.get("free", ["0"])[0]) * 1024
    if need and free < need + SPARE:
        found.problems.append(
            Problem(
                "disk-full",
                f"{free / 1e6:.0f} MB are free for {site.places[host].home}, "
                f"{(need + SPARE) / 1e6:.0f} MB are needed",
                "free some space or put kafka.home on a larger disk",
                host=host,
            )
        )
    for path in () if site.spec.preinstalled else values.get("notwritable", []):
        found.problems.append(
            Problem(
                "not-permitted",
                f"{path} cannot be written",
                "make it writable, or set another kafka.home",
                host=host,
            )
        )
    for line in values.get("dir", []):
        path, kilobytes, writable = line.split("\t")
        # To root only a read-only mount cannot be written, and no plan mends that.
        mended = not site.places[host].root and any(
            c.id == directory_id(host, path) for c in changes or []
        )
        if writable == "no" and not mended:
            problem = Problem("preflight", f"log dir {path} cannot be written", host=host)
            found.problems.append(problem)
        elif int(kilobytes) == 0:
            problem = Problem("disk-full", f"log dir {path}: the disk is full", host=host)
            found.problems.append(problem)
    _warn(site, host, values, found)


def _first(site: Site, host: str, changes: list[Change] | None) -> bool:
    """Whether Kafka is new on this host: later a stranger is reported and no hindrance."""
    here = [c for c in changes or [] if c.id.host == host]
    places = site.places[host]
    starting = {c.id for c in here if c.action == "start"}
    kafka = places.kafka.path if places.kafka else ""
    installed = any(c.id.name == kafka and c.action == "create" for c in here)
    return installed and starting == {service_id(node) for node in places.nodes}


def _sharing(site: Site, host: str, port: int, lines: list[str]) -> set[str]:
    """The processes of this home that may have the port too: by the spec several nodes here listen
    on it, each on an address of its own."""
    places = site.places[host]
    names = {node.name for node in places.nodes if port in ports(node)}
    fields = [line.split("\t") for line in lines]
    if len(names) < 2:
        return set()
    return {words[0] for words in fields if words[6] == places.home and words[4] in names}


def _foreign(host: str, lines: list[str]) -> list[Problem]:
    """Kafka processes that provision did not start."""
    problems = []
    for line in lines:
        pid, _start, _state, _uid, _node, _digest, home, config, *_, program = line.split("\t")
        if not home and program != "other":
            problems.append(
                Problem(
                    "preflight",
                    f"another Kafka is running here: pid {pid}, {config or 'no properties file'}",
                    "stop it, or put this cluster on another host",
                    host=host,
                )
            )
    return problems


def _warn(site: Site, host: str, values: Values, found: Preflight) -> None:
    heaps = sum(heap_bytes(node.heap or "1g") for node in site.places[host].nodes)
    for name in values.get("unresolved", []):
        found.warnings.append(f"{host}: cannot resolve {name}, the name of another node")
    memory = int(values.get("memory", ["0"])[0]) * 1024
    if memory and heaps > memory:
        found.warnings.append(
            f"{host}: the heaps total {heaps / 1e6:.0f} MB, "
            f"but only {memory / 1e6:.0f} MB of memory are free"
        )
    files = values.get("files", [""])[0]
    if files.isdigit() and int(files) < FILES:
        found.warnings.append(
            f"{host}: the limit of open files is {files}; Kafka needs {FILES} (ulimit -n)"
        )


def _to_push(site: Site, host: str, changes: list[Change] | None) -> int:
    """Bytes of the distributions that the plan sends to this host."""
    if site.store is None:
        return 0
    from provisioner.site.site import platform_of

    prepared = site.prepared[platform_of(site.facts[host])]
    paths = None
    if changes is not None:
        paths = {c.id.name for c in changes if c.id.host == host and KINDS[c.id.kind].artifact}
    total = 0
    for part in prepared:
        known = part.kind != "cds"
        if known and (paths is None or any(p.endswith("/" + part.folder) for p in paths)):
            total += part.size
    return total
