"""The store: what a cluster needs by name, on this machine's disk, and as a stream for a host.

``prepare`` is for planning: milliseconds, no network, nothing written. ``ensure`` is for applying:
it loads what is missing. ``open`` gives the packed bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.artifacts import cds, locks
from provisioner.artifacts.cache import Cache, write_whole
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import (
    MAVEN,
    Blob,
    Distribution,
    Entry,
    Note,
    Prepared,
    Progress,
    Request,
    check_platform,
    distribution,
    inline,
    quiet,
    silent,
)
from provisioner.artifacts.scripts import scripts
from provisioner.errors import ProvisionError, fail
from provisioner.spec.types import Source

if TYPE_CHECKING:
    from provisioner.artifacts.pack import TarStream

# What only loading and packing need is imported where it is used: planning imports this module.
CONFIG = Path(__file__).parent / "config"


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

    ``locks_folder`` (the spec's) is where locks of versions that do not ship are kept; None: only
    in the cache. ``note`` gets sentences for the person at the terminal, warnings among them.
    """

    def __init__(
        self, cache: Cache | None = None, locks_folder: Path | None = None, note: Note = quiet
    ) -> None:
        self.cache = cache or Cache(note=note)
        self.locks_folder = locks_folder
        self.note = note
        self._known: dict[str, tuple[Distribution, str]] = {}

    def prepare(
        self,
        version: str,
        source: Source = MAVEN,
        java: str = "bundled",
        platform: str = "linux-x86_64",
        mode: str = "",
    ) -> Prepared:
        """What these words of a spec mean on a host of that platform; offline, in milliseconds.

        ``mode`` (``zookeeper``, ``kraft``) asks for a class-data archive too. Raises
        ``not-supported`` for a bundled Java on another platform, ``invalid-spec`` for what is not
        a version, ``artifact-corrupt`` for a bad lock.
        """
        return self._prepare(Request(version, source, java, platform, mode))

    def ensure(self, prepared: Prepared, progress: Progress = silent) -> Prepared:
        """The same, nothing pending, with every byte in the cache; no network if it is all there.

        A class-data archive that is missing stays so (see ``with_archive``).
        Raises ``artifact-unavailable``, ``artifact-corrupt``, ``disk-full``,
        ``not-permitted``, ``invalid-spec`` (a tarball of another version).
        """
        if prepared.pending:
            self._resolve(prepared.request, progress)
            prepared = self._prepare(prepared.request)
        parts = [part for part in (prepared.kafka, prepared.java) if part is not None]
        self._load(parts, prepared.request, progress)
        return self._remember(prepared)

    def lacks_archive(self, prepared: Prepared) -> bool:
        """Whether its class-data archive is to be made yet, and can be: Kafka and Java are in the
        cache."""
        kafka, java, archive = prepared.kafka, prepared.java, prepared.cds
        if kafka is None or java is None or archive is None or archive.entries:
            return False
        if cds.given_up(self.cache, kafka, java, prepared.request.mode):
            return False
        return all(self.cache.has(blob) for part in (kafka, java) for blob in part.blobs)

    def with_archive(self, prepared: Prepared, progress: Progress = silent) -> Prepared:
        """The same with its class-data archive, made now if need be: 10 s of one processor.

        As it was, and a sentence to ``note``, where it cannot be made, and where Kafka or Java is
        not in the cache.
        """
        kafka, java, archive = prepared.kafka, prepared.java, prepared.cds
        if kafka is None or java is None or not self.lacks_archive(prepared):
            return prepared
        mode = prepared.request.mode
        made = cds.make_archive(self.cache, kafka, java, mode, self.note, progress)
        return self._remember(replace(prepared, cds=made or archive))

    def open(self, what: Distribution | str) -> TarStream:
        """The packed distribution, by itself or by its digest once this store prepared it.

        A blob found corrupt is loaded again, where that is possible. Raises
        ``artifact-corrupt``, ``artifact-unavailable``.
        """
        digest = what if isinstance(what, str) else what.digest
        if digest not in self._known and isinstance(what, str):
            raise fail("internal", f"no distribution {what} was prepared here")
        part, version = self._known.get(digest, (what, ""))
        assert isinstance(part, Distribution)
        try:
            return self._verified(part)
        except ProvisionError:
            self._fetch(part.blobs, part.kind, version or part.version, silent)
            return self._verified(part)

    def lock(self, version: str, source: Source = MAVEN) -> KafkaLock | None:
        """The lock of a version or of a tarball, None where there is none yet."""
        if source.kind != "maven":
            from provisioner.artifacts import tarball

            return tarball.known(self.cache, source, version)
        found = locks.find_kafka(version, self.locks_folder)
        if found is None and (text := self.cache.text(own_name(version))) is not None:
            found = locks.parse_kafka(text, str(self.cache.root / own_name(version)))
        return found

    def keep(self, lock: KafkaLock) -> None:
        """Holds a version that does not ship to these bytes from now on, and says so."""
        place = str(self.cache.root / own_name(lock.version))
        self.cache.put_text(own_name(lock.version), lock.to_json())
        if self.locks_folder is not None:
            path = locks.own_path(self.locks_folder, lock.version)
            write_whole(path, lock.to_json().encode())
            place = str(path)
        self.note(
            f"Kafka {lock.version}: trusted on first use; {place} "
            f"pins these {len(lock.files)} files from now on"
        )

    def _prepare(self, request: Request) -> Prepared:
        java = None
        if request.java == "bundled":
            check_platform(request.platform)
            java = locks.java(request.platform)
        locks.check_version(request.version)
        if request.source.kind == "preinstalled":
            return self._remember(Prepared(request, java=java))
        lock = self.lock(request.version, request.source)
        if lock is None:
            return Prepared(request, java=java, pending=_pending(request))
        kafka = kafka_distribution(lock)
        archive = None
        if java is not None and request.mode:
            archive = cds.known(self.cache, kafka, java, request.mode)
        return self._remember(Prepared(request, kafka, java, scripts(lock), archive))

    def _verified(self, part: Distribution) -> TarStream:
        from provisioner.artifacts.pack import TarStream

        for blob in part.blobs:
            self.cache.open(blob).close()
        return TarStream(self.cache, part)

    def _remember(self, prepared: Prepared) -> Prepared:
        version = prepared.request.version
        self._known.update((part.digest, (part, version)) for part in prepared)
        return prepared

    def _load(self, parts: Iterable[Distribution], request: Request, progress: Progress) -> None:
        """Everything side by side. What came out of a tarball comes out of it again."""
        wanted = list(parts)
        label = " and ".join(f"{part.kind} {part.version}" for part in wanted)
        blobs = [blob for part in wanted for blob in part.blobs]
        gone = [blob for blob in blobs if not blob.origin and not self.cache.has(blob)]
        if gone and request.source.kind in ("path", "url"):
            self._unpack(request, progress)
        self._fetch(blobs, label, request.version, progress)
        if request.source.kind == "maven" and self.locks_folder is not None:
            self._settle(request.version)

    def _fetch(self, blobs: Iterable[Blob], label: str, version: str, progress: Progress) -> None:
        missing = [blob for blob in blobs if not self.cache.has(blob)]
        if missing:
            from provisioner.artifacts.download import fetch_missing

            fetch_missing(self.cache, missing, label, version, progress, self.note)

    def _settle(self, version: str) -> None:
        """A lock that came with a bundle is put beside the spec the first time it is used there."""
        if locks.find_kafka(version, self.locks_folder) is None:
            lock = self.lock(version)
            if lock is not None:
                self.keep(lock)

    def _resolve(self, request: Request, progress: Progress) -> None:
        if request.source.kind == "maven":
            self._first_use(request.version, progress)
        else:
            self._unpack(request, progress)

    def _unpack(self, request: Request, progress: Progress) -> None:
        from provisioner.artifacts import tarball

        tarball.unpack(self.cache, request.source, request.version, progress, self.note)

    def _first_use(self, version: str, progress: Progress) -> None:
        """A version without a lock: its lock is what Maven Central has today."""
        from provisioner.artifacts import maven

        loaded = 0

        def count(size: int) -> None:
            nonlocal loaded
            loaded += size
            progress(loaded, 0, f"kafka {version}")

        with self.cache.lock(self.note), self.cache.scratch() as folder:
            with self.cache.writing(0):
                lock, jars = maven.resolve(version, folder, count)
            for blob in lock.blobs:
                self.cache.put(blob, jars[blob.sha256])
        self.keep(lock)


def own_name(version: str) -> str:
    """Where in the cache the lock of a version that does not ship is kept."""
    return f"locks/kafka-{version}.lock.json"


def _pending(request: Request) -> str:
    if request.source.kind == "maven":
        return f"Kafka {request.version} has no lock yet: the first download writes it"
    return f"{request.source.location} was not unpacked here yet"
