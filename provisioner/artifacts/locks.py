"""Locks: which jars make a Kafka, which wheel makes a Java, each with its SHA-256.

Locks of the versions this release was tested with ship in ``locks/``. For any other version the
first download writes one beside the spec; from then on that version means those bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from provisioner.artifacts.model import Blob, Distribution, Entry, distribution
from provisioner.errors import fail

SHIPPED = Path(__file__).parent / "locks"
VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-.][A-Za-z0-9]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")
PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*"
PATH = re.compile(rf"(?:libs|licenses)/{PART}|config(?:/{PART})+|LICENSE|NOTICE")
"""Where a file of a distribution may stand: its name becomes a line of SHA256SUMS and a path on
hosts."""
ORIGIN = re.compile(rf"(?:maven:{PART}(?::{PART}){{2,4}})?")
"""Who may be asked for a file of Kafka: Maven, or nobody (it came out of a tarball)."""
COMMAND = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.sh")
CLASS = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*", re.ASCII)
SIZE_LIMIT = 1 << 31
JAVA = "21"


@dataclass(frozen=True)
class KafkaLock:
    """The jars of one Kafka version, and the Java class behind each command of its ``bin/``.

    ``libs`` are all files below the distribution's root that are not ours (``libs/NAME.jar``; of an
    official tarball its ``config/`` and licences too), by path.
    """

    version: str
    files: Mapping[str, Blob]
    commands: Mapping[str, str]

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return tuple(self.files[path] for path in sorted(self.files))

    @property
    def jars(self) -> tuple[str, ...]:
        """Names in ``libs/``, sorted: the order of every class path of ours."""
        return tuple(sorted(p[5:] for p in self.files if p.startswith("libs/")))

    def to_json(self) -> str:
        """The text of its lock file: one line a jar, so that a review shows what changed."""
        rows = [json.dumps(_row(path, self.files[path])) for path in sorted(self.files)]
        files = ",\n    ".join(rows)
        commands = json.dumps(dict(sorted(self.commands.items())), indent=2).replace("\n", "\n  ")
        return (
            f'{{\n  "kafka": {json.dumps(self.version)},\n  "commands": {commands},\n'
            f'  "files": [\n    {files}\n  ]\n}}\n'
        )


def _row(path: str, blob: Blob) -> dict[str, Any]:
    return {"path": path, "size": blob.size, "sha256": blob.sha256, "origin": blob.origin}


def parse_kafka(text: str, source: str) -> KafkaLock:
    """A lock from its text. Raises ``artifact-corrupt`` naming ``source`` when it is not one."""
    try:
        data = json.loads(text)
        files = {row["path"]: _blob(row) for row in data["files"]}
        lock = KafkaLock(str(data["kafka"]), files, _commands(data["commands"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "delete it to trust what Maven Central has now, or restore the right file"
        raise fail("artifact-corrupt", f"{source} is not a lock: {_why(error)}", hint) from error
    return lock


def _why(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def _blob(row: Mapping[str, Any]) -> Blob:
    path, digest, size = str(row["path"]), str(row["sha256"]), int(row["size"])
    origin = str(row.get("origin", ""))
    for what, pattern, value in (
        ("path", PATH, path),
        ("sha256", SHA256, digest),
        ("origin", ORIGIN, origin),
    ):
        if not pattern.fullmatch(value):
            raise ValueError(f"{what} {value[:80]!r} is not allowed in a lock file")
    if not 0 <= size < SIZE_LIMIT:
        raise ValueError(f"size {size} of {path} is not a valid size")
    return Blob(path.rpartition("/")[2], size, digest, origin)


def _commands(given: Mapping[str, Any]) -> dict[str, str]:
    """Names of ``bin/`` and the classes behind them, which become words of shell files."""
    commands = {str(name): str(value) for name, value in given.items()}
    for name, value in commands.items():
        if not COMMAND.fullmatch(name) or not CLASS.fullmatch(value):
            raise ValueError(f"command {name[:80]!r}: {value[:80]!r} is not allowed in a lock file")
    return commands


def shipped_versions() -> tuple[str, ...]:
    """Kafka versions whose locks ship with this release, oldest first."""
    names = [path.stem.removeprefix("kafka-") for path in SHIPPED.glob("kafka-*.json")]
    return tuple(sorted(names, key=_numbers))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@cache
def shipped_kafka(version: str) -> KafkaLock | None:
    """The lock that ships for this version, or None."""
    path = SHIPPED / f"kafka-{version}.json"
    return parse_kafka(path.read_text("utf-8"), str(path)) if path.is_file() else None


def own_path(folder: Path, version: str) -> Path:
    """Where the lock of a version that does not ship is kept: beside the spec."""
    return folder / f"kafka-{version}.lock.json"


def find_kafka(version: str, folder: Path | None) -> KafkaLock | None:
    """The lock of this version: the shipped one, else the one in ``folder``, else None.

    Raises ``invalid-spec`` for what is not a version number, ``artifact-corrupt`` for a bad lock.
    """
    check_version(version)
    lock = shipped_kafka(version)
    if lock is not None or folder is None:
        return lock
    path = own_path(folder, version)
    if not path.is_file():
        return None
    lock = parse_kafka(path.read_text("utf-8"), str(path))
    if lock.version != version:
        raise fail("artifact-corrupt", f"{path} is the lock of Kafka {lock.version}")
    return lock


def check_version(version: str) -> None:
    """Raises ``invalid-spec`` unless it looks like a Kafka version (it becomes part of paths)."""
    if not VERSION.fullmatch(version):
        raise fail(
            "invalid-spec",
            f"{version!r} is not a Kafka version",
            f"versions look like {shipped_versions()[-1]}",
        )


@cache
def java_lock() -> Mapping[str, Any]:
    """The shipped lock of the bundled Java: ``{release, platforms: {NAME: {wheel, files}}}``."""
    data: Mapping[str, Any] = json.loads((SHIPPED / f"java-{JAVA}.json").read_text("utf-8"))
    return data


@cache
def java(platform: str) -> Distribution:
    """The bundled Java of a platform that ``check_platform`` accepts."""
    lock = java_lock()
    row = lock["platforms"][platform]
    wheel = row["wheel"]
    blob = Blob(wheel["file"], wheel["size"], wheel["sha256"], wheel["origin"])
    entries = [
        Entry(path, size, digest, int(mode, 8), blob, row["root"] + path)
        for mode, size, digest, path in row["files"]
    ]
    return distribution("java", lock["release"], entries, platform)
