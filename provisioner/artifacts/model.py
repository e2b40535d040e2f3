"""What the artifact store deals in: blobs in the cache, entries of a tree, distributions.

A *blob* is a file of the cache (a jar, a wheel). An *entry* is one regular file of a distribution:
a whole blob, a member of a zip blob, or a few bytes that ship with this package. A distribution's
digest follows from its entries alone, so that a plan can name it without touching a byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from provisioner.errors import ProvisionError, fail
from provisioner.spec.types import Source

SUMS = "SHA256SUMS"
MAVEN = Source()
PLATFORMS = ("linux-x86_64", "linux-aarch64")

Note = Callable[[str], None]
"""Takes one sentence for the person at the terminal."""


class Progress(Protocol):
    """Told how far a download is: bytes done, bytes in all (0: not known yet), what it is."""

    def __call__(self, done: int, total: int, label: str) -> None: ...


def silent(done: int, total: int, label: str) -> None:
    """A ``Progress`` that tells nobody."""


def quiet(message: str) -> None:
    """A ``Note`` that tells nobody."""


@dataclass(frozen=True)
class Blob:
    """A file of the cache, known by its SHA-256 (64 hex digits) and size in bytes.

    ``origin`` says who can bring it: ``maven:G:A[:P:C]:V``, ``pypi:NAME==VERSION:PLATFORM-TAG``,
    ``made:WHAT``, or empty for what came out of a tarball of the user's.
    """

    name: str
    size: int
    sha256: str
    origin: str = ""

    @property
    def file(self) -> str:
        """Its name in the cache: readable, and different for different content."""
        return f"{self.sha256[:16]}-{self.name}"


@dataclass(frozen=True)
class Entry:
    """One regular file of a distribution, by its path relative to the distribution's folder."""

    path: str
    size: int
    sha256: str
    mode: int = 0o644
    blob: Blob | None = None
    member: str = ""
    data: bytes | None = None


@dataclass(frozen=True)
class Distribution:
    """An immutable folder on a host: ``KIND-VERSION-DIGEST8``.

    ``digest`` is 64 hex digits: the SHA-256 of the text of its ``SHA256SUMS``. A class-data archive
    (kind ``cds``) is the exception: two runs never make the same bytes, so its digest names what it
    was made *from*, and it is known before it was made.
    """

    kind: str
    version: str
    digest: str
    entries: tuple[Entry, ...]
    platform: str = ""

    @property
    def folder(self) -> str:
        return f"{self.kind}-{self.version}-{self.digest[:8]}"

    @property
    def sums(self) -> str:
        """The text of its ``SHA256SUMS``."""
        return sums(self.entries)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """What has to be in the cache before it can be opened, each once, by name."""
        found = {entry.blob.file: entry.blob for entry in self.entries if entry.blob is not None}
        return tuple(found[key] for key in sorted(found))

    @property
    def size(self) -> int:
        """Bytes on the host's disk, without the file system's overhead."""
        return sum(entry.size for entry in self.entries) + len(self.sums)

    def __repr__(self) -> str:
        return f"Distribution({self.folder}, {len(self.entries)} files)"


@dataclass(frozen=True)
class Request:
    """What a spec says about Kafka and Java, for hosts of one platform (one of ``PLATFORMS``).

    ``java`` is ``bundled``, ``system`` or a path; ``mode`` is ``zookeeper`` or ``kraft`` where a
    class-data archive is wanted, else empty.
    """

    version: str
    source: Source = MAVEN
    java: str = "bundled"
    platform: str = "linux-x86_64"
    mode: str = ""


@dataclass(frozen=True)
class Prepared:
    """What a host of one platform needs; None where nothing is to be shipped.

    ``pending`` is empty, or says why ``kafka`` and ``scripts`` cannot be known before ``ensure``.
    ``cds`` may be named before it was made: then it has no entries.
    """

    request: Request

    kafka: Distribution | None = None
    java: Distribution | None = None
    scripts: Distribution | None = None
    cds: Distribution | None = None
    pending: str = ""

    def __iter__(self) -> Iterator[Distribution]:
        parts = (self.kafka, self.java, self.scripts, self.cds)
        return iter([part for part in parts if part is not None])


def sums(entries: Iterable[Entry]) -> str:
    """``<sha256>  <path>`` of every entry, by path, as ``sha256sum -c`` reads it."""
    rows = sorted((entry.path, entry.sha256) for entry in entries)
    return "".join(f"{digest}  {path}\n" for path, digest in rows)


def distribution(
    kind: str, version: str, entries: Iterable[Entry], platform: str = ""
) -> Distribution:
    """A distribution of these entries; its digest is that of their sums."""
    ordered = tuple(sorted(entries, key=lambda entry: entry.path))
    digest = hashlib.sha256(sums(ordered).encode()).hexdigest()
    return Distribution(kind, version, digest, ordered, platform)


def inline(path: str, data: bytes, mode: int = 0o644) -> Entry:
    """An entry whose bytes are at hand."""
    return Entry(path, len(data), hashlib.sha256(data).hexdigest(), mode, data=data)


def check_platform(platform: str) -> None:
    """Raises ``not-supported`` for a platform that no bundled Java exists for."""
    if platform not in PLATFORMS:
        raise fail(
            "not-supported",
            f"no bundled Java for {platform}: there is one for {' and '.join(PLATFORMS)} (glibc)",
            "install Java 17 or newer on the host and set `java: system` under `kafka`",
        )


def unavailable(message: str, hint: str) -> ProvisionError:
    """What cannot be had: the error every source raises."""
    return fail("artifact-unavailable", message, hint)
