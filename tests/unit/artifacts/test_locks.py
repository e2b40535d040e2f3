"""The locks that ship, and the locks of other versions."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from provisioner.artifacts import locks, wheels
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.store import Store, kafka_distribution
from provisioner.errors import ProvisionError

SHIPPED = ("3.9.1", "3.9.2", "4.0.2", "4.1.1", "4.1.2", "4.2.0", "4.2.2", "4.3.1", "4.4.0")

# A distribution's digest is in the path that every process names: one that changes between two
# releases of this tool restarts every broker there is. These may be added to, never changed.
DIGESTS = {
    "3.9.1": "bed14ad67dc7839d0bdc4a5d4fb7c89b0c9a9291c0f9d725672782720d3a7ac0",
    "4.3.1": "04b273287d7f43a80494964795284fc5d8b8f5912abfc60800676d3f7f323a60",
}


def test_shipped_versions_oldest_first() -> None:
    assert locks.shipped_versions() == SHIPPED


@pytest.mark.parametrize(("version", "digest"), DIGESTS.items())
def test_digest_never_changes(version: str, digest: str) -> None:
    lock = locks.shipped_kafka(version)
    assert lock is not None
    assert kafka_distribution(lock).digest == digest


def blob_name(jar: str) -> str:
    """A jar's artifact: its name without the version."""
    return re.sub(r"-v?\d[\w.-]*\.jar$", "", jar.replace("log4j-1.2-api", "log4j-api-one"))


@pytest.mark.parametrize("version", SHIPPED)
def test_each_lock_is_whole(version: str) -> None:
    lock = locks.shipped_kafka(version)
    assert lock is not None
    names = {blob_name(jar) for jar in lock.jars}
    artifacts = {tuple(blob.origin.split(":")[:-1]) for blob in lock.blobs}
    assert len(artifacts) == len(lock.jars) > 85
    assert all(blob.origin.startswith("maven:") for blob in lock.blobs)
    assert {"kafka-clients", "kafka-tools", "kafka_2.13", "zstd-jni"} <= names
    logging = (
        {"slf4j-reload4j"} if version < "4" else {"log4j-slf4j-impl", "log4j-core", "log4j-api-one"}
    )
    assert logging <= names
    assert ("zookeeper" in names) == (version < "4")


def test_one_log4j_version() -> None:
    for version in SHIPPED[2:]:
        lock = locks.shipped_kafka(version)
        assert lock is not None
        found = {
            j.rpartition("-")[2] for j in lock.jars if re.match(r"log4j-(core|api|slf4j|1\.2)", j)
        }
        assert len(found) == 1, version


@pytest.mark.parametrize("platform", ["linux-x86_64", "linux-aarch64"])
def test_java_lock_has_a_runtime(platform: str) -> None:
    java = locks.java(platform)
    entries = {entry.path: entry for entry in java.entries}
    assert entries["bin/java"].mode == 0o755
    assert entries["lib/jspawnhelper"].mode == 0o755
    assert entries["lib/modules"].mode == 0o644
    assert java.platform == platform
    assert java.folder == f"java-21.0.8.2-{java.digest[:8]}"


def test_platforms_differ() -> None:
    assert locks.java("linux-x86_64").digest != locks.java("linux-aarch64").digest


