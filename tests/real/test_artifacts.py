"""Kafka and Java from where they really come, and what is done with them on a real disk."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.artifacts import cds, locks
from provisioner.artifacts.bundle import load_bundle, write_bundle
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.commands import find_commands
from provisioner.artifacts.model import Distribution, Prepared
from provisioner.artifacts.store import Store
from provisioner.errors import ProvisionError
from provisioner.spec.types import Source

REPO = Path(__file__).parents[2]
OLD, NEW = "3.9.1", "4.3.1"

ENSURE = """
import sys
from provisioner.artifacts.store import Store
store = Store(note=lambda text: print(text, file=sys.stderr))
ready = store.ensure(store.prepare(sys.argv[1]))
for part in ready:
    print(part.digest, sum(len(chunk) for chunk in store.open(part)))
print("jgo" in sys.modules)
"""


def ensure(root: Path, version: str, *before: str) -> subprocess.Popen[str]:
    """Another process that loads a version into the cache below ``root``."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", ENSURE, version],
        cwd=REPO,
        env={**os.environ, "XDG_CACHE_HOME": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def unpack(store: Store, part: Distribution, folder: Path) -> Path:
    """As a host does it: into a folder of the distribution's name, checked."""
    target = folder / part.folder
    target.mkdir(parents=True)
    stream = store.open(part)
    how = "-xzf" if stream.packed else "-xf"
    subprocess.run(["tar", how, "-"], input=b"".join(stream), cwd=target, check=True)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=target, check=True)
    assert hashlib.sha256((target / "SHA256SUMS").read_bytes()).hexdigest() == part.digest
    return target


@pytest.fixture(scope="session")
def store() -> Store:
    """The cache of whoever runs the tests: what it has is not loaded again."""
    return Store(Cache())


def ready(store: Store, version: str) -> Prepared:
    return store.ensure(store.prepare(version))


def parts(prepared: Prepared) -> tuple[Distribution, Distribution, Distribution]:
    kafka, java, scripts = prepared.kafka, prepared.java, prepared.scripts
    assert kafka is not None
    assert java is not None
    assert scripts is not None
    return kafka, java, scripts


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "a home" / "kafka"


def install(store: Store, version: str, home: Path) -> Path:
    """A Kafka home as the tool makes it, without any configuration of nodes."""
    kafka, java, scripts = parts(ready(store, version))
    dist = home / ".provision" / "dist"
    places = {part.kind: unpack(store, part, dist) for part in (kafka, java, scripts)}
    (home / "bin").symlink_to(f".provision/dist/{scripts.folder}/bin")
    (home / ".provision" / "launch").mkdir()
    (home / ".provision" / "launch" / "default.conf").write_text(
        f"java={places['java']}\ndist={places['kafka']}\n"
    )
    return dist


@pytest.mark.parametrize("version", [OLD, NEW])
def test_tools_run_from_a_home_with_a_space(store: Store, home: Path, version: str) -> None:
    install(store, version, home)
    for command in ("bin/kafka-topics.sh", "bin/kafka-configs.sh", "bin/kafka-console-producer.sh"):
        done = subprocess.run(
            [command, "--version"], cwd=home, capture_output=True, text=True, check=False
        )
        assert done.stdout.split()[0] == version, (command, done)
        assert done.stderr == ""
    done = subprocess.run(
        ["bin/kafka-storage.sh", "random-uuid"], cwd=home, capture_output=True, check=False
    )
    assert len(done.stdout.strip()) == 22, done


@pytest.mark.parametrize("version", locks.shipped_versions())
def test_every_class_of_every_command_is_in_the_jars(store: Store, version: str) -> None:
    kafka = ready(store, version).kafka
    assert kafka is not None
    jars = [store.cache.path(blob) for blob in kafka.blobs]
    lock = locks.shipped_kafka(version)
    assert lock is not None
    assert find_commands(jars) == lock.commands


@pytest.mark.parametrize("platform", ["linux-x86_64", "linux-aarch64"])
def test_java_of_each_platform(store: Store, platform: str, tmp_path: Path) -> None:
    java = store.ensure(store.prepare(NEW, platform=platform)).java
    assert java is not None
    folder = unpack(store, java, tmp_path)
    machine = (folder / "bin" / "java").read_bytes()[18]
    assert machine == {"linux-x86_64": 0x3E, "linux-aarch64": 0xB7}[platform]


