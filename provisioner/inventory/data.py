"""The data files of an inventory: YAML or JSON, as Ansible's loader reads them.

    read_data(path) -> Document            values with their places
    vars_files(folder, name) -> [Path]     what group_vars/ or host_vars/ have for one name

Text that is JSON is read as JSON (tabs, ``\\/`` and ``1e3`` mean something else to YAML 1.1), any
other as YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.errors import ProvisionError
from provisioner.spec.scalars import Dialect, Unreadable
from provisioner.spec.yamlfile import Document, Place, parse, read_text

CODE = "invalid-inventory"
VAULT = "$ANSIBLE_VAULT"
EXTENSIONS = ("", ".yml", ".yaml", ".json")


def read_data(path: Path) -> Document:
    """One file. Raises ``ProvisionError`` (``invalid-inventory``) for what is neither."""
    return parse_data(read_text(path, str(path), CODE), str(path))


def parse_data(text: str, name: str) -> Document:
    """The same for text that is already here."""
    found = as_json(text)
    if found is None:
        return parse(text, name, Dialect.ANSIBLE, CODE)
    try:
        root = parse(text, name, Dialect.ANSIBLE, CODE).root
    except ProvisionError:
        root = Place(1, 1)
    return Document(name, text.splitlines(), found, root, CODE)


def as_json(text: str) -> Any:
    """The value of a JSON object or list; None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_hook=marked)
    except (ValueError, RecursionError):
        return None


def marked(value: dict[str, Any]) -> Any:
    """Ansible's own marks in JSON: an encrypted value, and one that is never a template."""
    if isinstance(text := value.get("__ansible_vault"), str):
        return Unreadable("!vault", text)
    return value.get("__ansible_unsafe", value)


def is_vault(document: Document) -> bool:
    """Whether the whole file is encrypted."""
    return bool(document.lines) and document.lines[0].startswith(VAULT)


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


def folder_files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """By name, without hidden ones and backups; a folder is entered if its name has no suffix."""
    real = folder.resolve()
    if real in above:
        return
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        suffix = path.suffix
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir() and not suffix:
            yield from folder_files(path, (*above, real))
        elif path.is_file() and suffix in EXTENSIONS:
            yield path
