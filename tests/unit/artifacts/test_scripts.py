"""The commands of ``bin/``: which there are, and what they make of their surroundings."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.artifacts import locks
from provisioner.artifacts.locks import KafkaLock
from provisioner.artifacts.model import Distribution
from provisioner.artifacts.scripts import scripts
from tests import lookalike

JAVA = '#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n'

# bin/ of Kafka's own downloads, without windows/ and what starts servers.
IN_3_9 = [
    "connect-distributed",
    "connect-mirror-maker",
    "connect-plugin-path",
    "connect-standalone",
    "kafka-acls",
    "kafka-broker-api-versions",
    "kafka-client-metrics",
    "kafka-cluster",
    "kafka-configs",
    "kafka-console-consumer",
    "kafka-console-producer",
    "kafka-consumer-groups",
    "kafka-consumer-perf-test",
    "kafka-delegation-tokens",
    "kafka-delete-records",
    "kafka-dump-log",
    "kafka-e2e-latency",
    "kafka-features",
    "kafka-get-offsets",
    "kafka-jmx",
    "kafka-leader-election",
    "kafka-log-dirs",
    "kafka-metadata-quorum",
    "kafka-metadata-shell",
    "kafka-producer-perf-test",
    "kafka-reassign-partitions",
    "kafka-replica-verification",
    "kafka-run-class",
    "kafka-server-stop",
    "kafka-storage",
    "kafka-streams-application-reset",
    "kafka-topics",
    "kafka-transactions",
    "kafka-verifiable-consumer",
    "kafka-verifiable-producer",
    "trogdor",
    "zookeeper-security-migration",
    "zookeeper-server-stop",
    "zookeeper-shell",
]
SINCE_4 = ["kafka-console-share-consumer", "kafka-groups", "kafka-share-groups"]


def shipped(version: str) -> Distribution:
    lock = locks.shipped_kafka(version)
    assert lock is not None
    return scripts(lock)


def names(version: str) -> set[str]:
    return {entry.path for entry in shipped(version).entries}


def test_every_command_of_3_9() -> None:
    assert {f"bin/{name}.sh" for name in IN_3_9} <= names("3.9.1")


@pytest.mark.parametrize("version", ["4.1.1", "4.2.0", "4.3.1"])
def test_every_command_of_4(version: str) -> None:
    wanted = [name for name in IN_3_9 if not name.startswith("zookeeper")] + SINCE_4
    assert {f"bin/{name}.sh" for name in wanted} <= names(version)
    assert not any("zookeeper" in name for name in names(version))


def test_all_can_be_run() -> None:
    for entry in shipped("3.9.1").entries:
        assert entry.mode == (0o755 if entry.path.endswith(".sh") else 0o644), entry.path


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_all_are_posix(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    for entry in shipped("3.9.1").entries:
        if entry.path.endswith(".sh"):
            (tmp_path / "x").write_bytes(entry.data or b"")
            done = subprocess.run([shell, "-n", tmp_path / "x"], capture_output=True, check=False)
            assert done.returncode == 0, (entry.path, done.stderr)


# --- running them --------------------------------------------------------------------------------


class Home:
    """A Kafka home at ``path``, whose Java prints how it was called instead of running anything."""

    def __init__(self, path: Path, version: str = "3.9.1") -> None:
        self.path = path
        self.dist = path / ".provision" / "dist" / f"kafka-{version}"
        made = path / ".provision" / "dist" / "scripts"
        for entry in shipped(version).entries:
            target = made / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(entry.data or b"")
            target.chmod(entry.mode)
        (self.dist / "libs").mkdir(parents=True)
        (path / "bin").symlink_to(".provision/dist/scripts/bin")
        self.java = self.make_java(path / "java home")
        self.conf = path / ".provision" / "launch" / "default.conf"
        self.conf.parent.mkdir()
        self.conf.write_text(f"heap=512m\njava={self.java}\ndist={self.dist}\n")

    def make_java(self, path: Path) -> Path:
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "java").write_text(JAVA)
        (path / "bin" / "java").chmod(0o755)
        return path

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> list[str]:
        """Java's path and arguments, as the command ``bin/…`` called it."""
        done = self.execute(*command, cwd=cwd, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def execute(
        self, *command: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd or self.path,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "a home" / "kafka")


def test_java_and_jars_of_the_home(home: Home) -> None:
    said = home.run("bin/kafka-topics.sh", "--topic", "a b", "*", JAVA_HOME="/nonexistent")
    assert said[0] == str(home.java / "bin" / "java")
    assert said[said.index("-cp") + 1] == f"{home.dist}/libs/*"
    assert said[-4:] == ["org.apache.kafka.tools.TopicCommand", "--topic", "a b", "*"]
    assert "-Xmx256M" in said


@pytest.mark.parametrize("how", ["bin/kafka-topics.sh", "./bin/kafka-topics.sh"])
def test_from_anywhere(home: Home, how: str, tmp_path: Path) -> None:
    said = home.run(how)
    assert home.run(str(home.path / "bin" / "kafka-topics.sh"), cwd=tmp_path) == said
    assert home.run("sh", "kafka-topics.sh", cwd=home.path / "bin")[0] == said[0]
    assert home.run("./kafka-topics.sh", cwd=(home.path / "bin").resolve())[0] == said[0]


def test_java_home_when_the_home_names_none(home: Home, tmp_path: Path) -> None:
    other = home.make_java(tmp_path / "other")
    home.conf.write_text(f"java=system\ndist={home.dist}\n")
    assert home.run("bin/kafka-topics.sh", JAVA_HOME=str(other))[0] == str(other / "bin" / "java")
    path = f"{other}/bin:{os.environ['PATH']}"
    assert home.run("bin/kafka-topics.sh", PATH=path)[0] == str(other / "bin" / "java")


def test_libs_of_the_home_without_a_conf(home: Home) -> None:
    home.conf.unlink()
    (home.path / "libs").symlink_to(home.dist / "libs")
    said = home.run("bin/kafka-topics.sh", JAVA_HOME=str(home.java))
    assert said[said.index("-cp") + 1] == f"{home.path}/libs/*"


def test_nothing_to_run(home: Home, tmp_path: Path) -> None:
    home.conf.unlink()
    done = home.execute("bin/kafka-topics.sh", JAVA_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Java" in done.stderr
    done = home.execute("bin/kafka-topics.sh", JAVA_HOME=str(home.java))
    assert done.returncode == 1
    assert "no Kafka" in done.stderr


def test_environment_as_in_kafka(home: Home) -> None:
    said = home.run(
        "bin/kafka-console-producer.sh",
        KAFKA_HEAP_OPTS="-Xmx99M -Xms9M",
        KAFKA_OPTS="-Done=1 -Dtwo=2",
        KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:/x",
        KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseZGC",
        CLASSPATH="/my.jar",
        LOG_DIR=str(home.path / "other logs"),
        JMX_PORT="9999",
    )
    assert {"-Xmx99M", "-Xms9M", "-Done=1", "-Dtwo=2", "-XX:+UseZGC"} <= set(said)
    assert "-Dlog4j.configuration=file:/x" in said
    assert said[said.index("-cp") + 1] == f"/my.jar:{home.dist}/libs/*"
    assert f"-Dkafka.logs.dir={home.path}/other logs" in said
    assert "-Dcom.sun.management.jmxremote.port=9999" in said
    assert "-Dcom.sun.management.jmxremote.host=127.0.0.1" in said, "JMX asks for no login"
    assert not any("UseG1GC" in word or "tools-log4j" in word for word in said)


def test_defaults_of_long_and_short_commands(home: Home) -> None:
    assert {"-Xmx512M", "-XX:+UseG1GC"} <= set(home.run("bin/kafka-producer-perf-test.sh"))
    assert {"-Xmx256M", "-XX:+UseSerialGC"} <= set(home.run("bin/kafka-topics.sh"))


@pytest.mark.parametrize(
    ("version", "file", "option"),
    [
        ("3.9.1", "tools-log4j.properties", "-Dlog4j.configuration=file:"),
        ("4.3.1", "tools-log4j2.yaml", "-Dlog4j2.configurationFile="),
    ],
)
def test_logging_of_tools(tmp_path: Path, version: str, file: str, option: str) -> None:
    home = Home(tmp_path / "a home", version)
    for folder in (home.dist / "config", home.path / "config"):
        folder.mkdir()
        (folder / file).write_text("")
        assert f"{option}{folder}/{file}" in home.run("bin/kafka-topics.sh")
    (home.path / "config" / "tools-log4j.properties").write_text("")  # left from an older Kafka
    assert f"{option}{home.path}/config/{file}" in home.run("bin/kafka-topics.sh")


def test_options_of_run_class(home: Home) -> None:
    said = home.run("bin/kafka-run-class.sh", "-name", "x", "-loggc", "a.B", "-name", "y")
    assert any(word.startswith("-Xlog:gc") and "x-gc.log" in word for word in said)
    assert said[-3:] == ["a.B", "-name", "y"]


def test_daemon(home: Home) -> None:
    assert home.run("bin/kafka-run-class.sh", "-daemon", "-name", "x", "a.B", "c") == []
    until = time.monotonic() + 5
    out = home.path / "logs" / "x.out"
    while not (out.is_file() and out.read_text().endswith("a.B\nc\n")):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_usage(home: Home) -> None:
    assert "USAGE" in home.execute("bin/kafka-run-class.sh").stderr
    assert home.execute("bin/trogdor.sh").returncode == 1


def test_zookeeper_shell(home: Home) -> None:
    assert home.run("bin/zookeeper-shell.sh", "localhost:2181", "ls", "/")[-4:] == [
        "-server", "localhost:2181", "ls", "/",
    ]  # fmt: skip


def test_command_whose_jar_is_not_there(home: Home) -> None:
    done = home.execute("bin/kafka-metadata-shell.sh")
    assert done.returncode == 1
    assert "kafka-shell-3.9.1.jar" in done.stderr


# --- stopping ------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a process that looks like a broker of the given home; ended at the end."""
    started: list[subprocess.Popen[bytes]] = []
    java = lookalike.made_java(tmp_path / "jre")
    stack = contextlib.ExitStack()

    def start(
        home: Home, properties: str, main: str = "kafka.Kafka", program: Path = java
    ) -> subprocess.Popen[bytes]:
        file = home.path / "config" / f"server-{len(started)}.properties"
        file.parent.mkdir(exist_ok=True)
        file.write_text(properties)
        words = ["-cp", f"{home.dist}/libs/a.jar", main, str(file)]
        process = stack.enter_context(lookalike.running(program, words, name="java"))
        started.append(process)
        return process

    with stack:
        yield start


def test_stop_ends_the_brokers_of_this_home_only(
    home: Home, tmp_path: Path, running: object
) -> None:
    start = running
    assert callable(start)
    other = Home(tmp_path / "other")
    mine, theirs = start(home, "broker.id=0\n"), start(other, "broker.id=0\n")
    tool = start(home, "", "kafka.tools.StorageTool")
    reader = start(home, "", "logs/kafka.Kafka.log")
    assert home.execute("bin/kafka-server-stop.sh").returncode == 0
    assert mine.wait(5) == -15
    assert theirs.poll() is None
    assert tool.poll() is None
    assert reader.poll() is None
    perl = start(home, "", program=Path("/usr/bin/perl"))
    done = home.execute("bin/kafka-server-stop.sh")
    assert (done.returncode, done.stdout) == (1, "No kafka server to stop\n")
    assert perl.poll() is None, "it only calls itself java"


@pytest.mark.parametrize(
    "option", [["--node-id=2"], ["--node-id", "2"], ["--process-role=controller"]]
)
def test_stop_one(home: Home, running: object, option: list[str]) -> None:
    start = running
    assert callable(start)
    one = start(home, "node.id=1\nprocess.roles=broker\n")
    two = start(home, "#node.id=1\nnode.id = 2\nprocess.roles=controller\n")
    assert home.execute("bin/kafka-server-stop.sh", *option).returncode == 0
    assert two.wait(5) == -15
    assert one.poll() is None


def test_stop_zookeeper(home: Home, running: object) -> None:
    start = running
    assert callable(start)
    broker = start(home, "")
    reader = start(home, "", "logs/QuorumPeerMain.log")
    server = start(home, "", "org.apache.zookeeper.server.quorum.QuorumPeerMain")
    assert home.execute("bin/zookeeper-server-stop.sh").returncode == 0
    assert server.wait(5) == -15
    assert broker.poll() is None
    assert reader.poll() is None
    assert home.execute("bin/zookeeper-server-stop.sh").returncode == 1


def test_commands_are_those_of_the_lock(lock: KafkaLock) -> None:
    entries = {entry.path: entry.data for entry in scripts(lock).entries}
    assert b"org.apache.kafka.tools.TopicCommand" in (entries["bin/kafka-topics.sh"] or b"")
    assert "bin/kafka-acls.sh" not in entries
