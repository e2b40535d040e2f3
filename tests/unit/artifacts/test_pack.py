"""The packed stream is a tar.gz that any tar reads, the same every time, of a size told before."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Distribution, Entry, distribution, inline
from provisioner.artifacts.pack import BLOCK, TarStream
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError
from tests.unit.artifacts.conftest import VERSION, blob_of

GZIP = b"\x1f\x8b"
LONG = "a/" * 60 + "name"


def plain(packed: bytes) -> bytes:
    return gzip.decompress(packed) if packed[:2] == GZIP else packed


def unpacked(packed: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(plain(packed))) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None:
                found[member.name] = stream.read()
    return found


SIZES = st.sampled_from(
    [0, 1, 511, 512, 513, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, (1 << 20) + 7]
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cache, Entry]:
    """A cache with a zip, and the deflated file in it."""
    folder = tmp_path_factory.mktemp("wheel")
    data = b"m" * 70_000
    with zipfile.ZipFile(folder / "zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("modules", data)
    blob, cache = blob_of("zip", (folder / "zip").read_bytes()), Cache(folder / "cache")
    cache.put(blob, folder / "zip")
    return cache, Entry("last", 70_000, hashlib.sha256(data).hexdigest(), 0o644, blob, "modules")


@given(st.lists(SIZES, min_size=1, max_size=4), st.booleans())
def test_any_sizes(wheel: tuple[Cache, Entry], sizes: list[int], packed: bool) -> None:
    cache, deflated = wheel
    files = {f"folder/{n}": os.urandom(size) for n, size in enumerate(sizes)}
    entries = [inline(path, data) for path, data in files.items()]
    what = distribution("kafka", "1.0.0", [*entries, *([deflated] if packed else [])])
    stream = TarStream(cache, what)
    sent = b"".join(stream)
    assert (sent[:2] == GZIP) is stream.packed is packed
    assert len(sent) == stream.total == len(stream)
    more = {"last": b"m" * 70_000} if packed else {}
    assert unpacked(sent) == {**files, **more, "SHA256SUMS": what.sums.encode()}


def test_files_of_the_cache_and_long_names(cache: Cache, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "x").write_bytes(data)
    blob = blob_of("x.jar", data)
    cache.put(blob, tmp_path / "x")
    what = distribution("kafka", "1.0.0", [Entry(LONG, blob.size, blob.sha256, 0o644, blob)])
    stream = TarStream(cache, what)
    packed = b"".join(stream)
    assert len(packed) == stream.total
    assert unpacked(packed)[LONG] == data


def test_members_of_a_wheel(store: Store, java: Distribution) -> None:
    store.ensure(store.prepare(VERSION))
    stream = store.open(java)
    packed = b"".join(stream)
    assert len(packed) == stream.total < 10_000  # as deflated as in the wheel: 300 kB of one letter
    assert unpacked(packed)["lib/modules"] == b"m" * 300_000
    assert unpacked(packed)["empty"] == b""


def test_only_what_lies_deflated_goes_by_gzip(store: Store, java: Distribution) -> None:
    ready = store.ensure(store.prepare(VERSION))
    assert ready.kafka is not None
    jars, wheel = store.open(ready.kafka), store.open(java)
    assert (jars.packed, wheel.packed) == (False, True)
    assert b"".join(wheel)[:2] == GZIP
    assert len(b"".join(jars)) == jars.total
    assert jars.total % 512 == 0, "a tar is made of blocks"


def test_same_stream_again(store: Store) -> None:
    ready = store.ensure(store.prepare(VERSION))
    for part in ready:
        assert b"".join(store.open(part)) == b"".join(Store(store.cache).open(part))


def test_digest_is_that_of_the_sums(store: Store) -> None:
    ready = store.ensure(store.prepare(VERSION))
    for part in ready:
        sums = unpacked(b"".join(store.open(part)))["SHA256SUMS"]
        assert hashlib.sha256(sums).hexdigest() == part.digest
        assert [line[66:] for line in sums.decode().splitlines()] == sorted(
            e.path for e in part.entries
        )


def test_tar_and_sha256sum_agree(store: Store, tmp_path: Path) -> None:
    """What a host does with it, with the programs a host has."""
    ready = store.ensure(store.prepare(VERSION))
    for part in ready:
        target = tmp_path / part.folder
        target.mkdir()
        stream = store.open(part.digest)
        how = "-xzf" if stream.packed else "-xf"
        subprocess.run(["tar", how, "-"], input=b"".join(stream), cwd=target, check=True)
        done = subprocess.run(
            ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=target, capture_output=True
        )
        assert done.returncode == 0, done.stdout
        modes = {entry.path: entry.mode for entry in part.entries}
        assert {path: (target / path).stat().st_mode & 0o777 for path in modes} == modes


def test_corrupt_blob_is_loaded_again(store: Store, shelf: object) -> None:
    kafka = store.ensure(store.prepare(VERSION)).kafka
    assert kafka is not None
    good = b"".join(store.open(kafka))
    store.cache.path(kafka.blobs[0]).write_bytes(b"bad")
    assert b"".join(store.open(kafka)) == good


def test_changed_while_it_was_read(store: Store) -> None:
    kafka = store.ensure(store.prepare(VERSION)).kafka
    assert kafka is not None
    stream = iter(store.open(kafka))
    next(stream)
    for blob in kafka.blobs:
        os.utime(store.cache.path(blob))
        data = bytearray(store.cache.path(blob).read_bytes())
        data[-1] ^= 1
        store.cache.path(blob).write_bytes(bytes(data))
    with pytest.raises(ProvisionError) as caught:
        list(stream)
    assert caught.value.problems[0].code == "artifact-corrupt"


def test_changed_behind_an_open_file(store: Store) -> None:
    """The blob whose bytes are under way is written to: what was read is not trusted."""
    kafka = store.ensure(store.prepare(VERSION)).kafka
    assert kafka is not None
    name = next(blob for blob in kafka.blobs if blob.size > 100_000)
    path = store.cache.path(name)

    def read() -> None:
        for chunk in store.open(kafka):
            if len(chunk) > 100_000:
                with path.open("r+b") as out:
                    out.write(b"!")

    with pytest.raises(ProvisionError, match="changed while it was read"):
        read()


def test_unknown_digest(store: Store) -> None:
    with pytest.raises(ProvisionError, match="no distribution"):
        store.open("0" * 64)
