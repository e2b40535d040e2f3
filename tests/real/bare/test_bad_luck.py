"""What can go wrong on a machine: said with its cause, nothing half, and the next run goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.artifacts.cache import Cache
from tests.real.lab import Lab, item, items, kraft_lab, listening, shown, until

STRANGER = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); input()"


@pytest.fixture
def stranger(one: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """Something that is no Kafka, on the broker's port."""
    port = one.ports[0]
    running = subprocess.Popen([sys.executable, "-c", STRANGER, str(port)], stdin=subprocess.PIPE)

    try:
        until(lambda: listening(port))
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("words", [(), ("--rebuild",)], ids=["apply", "rebuild"])
def test_a_taken_port_is_named_with_who_has_it(
    one: Lab, stranger: subprocess.Popen[bytes], words: tuple[str, ...]
) -> None:
    done = one.run("apply", *words, "--json")
    assert done.code == 1, shown(done)
    (error,) = done.document["errors"]
    assert error["code"] == "port-taken"
    assert f"port {one.ports[0]}" in error["message"]
    assert f"pid {stranger.pid}" in error["message"]
    assert error["host"] == "localhost"
    assert error["hint"]
    assert stranger.poll() is None
    assert {p.name for p in one.home.iterdir()} <= {".provision"}, "nothing was touched"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Lab]:
    """A home on a disk of its own, of which ``mount`` decides how large it is."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    lab = kraft_lab(tmp_path, "small-disk", "disk/kafka", brokers=1)
    try:
        yield lab
    finally:
        lab.clean()
        subprocess.run(["umount", "-l", disk], check=True)


def resize(lab: Lab, options: str) -> None:
    disk = lab.home.parent
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def test_a_disk_that_is_too_small_is_said_before_and_while_it_fills(small: Lab) -> None:
    resize(small, "size=60m")
    done = small.run("apply", "--json")
    assert done.code == 1, shown(done)
    (error,) = done.document["errors"]
    assert error["code"] == "disk-full"
    assert "MB are free" in error["message"]
    # Room enough by bytes, and then none for another file: it fills half way.
    resize(small, "size=800m,nr_inodes=80")
    cluster = small.json("apply", code=2)
    assert "No space left on device" in cluster["failed"][0]["message"]
    assert items(cluster, "not_started", kind="service")
    assert small.temporaries() == []
    resize(small, "size=800m,nr_inodes=0")
    small.apply()
    assert small.pid("broker-0")
    assert small.temporaries() == []


def fake_java(folder: Path, says: str) -> Path:
    java = folder / "fake java/bin/java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    java.chmod(0o755)
    return java.parent.parent


def test_a_java_that_is_too_old_is_named_as_the_cause(one: Lab, tmp_path: Path) -> None:
    says = (
        "java.lang.UnsupportedClassVersionError: kafka/Kafka has been compiled by a more recent "
        "version of the Java Runtime (class file version 61.0)"
    )
    one.data["kafka"]["java"] = str(fake_java(tmp_path, says))
    one.write()
    cluster = one.json("apply", code=2)
    message = cluster["failed"][0]["message"]
    assert "this Java is too old for this Kafka" in message
    assert not one.pids()


def test_a_broker_that_ends_while_it_starts_is_told_with_its_cause(one: Lab) -> None:
    def wrong(spec: dict) -> None:  # type: ignore[type-arg]
        spec["defaults"]["config"]["metric.reporters"] = "com.example.NotThere"

    with one.changed(wrong):
        assert one.run("validate").code == 0
        cluster = one.json("apply", code=2)
        failed = item(cluster, "failed", kind="service")
        assert (failed["name"], failed["action"]) == ("broker-0", "start")
        first, *last = failed["message"].splitlines()
        assert "broker-0 exited while starting" in first
        assert "com.example.NotThere" in first, "the cause in words"
        assert "com.example.NotThere" in "\n".join(last), "and the last lines of its log"
        assert items(cluster, "not_started", kind="topic") or items(
            cluster, "deferred", kind="topic"
        )
        *_, last = one.json("log")["log"]
        assert (last["outcome"], last["note"]) == ("failed", first)
        assert last["changes"] == ["start localhost/service/broker-0"]
        assert "not ended" not in one.run("log").text
    one.apply()


# -- as somebody who may not


@pytest.fixture
def plain() -> Iterator[Lab]:
    """A plain user with a home and a cache of his own, in a folder that he may enter: pytest takes
    its own from everybody else whenever a pytest starts."""
    folder = Path(tempfile.mkdtemp(prefix="plain user "))
    folder.chmod(0o755)
    lab = kraft_lab(folder, "plain-user", "home/kafka", brokers=1)
    cache = folder / "cache"
    shutil.copytree(Cache().root, cache / "provision")
    home = folder / "home"
    home.mkdir()
    for path in [home, cache, *cache.rglob("*")]:
        shutil.chown(path, "nobody", "nogroup")
    lab.user = "nobody"
    lab.env = {"HOME": str(home), "XDG_CACHE_HOME": str(cache)}
    try:
        yield lab
    finally:
        lab.clean()
        shutil.rmtree(folder)


def test_a_plain_user_does_it_all_without_root(plain: Lab) -> None:
    plain.apply("--round-trip")
    owners = {p.owner() for p in plain.home.rglob("*")}
    assert owners == {"nobody"}
    pid = plain.pid("broker-0")
    assert Path(f"/proc/{pid}").owner() == "nobody"
    assert plain.applied() == []
    for words in (["drift"], ["verify"], ["status"], ["log"], ["restart"]):
        plain.json(*words)
    assert plain.pid("broker-0") != pid
    # What may not be read is unknown, what waits for it is deferred; what differs is named.
    plain.json("stop")
    data = plain.home / "logs-0"
    data.chmod(0)
    shutil.chown(data, "root", "root")
    cluster = plain.json("drift", code=2)
    assert cluster["complete"] is False
    unknown = item(cluster, "unknown", kind="storage")
    assert unknown["name"] == str(data)
    assert "cannot be read" in unknown["reason"]
    refused = item(cluster, "refused")
    assert refused["kind"] == "directory"
    assert "its owner is root:root" in refused["reason"]
    assert item(cluster, "deferred", kind="service")["name"] == "broker-0"
    plain.json("apply", code=2)
    assert not plain.pids()
    data.chmod(0o750)
    shutil.chown(data, "nobody", "nogroup")
    assert ("start", "service", "broker-0") in plain.applied()
    plain.json("destroy", "--confirm", plain.name, "--allow", "wipe-log-dir")
    assert not plain.home.exists()


def test_a_home_that_may_not_be_written_is_said_with_the_way_out(plain: Lab) -> None:
    home = plain.home.parent
    shutil.chown(home, "root", "root")
    before = sorted(home.iterdir())
    done = plain.run("apply", "--json")
    assert done.code == 1, shown(done)
    (error,) = done.document["errors"]
    assert error["code"] == "not-permitted"
    assert str(plain.home) in error["message"]
    assert error["hint"]
    assert sorted(home.iterdir()) == before
