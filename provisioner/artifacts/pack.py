"""A distribution as a compressed tar stream, made while it is read: nothing is kept packed.

gzip allows a file to be many members in a row. So a file that lies deflated in a wheel goes in with
the very bytes that lie there, and what stands between such files as *stored* members. Packing
105 MB of Java thus costs what copying 34 MB costs, and the size of the stream is known before its
first byte. Kafka's jars are compressed already: a distribution of nothing else goes as a plain tar,
of which a host unpacks 57 MB in half the time (bench: 0.35 s of CPU instead of 0.64).
The same distribution always gives the same stream.
"""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from provisioner.artifacts.cache import CHUNK, Cache, corrupt
from provisioner.artifacts.model import SUMS, Blob, Distribution, Entry, inline
from provisioner.errors import fail

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
BLOCK = 0xFFFF
TAR_BLOCK = 512
MTIME = 946684800
"""2000-01-01 UTC: a date that ``tar`` does not warn about, the same in every stream."""


@dataclass(frozen=True)
class Member:
    """Where the deflated bytes of a zip member lie: offset and length in the blob, and its CRC."""

    offset: int
    length: int
    crc: int
    deflated: bool


class TarStream:
    """The packed distribution, as often as it is iterated: chunks of bytes, ``total`` in all.

    ``packed`` tells whether it is gzip's format, or plain tar's. Paths in it are relative to the
    distribution's folder. Iterating raises ``artifact-corrupt`` when a blob changed under it; what
    came until then must be thrown away.
    """

    def __init__(self, cache: Cache, what: Distribution) -> None:
        sums = inline(SUMS, what.sums.encode())
        self._cache = cache
        self.entries = tuple(sorted((*what.entries, sums), key=lambda entry: entry.path))
        self._members = {blob: members_of(cache, blob) for blob in _zips(self.entries)}
        self.packed = any(self._deflated(entry) for entry in self.entries)
        self.total = sum(self._size(entry) for entry in self.entries)
        self.total += sum(self._stored_size(len(data)) for data in self._joints())

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[bytes]:
        joints = self._joints()
        for entry, joint in zip(self.entries, joints, strict=False):
            yield from self._stored([joint], len(joint))
            yield from self._content(entry)
        yield from self._stored([last := list(self._joints())[-1]], len(last))

    def _joints(self) -> Iterator[bytes]:
        """What stands between contents: padding of the last one and the next one's headers."""
        padding, folders = b"", {""}
        for entry in self.entries:
            yield padding + _folders(entry.path, folders) + _header(entry)
            padding = bytes(-entry.size % TAR_BLOCK)
        yield padding + bytes(2 * TAR_BLOCK)

    def _size(self, entry: Entry) -> int:
        """Length of an entry's content in the stream, in bytes; an empty file has none."""
        member = self._deflated(entry)
        if member is not None:
            return len(HEADER) + member.length + 8
        return self._stored_size(entry.size) if entry.size else 0

    def _deflated(self, entry: Entry) -> Member | None:
        """The zip member whose bytes go in as they lie there."""
        if not entry.size or entry.blob is None or not entry.member:
            return None
        member = self._members[entry.blob][entry.member]
        return member if member.deflated else None

    def _stored_size(self, size: int) -> int:
        return _stored_size(size) if self.packed else size

    def _stored(self, chunks: Iterable[bytes], size: int) -> Iterable[bytes]:
        return _stored(chunks, size) if self.packed else chunks

    def _content(self, entry: Entry) -> Iterator[bytes]:
        if entry.size == 0:
            return
        if entry.blob is None:
            yield from self._stored([entry.data or b""], entry.size)
            return
        with self._cache.open(entry.blob) as stream:
            if not entry.member:
                yield from self._stored(_read(stream, entry.size), entry.size)
            else:
                yield from self._spliced(stream, entry)
        if not self._cache.unchanged(entry.blob):
            raise corrupt(entry.blob, "it changed while it was read; run it again")

    def _spliced(self, stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
        assert entry.blob is not None
        member = self._members[entry.blob][entry.member]
        stream.seek(member.offset)
        if not member.deflated:
            yield from self._stored(_read(stream, entry.size), entry.size)
            return
        yield HEADER
        yield from _read(stream, member.length)
        yield struct.pack("<II", member.crc, entry.size & 0xFFFFFFFF)


def _zips(entries: tuple[Entry, ...]) -> list[Blob]:
    found = {entry.blob.file: entry.blob for entry in entries if entry.blob and entry.member}
    return list(found.values())


def members_of(cache: Cache, blob: Blob) -> dict[str, Member]:
    """Where each member of a zip blob lies. Its bytes are verified as a whole first."""
    with cache.open(blob) as stream, zipfile.ZipFile(stream) as archive:
        return {info.filename: _member(stream, info) for info in archive.infolist()}


def _member(stream: BinaryIO, info: zipfile.ZipInfo) -> Member:
    """The local header repeats the name and has extra fields of its own before the data."""
    stream.seek(info.header_offset + 26)
    name, extra = struct.unpack("<HH", stream.read(4))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise fail("artifact-corrupt", f"{info.filename} uses an unsupported compression method")
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    start = info.header_offset + 30 + name + extra
    return Member(start, info.compress_size, info.CRC, deflated)


def _read(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0:
        data = stream.read(min(size, CHUNK))
        if not data:
            raise fail("artifact-corrupt", "a file of the cache ended early", "run it again")
        size -= len(data)
        yield data


def _stored_size(size: int) -> int:
    return len(HEADER) + size + 5 * max(1, -(-size // BLOCK)) + 8


def _stored(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """One gzip member that holds ``size`` bytes uncompressed, in blocks of at most 65,535."""
    crc, left, rest = 0, size, b""
    out = [HEADER]
    for chunk in chunks:
        crc = zlib.crc32(chunk, crc)
        rest += chunk
        while len(rest) >= BLOCK or (rest and len(rest) == left):
            block, rest = rest[:BLOCK], rest[BLOCK:]
            left -= len(block)
            out += [struct.pack("<BHH", left == 0, len(block), len(block) ^ BLOCK), block]
        yield b"".join(out)
        out = []
    yield struct.pack("<II", crc, size & 0xFFFFFFFF)


def _folders(path: str, done: set[str]) -> bytes:
    """Headers of the folders above ``path`` that did not come yet."""
    parts = path.split("/")[:-1]
    headers = b""
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if folder not in done:
            done.add(folder)
            info = _info(folder, 0o755)
            info.type = tarfile.DIRTYPE
            headers += info.tobuf(tarfile.GNU_FORMAT)
    return headers


def _header(entry: Entry) -> bytes:
    info = _info(entry.path, entry.mode)
    info.size = entry.size
    return info.tobuf(tarfile.GNU_FORMAT)


def _info(path: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime, info.uname, info.gname = mode, MTIME, "root", "root"
    return info
