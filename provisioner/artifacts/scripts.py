"""The distribution ``scripts``: the commands of Kafka's ``bin/``, made for one Kafka version.

The ones with logic of their own are files in ``artifacts/bin/``; every other command is a wrapper
of a few lines around ``kafka-run-class.sh``, made here from the class that the lock names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from provisioner.artifacts.commands import EXTRA_JARS, HEAPS
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import Distribution, Entry, distribution, inline

FILES = Path(__file__).parent / "bin"
SHORT = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true"
"""For commands that answer and end: starts about a third faster than Kafka's own choice."""

FIXED_ARGUMENTS: Mapping[str, str] = {"zookeeper-shell.sh": " -server"}


def scripts(lock: KafkaLock) -> Distribution:
    """The ``bin/`` of this Kafka, as a distribution with the one folder ``bin``."""
    found = {entry.path: entry for entry in (*_wrappers(lock), *_files(lock))}
    return distribution("scripts", lock.version, found.values())


def has_zookeeper(commands: Mapping[str, str]) -> bool:
    return "zookeeper-shell.sh" in commands


def _files(lock: KafkaLock) -> Iterator[Entry]:
    for path in sorted(FILES.iterdir()):
        if not path.is_file() or path.name.startswith((".", "__")):
            continue
        if path.name.startswith("zookeeper-") and not has_zookeeper(lock.commands):
            continue
        mode = 0o755 if path.suffix == ".sh" else 0o644
        yield inline("bin/" + path.name, path.read_bytes(), mode)


def _wrappers(lock: KafkaLock) -> Iterator[Entry]:
    for command, name in lock.commands.items():
        yield inline("bin/" + command, wrapper(command, name).encode(), 0o755)
    for command, jar in EXTRA_JARS.items():
        if command not in lock.commands:
            yield inline("bin/" + command, _absent(command, jar, lock.version).encode(), 0o755)


def wrapper(command: str, name: str) -> str:
    """The text of ``bin/COMMAND`` that runs the class ``name``."""
    lines = ["#!/bin/sh"]
    if command in HEAPS:
        lines.append(f': "${{KAFKA_HEAP_OPTS:={HEAPS[command]}}}"')
        lines.append("export KAFKA_HEAP_OPTS")
    else:
        lines.append(f': "${{KAFKA_JVM_PERFORMANCE_OPTS:={SHORT}}}"')
        lines.append("export KAFKA_JVM_PERFORMANCE_OPTS")
    fixed = FIXED_ARGUMENTS.get(command, "")
    lines.append(f'exec "$(dirname -- "$0")/kafka-run-class.sh" {name}{fixed} "$@"')
    return "\n".join(lines) + "\n"


def _absent(command: str, jar: str, version: str) -> str:
    """A command whose jar is in Kafka's download but is no dependency of broker or tools."""
    return (
        "#!/bin/sh\n"
        f'echo "$0: {jar}-{version}.jar is not among the jars that Maven brings for a broker;" \\\n'
        '  "give Kafka\'s own download as kafka.source to have it" >&2\n'
        "exit 1\n"
    )