def test_prepare_takes_milliseconds_and_writes_nothing(tmp_path: Path) -> None:
    store = Store(Cache(tmp_path / "cache"), tmp_path)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        prepared = store.prepare("4.3.1", mode="kraft")
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.02
    assert [part.kind for part in prepared][:3] == ["kafka", "java", "scripts"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("platform", ["linux-x86_64-musl", "linux-armv7l", "darwin-arm64"])
def test_no_java_for_other_platforms(cache: Cache, platform: str) -> None:
    with pytest.raises(ProvisionError, match="java: system") as caught:
        Store(cache).prepare("4.3.1", platform=platform)
    assert caught.value.problems[0].code == "not-supported"
    assert Store(cache).prepare("4.3.1", platform=platform, java="system").java is None


@pytest.mark.parametrize("version", ["../4.3.1", "4.3", "latest", "4.3.1/..", ""])
def test_what_is_no_version(cache: Cache, version: str) -> None:
    with pytest.raises(ProvisionError, match="is not a Kafka version"):
        Store(cache).prepare(version)


def test_lock_is_read_as_written(lock: KafkaLock) -> None:
    assert locks.parse_kafka(lock.to_json(), "x") == lock


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("libs/part0", "libs/../../part0"),
        ("libs/part0", "/libs/part0"),
        ('"sha256": "', '"sha256": "x'),
        ('"files"', '"other"'),
        ("{", ""),
    ],
)
def test_bad_lock(lock: KafkaLock, old: str, new: str) -> None:
    with pytest.raises(ProvisionError, match="is not a lock") as caught:
        locks.parse_kafka(lock.to_json().replace(old, new, 1), "kafka.lock.json")
    assert caught.value.problems[0].code == "artifact-corrupt"


def test_lock_beside_the_spec_of_another_version(store: Store, lock: KafkaLock) -> None:
    assert store.locks_folder is not None
    locks.own_path(store.locks_folder, "8.8.8").write_text(lock.to_json(), "utf-8")
    with pytest.raises(ProvisionError, match=r"is the lock of Kafka 9\.9\.9"):
        store.prepare("8.8.8")


ROW = {"path": "libs/a.jar", "size": 1, "sha256": "0" * 64, "origin": "maven:g:a:1"}
PIP = "pypi:six==1.16.0\n--no-binary :all:\n--index-url x:manylinux_2_17_x86_64"


@pytest.mark.parametrize(
    "row",
    [
        {"origin": PIP},
        {"origin": "pypi:six==1.16.0:manylinux_2_17_x86_64"},
        {"origin": "maven:g:a:1\nmore"},
        {"origin": "maven:g:a:../../etc/passwd"},
        {"origin": "file:///etc/passwd"},
        {"path": "libs/a.jar\n0000  bin/x"},
        {"path": "libs/../bin/kafka-run-class.sh"},
        {"path": "bin/kafka-run-class.sh"},
        {"path": "/libs/a.jar"},
        {"path": "libs/-rf"},
        {"path": "libs/a b.jar"},
        {"size": -1},
        {"size": 1 << 40},
        {"sha256": "0" * 63},
    ],
    ids=str,
)
def test_a_lock_from_a_stranger_is_held_to_its_form(row: dict[str, object]) -> None:
    """Rows become lines of pip's requirements, of SHA256SUMS, and paths on hosts."""
    text = json.dumps({"kafka": "3.8.0", "commands": {}, "files": [{**ROW, **row}]})
    with pytest.raises(ProvisionError, match="is not a lock"):
        locks.parse_kafka(text, "kafka-3.8.0.lock.json")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("kafka-x.sh", "a.B; touch /tmp/x #"),
        ("kafka-x.sh", "$(touch /tmp/x)"),
        ("../x.sh", "a.B"),
        ("kafka x.sh", "a.B"),
        ("kafka-x", "a.B"),
    ],
)
def test_what_a_lock_names_is_no_shell(command: str, name: str) -> None:
    text = json.dumps({"kafka": "3.8.0", "commands": {command: name}, "files": [ROW]})
    with pytest.raises(ProvisionError, match="is not a lock"):
        locks.parse_kafka(text, "kafka-3.8.0.lock.json")


def test_pip_is_asked_for_one_wheel_only(tmp_path: Path) -> None:
    """Also where no lock was read: what has another form never reaches pip."""
    with pytest.raises(wheels.PipFailed, match="is not the name of a wheel"):
        wheels.download(PIP, "0" * 64, tmp_path / "w", lambda _bytes: None)
    assert not (tmp_path / "w").exists()