# --- loading -------------------------------------------------------------------------------------


def test_killed_and_gone_on_with(tmp_path: Path) -> None:
    """Killed in the middle, run again, then run without any network at all."""
    first = ensure(tmp_path, NEW)
    files = tmp_path / "provision" / "files"
    until = time.monotonic() + 600
    while not files.is_dir() or len(list(files.iterdir())) < 10:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = {path.name: path.stat().st_ino for path in files.iterdir()}
    second = ensure(tmp_path, NEW)
    said, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    after = {path.name: path.stat().st_ino for path in files.iterdir()}
    assert kept.items() <= after.items()
    assert len(after) == len(locks.shipped_kafka(NEW).files) + 1  # type: ignore[union-attr]
    assert list((tmp_path / "provision" / "tmp").iterdir()) == []

    before = without_network()
    third = ensure(tmp_path, NEW, *before)
    again, errors = third.communicate(timeout=300)
    assert third.returncode == 0, errors
    assert again.splitlines()[:-1] == said.splitlines()[:-1]
    assert again.splitlines()[-1] == "False"  # jgo was not even imported


def without_network() -> list[str]:
    """A command before another that takes its network away."""
    if os.geteuid() != 0:
        pytest.skip("only root can take a process's network away")
    return ["unshare", "--net", "--"]


@pytest.mark.soak
def test_no_network_and_no_cache(tmp_path: Path) -> None:
    process = ensure(tmp_path, OLD, *without_network())
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert f"provision fetch --version {OLD} -o BUNDLE" in errors
    assert "not in the cache" in errors


@pytest.mark.soak
def test_two_at_once(tmp_path: Path) -> None:
    """The second waits for the first and then finds everything there."""
    both = [ensure(tmp_path, OLD), ensure(tmp_path, OLD)]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0].splitlines()[:-1] == said[1][0].splitlines()[:-1]
    assert sum("waiting for another process" in errors for _, errors in said) == 1
    assert sorted(out.splitlines()[-1] for out, _ in said) == ["False", "True"]


def test_corrupted_entry_is_replaced(store: Store, tmp_path: Path) -> None:
    """In a cache of its own: the common one is read by other tests all the while."""
    kafka, _, _ = parts(ready(store, NEW))
    own = Cache(tmp_path / "provision")
    own.make_root()
    for blob in kafka.blobs:
        own.path(blob).parent.mkdir(exist_ok=True)
        shutil.copy2(store.cache.path(blob), own.path(blob))
    blob = min(kafka.blobs, key=lambda each: each.size)
    path = own.path(blob)
    right = path.read_bytes()
    path.write_bytes(right[:-1] + b"!")
    packed = b"".join(Store(own).open(kafka))
    assert path.read_bytes() == right
    assert len(packed) == store.open(kafka).total


def test_version_that_does_not_exist(tmp_path: Path) -> None:
    store = Store(Cache(tmp_path / "cache"), tmp_path)
    with pytest.raises(ProvisionError, match=r"does not have Kafka 9\.9\.9") as caught:
        store.ensure(store.prepare("9.9.9"))
    problem = caught.value.problems[0]
    assert problem.code == "artifact-unavailable"
    assert NEW in problem.hint
    assert list(tmp_path.glob("*.lock.json")) == []


