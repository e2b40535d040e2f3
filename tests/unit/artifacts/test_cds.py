"""Class-data archives, with a Java that is a shell script; tests/real makes true ones."""

from __future__ import annotations

import os
import platform
import signal

import pytest

from provisioner.artifacts import cds
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Distribution, distribution, inline, silent
from provisioner.artifacts.pack import TarStream
from provisioner.artifacts.store import Store
from provisioner.verbs.fetch import archives

MACHINE = f"linux-{platform.machine()}"

# Writes what -Xshare:dump and -XX:ArchiveClassesAtExit would write, and says what a broker says.
FAKE = """#!/bin/sh
top= ; dump= ; main=
for word do
  case $word in
    -Xshare:dump) dump=yes ;;
    -XX:SharedArchiveFile=*) base=${word#*=} ;;
    -XX:ArchiveClassesAtExit=*) top=${word#*=} ;;
    kafka.Kafka) main=yes ;;
  esac
done
[ -z "$dump" ] || { echo base >"$base"; exit 0; }
[ -n "$main" ] || exit 0
trap 'echo top >"$top"; exit 143' TERM
echo "[KafkaRaftServer nodeId=1] Kafka Server started (kafka.server.KafkaRaftServer)"
while :; do sleep 0.05; done
"""


def made(java: str = FAKE, system: str = MACHINE) -> tuple[Distribution, Distribution]:
    kafka = distribution("kafka", "9.9.9", [inline("libs/a.jar", b"a")])
    return kafka, distribution("java", "21", [inline("bin/java", java.encode(), 0o755)], system)


def files(cache: Cache) -> dict[str, tuple[int, int]]:
    """Path → inode and time in ns: what is made again has others."""
    stats = {str(path): path.stat() for path in cache.root.rglob("*") if path.is_file()}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}


def test_made_once(cache: Cache) -> None:
    kafka, java = made()
    named = cds.known(cache, kafka, java, "kraft")
    assert named is not None
    assert named.entries == ()
    archive = cds.make_archive(cache, kafka, java, "kraft")
    assert archive is not None
    assert [entry.path for entry in archive.entries] == ["base.jsa", "kafka.jsa"]
    assert archive.digest == named.digest == cds.key_of(kafka, java, "kraft")
    assert cds.known(Cache(cache.root), kafka, java, "kraft") == archive
    kept = files(cache)
    assert cds.make_archive(Cache(cache.root), kafka, made()[1], "kraft") == archive
    assert files(cache) == kept
    stream = TarStream(cache, archive)
    assert len(b"".join(stream)) == stream.total
    assert not any((cache.root / "tmp").iterdir())


def test_names_differ_by_what_it_is_made_from() -> None:
    kafka, java = made()
    other = distribution("kafka", "9.9.9", [inline("libs/a.jar", b"b")])
    keys = {cds.key_of(k, java, mode) for k in (kafka, other) for mode in cds.MODES}
    assert len(keys) == 4


def test_lost_archive_is_made_anew(cache: Cache) -> None:
    kafka, java = made()
    archive = cds.make_archive(cache, kafka, java, "kraft")
    assert archive is not None
    cache.path(archive.blobs[0]).write_bytes(b"wrong")
    again = cds.make_archive(cache, kafka, java, "kraft")
    assert again is not None
    assert all(cache.has(blob) for blob in again.blobs)


@pytest.mark.parametrize(
    ("java", "says"),
    [
        ("#!/bin/sh\necho no memory >&2; exit 1\n", "no memory"),
        ("#!/nonexistent\n", "bin/java"),
        (FAKE.replace("exit 143", "exit 0").replace('echo top >"$top";', ""), "without writing"),
        (FAKE.replace('[ -n "$main" ] || exit 0', "echo 'cannot bind'; exit 1"), "cannot bind"),
    ],
)
def test_a_failure_is_a_warning_and_not_tried_again(cache: Cache, java: str, says: str) -> None:
    notes: list[str] = []
    kafka, runtime = made(java)
    assert cds.make_archive(cache, kafka, runtime, "kraft", notes.append) is None
    assert len(notes) == 1
    assert says in notes[0]
    # It keeps its name, for launch files have it; it is not tried again, and not told again.
    named = cds.known(cache, kafka, runtime, "kraft")
    assert named is not None
    assert not named.entries
    assert cds.make_archive(cache, kafka, runtime, "kraft", notes.append) is None
    assert len(notes) == 1


TELLS = """#!/bin/sh
read -r _ _ _ _ _ session _ </proc/$$/stat
echo "session $session ignores $(sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status)"
exit 1
"""


def test_it_goes_with_the_terminal_but_not_by_its_ctrl_c(cache: Cache) -> None:
    notes: list[str] = []
    assert cds.make_archive(cache, *made(TELLS), "kraft", notes.append) is None
    _, _, told = notes[0].partition("session ")
    session, ignored = told.split(" ignores ")
    assert int(session) == os.getsid(0)
    assert int(ignored, 16) & 1 << (signal.SIGINT - 1)


def test_not_up_in_time(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioner.artifacts.throwaway.UP_SECONDS", 0.5)
    notes: list[str] = []
    kafka, java = made(FAKE.replace("Kafka Server started", "starting"))
    assert cds.make_archive(cache, kafka, java, "kraft", notes.append) is None
    assert "not up after" in notes[0]


def test_one_that_does_not_stop_is_ended(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioner.artifacts.throwaway.END_SECONDS", 0.3)
    kafka, java = made(FAKE.replace("trap '", "trap '' TERM; : '"))
    assert cds.make_archive(cache, kafka, java, "kraft") is None


def test_java_of_another_machine(cache: Cache) -> None:
    kafka, java = made(system="linux-s390x")
    assert cds.known(cache, kafka, java, "kraft") is None
    assert cds.make_archive(cache, kafka, java, "kraft") is None


def test_unknown_mode(cache: Cache) -> None:
    assert cds.make_archive(cache, *made(), "migration") is None


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"size": 1}', '{"size": 1, "sha256": "x", "files": []}']
)
def test_broken_note(cache: Cache, text: str) -> None:
    kafka, java = made()
    cache.put_text(f"cds/{cds.key_of(kafka, java, 'kraft')[:32]}.json", text)
    assert cds.make_archive(cache, kafka, java, "kraft") is not None


def test_fetch_announces_no_archive_where_the_bytes_are_not_here(cache: Cache) -> None:
    """It fetched for hosts of another processor, say."""
    notes: list[str] = []
    store = Store(cache, note=notes.append)
    assert list(archives(store, ["4.3.1"], silent)) == []
    assert notes == []
