"""Kafka's jars from Maven Central, through jgo (a resolver that knows where Maven Central is).

jgo takes 0.3 s to import and is only wanted when something is missing, so it is imported late.
It writes into a folder of its own below the cache's ``tmp/``; nothing it wrote is used before its
SHA-256 was checked, except on the first use of a version that has no lock yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.artifacts.commands import find_commands
from provisioner.artifacts.locks import KafkaLock, shipped_versions
from provisioner.artifacts.model import Blob, unavailable

GROUP = "org.apache.kafka"
ROOTS = ("kafka_2.13", "kafka-tools")
LOG4J = "org.apache.logging.log4j"
LOG4J_BRIDGES = ("log4j-slf4j-impl", "log4j-1.2-api")
LOG4J_ITSELF = ("log4j-core", "log4j-api")
LOG4J_OF_4_0 = "2.24.3"
"""What Kafka's own download of 4.0 has: its POM names none."""
RELOAD4J = "slf4j-reload4j"
"""What Kafka 3 logs through."""
SECONDS = 30

Counter = Callable[[int], None]


def context(folder: Path, count: Counter | None = None) -> Any:
    """A jgo context that keeps what it loads below ``folder`` and counts bytes as they come."""
    import logging

    from jgo.maven import MavenContext, PythonResolver

    logging.getLogger("jgo").setLevel(logging.ERROR)

    @contextmanager
    def each(_name: str, _size: int) -> Iterator[Counter]:
        yield count or (lambda _bytes: None)

    resolver = PythonResolver(progress_callback=each)
    return MavenContext(resolver=resolver, repo_cache=folder, timeout=SECONDS)


def fetch(blob: Blob, folder: Path, count: Counter) -> Path:
    """Loads the jar that ``blob.origin`` names into ``folder``; returns where it lies, unchecked.

    Raises whatever jgo or requests raise: the caller knows what to say.
    """
    ctx = context(folder, count)
    path: Path = ctx.create_dependency(blob.origin.removeprefix("maven:")).artifact.resolve()
    return path


def resolve(version: str, folder: Path, count: Counter) -> tuple[KafkaLock, dict[str, Path]]:
    """A version that has no lock: its lock as of now, and sha256 → jar for every jar.

    Takes about 25 s, most of it for a few hundred small POM files.
    Raises ``artifact-unavailable`` when Maven Central does not have it or cannot be reached.
    """
    ctx = context(folder, count)
    roots = [ctx.create_dependency(f"{GROUP}:{name}:{version}") for name in ROOTS]
    try:
        inputs, rest = ctx.resolver.resolve(roots)
        artifacts = [dependency.artifact for dependency in (*inputs, *rest)]
        artifacts += _bridges(ctx, artifacts)
        paths = dict(_jar(ctx, artifact) for artifact in artifacts)
    except (OSError, RuntimeError, ValueError) as error:
        raise missing(version, error) from error
    return _lock(version, paths)


def missing(version: str, error: Exception) -> Exception:
    """What to say when a version could not be resolved."""
    shipped = ", ".join(shipped_versions())
    if isinstance(error, OSError):
        return unavailable(
            f"Kafka {version} has no lock yet and Maven Central cannot be reached: {brief(error)}",
            f"in a bundle or the cache: {shipped}; on a machine that has "
            f"internet: provision fetch --version {version} -o BUNDLE, then --bundle BUNDLE here",
        )
    return unavailable(
        f"Maven Central does not have Kafka {version} as {' and '.join(ROOTS)}: {brief(error)}",
        f"versions this release was tested with: {shipped}",
    )


def brief(error: BaseException) -> str:
    """The first line of an error, without the addresses libraries like to put in."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0].split(" not found in remote repositories")
    if len(text) > 1:
        return text[0].removeprefix("Artifact ") + " was not found"
    name = type(error).__name__
    return name if "http" in lines[0].lower() else f"{name}: {lines[0][:200]}"


def _bridges(ctx: Any, artifacts: list[Any]) -> list[Any]:
    """Kafka 4 logs through log4j 2; the bridges to it are no dependency of the broker's POM, and
    in 4.0 it is none itself."""
    have = {a.artifactId: a.version for a in artifacts if a.groupId == LOG4J}
    if any(a.artifactId == RELOAD4J for a in artifacts):
        return []
    version = have.get("log4j-core", LOG4J_OF_4_0)
    return [
        ctx.create_dependency(f"{LOG4J}:{name}:{version}").artifact
        for name in (*LOG4J_BRIDGES, *LOG4J_ITSELF)
        if name not in have
    ]


def _jar(ctx: Any, artifact: Any) -> tuple[str, Path]:
    """Where the artifact's jar lies. One that moved (its POM says where to) is taken from there."""
    try:
        return _coordinate(artifact), artifact.resolve()
    except RuntimeError:
        moved = _relocation(ctx, artifact)
        if moved is None:
            raise
        return _coordinate(moved), moved.resolve()


def _relocation(ctx: Any, artifact: Any) -> Any:
    from jgo.maven import POM

    pom = POM(artifact.component.artifact(packaging="pom").resolve())
    where = "distributionManagement/relocation/"
    group, name, version = (pom.value(where + tag) for tag in ("groupId", "artifactId", "version"))
    if not (group or name or version):
        return None
    parts = (group or artifact.groupId, name or artifact.artifactId, version or artifact.version)
    return ctx.create_dependency(":".join(parts)).artifact


def _coordinate(artifact: Any) -> str:
    parts = [artifact.groupId, artifact.artifactId]
    if artifact.classifier:
        parts += [artifact.packaging, artifact.classifier]
    return ":".join([*parts, artifact.version])


def _lock(version: str, paths: dict[str, Path]) -> tuple[KafkaLock, dict[str, Path]]:
    files, found = {}, {}
    for coordinate, path in paths.items():
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        files["libs/" + path.name] = Blob(path.name, len(data), digest, "maven:" + coordinate)
        found[digest] = path
    return KafkaLock(version, files, find_commands(sorted(paths.values()))), found
