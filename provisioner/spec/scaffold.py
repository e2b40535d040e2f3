"""``provision init``: a commented starting spec and inventory.

    scaffold(directory, template) -> [files written]

Nothing is ever overwritten: if any of the files is there, all that are are named, and none is
written. Raises ``ProvisionError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from provisioner.errors import Problem, ProvisionError, fail

TEMPLATES = ("lab", "kraft-lab", "cluster")


def scaffold(directory: Path, template: str) -> list[Path]:
    if template not in TEMPLATES:
        raise fail("usage", f"there is no template '{template}'", f"use {', '.join(TEMPLATES)}")
    folder = resources.files("provisioner.spec") / "templates" / template
    return write_new(directory, {directory / i.name: i.read_bytes() for i in folder.iterdir()})


def write_new(directory: Path, texts: Mapping[Path, bytes]) -> list[Path]:
    """All of them or none; returns their paths, sorted. Raises ``ProvisionError`` ``usage``."""
    refuse_existing(directory, sorted(texts))
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in sorted(texts.items()):
            with path.open("xb") as file:  # "x": not even one that appeared meanwhile
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise fail(
            "usage", f"cannot be written: {error.strerror}", file=str(error.filename or directory)
        ) from None
    return written


def refuse_existing(directory: Path, paths: list[Path]) -> None:
    there = [path for path in paths if path.is_symlink() or path.exists()]
    if directory.exists() and not directory.is_dir():
        there = [directory]
    if there:
        raise ProvisionError(
            Problem("usage", "is there already, and nothing was written",
                    "give another directory, or move it away", file=str(path))
            for path in there
        )  # fmt: skip
