"""Files → ``Inventory``.

    read_inventory(path) -> Inventory

A file is YAML (or JSON) or INI, a folder holds such files and folders. Which suffix means what is
as in Ansible: YAML is read from names that end in .yml, .yaml, .json or in no suffix, and what is
no YAML is tried as INI. What Ansible leaves out with a warning, because it cannot read it, is an
error here: hosts would be missing. Raises ``ProvisionError`` (``invalid-inventory``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from provisioner.errors import Notice, Problem, ProvisionError
from provisioner.spec.inventory import Inventory
from provisioner.spec.inventory_data import CODE, EXTENSIONS, VAULT, parse_data
from provisioner.spec.inventory_source import CONVERT
from provisioner.spec.inventory_yaml import YamlSource
from provisioner.spec.yamlfile import Document, Place, read_text

# INVENTORY_IGNORE_EXTS of ansible-core 2.19, and what it never takes for an inventory.
IGNORED = re.compile(
    r"^\.|^(host_vars|group_vars|vars_plugins)$"
    r"|(\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$"
)


def read_inventory(path: Path) -> Inventory:
    """Raises ``ProvisionError`` with all problems, and the warnings until then."""
    inventory = Inventory(str(path))
    # The folder beside a link, not beside what it leads to, has the group_vars.
    folder = path if path.is_dir() else path.absolute().parent
    inventory.folders.append(folder.resolve())
    sources = list(folder_sources(path, inventory)) if path.is_dir() else [path]
    for source in sources:
        try:
            read_source(inventory, source)
        except ProvisionError as error:
            inventory.problems += error.problems
    reconcile(inventory)
    for kind in ("group_vars", "host_vars"):
        if (beside := folder / kind).exists() and not beside.is_dir():
            inventory.warnings.append(Notice("is not a folder and is ignored", str(beside)))
    if path.is_dir() and not sources:
        inventory.warnings.append(Notice("has no inventory file in it", str(path)))
    if inventory.problems:
        raise ProvisionError(inventory.problems, warnings=inventory.warnings)
    return inventory


def folder_sources(
    folder: Path, inventory: Inventory, above: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """The inventory files of a folder and of the folders in it, by name."""
    real = folder.resolve()
    if real in above:
        inventory.problems.append(Problem(CODE, "leads back to itself", file=str(folder)))
        return
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if IGNORED.search(path.name):
            continue
        if path.is_dir():
            yield from folder_sources(path, inventory, (*above, real))
        elif path.is_file() or path.is_symlink():
            yield path
        else:
            inventory.warnings.append(Notice("is not a file and is ignored", str(path)))


def read_source(inventory: Inventory, path: Path) -> None:
    """One file. Raises ``ProvisionError``."""
    suffix = path.suffix
    text = source_text(path, suffix)
    document: Document | None = None
    refused: tuple[Problem, ...] = ()
    if suffix in EXTENSIONS:
        try:
            document = parse_data(text, str(path))
        except ProvisionError as error:
            refused = tuple(error.problems)
    if document is not None and isinstance(document.data, dict) and document.data:
        YamlSource(inventory, document).read()
        return
    if empty(document, text):
        inventory.warnings.append(Notice("is empty", str(path), 1, 1))
        return
    if document is not None:
        hint = "begin with all:"
        refused = (document.problem("is not an inventory in YAML", (), hint=hint),)
    read_ini(inventory, text, path, refused if suffix or not like_ini(text) else ())


def source_text(path: Path, suffix: str) -> str:
    """Raises ``ProvisionError`` for what is not read here, and says how to convert it."""
    start = first_bytes(path)
    kind = ""
    if start.startswith(b"#!"):
        kind = "is an inventory script, which is not run"
    elif start.startswith(b"\x7fELF"):
        kind = "is a program, which is not run"
    elif suffix == ".toml":
        kind = "is an inventory in TOML, which is not read"
    elif start.startswith(VAULT.encode()):
        kind = "is encrypted as a whole, and cannot be read"
    if kind:
        raise ProvisionError(Problem(CODE, kind, CONVERT, str(path), 1, 1))
    return read_text(path, str(path), CODE)


def first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(VAULT))
    except OSError:
        return b""


def empty(document: Document | None, text: str) -> bool:
    if document is not None and not document.data and not document.problems:
        return True
    lines = (line.strip() for line in text.splitlines())
    return all(not line or line[0] in "#;" for line in lines)


def like_ini(text: str) -> bool:
    """Whether the first line that says something is no beginning of YAML."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return not first.startswith(("---", "{", "- ")) and not first.endswith(":")


def read_ini(inventory: Inventory, text: str, path: Path, refused: Iterable[Problem]) -> None:
    """``refused``: why it is no YAML, said in place of why it is no INI where that was meant.
    Raises ``ProvisionError``."""
    document = Document(str(path), text.splitlines(), None, Place(1, 1), CODE)
    before = len(inventory.problems)
    from provisioner.spec.inventory_ini import IniSource  # few inventories need it

    IniSource(inventory, document).read()
    if refused and len(inventory.problems) > before:
        inventory.problems[before:] = [with_ini_hint(problem) for problem in refused]


def with_ini_hint(problem: Problem) -> Problem:
    return replace(problem, hint=f"{problem.hint} (it cannot be read as INI either)")


def reconcile(inventory: Inventory) -> None:
    """What Ansible does at the end: every group is below ``all``, every host in some group."""
    for name, group in inventory.groups.items():
        if name != "all" and not group.parents:
            inventory.link("all", name)
    ungrouped = inventory.groups["ungrouped"]
    grouped: dict[str, set[str]] = {host: set() for host in inventory.hosts}
    for name, group in inventory.groups.items():
        for host in group.hosts:
            grouped[host].add(name)
    for host, names in grouped.items():
        if host in inventory.groups:
            message = f"{host} is a group and a host: the host's variables are the group's"
            inventory.warnings.append(Notice(message, inventory.file))
        others = names - {"all", "ungrouped"}
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
