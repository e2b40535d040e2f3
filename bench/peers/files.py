"""Kafka and Java as the archives that other tools push: the same bytes as ours, Kafka's layout."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from bench.places import HERE, cache
from provisioner.artifacts.model import Distribution
from provisioner.artifacts.store import Store

VERSIONS = {"lab": "3.9.1", "kraft": "4.3.1"}
CLASSES = {
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "zookeeper-server-start.sh": "org.apache.zookeeper.server.quorum.QuorumPeerMain",
}
SERVERS = "LOGGING=log4j LOGGING_2=log4j2 "


def ensure() -> Path:
    """The folder with ``jre-21.tar.gz`` and a ``kafka-VERSION.tar.gz`` for each, made once."""
    folder = cache() / "files-1"
    folder.mkdir(exist_ok=True)
    store = Store()
    for version in VERSIONS.values():
        prepared = store.ensure(store.prepare(version))
        assert prepared.kafka is not None
        assert prepared.java is not None
        _pack(store, prepared.java, folder / "jre-21.tar.gz")
        _pack(store, prepared.kafka, folder / f"kafka-{version}.tar.gz", _scripts())
    return folder


def _scripts() -> dict[str, bytes]:
    found = {"bin/run-class.sh": (HERE / "peers/bin/run-class.sh").read_bytes()}
    for name, main in CLASSES.items():
        setting = SERVERS if "server" in name else ""
        text = f'#!/bin/sh\n{setting}exec "$(dirname "$0")/run-class.sh" {main} "$@"\n'
        found[f"bin/{name}"] = text.encode()
    return found


def _pack(
    store: Store, what: Distribution, path: Path, more: dict[str, bytes] | None = None
) -> None:
    if path.exists():
        return
    name = path.name.removesuffix(".tar.gz")
    raw = io.BytesIO(b"".join(store.open(what)))
    partial = path.with_suffix(".partial")
    with (
        tarfile.open(fileobj=raw) as source,
        tarfile.open(partial, "w:gz", compresslevel=6) as out,
    ):
        for member in source:
            data = source.extractfile(member) if member.isfile() else None
            member.name = f"{name}/{member.name}"
            out.addfile(member, data)
        for inner, content in (more or {}).items():
            info = tarfile.TarInfo(f"{name}/{inner}")
            info.size, info.mode = len(content), 0o755
            out.addfile(info, io.BytesIO(content))
    partial.rename(path)
