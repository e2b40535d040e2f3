"""The store: what a cluster needs by name, on this machine's disk, and as a stream for a host.

``prepare`` is for planning: milliseconds, no network, nothing written. ``ensure`` is for applying:
it loads what is missing. ``open`` gives the packed bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from provisioner.artifacts import locks, maven
from provisioner.artifacts.cache import Cache, write_whole
from provisioner.artifacts.download import fetch_missing
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import (
    Distribution,
    Entry,
    Note,
    Prepared,
    Progress,
    check_platform,
    distribution,
    inline,
    quiet,
    silent,
)
from provisioner.artifacts.pack import TarStream
from provisioner.artifacts.scripts import scripts
from provisioner.errors import ProvisionError, fail
from provisioner.spec.types import Source

CONFIG = Path(__file__).parent / "config"
MAVEN = Source()


def kafka_distribution(lock: KafkaLock) -> Distribution:
    """Kafka's files of this lock, with the example ``config/`` that Maven does not have."""
    entries = {p: Entry(p, b.size, b.sha256, blob=b) for p, b in lock.files.items()}
    if not any(path.startswith("config/") for path in entries):
        entries.update((entry.path, entry) for entry in _config(lock.version))
    return distribution("kafka", lock.version, entries.values())


def _config(version: str) -> list[Entry]:
    old = int(version.split(".")[0]) < 4
    log4j = ("log4j.properties", "tools-log4j.properties")
    log4j2 = ("log4j2.yaml", "tools-log4j2.yaml")
    names = ("producer.properties", "consumer.properties", *(log4j if old else log4j2))
    return [inline("config/" + name, (CONFIG / name).read_bytes()) for name in names]


class Store:
    """What can be had, and where it is kept. Thread-safe.

    ``locks_folder`` (the spec's) is where locks of versions that do not ship are kept; None: such
    versions have no lock before and none after. ``note`` gets sentences for the terminal.
    """

    def __init__(
        self, cache: Cache | None = None, locks_folder: Path | None = None, note: Note = quiet
    ) -> None:
        self.cache = cache or Cache()
        self.locks_folder = locks_folder
        self.note = note
        self._known: dict[str, Distribution] = {}

    def prepare(
        self,
        version: str,
        source: Source = MAVEN,
        java: str = "bundled",
        platform: str = "linux-x86_64",
    ) -> Prepared:
        """What these words of a spec mean on a host of that platform; offline, in milliseconds.

        Raises ``not-supported`` for a bundled Java on another platform, ``invalid-spec`` for what
        is not a version, ``artifact-corrupt`` for a bad lock.
        """
        runtime = None
        if java == "bundled":
            check_platform(platform)
            runtime = locks.java(platform)
        locks.check_version(version)
        if source.kind == "preinstalled":
            return self._remember(Prepared(java=runtime))
        lock = self._lock(version, source)
        if lock is None:
            return Prepared(java=runtime, pending=f"Kafka {version} has no lock yet")
        return self._remember(Prepared(kafka_distribution(lock), runtime, scripts(lock)))

    def ensure(
        self,
        version: str,
        source: Source = MAVEN,
        java: str = "bundled",
        platform: str = "linux-x86_64",
        progress: Progress = silent,
    ) -> Prepared:
        """The same, with every byte of it in the cache. Needs no network when it is already.

        Raises ``artifact-unavailable``, ``artifact-corrupt``, ``disk-full``, ``not-permitted``.
        """
        found = self.prepare(version, source, java, platform)
        if found.pending:
            self._resolve(version, progress)
            found = self.prepare(version, source, java, platform)
        for part in found:
            self.load(part, version, progress)
        return found

    def load(self, part: Distribution, version: str, progress: Progress = silent) -> None:
        """Brings one distribution's blobs into the cache."""
        label = f"{part.kind} {part.version}" + (f" {part.platform}" if part.platform else "")
        fetch_missing(self.cache, part.blobs, label, version, progress, self.note)

    def open(self, what: Distribution | str) -> TarStream:
        """The packed distribution, by itself or by its digest once this store prepared it.

        A blob found corrupt is loaded again, where that is possible. Raises
        ``artifact-corrupt``, ``artifact-unavailable``.
        """
        part = self._known.get(what) if isinstance(what, str) else what
        if part is None:
            raise fail("internal", f"no distribution {what} was prepared here")
        try:
            return self._verified(part)
        except ProvisionError:
            self.load(part, part.version)
            return self._verified(part)

    def _verified(self, part: Distribution) -> TarStream:
        for blob in part.blobs:
            self.cache.open(blob).close()
        return TarStream(self.cache, part)

    def _lock(self, version: str, source: Source) -> KafkaLock | None:
        if source.kind == "maven":
            return locks.find_kafka(version, self.locks_folder)
        return None

    def _remember(self, prepared: Prepared) -> Prepared:
        self._known.update((part.digest, part) for part in prepared)
        return prepared

    def _resolve(self, version: str, progress: Progress) -> None:
        """The first use of a version without a lock: its lock is what Maven Central has today."""
        loaded = 0

        def count(size: int) -> None:
            nonlocal loaded
            loaded += size
            progress(loaded, 0, f"kafka {version}")

        with self.cache.lock(self.note), self.cache.scratch() as folder:
            lock, jars = maven.resolve(version, folder, count)
            for blob in lock.blobs:
                self.cache.put(blob, jars[blob.sha256])
        self._keep(replace(lock, version=version))

    def _keep(self, lock: KafkaLock) -> None:
        if self.locks_folder is None:
            raise fail(
                "artifact-unavailable",
                f"Kafka {lock.version} does not ship with a lock, and there is no place for one",
                f"versions that ship: {', '.join(locks.shipped_versions())}",
            )
        path = locks.own_path(self.locks_folder, lock.version)
        write_whole(path, lock.to_json().encode())
        self.note(
            f"Kafka {lock.version}: trusted on first use; {len(lock.files)} jars are held to "
            f"{path} from now on"
        )
