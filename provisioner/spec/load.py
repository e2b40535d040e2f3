"""Files → ``Spec``.

    load(path, inventory=…, env=…, each_host=…) -> Spec
    load_all(path, …)                           -> Loaded(spec, inventory): for --limit and --each

Raises ``ProvisionError`` with all problems at once, each with file, line, column and the source
line. Nothing is asked of any host, and no secret is read but what the inventory itself holds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.errors import Notice, Problem, ProvisionError, cut, fail
from provisioner.inventory.files import read_inventory
from provisioner.inventory.inventory import Inventory, Var
from provisioner.inventory.variables import HostReader
from provisioner.spec import (
    checks,
    checks_bootstrap,
    checks_features,
    checks_hosts,
    checks_kafka,
    checks_leaving,
    checks_listeners,
    checks_migration,
    checks_open,
    checks_preinstalled,
    checks_quotas,
    checks_secrets,
    checks_topics,
    rules,
    topic_warnings,
)
from provisioner.spec.build import build
from provisioner.spec.build_nodes import all_items
from provisioner.spec.scalars import Dialect
from provisioner.spec.shape import understand
from provisioner.spec.types import Host, Source, Spec
from provisioner.spec.yamlfile import Document, read

if TYPE_CHECKING:
    from provisioner.spec import document as doc


@dataclass(frozen=True)
class Loaded:
    """A spec and the inventory it was read with (``localhost`` alone if none was given)."""

    spec: Spec
    inventory: Inventory


def load(
    path: Path,
    *,
    inventory: Path | None = None,
    env: Mapping[str, str] | None = None,
    each_host: str | None = None,
) -> Spec:
    """``inventory`` overrides the spec's own (-i). ``each_host`` puts that host of the inventory in
    the place of the one host that the spec names (--each)."""
    return load_all(path, inventory=inventory, env=env, each_host=each_host).spec


def load_all(
    path: Path,
    *,
    inventory: Path | None = None,
    env: Mapping[str, str] | None = None,
    each_host: str | None = None,
) -> Loaded:
    """The same, with the inventory."""
    env = os.environ if env is None else env
    document = whole(read(path, Dialect.STRICT, "invalid-spec"))
    shape, rest, problems = understand(document)
    problems = [*document.problems, *unless_said(document.problems, problems)]
    if shape is None:
        raise ProvisionError(in_order(problems))
    warnings: list[Notice] = []
    try:
        hosts = inventory_for(document, shape, inventory)
    except ProvisionError as error:
        # Without hosts there is nothing to check them against; what the spec has is still said.
        hosts, problems = None, [*problems, *error.problems]
        warnings += error.warnings
    if each_host is not None:
        shape = stamped(rest, shape, each_host)
    spec, found = reviewed(document, rest, shape, hosts, env, path)
    problems += unless_said(document.problems, found)
    if problems or hosts is None:
        raise ProvisionError(in_order(problems), warnings=[*warnings, *spec.warnings])
    return Loaded(spec, hosts)


def whole(document: Document) -> Document:
    """The spec with the topics of its topic files, if it names any."""
    if not isinstance(document.data, dict) or "topic_files" not in document.data:
        return document
    from provisioner.spec.topic_files import with_topic_files

    return with_topic_files(document)


def hosts_of(
    path: Path, group: str, *, inventory: Path | None = None, limit: str | None = None
) -> list[str]:
    """The hosts of an inventory group that ``limit`` leaves, sorted: what ``--each`` stamps the
    spec onto. Raises ProvisionError (``limit-matches-nothing`` for a group that is not there)."""
    document = read(path, Dialect.STRICT, "invalid-spec")
    shape, _, problems = understand(document)
    if shape is None:
        raise ProvisionError(in_order([*document.problems, *problems]))
    known = inventory_for(document, shape, inventory)
    try:
        return members_of(known, group, limit)
    except ProvisionError as error:
        error.warnings = tuple(known.warnings)
        raise


def members_of(known: Inventory, group: str, limit: str | None) -> list[str]:
    """Raises ``limit-matches-nothing``."""
    if group not in known.groups:
        groups = ", ".join(sorted(known.groups))
        raise fail("limit-matches-nothing", f"no group {group}", f"the groups are {groups}")
    members = set(known.members(group))
    if limit:
        members &= known.match(limit)
    if not members:
        raise fail("limit-matches-nothing", f"no host of {group} is left")
    return sorted(members)


def reviewed(
    document: Document,
    rest: Document,
    shape: doc.SpecFile,
    inventory: Inventory | None,
    env: Mapping[str, str],
    path: Path,
) -> tuple[Spec, list[Problem]]:
    """The built spec, and what its checks found."""
    names = list(dict.fromkeys(item.host for item in all_items(shape)))
    known: dict[str, Host] = {}
    problems: list[Problem] = []
    for name in names:
        if inventory is not None and name in inventory.hosts:
            reader = HostReader(inventory, name, env)
            known[name] = reader.host()
            problems += reader.problems
    if inventory is not None:
        problems += inventory.problems
    built = build(rest, shape, known)
    anything: Any = Everything() if inventory is None else inventory.hosts
    named = None if inventory is None or inventory.file == "" else inventory.file
    review = checks.Review(built, document, anything, named)
    checks.check_all(review)
    checks_preinstalled.check_all(review)
    checks_bootstrap.check_all(review)
    checks_leaving.check_all(review)
    checks_migration.check_all(review)
    checks_hosts.check_all(review)
    checks_listeners.check_all(review)
    checks_topics.check_all(review)
    checks_kafka.check_all(review)
    checks_quotas.check_all(review)
    checks_features.check_all(review)
    checks_open.check_all(review)
    checks_secrets.check_all(review)
    rules.check_all(review)
    topic_warnings.check_all(review)
    warnings = [*(inventory.warnings if inventory else ()), *review.warnings]
    spec = replace(
        built.spec,
        warnings=tuple(dict.fromkeys(warnings)),
        source=resolved(built.spec.source, path),
    )
    return spec, [*problems, *review.problems]


class Everything(set[str]):
    """The hosts of an inventory that could not be read: no name is known to be wrong."""

    def __contains__(self, _: object) -> bool:
        return True


def inventory_for(document: Document, shape: doc.SpecFile, given: Path | None) -> Inventory:
    """The one given, else the spec's own, else this machine alone. Raises ``ProvisionError``."""
    if given is not None:
        return _inventory(given)
    if shape.inventory is None:
        return this_machine()
    path = Path(document.file).parent / Path(shape.inventory).expanduser()
    try:
        path.stat()
    except OSError as error:
        message = f"the inventory {cut(path, 200)} cannot be read: {error.strerror}"
        hint = "the path is relative to the spec; -i names another inventory"
        place = ("inventory",)
        problem = document.problem(message, place, hint=hint, code="invalid-inventory")
        raise ProvisionError(problem) from None
    return _inventory(path)