@pytest.mark.soak
def test_version_without_a_lock(store: Store, tmp_path: Path) -> None:
    notes: list[str] = []
    own = Store(store.cache, tmp_path, notes.append)
    store.cache.forget("locks/kafka-3.8.1.lock.json")
    kafka = own.ensure(own.prepare("3.8.1")).kafka
    assert kafka is not None
    assert "trusted on first use" in notes[-1]
    assert (tmp_path / "kafka-3.8.1.lock.json").is_file()
    assert Store(store.cache, tmp_path).prepare("3.8.1").kafka == kafka


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("early", [True, False])
def test_full_disk(small_disk: Path, monkeypatch: pytest.MonkeyPatch, early: bool) -> None:
    """Seen before the first byte, or when it happens: the same words, and nothing half."""
    if not early:
        monkeypatch.setattr(Cache, "require_space", lambda self, size: None)
    store = Store(Cache(small_disk))
    with pytest.raises(ProvisionError, match="no space left") as caught:
        store.ensure(store.prepare(NEW))
    problem = caught.value.problems[0]
    assert problem.code == "disk-full"
    assert str(small_disk) in problem.message
    assert "XDG_CACHE_HOME" in problem.hint
    blobs = {blob.file: blob for part in store.prepare(NEW) for blob in part.blobs}
    for path in small_disk.glob("files/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == blobs[path.name].sha256


# --- bundles and tarballs ------------------------------------------------------------------------


def test_bundle_round_trip(store: Store, tmp_path: Path) -> None:
    bundle = write_bundle(store, tmp_path / "bundle.tar", [OLD, NEW], ["x86_64", "aarch64"])
    root = tmp_path / "island"
    island = Store(Cache(root / "provision"))
    assert load_bundle(island, bundle) == (OLD, NEW)
    for version in (OLD, NEW):
        process = ensure(root, version, *without_network())
        said, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert [line.split()[0] for line in said.splitlines()[:-1]] == [
            part.digest for part in store.prepare(version)
        ]


@pytest.mark.soak
def test_official_layout(store: Store, tmp_path: Path, home: Path) -> None:
    """A tarball in the layout of Kafka's downloads, made of the jars that Maven brought."""
    kafka, _, _ = parts(ready(store, OLD))
    path = tmp_path / "kafka.tgz"
    root = f"kafka_2.13-{OLD}"
    with (
        tarfile.open(fileobj=io.BytesIO(b"".join(store.open(kafka)))) as old,
        tarfile.open(path, "w:gz", compresslevel=1) as new,
    ):
        for member in old:
            member.name = f"{root}/{member.name}"
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    source = Source("path", str(path), hashlib.sha512(path.read_bytes()).hexdigest())
    found = store.ensure(store.prepare(OLD, source))
    assert found.kafka is not None
    assert found.kafka.digest == kafka.digest
    assert b"".join(store.open(found.kafka)) == b"".join(store.open(kafka))


# --- class-data archives -------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "mode"), [(OLD, "zookeeper"), (NEW, "kraft")])
def test_archive_is_used_elsewhere(store: Store, home: Path, version: str, mode: str) -> None:
    """Made with jars and Java in one folder, taken by a Java that finds both in another one."""
    notes: list[str] = []
    kafka, java, _ = parts(ready(store, version))
    archive = cds.make_archive(store.cache, kafka, java, mode, notes.append)
    assert archive is not None, notes
    dist = install(store, version, home)
    folder = dist / archive.folder
    folder.mkdir()
    subprocess.run(
        ["tar", "-xzf", "-"], input=b"".join(store.open(archive)), cwd=folder, check=True
    )
    jars = sorted((dist / kafka.folder / "libs").glob("*.jar"))
    command = [
        str(dist / java.folder / "bin" / "java"),
        f"-XX:SharedArchiveFile={folder}/base.jsa:{folder}/kafka.jsa",
        "-Xshare:on",
        "-Xlog:class+load:stdout",
        "-XX:+UseSerialGC",
        "-cp",
        ":".join(map(str, jars)),
        "kafka.Kafka",
        "/nonexistent.properties",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=home
    )
    shared = len(re.findall(r"shared objects file \(top\)", done.stdout))
    elsewhere = len(re.findall(r"source: file:", done.stdout))
    assert shared > 100, done.stdout[-2000:] + done.stderr[-2000:]
    assert shared > 10 * elsewhere  # what only a failed start needs is in no archive
    assert "mismatch" not in done.stdout + done.stderr


def test_nothing_runs_on(store: Store) -> None:
    """The throw-away broker is gone, and so is its folder."""
    kafka, java, _ = parts(ready(store, NEW))
    assert cds.make_archive(store.cache, kafka, java, "kraft") is not None
    mine = str(store.cache.root / "tmp")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert mine not in path.read_bytes().decode("utf-8", "replace"), path
        except OSError:
            continue
    assert list((store.cache.root / "tmp").iterdir()) == []
