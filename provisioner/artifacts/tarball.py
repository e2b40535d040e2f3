"""Kafka from an official tarball, a file or a URL, that the spec pins by its SHA-512.

Its jars, configuration and licences go into the cache like any others; what it held is noted
under its SHA-512, so that the next plan knows the distribution without opening it.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from provisioner.artifacts.cache import CHUNK, Cache
from provisioner.artifacts.commands import find_commands
from provisioner.artifacts.locks import PATH, KafkaLock, parse_kafka
from provisioner.artifacts.model import Blob, Note, Progress, unavailable
from provisioner.errors import ProvisionError, fail
from provisioner.spec.types import Source

WANTED = re.compile(r"(?:libs/[^/]+|config/.+|licenses/[^/]+|LICENSE|NOTICE)")
SHA512 = re.compile(r"[0-9a-fA-F]{128}")
CORE = re.compile(r"libs/kafka_2\.\d+-(\d+(?:\.\d+)+[^/]*)\.jar")
SILENCE = 30.0
DEADLINE = 3600.0


def known(cache: Cache, source: Source, version: str) -> KafkaLock | None:
    """What the tarball of this SHA-512 held, None where it was not unpacked here yet.

    Raises ``invalid-spec`` when it holds another version than the spec says.
    """
    name = _note(source)
    text = cache.text(name)
    if text is None:
        return None
    lock = parse_kafka(text, str(cache.root / name))
    if lock.version != version:
        raise _other_version(source, lock.version, version)
    return lock


def unpack(cache: Cache, source: Source, version: str, progress: Progress, note: Note) -> KafkaLock:
    """Checks the tarball's SHA-512, puts its files into the cache and notes what they were.

    Raises ``artifact-unavailable`` (no such file, no answer), ``artifact-corrupt`` (other bytes,
    not a tarball of Kafka), ``invalid-spec`` (another version than the spec says), ``disk-full``.
    """
    with cache.lock(note), cache.scratch() as folder:
        packed = folder / "kafka.tgz"
        with cache.writing(0):
            _bring(source, packed, progress)
            try:
                files = dict(_extract(packed, folder / "files"))
            except (tarfile.TarError, EOFError) as error:
                raise fail("artifact-corrupt", f"{source.location}: {error}") from error
        lock = _lock(source, version, files)
        for path, blob in lock.files.items():
            cache.put(blob, files[path])
        cache.put_text(_note(source), lock.to_json())
    return lock


def _note(source: Source) -> str:
    if not SHA512.fullmatch(source.sha512):
        raise fail(
            "invalid-spec",
            "kafka.source.sha512 is not a SHA-512: 128 hexadecimal digits",
            f"sha512sum {source.location or 'FILE'} prints it",
        )
    return f"tarballs/{source.sha512.lower()}.json"


def _bring(source: Source, target: Path, progress: Progress) -> None:
    """A checked copy: what is unpacked is what was hashed, whoever else writes to the original."""
    digest, done, since = hashlib.sha512(), 0, time.monotonic()
    try:
        stream, total = _open(source)
        with stream, target.open("wb") as out:
            for data in iter(lambda: stream.read(CHUNK), b""):
                digest.update(data)
                out.write(data)
                progress(done := done + len(data), total, source.location)
                if time.monotonic() - since > DEADLINE:
                    raise TimeoutError(f"not complete after {DEADLINE:.0f} s")
    except OSError as error:
        if error.errno is not None and not isinstance(error, FileNotFoundError):
            raise  # this machine's disk; what the network says has no errno of its own
        raise unavailable(
            f"{source.location}: {error.strerror or error}",
            "say where the tarball is under kafka.source, or leave kafka.source out (Maven)",
        ) from error
    if digest.hexdigest() != source.sha512.lower():
        raise fail(
            "artifact-corrupt",
            f"{source.location} has SHA-512 {digest.hexdigest()[:16]}…, "
            f"the spec says {source.sha512[:16]}…",
            "compare both with the .sha512 file beside Apache's download",
        )


def _open(source: Source) -> tuple[BinaryIO, int]:
    """Its bytes and how many there are (0: not said). A ``file:`` URL is a path."""
    if source.kind == "path":
        path = Path(source.location).expanduser()
        return path.open("rb"), path.stat().st_size
    if not source.location.startswith(("https:", "http:", "file:")):
        raise fail(
            "invalid-spec", f"kafka.source.url: {source.location} is not http, https or file"
        )
    import urllib.request  # slow to import, seldom wanted

    answer = urllib.request.urlopen(source.location, timeout=SILENCE)
    return answer, int(answer.headers.get("Content-Length") or 0)


def _extract(packed: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Each wanted regular file: its path below Kafka's folder, and where it was put."""
    folder.mkdir()
    with tarfile.open(packed, "r|*") as archive:
        for number, member in enumerate(archive):
            path = member.name.removeprefix("./").partition("/")[2]
            if not member.isreg() or not WANTED.fullmatch(path) or ".." in path.split("/"):
                continue
            if not PATH.fullmatch(path):
                raise fail("artifact-corrupt", f"{path!r} is not a valid name of a Kafka file")
            stream = archive.extractfile(member)
            assert stream is not None
            target = folder / str(number)
            with stream, target.open("wb") as out:
                for data in iter(_reader(stream.read), b""):
                    out.write(data)
            yield path, target


def _reader(read: Callable[[int], bytes]) -> Callable[[], bytes]:
    return lambda: read(CHUNK)


def _lock(source: Source, version: str, files: dict[str, Path]) -> KafkaLock:
    found = [match[1] for path in files if (match := CORE.fullmatch(path))]
    if not found:
        raise fail("artifact-corrupt", f"{source.location} holds no libs/kafka_2.13-VERSION.jar")
    if version not in found:
        raise _other_version(source, found[0], version)
    blobs = {}
    for path, place in files.items():
        data = place.read_bytes()
        blobs[path] = Blob(path.rpartition("/")[2], len(data), hashlib.sha256(data).hexdigest())
    jars = [files[path] for path in sorted(files) if path.endswith(".jar")]
    return KafkaLock(version, blobs, find_commands(jars))


def _other_version(source: Source, found: str, version: str) -> ProvisionError:
    return fail(
        "invalid-spec",
        f"{source.location} holds Kafka {found}, the spec says {version}",
        f'say `version: "{found}"` under `kafka`, or give the other tarball',
    )
