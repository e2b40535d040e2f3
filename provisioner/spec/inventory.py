"""Ansible's YAML inventory: groups, hosts, and the variables of each host.

    read_inventory(path) -> Inventory

Structure and precedence equal ``ansible-inventory --list`` (tests/contract/inventory holds both
side by side): variables of ``all`` below those of other groups, groups by depth, then
``ansible_group_priority``, then name; ``group_vars/`` above groups in the inventory; the host's own
above these; ``host_vars/`` above all. Values are left as they are written: ``inventory_vars.py``
reads those that this tool uses. Raises ``ProvisionError`` (``invalid-inventory``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.errors import Problem, ProvisionError
from provisioner.spec import patterns
from provisioner.spec.ranges import RangeError, expand_host
from provisioner.spec.scalars import Dialect, Unreadable
from provisioner.spec.yamlfile import Document, Loc, read

CODE = "invalid-inventory"
EXTENSIONS = ("", ".yml", ".yaml", ".json")
NOT_INVENTORY = re.compile(
    r"^\.|^(host_vars|group_vars|vars_plugins)$|~$|\.(orig|bak|ini|cfg|retry|pyc|pyo)$"
)


@dataclass(frozen=True)
class Var:
    """A variable as written, and where."""

    value: Any
    document: Document | None = None
    loc: Loc = ()

    def problem(self, message: str, hint: str = "") -> Problem:
        if self.document is None:
            return Problem(CODE, message, hint)
        return self.document.problem(message, self.loc, hint=hint)


@dataclass
class Group:
    """A group; ``hosts`` and ``children`` are the direct ones, in the order of the file."""

    name: str
    hosts: dict[str, None] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    variables: dict[str, Var] = field(default_factory=dict)
    priority: int = 1
    depth: int = 0


@dataclass
class Inventory:
    """What an inventory says. ``hosts`` maps a name to the variables written at the host itself."""

    file: str
    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, dict[str, Var]] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[Path, Document | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("all", "ungrouped"):
            self.groups.setdefault(name, Group(name))
        self.link("all", "ungrouped")

    def link(self, parent: str, child: str) -> None:
        if child not in self.groups[parent].children:
            self.groups[parent].children.append(child)
            self.groups[child].parents.append(parent)

    def members(self, group: str) -> list[str]:
        """The hosts of a group and of all groups below it. Raises KeyError."""
        found: dict[str, None] = {}
        for name in self.descendants(group):
            found.update(self.groups[name].hosts)
        return list(found)

    def descendants(self, group: str) -> list[str]:
        """The group and all below it, breadth first."""
        names = [group]
        for name in names:
            names += [child for child in self.groups[name].children if child not in names]
        return names

    def ancestors(self, group: str) -> set[str]:
        names = [group]
        for name in names:
            names += [parent for parent in self.groups[name].parents if parent not in names]
        return set(names) - {group}

    def groups_of(self, host: str) -> list[str]:
        """All groups of a host but ``all``, those of least precedence first."""
        direct = {name for name, group in self.groups.items() if host in group.hosts}
        names = direct.union(*(self.ancestors(name) for name in direct)) - {"all"}
        groups = [self.groups[name] for name in names]
        return [g.name for g in sorted(groups, key=lambda g: (g.depth, g.priority, g.name))]

    def variables(self, host: str) -> dict[str, Var]:
        """All variables of a host, as Ansible would combine them. Raises KeyError."""
        own = self.hosts[host]
        groups = self.groups_of(host)
        found = dict(self.groups["all"].variables)
        for name in groups:
            found |= self.groups[name].variables
        for name in ["all", *groups]:
            found |= self.files_of("group_vars", name)
        return found | own | self.files_of("host_vars", host)

    def files_of(self, kind: str, name: str) -> dict[str, Var]:
        """What ``group_vars/`` or ``host_vars/`` beside the inventory say of a name."""
        found: dict[str, Var] = {}
        for folder in self.folders:
            for path in vars_files(folder / kind, name):
                document = self.vars_file(path)
                if document is not None and isinstance(document.data, dict):
                    for key, value in document.data.items():
                        found[key] = Var(value, document, (key,))
        return found

    def vars_file(self, path: Path) -> Document | None:
        if path not in self.files:
            self.files[path] = None
            try:
                self.files[path] = self.read_vars(path)
            except ProvisionError as error:
                self.problems += error.problems
        return self.files[path]

    def read_vars(self, path: Path) -> Document | None:
        document = read(path, Dialect.ANSIBLE, CODE)
        if document.lines[:1] and document.lines[0].startswith("$ANSIBLE_VAULT"):
            self.warnings.append(f"{path}: is encrypted as a whole; nothing in it is used")
            return None
        if document.data is not None and not isinstance(document.data, dict):
            self.problems.append(document.problem("is not a mapping of variables", ()))
        return document

    def match(self, pattern: str) -> set[str]:
        """The hosts that an Ansible pattern means (``--limit``). Raises ``ProvisionError``."""
        return set(patterns.match(self, pattern))

    def listing(self) -> dict[str, Any]:
        """The same as ``ansible-inventory --list`` prints, hosts and groups in our order."""
        hostvars = {h: {k: v.value for k, v in self.variables(h).items()} for h in self.hosts}
        result: dict[str, Any] = {
            "_meta": {"hostvars": {h: values for h, values in hostvars.items() if values}}
        }
        for name in self.descendants("all"):
            group = self.groups[name]
            entry = {
                "hosts": list(group.hosts) if name != "all" else [],
                "children": group.children,
            }
            if kept := {key: value for key, value in entry.items() if value}:
                result[name] = kept
        return result


def vars_files(folder: Path, name: str) -> list[Path]:
    """``NAME``, ``NAME.yml``, ``.yaml`` or ``.json`` (the first), or all files below ``NAME/``."""
    if name.startswith("/") or not folder.is_dir():
        return []
    for extension in EXTENSIONS:
        path = folder / f"{name}{extension}"
        if path.is_dir():
            return list(folder_files(path))
        if path.exists():
            return [path]
    return []


def folder_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not path.suffix:
            yield from folder_files(path)
        elif path.is_file() and path.suffix in EXTENSIONS:
            yield path


def read_inventory(path: Path) -> Inventory:
    """Read an inventory: a YAML file, or a folder of them. Raises ``ProvisionError``."""
    inventory = Inventory(str(path))
    real = Path(str(path)).resolve()
    inventory.folders.append(real if real.is_dir() else real.parent)
    sources = [path]
    if path.is_dir():
        found = sorted(path.iterdir(), key=lambda p: p.name)
        sources = [p for p in found if not NOT_INVENTORY.search(p.name) and p.is_file()]
    for source in sources:
        Reader(inventory, read(source, Dialect.ANSIBLE, CODE)).read()
    reconcile(inventory)
    if inventory.problems:
        raise ProvisionError(inventory.problems)
    return inventory


class Reader:
    """Takes one file into an inventory."""

    def __init__(self, inventory: Inventory, document: Document):
        self.inventory = inventory
        self.document = document

    def read(self) -> None:
        data = self.document.data
        self.inventory.problems += self.document.problems
        if not isinstance(data, dict):
            self.report(
                "is not an inventory in YAML",
                (),
                "begin with all: (an inventory in INI form is not read)",
            )
            return
        if data.get("plugin"):
            self.report(
                "configures an inventory plugin, which is not run here",
                ("plugin",),
                "save what ansible-inventory --list --yaml prints, and use that",
            )
            return
        for name, value in data.items():
            self.group(name, value, (name,))

    def report(self, message: str, loc: Loc, hint: str = "") -> None:
        self.inventory.problems.append(self.document.problem(message, loc, hint=hint, key=True))

    def warn(self, message: str, loc: Loc) -> None:
        line, column = self.document.place(loc, key=True)
        self.inventory.warnings.append(f"{self.document.file}:{line}:{column}: {message}")

    def group(self, name: str, value: Any, loc: Loc) -> str | None:
        if not isinstance(value, dict | None):
            self.warn(f"'{name}' is skipped: a group is a mapping", loc)
            return None
        group = self.inventory.groups.setdefault(name, Group(name))
        for key, section in (value or {}).items():
            if isinstance(section, str) and key in ("vars", "children", "hosts"):
                section = {section: None}
            if not isinstance(section, dict | None):
                if key in ("vars", "children", "hosts"):
                    self.report(
                        f"'{key}' of group {name} must be a mapping",
                        (*loc, key),
                        "write each name with a ':' after it, not '- name'",
                    )
                continue
            self.section(group, key, section or {}, (*loc, key))
        return name

    def section(self, group: Group, key: str, section: dict[str, Any], loc: Loc) -> None:
        if key == "vars":
            for name, value in section.items():
                self.group_variable(group, name, value, (*loc, name))
        elif key == "children":
            for name, value in section.items():
                if self.group(name, value, (*loc, name)) is not None:
                    self.child(group, name, (*loc, name))
        elif key == "hosts":
            for pattern, values in section.items():
                self.hosts(group, pattern, values, (*loc, pattern))
        else:
            self.warn(
                f"'{key}' in group {group.name} is skipped: only vars, children and hosts "
                "mean something here",
                loc,
            )

    def group_variable(self, group: Group, name: str, value: Any, loc: Loc) -> None:
        if name != "ansible_group_priority":
            group.variables[name] = Var(value, self.document, loc)
            return
        try:
            group.priority = int(value)
        except (TypeError, ValueError):
            self.report("ansible_group_priority must be a whole number", loc)

    def child(self, group: Group, name: str, loc: Loc) -> None:
        if name == group.name or name in self.inventory.ancestors(group.name):
            self.report(f"group {name} is a child of itself (by way of {group.name})", loc)
        else:
            self.inventory.link(group.name, name)

    def hosts(self, group: Group, pattern: str, values: Any, loc: Loc) -> None:
        if not isinstance(values, dict | None):
            self.report(f"the variables of host {pattern} must be a mapping", loc)
            return
        try:
            names, port = expand_host(pattern)
        except RangeError as error:
            self.report(f"'{pattern}': {error}", loc, "write lab[01:30], or db[a:c]")
            return
        for name in names:
            known = self.inventory.hosts.setdefault(name, {})
            group.hosts[name] = None
            if port is not None:
                known["ansible_port"] = Var(port, self.document, loc)
            for key, value in (values or {}).items():
                known[key] = Var(value, self.document, (*loc, key))


def reconcile(inventory: Inventory) -> None:
    """What Ansible does at the end: every group is below ``all``, every host in some group."""
    for name, group in inventory.groups.items():
        if name != "all" and not group.parents:
            inventory.link("all", name)
    ungrouped = inventory.groups["ungrouped"]
    grouped = {
        host: [n for n, g in inventory.groups.items() if host in g.hosts]
        for host in inventory.hosts
    }
    for host, names in grouped.items():
        others = set(names) - {"all", "ungrouped"}
        if others and host in ungrouped.hosts:
            del ungrouped.hosts[host]
        elif not others:
            ungrouped.hosts[host] = None
    deepen(inventory)


def deepen(inventory: Inventory) -> None:
    """Depth: the longest way down from ``all``."""
    waiting: Iterable[str] = ["all"]
    while waiting:
        below: dict[str, None] = {}
        for name in waiting:
            for child in inventory.groups[name].children:
                inventory.groups[child].depth = inventory.groups[name].depth + 1
                below[child] = None
        waiting = list(below)


__all__ = ["Inventory", "Unreadable", "Var", "read_inventory"]
