"""What an Ansible inventory says: groups, hosts, and the variables of each host.

Structure and precedence equal ``ansible-inventory --list`` (tests/contract/inventory holds both
side by side): variables of ``all`` below those of other groups, groups by depth, then
``ansible_group_priority``, then name; ``group_vars/`` above groups in the inventory; the host's own
above these; ``host_vars/`` above all. Values are left as they are written: ``inventory_vars.py``
reads those that this tool uses. ``inventory_files.py`` makes one of a file or a folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.errors import Notice, Problem, ProvisionError
from provisioner.inventory import patterns
from provisioner.inventory.data import CODE, is_vault, read_data, vars_files
from provisioner.spec.yamlfile import Document, Loc


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

    def notice(self, message: str) -> Notice:
        if self.document is None:
            return Notice(message)
        return self.document.notice(message, self.loc)


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
    warnings: list[Notice] = field(default_factory=list)
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
        """A file that cannot be read as it was meant is an error: what is not set by it may be the
        user or the port. Raises ``ProvisionError``."""
        document = read_data(path)
        if is_vault(document):
            message = "is encrypted as a whole; nothing in it is used"
            self.warnings.append(document.notice(message, ()))
            return None
        self.problems += document.problems
        self.warnings += document.warnings
        if document.data and not isinstance(document.data, dict):
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
