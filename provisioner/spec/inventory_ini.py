"""Ansible's inventory in INI form: ``[group]``, ``[group:vars]``, ``[group:children]``.

    IniSource(inventory, document).read()

A line of hosts is split as a shell would; a value is a Python literal where it can be read as one
(``22``, ``True``, ``'a b'``), else text: shlex and ast of the standard library do both.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from dataclasses import dataclass
from typing import Any

from provisioner.errors import cut
from provisioner.spec.inventory import Group, Var
from provisioner.spec.inventory_source import Source
from provisioner.spec.yamlfile import Loc, Place

SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
NAME = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
LONGEST_LITERAL = 10_000


@dataclass
class Waiting:
    """A group that was named before its own section: by whom, and where."""

    loc: Loc
    parents: list[Group]


class IniSource(Source):
    """Takes a document's lines into an inventory. A line's place is ``(number,)``."""

    def read(self) -> None:
        lines = self.document.lines
        places: dict[str | int, Place] = {n: Place(n, 1, n, 1) for n in range(1, len(lines) + 1)}
        self.document.root = Place(1, 1, items=places)
        self.current: Group | None = self.inventory.groups["ungrouped"]
        self.kind = "hosts"
        self.waiting: dict[str, Waiting] = {}
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if line and line[0] not in ";#":
                self.line(line, (number,))
        for name, found in self.waiting.items():
            if found.parents:
                message = (
                    f"[{found.parents[-1].name}:children] names '{cut(name)}', which is not a group"
                )
            else:
                message = f"[{cut(name)}:vars] is of a group that does not exist"
            self.report(message, found.loc, f"write [{cut(name)}], or take it out")

    def line(self, line: str, loc: Loc) -> None:
        if section := SECTION.fullmatch(line):
            self.section(section[1], section[2] or "hosts", loc)
        elif line[0] == "[" and line[-1] == "]":
            self.report(
                f"'{cut(line)}' is not a section header", loc, "write [GROUP], [GROUP:vars], …"
            )
        elif self.current is None:
            return
        elif self.kind == "hosts":
            self.host_line(self.current, line, loc)
        elif self.kind == "vars":
            self.variable(self.current, line, loc)
        else:
            self.child_line(self.current, line, loc)

    def section(self, name: str, kind: str, loc: Loc) -> None:
        self.current, self.kind = None, kind
        if kind not in ("hosts", "vars", "children"):
            hint = "use [GROUP], [GROUP:vars] or [GROUP:children]"
            self.report(f"a section of kind '{cut(kind)}' is not known", loc, hint)
            return
        if kind == "vars":
            if name not in self.inventory.groups:
                self.waiting.setdefault(name, Waiting(loc, []))
            self.current = self.group(name, loc)
            return
        found = self.waiting.pop(name, None)
        self.current = self.group(name, loc)
        for parent in found.parents if found and self.current else ():
            self.child(parent, name, loc)

    def host_line(self, group: Group, line: str, loc: Loc) -> None:
        try:
            pattern, *pairs = shlex.split(line, comments=True)
        except ValueError as error:
            self.report(f"cannot be split into words: {error}", loc, "look at its quotation marks")
            return
        if pattern == "---":
            self.report("is not an inventory in INI form", loc, "a YAML file ends in .yml")
            return
        if pattern.endswith(":"):
            hint = "a port follows ':'; an inventory in YAML has no suffix, .yml, .yaml or .json"
            self.report(f"'{cut(pattern)}' ends in ':'", loc, hint)
            return
        values = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                self.report(f"'{cut(pair)}' is not NAME=VALUE", loc, "quote values with blanks")
                return
            values[key] = literal(value)
        self.hosts(group, pattern, values, loc)

    def variable(self, group: Group, line: str, loc: Loc) -> None:
        key, equals, value = line.partition("=")
        if not equals:
            self.report(f"'{cut(line)}' is not NAME = VALUE", loc)
            return
        self.group_variable(group, key.strip(), Var(literal(value.strip()), self.document, loc))

    def child_line(self, group: Group, line: str, loc: Loc) -> None:
        found = NAME.fullmatch(line)
        if not found:
            self.report(f"'{cut(line)}' is not a valid group name", loc)
        elif found[1] in self.inventory.groups and found[1] not in self.waiting:
            self.child(group, found[1], loc)
        else:
            self.waiting.setdefault(found[1], Waiting(loc, [])).parents.append(group)


def literal(text: str) -> Any:
    """A Python literal, or the text itself."""
    if len(text) > LONGEST_LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text


def plain(value: Any) -> Any:
    """Only what JSON has."""
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(v) for key, v in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is ...:
        return "..."
    return str(value) if isinstance(value, complex) else value
