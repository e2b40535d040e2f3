"""Kafka from an official tarball that the spec pins by SHA-512."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Distribution
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError
from provisioner.spec.types import Source
from tests.unit.artifacts.conftest import VERSION, jar

ROOT = f"kafka_2.13-{VERSION}/"
FILES = {
    f"libs/kafka_2.13-{VERSION}.jar": jar("kafka.Kafka"),
    f"libs/kafka-tools-{VERSION}.jar": jar("org.apache.kafka.tools.TopicCommand"),
    "config/server.properties": b"broker.id=0\n",
    "config/kraft/server.properties": b"node.id=0\n",
    "LICENSE": b"licence",
    "bin/kafka-topics.sh": b"#!/bin/bash\n",
    "site-docs/docs.tgz": b"docs",
}


def make(path: Path, files: dict[str, bytes], root: str = ROOT) -> Source:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(root + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo(root + "libs/evil.jar")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return Source("path", str(path), hashlib.sha512(path.read_bytes()).hexdigest())


@pytest.fixture
def tarball(tmp_path: Path) -> Source:
    return make(tmp_path / "kafka.tgz", FILES)


@pytest.mark.parametrize("kind", ["path", "url"])
def test_known_once_unpacked(store: Store, java: Distribution, tarball: Source, kind: str) -> None:
    location = tarball.location if kind == "path" else Path(tarball.location).as_uri()
    source = Source(kind, location, tarball.sha512.upper())
    prepared = store.prepare(VERSION, source)
    assert prepared.kafka is None
    assert "not unpacked" in prepared.pending
    ready = store.ensure(prepared)
    assert ready.kafka is not None
    assert [entry.path for entry in ready.kafka.entries] == [
        "LICENSE",
        "config/kraft/server.properties",
        "config/server.properties",
        f"libs/kafka-tools-{VERSION}.jar",
        f"libs/kafka_2.13-{VERSION}.jar",
    ]
    assert ready.scripts is not None
    assert "bin/kafka-topics.sh" in {entry.path for entry in ready.scripts.entries}
    Path(tarball.location).unlink()
    again = Store(Cache(store.cache.root))
    assert again.ensure(again.prepare(VERSION, source)).kafka == ready.kafka
    assert b"".join(again.open(ready.kafka))


def test_lost_files_come_out_of_it_again(store: Store, tarball: Source) -> None:
    ready = store.ensure(store.prepare(VERSION, tarball))
    assert ready.kafka is not None
    store.cache.path(ready.kafka.blobs[0]).unlink()
    assert b"".join(store.open(store.ensure(store.prepare(VERSION, tarball)).kafka or ""))


def test_other_bytes(store: Store, tarball: Source) -> None:
    with Path(tarball.location).open("ab") as stream:
        stream.write(b"!")
    with pytest.raises(ProvisionError, match="SHA-512") as caught:
        store.ensure(store.prepare(VERSION, tarball))
    assert caught.value.problems[0].code == "artifact-corrupt"
    assert store.prepare(VERSION, tarball).kafka is None


def test_other_version(store: Store, tarball: Source) -> None:
    with pytest.raises(ProvisionError, match=rf"holds Kafka {VERSION}, the spec says 9\.9\.8"):
        store.ensure(store.prepare("9.9.8", tarball))


def test_known_of_another_version(store: Store, tarball: Source) -> None:
    store.ensure(store.prepare(VERSION, tarball))
    with pytest.raises(ProvisionError, match=r"the spec says 9\.9\.8"):
        store.prepare("9.9.8", tarball)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"libs/other.jar": jar()}, "holds no libs/kafka_2.13"),
        ({}, "holds no libs/kafka_2.13"),
    ],
)
def test_not_kafka(store: Store, tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with pytest.raises(ProvisionError, match=message):
        store.ensure(store.prepare(VERSION, make(tmp_path / "x.tgz", files)))


def test_no_tarball_at_all(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(b"<html>404</html>")
    source = Source("path", str(path), hashlib.sha512(path.read_bytes()).hexdigest())
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION, source))
    assert caught.value.problems[0].code == "artifact-corrupt"


def test_names_that_climb(store: Store, tmp_path: Path) -> None:
    source = make(tmp_path / "x.tgz", {**FILES, "config/../../../evil": b"x"})
    kafka = store.ensure(store.prepare(VERSION, source)).kafka
    assert kafka is not None
    assert not any("evil" in entry.path for entry in kafka.entries)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (Source("path", "/nonexistent.tgz", "0" * 128), "artifact-unavailable"),
        (Source("url", "file:///nonexistent.tgz", "0" * 128), "artifact-unavailable"),
        (Source("url", "ftp://x/y", "0" * 128), "invalid-spec"),
        (Source("path", "/nonexistent.tgz", "0" * 64), "invalid-spec"),
    ],
)
def test_what_cannot_be_had(store: Store, source: Source, code: str) -> None:
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION, source))
    assert caught.value.problems[0].code == code


def test_preinstalled(store: Store) -> None:
    prepared = store.ensure(store.prepare(VERSION, Source("preinstalled")))
    assert [part.kind for part in prepared] == ["java"]
