"""The inventories of ``cases/`` and ``corpus/``, and how they get onto a disk: see README.md."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

HERE = Path(__file__).parent
FOLDERS = sorted(path for path in (HERE / "cases").iterdir() if path.is_dir())
DEFAULT = "hosts.yml"


def corpus() -> dict[str, dict[str, Any]]:
    """``FILE: name`` → the case."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((HERE / "corpus").glob("*.yaml")):
        for case in YAML(typ="safe", pure=True).load_all(path):
            name = f"{path.stem}: {case['name']}"
            assert name not in found
            found[name] = case
    return found


CORPUS = corpus()
REFUSED = [name for name, case in CORPUS.items() if "refused" in case]
EQUAL = [*(path.name for path in FOLDERS), *(name for name in CORPUS if name not in REFUSED)]


def made(folder: Path) -> dict[str, Path]:
    """All of them, each in a folder of its own: name → the inventory's path."""
    found = {}
    for path in FOLDERS:
        shutil.copytree(path, folder / path.name)
        names = ("inventory", "hosts.yaml", "hosts.yml")
        found[path.name] = next(p for n in names if (p := folder / path.name / n).exists())
    for number, (name, case) in enumerate(CORPUS.items()):
        found[name] = make(case, folder / str(number))
    return found


def make(case: dict[str, Any], folder: Path) -> Path:
    files = case.get("files", {})
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
    for name, target in case.get("links", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    for name in case.get("executable", ()):
        (folder / name).chmod(0o755)
    for name in case.get("folders", ()):
        (folder / name).mkdir(parents=True)
    return folder / case.get("inventory", DEFAULT)
