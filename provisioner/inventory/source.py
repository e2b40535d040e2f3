"""What one file adds to an inventory: what the readers of YAML and INI have in common.

    class Source: group, child, hosts, host_variable, group_variable, report, warn

It follows what Ansible does where names meet: the first port written for a host stays, a variable
of a host whose name is also a group's belongs to the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.errors import cut
from provisioner.inventory.inventory import Group, Inventory, Var
from provisioner.inventory.names import BadName, refuse_group, refuse_host
from provisioner.inventory.ranges import RangeError, expand_host
from provisioner.spec.yamlfile import Document, Loc

CONVERT = "ansible-inventory -i INVENTORY --list --yaml > hosts.yml writes what can be read"


class Source:
    """One file on its way into an inventory; problems and warnings go there too."""

    def __init__(self, inventory: Inventory, document: Document):
        self.inventory = inventory
        self.document = document

    def report(self, message: str, loc: Loc, hint: str = "") -> None:
        self.inventory.problems.append(self.document.problem(message, loc, hint=hint, key=True))

    def warn(self, message: str, loc: Loc) -> None:
        self.inventory.warnings.append(self.document.notice(message, loc, key=True))

    def group(self, name: str, loc: Loc) -> Group | None:
        """The group, made if it is new; None if it cannot be called so."""
        if name not in self.inventory.groups:
            try:
                refuse_group(name)
            except BadName as error:
                self.report(str(error), loc, "give it a plain name")
                return None
        return self.inventory.groups.setdefault(name, Group(name))

    def child(self, group: Group, name: str, loc: Loc) -> None:
        if name in ("all", group.name) or name in self.inventory.ancestors(group.name):
            self.report(f"group {name} is a child of itself (by way of {group.name})", loc)
        else:
            self.inventory.link(group.name, name)

    def hosts(self, group: Group, pattern: str, values: Mapping[str, Any], loc: Loc) -> None:
        """``values``: variable → value, each of them at ``loc`` + its name."""
        try:
            names, port = expand_host(pattern)
            for name in names:
                refuse_host(name)
        except RangeError as error:
            self.report(f"'{cut(pattern)}': {error}", loc, "write lab[01:30], or db[a:c]")
            return
        except BadName as error:
            hint = "give it a plain name, and what it is reached by as ansible_host"
            self.report(str(error), loc, hint)
            return
        for name in names:
            if name not in self.inventory.hosts:
                self.inventory.hosts[name] = {}
                if port:
                    self.inventory.hosts[name]["ansible_port"] = Var(port, self.document, loc)
            group.hosts[name] = None
            for key, value in values.items():
                self.host_variable(name, key, Var(value, self.document, (*loc, key)))

    def host_variable(self, host: str, name: str, var: Var) -> None:
        """One of a host, or of the group that is called the same."""
        group = self.inventory.groups.get(host)
        if group is not None:
            self.group_variable(group, name, var)
        else:
            self.inventory.hosts[host][name] = var

    def group_variable(self, group: Group, name: str, var: Var) -> None:
        if name != "ansible_group_priority":
            group.variables[name] = var
            return
        try:
            group.priority = int(var.value)
        except (TypeError, ValueError):
            self.report("ansible_group_priority must be a whole number", var.loc)