def _inventory(path: Path) -> Inventory:
    """Read once for all targets of a run (--each): with a hundred hosts that is half of the work.
    What a target finds out about its own host is its own."""
    try:
        found = path.stat()
    except OSError:
        return read_inventory(path)
    if not path.is_file():
        return read_inventory(path)
    known = _read_once(path, (found.st_ino, found.st_size, found.st_mtime_ns))
    return replace(known, problems=[], warnings=list(known.warnings), files={})


@lru_cache(maxsize=2)
def _read_once(path: Path, stamp: tuple[int, ...]) -> Inventory:
    """``stamp`` tells a file that was written anew."""
    return read_inventory(path)


def this_machine() -> Inventory:
    """Without an inventory: host ``localhost``, without SSH."""
    inventory = Inventory("")
    inventory.hosts["localhost"] = {"ansible_connection": Var("local")}
    inventory.groups["ungrouped"].hosts["localhost"] = None
    return inventory


def stamped(document: Document, shape: doc.SpecFile, host: str) -> doc.SpecFile:
    """The spec with its one host's name replaced. Raises ``ProvisionError``."""
    names = sorted({item.host for item in all_items(shape)})
    if len(names) != 1:
        have = ", ".join(names) or "none (bootstrap)"
        raise ProvisionError(
            document.problem(
                f"--each needs a spec with all nodes on one host; this one has {have}",
                ("brokers",) if names else ("bootstrap",),
                key=True,
                hint="leave --each out, or put all nodes on one host",
            )
        )

    def moved(items: Any) -> Any:
        return items and [item.model_copy(update={"host": host}) for item in items]

    hosts = {host if name == names[0] else name: entry for name, entry in shape.hosts.items()}
    return shape.model_copy(
        update={
            "zookeeper": moved(shape.zookeeper),
            "controllers": moved(shape.controllers),
            "brokers": moved(shape.brokers),
            "hosts": hosts,
        }
    )


def resolved(source: Source, spec: Path) -> Source:
    """A tarball's path is relative to the spec, as ``inventory:`` is."""
    if source.kind != "path":
        return source
    return replace(source, location=str(spec.parent / Path(source.location).expanduser()))


def unless_said(said: list[Problem], more: list[Problem]) -> list[Problem]:
    """A value reported as invalid (``said``) also has the wrong type and is out of bounds."""
    places = {(problem.file, problem.line, problem.column) for problem in said}
    return [p for p in more if (p.file, p.line, p.column) not in places]


def in_order(problems: list[Problem]) -> list[Problem]:
    """By place in the file, each once."""
    return sorted(
        dict.fromkeys(problems),
        key=lambda p: (p.file or "", p.line or 0, p.column or 0, p.message),
    )
