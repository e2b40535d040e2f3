"""Bundles: what one machine loaded, another takes without internet."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from provisioner.artifacts.bundle import INDEX, load_bundle, write_bundle
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Distribution
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError
from tests.unit.artifacts.conftest import VERSION, Shelf


@pytest.fixture
def bundle(store: Store, tmp_path: Path) -> Path:
    return write_bundle(store, tmp_path / "bundle.tar", [VERSION], ["x86_64"])


@pytest.fixture
def island(tmp_path: Path, bundle: Path, shelf: Shelf, notes: list[str]) -> Store:
    """A machine without internet and with an empty cache."""

    def never(origin: str) -> None:
        raise OSError("no network")

    shelf.broken = never
    return Store(Cache(tmp_path / "island"), None, notes.append)


def edited(bundle: Path, edit: dict[str, bytes | None]) -> Path:
    """The same bundle with these members replaced, added, or (None) left out."""
    target = bundle.with_name("edited.tar")
    with tarfile.open(bundle) as old, tarfile.open(target, "w") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            data = edit.pop(member.name, stream.read())
            if data is not None:
                add(new, member.name, data)
        for name, extra in edit.items():
            add(new, name, extra or b"")
    return target


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    import io

    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def first_file(bundle: Path) -> str:
    with tarfile.open(bundle) as archive:
        return archive.getnames()[1]


def test_round_trip(island: Store, store: Store, bundle: Path, notes: list[str]) -> None:
    assert load_bundle(island, bundle) == (VERSION,)
    assert "trusted on first use" in notes[-1]
    here, there = store.ensure(store.prepare(VERSION)), island.ensure(island.prepare(VERSION))
    assert list(here) == list(there)
    for part in there:
        assert b"".join(island.open(part)) == b"".join(store.open(part))


def test_loading_twice(island: Store, bundle: Path, notes: list[str]) -> None:
    load_bundle(island, bundle)
    told = len(notes)
    load_bundle(island, bundle)
    assert len(notes) == told


def test_same_bytes_every_time(store: Store, bundle: Path, tmp_path: Path) -> None:
    again = write_bundle(store, tmp_path / "again.tar", [VERSION], ["x86_64"])
    assert again.read_bytes() == bundle.read_bytes()


def test_changed_jar(island: Store, bundle: Path) -> None:
    name = first_file(bundle)
    with tarfile.open(bundle) as archive:
        stream = archive.extractfile(name)
        assert stream is not None
        data = stream.read()
    with pytest.raises(ProvisionError) as caught:
        load_bundle(island, edited(bundle, {name: bytes([data[0] ^ 1]) + data[1:]}))
    assert caught.value.problems[0].code == "artifact-corrupt"


def test_jar_of_another_size(island: Store, bundle: Path) -> None:
    with pytest.raises(ProvisionError, match="does not match its lock file"):
        load_bundle(island, edited(bundle, {first_file(bundle): b"x"}))


def test_file_that_no_lock_names(island: Store, bundle: Path) -> None:
    with pytest.raises(ProvisionError, match="which is in no lock file"):
        load_bundle(island, edited(bundle, {"files/../../evil": b"x"}))


def test_missing_file(island: Store, bundle: Path) -> None:
    with pytest.raises(ProvisionError, match="lacks 1 files"):
        load_bundle(island, edited(bundle, {first_file(bundle): None}))


def test_lock_of_a_shipped_version_is_not_believed(island: Store, bundle: Path) -> None:
    """Who says that 4.3.1 is made of other bytes is not trusted: that lock ships."""
    with tarfile.open(bundle) as archive:
        stream = archive.extractfile(INDEX)
        assert stream is not None
        index = json.loads(stream.read())
    index["kafka"][0]["kafka"] = "4.3.1"
    with pytest.raises(ProvisionError, match="which is in no lock file"):
        load_bundle(island, edited(bundle, {INDEX: json.dumps(index).encode()}))
    assert island.lock("4.3.1") is not None


@pytest.mark.parametrize("size", [0, 100, 5_000, 60_000])
def test_cut_short(island: Store, bundle: Path, size: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:size])
    with pytest.raises(ProvisionError) as caught:
        load_bundle(island, bundle)
    assert caught.value.problems[0].code == "artifact-corrupt"


def test_no_bundle(island: Store, tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no such file"):
        load_bundle(island, tmp_path / "none.tar")


def test_place_that_cannot_be_written(store: Store, tmp_path: Path, java: Distribution) -> None:
    with pytest.raises(ProvisionError, match="cannot be written"):
        write_bundle(store, tmp_path / "none" / "bundle.tar", [VERSION])


def test_failed_write_leaves_the_old_one(store: Store, bundle: Path, shelf: Shelf) -> None:
    before = bundle.read_bytes()
    kafka = store.prepare(VERSION).kafka
    assert kafka is not None
    store.cache.path(kafka.blobs[0]).unlink()
    shelf.bytes.clear()
    with pytest.raises((ProvisionError, KeyError)):
        write_bundle(store, bundle, [VERSION])
    assert bundle.read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir() if "bundle" in path.name] == [
        "bundle.tar"
    ]
