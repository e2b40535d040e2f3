"""Ansible's inventory in YAML: groups with ``hosts``, ``vars`` and ``children``."""

from __future__ import annotations

from typing import Any

from provisioner.errors import cut
from provisioner.spec.inventory import Group, Var
from provisioner.spec.inventory_source import CONVERT, Source
from provisioner.spec.scalars import NotText
from provisioner.spec.yamlfile import Loc

SECTIONS = ("vars", "children", "hosts")
QUOTE = "put it in quotation marks"


class YamlSource(Source):
    """Takes a document that is a mapping into an inventory."""

    def read(self) -> None:
        data = self.document.data
        self.inventory.problems += self.document.problems
        self.inventory.warnings += self.document.warnings
        if data.get("plugin"):
            self.report("configures an inventory plugin, which is not run", ("plugin",), CONVERT)
            return
        for name, value in data.items():
            self.entry(name, value, (name,))

    def entry(self, name: str, value: Any, loc: Loc) -> bool:
        """One group as it is written; False if it is none."""
        if not isinstance(value, dict | None):
            self.warn(f"'{cut(name)}' is skipped: a group is a mapping", loc)
            return name in self.inventory.groups
        if isinstance(name, NotText):
            self.report(f"group name {name} is not text", loc, QUOTE)
            return False
        group = self.group(name, loc)
        if group is None:
            return False
        for key, section in (value or {}).items():
            at = (*loc, key)
            if isinstance(section, str) and key in SECTIONS:
                section = {section: None}
            if isinstance(section, dict | None):
                self.section(group, key, section or {}, at)
            elif key in SECTIONS:
                hint = "write each name with a ':' after it, not '- name'"
                self.report(f"'{key}' of group {name} must be a mapping", at, hint)
            else:
                self.skipped(group, key, at)
        return True

    def skipped(self, group: Group, key: str, loc: Loc) -> None:
        self.warn(
            f"'{cut(key)}' in group {group.name} is skipped: only vars, children and hosts "
            "mean something here",
            loc,
        )

    def section(self, group: Group, key: str, section: dict[str, Any], loc: Loc) -> None:
        if key == "vars":
            for name, value in section.items():
                at = (*loc, name)
                self.group_variable(group, name, Var(value, self.document, at))
        elif key == "children":
            for name, value in section.items():
                self.below(group, name, value, (*loc, name))
        elif key == "hosts":
            for pattern, values in section.items():
                self.machines(group, pattern, values, (*loc, pattern))
        else:
            self.skipped(group, key, loc)

    def below(self, group: Group, name: str, value: Any, loc: Loc) -> None:
        before = len(self.inventory.problems)
        if self.entry(name, value, loc):
            self.child(group, name, loc)
        elif len(self.inventory.problems) == before:
            self.report(f"'{cut(name)}', a child of {group.name}, is not a group", loc)

    def machines(self, group: Group, pattern: str, values: Any, loc: Loc) -> None:
        if isinstance(pattern, NotText):
            self.report(f"host name {pattern} is not text", loc, QUOTE)
        elif values and not isinstance(values, dict):
            self.report(f"the variables of host {cut(pattern)} must be a mapping", loc)
        else:
            self.hosts(group, pattern, values or {}, loc)
