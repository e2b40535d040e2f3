"""Class-data archives: a broker that starts in half the time, for one Kafka and one Java.

Made once on this machine by one deliberate throw-away broker on loopback ports: ``base.jsa`` from
``-Xshare:dump`` (the bundled Java ships none), ``kafka.jsa`` from ``-XX:ArchiveClassesAtExit``.
Used as ``-XX:SharedArchiveFile=DIR/base.jsa:DIR/kafka.jsa`` where DIR is ``.provision/dist/FOLDER``
of a Kafka home, by a Java whose working directory is that home, with a class path that lists the
jars of ``.provision/dist/KAFKA/libs`` by absolute path, sorted by name (C locale); more may follow.
Where the home lies, which Java folder and which garbage collector it is need not be as here.
Whatever does not fit costs only the speed: Java then runs without.

An archive is an optimisation: what goes wrong here is a warning, never an error.
"""

from __future__ import annotations

import hashlib
import json
import platform

from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import (
    Blob,
    Distribution,
    Entry,
    Note,
    Progress,
    distribution,
    quiet,
    silent,
)
from provisioner.errors import ProvisionError

RECIPE = "3"
"""Changed when an archive made by other flags would be better: then all are made anew."""

MODES = ("zookeeper", "kraft")
ORIGIN = "made:cds"


def key_of(kafka: Distribution, java: Distribution, mode: str) -> str:
    """What an archive is made from, as 64 hex digits: its digest, known before it is made."""
    parts = ("cds", RECIPE, kafka.digest, java.digest, java.platform, mode)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def modes_of(version: str) -> tuple[str, ...]:
    """The modes that a version of Kafka has."""
    return MODES if int(version.split(".")[0]) < 4 else ("kraft",)


def can_make(java: Distribution) -> bool:
    """This machine can run that Java."""
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}-{machine}" == java.platform


def known(cache: Cache, kafka: Distribution, java: Distribution, mode: str) -> Distribution | None:
    """The archive if it was made, its name alone (no entries) if it can be made here; None
    otherwise. Offline and fast."""
    key = key_of(kafka, java, mode)
    made = _made(cache, key, kafka.version, java.platform)
    if made is not None:
        return made
    if not can_make(java) or not cache.vouches_for(_note(key)):
        return None  # one that is not to be trusted afterwards is not made
    return Distribution("cds", kafka.version, key, (), java.platform)


def given_up(cache: Cache, kafka: Distribution, java: Distribution, mode: str) -> bool:
    """It could not be made here before."""
    return cache.text(_failed(key_of(kafka, java, mode))) is not None


def make_archive(
    cache: Cache,
    kafka: Distribution,
    java: Distribution,
    mode: str,
    note: Note = quiet,
    progress: Progress = silent,
) -> Distribution | None:
    """The archive for a broker of this Kafka on this Java, made now unless the cache has it.

    ``mode`` is one of ``MODES``. Takes about 10 s, once, with Kafka and Java in the cache. None,
    and a sentence to ``note``, where it cannot be made; what failed here before is not tried again
    until its note is removed.
    """
    key = key_of(kafka, java, mode)
    found = _whole(cache, key, kafka.version, java.platform)
    if found is not None:
        return found
    if mode not in MODES or not can_make(java) or given_up(cache, kafka, java, mode):
        return None
    named = Distribution("cds", kafka.version, key, (), java.platform)
    from provisioner.artifacts import recording  # slow to import, wanted once

    try:
        with cache.lock(note), cache.scratch() as folder:
            # Another process made it while this one waited for the cache.
            found = _whole(cache, key, kafka.version, java.platform)
            if found is not None:
                return found
            progress(0, 1, "class-data archive")
            packed = recording.record(cache, kafka, java, mode, named.folder, folder)
            cache.put_text(_note(key), recording.keep(cache, packed, ORIGIN))
            cache.forget(_failed(key))
            progress(1, 1, "class-data archive")
    except recording.FAILURES as error:
        _give_up(cache, key, error, note)
        return None
    return _made(cache, key, kafka.version, java.platform)


def _give_up(cache: Cache, key: str, error: Exception, note: Note) -> None:
    text = str(error).strip() or type(error).__name__
    note(f"no class-data archive, brokers start slower: {text}")
    try:
        cache.put_text(_failed(key), text + "\n")
    except (OSError, ProvisionError):
        return


def _whole(cache: Cache, key: str, version: str, system: str) -> Distribution | None:
    """The archive that was made, every byte of it checked."""
    found = _made(cache, key, version, system)
    return found if found is not None and all(cache.has(blob) for blob in found.blobs) else None


def _made(cache: Cache, key: str, version: str, system: str) -> Distribution | None:
    text = cache.text(_note(key))
    if text is None:
        return None
    try:
        data = json.loads(text)
        blob = Blob("cds.zip", data["size"], data["sha256"], ORIGIN)
        entries = [
            Entry(name, size, digest, 0o644, blob, name)
            for name, (size, digest) in data["files"].items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not cache.path(blob).is_file():
        return None
    found = distribution("cds", version, entries, system)
    return Distribution("cds", version, key, found.entries, system)


def _note(key: str) -> str:
    return f"cds/{key[:32]}.json"


def _failed(key: str) -> str:
    return f"cds/{key[:32]}.failed"
