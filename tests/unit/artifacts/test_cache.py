"""The cache holds right bytes or none."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from provisioner.artifacts.cache import Cache, default_root, write_whole
from provisioner.artifacts.download import fetch_missing
from provisioner.artifacts.model import quiet, silent
from provisioner.errors import ProvisionError
from tests.unit.artifacts.conftest import blob_of


@pytest.fixture
def stored(cache: Cache, tmp_path: Path) -> Path:
    source = tmp_path / "a"
    source.write_bytes(b"right")
    cache.put(blob_of("a.jar", b"right"), source)
    return cache.path(blob_of("a.jar", b"right"))


BLOB = blob_of("a.jar", b"right")


def test_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert default_root() == Path("/some/where/provision")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the XDG standard: to be ignored
    monkeypatch.setenv("HOME", "/home/x")
    assert default_root() == Path("/home/x/.cache/provision")


def test_put_takes_right_bytes_only(cache: Cache, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"wrong")
    with pytest.raises(ProvisionError) as caught:
        cache.put(BLOB, wrong)
    assert caught.value.problems[0].code == "artifact-corrupt"
    assert not cache.has(BLOB)


def test_known_without_reading(cache: Cache, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that changes nothing must not hash 90 MB."""
    monkeypatch.setattr("provisioner.artifacts.cache.hash_of", lambda stream: pytest.fail("hashed"))
    assert cache.has(BLOB)
    assert Cache(cache.root).has(BLOB)


def test_changed_bytes_of_the_same_size_and_date(cache: Cache, stored: Path) -> None:
    found = stored.stat()
    stored.write_bytes(b"wrong")
    os.utime(stored, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert not cache.has(BLOB)
    assert not stored.exists()


def test_new_process_reads_before_use(cache: Cache, stored: Path) -> None:
    """A stamp says that nothing need be loaded; it is not enough to hand bytes out."""
    found = stored.stat()
    stored.write_bytes(b"wrong")
    text = (cache.root / "stamps.json").read_text()
    now = stored.stat()
    forged = text.replace(str(found.st_ctime_ns), str(now.st_ctime_ns))
    (cache.root / "stamps.json").write_text(
        forged.replace(str(found.st_mtime_ns), str(now.st_mtime_ns))
    )
    fresh = Cache(cache.root)
    assert fresh.has(BLOB)
    with pytest.raises(ProvisionError, match="does not match its lock file"):
        fresh.open(BLOB)
    assert not stored.exists()


def test_touched_but_right(cache: Cache, stored: Path) -> None:
    os.utime(stored)
    assert cache.has(BLOB)
    with cache.open(BLOB) as stream:
        assert stream.read() == b"right"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}'])
def test_broken_stamps_cost_time_only(cache: Cache, stored: Path, text: str) -> None:
    (cache.root / "stamps.json").write_text(text)
    assert Cache(cache.root).has(BLOB)


def test_missing(cache: Cache) -> None:
    assert not cache.has(BLOB)
    with pytest.raises(ProvisionError) as caught:
        cache.open(BLOB)
    assert caught.value.problems[0].code == "artifact-unavailable"


def test_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ProvisionError, match="XDG_CACHE_HOME") as caught,
        Cache(tmp_path / "file").lock(),
    ):
        pass
    assert caught.value.problems[0].code == "not-permitted"


def test_disk_full(cache: Cache) -> None:
    with pytest.raises(ProvisionError, match="5 MB are needed") as caught, cache.writing(5_000_000):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.problems[0].code == "disk-full"


def test_space_is_asked_for_first(cache: Cache) -> None:
    with pytest.raises(ProvisionError) as caught:
        cache.require_space(1 << 60)
    assert caught.value.problems[0].code == "disk-full"
    cache.require_space(1)


def test_lock_is_for_one(cache: Cache) -> None:
    notes: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with Cache(cache.root).lock(notes.append):
            entered.set()

    with cache.lock():
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.2)
    other.join(5)
    assert entered.is_set()
    assert "waiting" in notes[0]


def test_what_another_process_loaded_meanwhile(cache: Cache, tmp_path: Path) -> None:
    """Asked again once the lock is ours: nothing is loaded twice."""
    (tmp_path / "a").write_bytes(b"right")
    with cache.lock():
        waiting = threading.Thread(
            target=fetch_missing, args=(Cache(cache.root), [BLOB], "x", "1.0.0", silent, quiet)
        )
        waiting.start()
        waiting.join(0.2)
        cache.put(BLOB, tmp_path / "a")
        before = cache.path(BLOB).stat()
    waiting.join(5)
    assert cache.path(BLOB).stat().st_ino == before.st_ino
    assert not (cache.root / "tmp").exists()  # where a download would have worked


def test_scratch_clears_what_was_left(cache: Cache) -> None:
    left = cache.root / "tmp" / "killed" / "half.jar"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    with cache.lock(), cache.scratch() as folder:
        assert not left.exists()
        assert list(folder.iterdir()) == []
    assert not folder.exists()


def test_write_whole_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("part", ["", "cds", "cds/a.json"])
def test_a_note_that_others_can_write_is_not_believed(tmp_path: Path, part: str) -> None:
    """What no lock names, the note alone vouches for: a shared cache must not decide what runs."""
    said: list[str] = []
    cache = Cache(tmp_path / "cache", said.append)
    cache.put_text("cds/a.json", "{}")
    assert cache.text("cds/a.json") == "{}"
    place = cache.root / part
    place.chmod(place.stat().st_mode | 0o020)
    assert cache.text("cds/a.json") is None
    assert cache.text("cds/a.json") is None
    assert len(said) == 1
    assert "chmod" in said[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_note_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put_text("cds/a.json", "{}")
    os.chown(cache.root / "cds/a.json", 65534, 65534)
    assert cache.text("cds/a.json") is None


def test_the_cache_is_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        cache = Cache(tmp_path / "cache")
        cache.put_text("cds/a.json", "{}")
        assert cache.text("cds/a.json") == "{}"
    finally:
        os.umask(before)


def test_a_file_that_is_written_whole_follows_no_link(tmp_path: Path) -> None:
    """Somebody who knows the name of the file cannot have it written elsewhere, nor read it."""
    other, target = tmp_path / "other", tmp_path / "plan"
    other.write_text("theirs")
    for name in ("plan", "plan.new"):
        (tmp_path / name).symlink_to(other)
    write_whole(target, b"ours", mode=0o600)
    assert other.read_text() == "theirs"
    assert not target.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
