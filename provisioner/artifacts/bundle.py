"""Bundles: one tar file that carries Kafka and Java to a machine without internet.

It holds the locks of its versions and every file that they name. Bytes are only taken if a lock
that ships with this release names them; for a version that does not ship, the bundle's own lock
is trusted on first use.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provisioner.artifacts import locks
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import Blob, Progress, silent
from provisioner.artifacts.pack import MTIME
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError, fail

INDEX = "provision-bundle.json"
SCHEMA = 1
INDEX_LIMIT = 16 << 20


def write_bundle(
    store: Store,
    path: Path,
    versions: Sequence[str],
    arches: Sequence[str] = ("x86_64",),
    progress: Progress = silent,
) -> Path:
    """Loads what is missing, then writes ``path``, whole or not at all.

    ``arches`` are ``x86_64`` and ``aarch64``. Raises what ``Store.ensure`` raises,
    ``not-permitted`` or ``disk-full`` for the file itself.
    """
    platforms = [f"linux-{arch}" for arch in arches]
    found: dict[str, Blob] = {}
    for version in versions:
        for platform in platforms:
            ready = store.ensure(store.prepare(version, platform=platform), progress)
            found.update((blob.file, blob) for part in ready for blob in part.blobs)
    index = {
        "schema": SCHEMA,
        "platforms": platforms,
        "kafka": [json.loads(_lock(store, version).to_json()) for version in versions],
    }
    _write(store, path, json.dumps(index, indent=1).encode(), [found[key] for key in sorted(found)])
    return path


def load_bundle(store: Store, path: Path, progress: Progress = silent) -> tuple[str, ...]:
    """Takes a bundle's files into the cache; returns its Kafka versions. Needs no network.

    Raises ``artifact-unavailable`` (no such file), ``artifact-corrupt`` (cut short, or bytes that
    no lock names), ``disk-full``, ``not-permitted``.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            return _load(store, archive, progress)
    except FileNotFoundError as error:
        raise fail("artifact-unavailable", f"{path}: no such file") from error
    except (tarfile.TarError, EOFError) as error:
        hint = "copy it again, or write it again with provision fetch -o"
        raise fail("artifact-corrupt", f"{path} is not a complete bundle: {error}", hint) from error


def _lock(store: Store, version: str) -> KafkaLock:
    lock = store.lock(version)
    assert lock is not None  # ensure() made it
    return lock


def _write(store: Store, path: Path, index: bytes, blobs: Sequence[Blob]) -> None:
    descriptor, name = -1, ""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode="w") as archive:
                archive.addfile(_info(INDEX, len(index)), io.BytesIO(index))
                for blob in blobs:
                    with store.cache.open(blob) as stream:
                        archive.addfile(_info("files/" + blob.file, blob.size), stream)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _explain(path, error) from error
        raise


def _explain(path: Path, error: OSError) -> ProvisionError:
    code = "disk-full" if "space" in (error.strerror or "") else "not-permitted"
    return fail(code, f"{path} cannot be written: {error.strerror}", "give another place with -o")


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, MTIME
    return info


def _load(store: Store, archive: tarfile.TarFile, progress: Progress) -> tuple[str, ...]:
    index, own = _index(archive)
    wanted = _wanted(index)
    total, done = sum(blob.size for blob in wanted.values()), 0
    with store.cache.lock(store.note), store.cache.scratch() as folder:
        for member in archive:
            if member.name == INDEX:
                continue
            blob = wanted.pop(member.name, None)
            if blob is None:
                raise fail(
                    "artifact-corrupt",
                    f"the bundle holds {member.name[:200]!r}, which is in no lock file",
                    "write it again with this release: provision fetch -o",
                )
            _take(store, archive, member, blob, folder)
            progress(done := done + blob.size, total, "bundle")
    if wanted:
        missing = ", ".join(sorted(blob.name for blob in wanted.values())[:3])
        raise fail("artifact-corrupt", f"the bundle lacks {len(wanted)} files: {missing} …")
    for lock in own:
        if store.lock(lock.version) is None:
            store.keep(lock)
    return tuple(str(lock["kafka"]) for lock in index["kafka"])


def _index(archive: tarfile.TarFile) -> tuple[dict[str, Any], list[KafkaLock]]:
    """The bundle's index, and its locks of versions that do not ship with this release."""
    first = archive.next()
    stream = archive.extractfile(first) if first and first.name == INDEX else None
    if stream is None:
        raise fail("artifact-corrupt", f"not a bundle: its first file is not {INDEX}")
    try:
        index = json.loads(stream.read(INDEX_LIMIT))
        if index["schema"] != SCHEMA:
            raise fail("artifact-corrupt", f"a bundle of schema {index['schema']}, not {SCHEMA}")
        parsed = [locks.parse_kafka(json.dumps(lock), INDEX) for lock in index["kafka"]]
        platforms = set(index["platforms"])
    except (ValueError, KeyError, TypeError) as error:
        raise fail("artifact-corrupt", f"the bundle's {INDEX} cannot be read: {error}") from error
    for lock in parsed:
        locks.check_version(lock.version)
    index["platforms"] = sorted(platforms & set(locks.java_lock()["platforms"]))
    return index, [lock for lock in parsed if locks.shipped_kafka(lock.version) is None]


def _wanted(index: dict[str, Any]) -> dict[str, Blob]:
    """Which files may and must be in the bundle: by locks that ship, else by its own."""
    blobs: list[Blob] = []
    for data in index["kafka"]:
        own = locks.parse_kafka(json.dumps(data), INDEX)
        blobs += (locks.shipped_kafka(own.version) or own).blobs
    for platform in index["platforms"]:
        blobs += locks.java(platform).blobs
    return {"files/" + blob.file: blob for blob in blobs}


def _take(
    store: Store, archive: tarfile.TarFile, member: tarfile.TarInfo, blob: Blob, folder: Path
) -> None:
    if store.cache.has(blob):
        return
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None or member.size != blob.size:
        raise fail("artifact-corrupt", f"{blob.name} in the bundle does not match its lock file")
    target = folder / "blob"
    with store.cache.writing(blob.size), stream, target.open("wb") as out:
        while data := stream.read(1 << 20):
            out.write(data)
    store.cache.put(blob, target)
