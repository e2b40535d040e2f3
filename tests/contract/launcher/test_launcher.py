"""``provision-launch.sh`` for real, with a ``java`` that tells what it was called with."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.kinds.service import digest

BIN = Path(digest.__file__).parents[2] / "artifacts" / "bin"
SHELLS = [
    words
    for words in (["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"])
    if shutil.which(words[0])
]
JAVA = """#!/bin/sh
argv=${0%/.provision/dist/java/bin/java}/argv
: >"$argv"
for a do printf '%s\\0' "$a" >>"$argv"; done
env -0 >"$argv.env"
pwd >"$argv.cwd"
"""
LAUNCH = {
    "node": "broker-1",
    "heap": "512m",
    "opt.01": "-XX:+UseG1GC",
    "opt.02": "-Dwith=a space",
    "opt.03": "-Dglob=*",
}


@dataclass
class Home:
    """Kafka's folder as provision makes it, with one jar and a fake Java."""

    path: Path
    shell: list[str]

    @property
    def own(self) -> Path:
        return self.path / ".provision"

    def make(self) -> None:
        self.scripts = self.own / "dist" / "scripts" / "bin"
        self.scripts.mkdir(parents=True)
        for name in ("provision-launch.sh", "provision-canonical.awk", "kafka-server-start.sh"):
            shutil.copy(BIN / name, self.scripts / name)
        (self.path / "bin").symlink_to(self.scripts)
        for jar in ("a.jar", "b.jar"):
            (self.own / "dist" / "kafka" / "libs").mkdir(parents=True, exist_ok=True)
            (self.own / "dist" / "kafka" / "libs" / jar).touch()
        java = self.own / "dist" / "java" / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text(JAVA)
        java.chmod(0o755)
        (self.path / "config").mkdir()
        (self.own / "launch").mkdir()
        (self.own / "key").write_text("5ecre7\n")
        self.logging = self.path / "config" / "log4j2.properties"
        self.logging.write_text("status=warn\n")
        self.file = self.path / "config" / "server-1.properties"
        self.file.write_text("node.id=1\nlisteners=PLAINTEXT://:9092\n")
        self.launch(LAUNCH)
        self.launch({"heap": "512m"}, "default")

    def launch(self, values: dict[str, str], name: str = "server-1") -> None:
        dist = self.own / "dist"
        every = {
            "java": str(dist / "java"),
            "dist": str(dist / "kafka"),
            "logging": str(self.logging),
            "logs": str(self.path / "logs" / "broker-1"),
            **values,
        }
        if name == "default":
            del every["logs"]
        path = self.own / "launch" / f"{name}.conf"
        path.write_text("".join(f"{key}={value}\n" for key, value in sorted(every.items())))

    def call(
        self, *words: str, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.shell, str(self.path / "bin" / "provision-launch.sh"), *words],
            capture_output=True,
            text=True,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **env},
        )

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> list[str]:
        done = self.call("run", "kafka.Kafka", *(words or (str(self.file),)), cwd=cwd, **env)
        assert done.returncode == 0, done.stderr
        return self.argv()

    def argv(self) -> list[str]:
        return (self.path / "argv").read_text().split("\0")[:-1]

    def environment(self) -> dict[str, str]:
        text = (self.path / "argv.env").read_text()
        return dict(entry.split("=", 1) for entry in text.split("\0")[:-1])

    def texts(self, launch: str = "server-1") -> list[str]:
        return [
            self.file.read_text(),
            (self.own / "launch" / f"{launch}.conf").read_text(),
            self.logging.read_text(),
        ]


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return list(request.param)


@pytest.fixture
def home(shell: list[str], tmp_path: Path) -> Home:
    made = Home(tmp_path / "kafka", shell)
    made.make()
    return made


def test_the_whole_command_line(home: Home) -> None:
    p, libs = home.path, home.own / "dist" / "kafka" / "libs"
    assert home.run() == [
        "-Xms512m",
        "-Xmx512m",
        "-XX:+UseG1GC",
        "-Dwith=a space",
        "-Dglob=*",
        f"-Dlog4j2.configurationFile={p}/config/log4j2.properties",
        f"-Dprovision.digest={digest.digest('5ecre7', home.texts())}",
        "-Dprovision.node=broker-1",
        f"-Dprovision.home={p}",
        f"-Dkafka.logs.dir={p}/logs/broker-1",
        "-Dprovision.console=INFO",
        "-cp",
        f"{libs}/a.jar:{libs}/b.jar",
        "kafka.Kafka",
        f"{p}/config/server-1.properties",
    ]
    assert (p / "argv.cwd").read_text().strip() == str(p)
    assert (p / "logs" / "broker-1").is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "a space",
        "it's",
        'a "quoted" one',
        "$(touch x)",
        "`touch x`",
        "a*b?[c]",
        "-n",
        "é√",
        "a\\nb",
    ],
)
def test_homes_of_any_name(shell: list[str], tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name, shell)
    home.make()
    argv = home.run()
    assert f"-Dprovision.home={home.path}" in argv
    assert argv[-1] == str(home.file)
    assert argv[argv.index("-cp") + 1].split(":")[0] == f"{home.own}/dist/kafka/libs/a.jar"
    assert f"-Dprovision.digest={digest.digest('5ecre7', home.texts())}" in argv
    assert not list(tmp_path.rglob("x"))


def test_digest_of_files(home: Home) -> None:
    missing = home.path / "config" / "missing.properties"
    done = home.call("digest", str(home.file), str(missing))
    assert done.stdout.splitlines() == [digest.digest("5ecre7", home.texts()), "-"]
    assert (home.path / "argv").exists() is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "a=1",
        "a = 1\r\nb:2\r\n",
        "a=one,\\\n  two\n\\u0041=é\n",
        "a=1\na=2\n",
        "x=" + "y" * 50_000 + "\n",
    ],
)
def test_digest_of_texts(home: Home, text: str) -> None:
    home.file.write_text(text)
    done = home.call("digest", str(home.file))
    assert done.stdout.strip() == digest.digest("5ecre7", home.texts())


def test_hints_are_not_in_the_digest_and_what_is_run_with_is(home: Home) -> None:
    before = home.call("digest", str(home.file)).stdout
    home.launch({**LAUNCH, "hint.archive": "/nowhere"})
    assert home.call("digest", str(home.file)).stdout == before
    home.launch({**LAUNCH, "heap": "513m"})
    assert home.call("digest", str(home.file)).stdout != before


def test_the_key_is_never_on_the_command_line(home: Home) -> None:
    assert not [word for word in home.run() if "5ecre7" in word]
    assert "5ecre7" not in "".join(home.environment().values())


def test_overrides_are_passed_and_change_the_digest(home: Home) -> None:
    plain = home.run()
    argv = home.run(str(home.file), "--override", "num.io.threads=9")
    assert argv[-3:] == [str(home.file), "--override", "num.io.threads=9"]
    marks = [[w for w in words if w.startswith("-Dprovision.digest=")] for words in (plain, argv)]
    assert marks[0] != marks[1]


def test_environment(home: Home) -> None:
    home.launch({**LAUNCH, "env.LANG": "de_DE.UTF-8", "env.A": "x = $(touch y) 'z'", "env.B": ""})
    home.run()
    found = home.environment()
    assert (found["LANG"], found["A"], found["B"]) == ("de_DE.UTF-8", "x = $(touch y) 'z'", "")


@pytest.mark.parametrize("name", ["home", "java", "dist", "logs", "file", "heap", "class", "path"])
def test_no_name_in_the_environment_changes_the_launch(home: Home, name: str) -> None:
    before = [w for w in home.run() if "provision.digest" not in w]
    home.launch({**LAUNCH, f"env.{name}": "/elsewhere"})
    after = home.call("run", "kafka.Kafka", str(home.file))
    assert after.returncode == 0
    assert [w for w in home.argv() if "provision.digest" not in w] == before


def test_jmx(home: Home) -> None:
    home.launch({**LAUNCH, "jmx.port": "9999"})
    argv = home.run()
    assert "-Dcom.sun.management.jmxremote.host=127.0.0.1" in argv
    assert "-Djava.rmi.server.hostname=127.0.0.1" in argv
    assert "-Dcom.sun.management.jmxremote.port=9999" in argv
    assert "-Dcom.sun.management.jmxremote.rmi.port=9999" in argv
    assert argv.index("-Dcom.sun.management.jmxremote.port=9999") < argv.index("kafka.Kafka")


def test_jmx_for_others_only_where_that_is_said(home: Home) -> None:
    home.launch({**LAUNCH, "jmx.port": "9999", "jmx.address": "10.0.0.7"})
    argv = home.run()
    assert "-Dcom.sun.management.jmxremote.host=10.0.0.7" in argv
    assert "-Djava.rmi.server.hostname=10.0.0.7" in argv


KEPT = {"PATH", "LC_ALL", "HOME", "USER", "LOGNAME"}
OF_THE_FAKE = {"PWD", "_", "OLDPWD", "SHLVL"}
"""What a shell, which our fake Java is, adds by itself."""


@pytest.mark.parametrize("daemon", [False, True], ids=["in the foreground", "-daemon"])
def test_nothing_of_the_environment_goes_on(home: Home, daemon: bool) -> None:
    """Passwords of who started it, and what changes a process without its digest."""
    home.launch({**LAUNCH, "env.TZ": "Europe/Berlin"})
    secret = {
        "PROVISION_BECOME_PASSWORD": "x", "SOME_DB_PASSWORD": "x", "JAVA_TOOL_OPTIONS": "-Xint",
        "JDK_JAVA_OPTIONS": "-Xint", "_JAVA_OPTIONS": "-Xint", "LD_LIBRARY_PATH": "/tmp",
        "KAFKA_HEAP_OPTS": "-Xmx1m", "KAFKA_OPTS": "-Dx", "TZ": "Asia/Tokyo", "CLASSPATH": "/tmp",
        "HOME": "/root", "USER": "me", "LOGNAME": "me", "SSH_AUTH_SOCK": "/tmp/s",
    }  # fmt: skip
    words = ["-daemon", str(home.file)] if daemon else [str(home.file)]
    done = home.call("run", "kafka.Kafka", *words, **secret)
    assert done.returncode == 0, done.stderr
    cwd = home.path / "argv.cwd"
    end = time.monotonic() + 60
    while not cwd.exists() or not cwd.read_text():
        assert time.monotonic() < end, "Java was not started"
        time.sleep(0.02)
    found = home.environment()
    assert set(found) - OF_THE_FAKE == KEPT | {"TZ"}
    assert found["TZ"] == "Europe/Berlin"


def test_log4j_one(home: Home) -> None:
    home.logging = home.path / "config" / "log4j.properties"
    home.logging.write_text("log4j.rootLogger=INFO\n")
    home.launch(LAUNCH)
    assert f"-Dlog4j.configuration=file:{home.logging}" in home.run()


def test_the_archive_only_where_it_is(home: Home) -> None:
    archive = home.own / "dist" / "cds"
    home.launch({**LAUNCH, "hint.archive": str(archive)})
    assert not [w for w in home.run() if "SharedArchiveFile" in w]
    archive.mkdir()
    (archive / "kafka.jsa").touch()
    assert [w for w in home.run() if "SharedArchiveFile" in w] == [
        f"-XX:SharedArchiveFile={archive}/base.jsa:{archive}/kafka.jsa"
    ]


def test_a_file_of_the_users_own_running_digest_the_defaults(home: Home) -> None:
    mine = home.path / "config" / "server-copy.properties"
    mine.write_text("broker.id=7\n")
    argv = home.run(str(mine))
    assert argv[:2] == ["-Xms512m", "-Xmx512m"]
    assert "-Dprovision.node=server-copy" in argv
    assert f"-Dkafka.logs.dir={home.path}/logs/server-copy" in argv
    assert argv[-1] == str(mine)


@pytest.mark.parametrize(
    "cdpath",
    [False, True],
    ids=["plain", "with a CDPATH"],
)
def test_a_relative_name(home: Home, cdpath: bool) -> None:
    if cdpath:
        (home.path / "elsewhere" / "config").mkdir(parents=True)
    env = {"CDPATH": str(home.path / "elsewhere")} if cdpath else {}
    argv = home.run("config/server-1.properties", cwd=home.path, **env)
    assert argv[-1] == str(home.file)


def test_by_kafkas_own_name_from_the_home(home: Home) -> None:
    done = subprocess.run(
        [*home.shell, "bin/kafka-server-start.sh", "config/server-1.properties"],
        cwd=home.path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert f"-Dprovision.digest={digest.digest('5ecre7', home.texts())}" in home.argv()
    assert f"-Dprovision.home={home.path}" in home.argv()


def test_daemon_returns_and_writes_to_the_nodes_folder(home: Home) -> None:
    out = home.path / "logs" / "broker-1" / "kafkaServer.out"
    java = home.own / "dist" / "java" / "bin" / "java"
    java.write_text(JAVA + "echo said; echo and more >&2; sleep 1; echo late\n")
    done = home.call("run", "kafka.Kafka", "-daemon", str(home.file))
    assert (done.returncode, done.stdout) == (0, "")
    for _ in range(100):
        if out.exists() and "and more" in out.read_text():
            break
        time.sleep(0.05)
    assert out.read_text().startswith("said\nand more\n")
    assert "late" not in out.read_text()
    assert "-Dprovision.console=OFF" in home.argv()


def test_it_becomes_java(home: Home) -> None:
    """No shell stays between who started it and java: signals go where they are meant to."""
    java = home.own / "dist" / "java" / "bin" / "java"
    java.write_text(f'#!/bin/sh\necho "$$" >"{home.path}/argv"\n')
    process = subprocess.Popen(
        [*home.shell, str(home.path / "bin" / "provision-launch.sh"), "run", "C", str(home.file)],
        env={"PATH": os.environ["PATH"]},
    )
    process.wait(20)
    assert (home.path / "argv").read_text().strip() == str(process.pid)


def test_what_the_digest_does_not_see_is_not_passed(home: Home) -> None:
    before = home.run()
    path = home.own / "launch" / "server-1.conf"
    path.write_text("opt.01=-Xint\n" + path.read_text())
    assert home.run() == before


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (".provision/launch", "default.conf is missing: run 'provision apply' first"),
        ("config/server-1.properties", "cannot read"),
        (".provision/dist/java", "java is missing or cannot be run: run 'provision apply'"),
        (".provision/dist/kafka", "no jars in"),
    ],
)
def test_what_is_missing_is_said(home: Home, gone: str, words: str) -> None:
    path = home.path / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = home.call("run", "kafka.Kafka", str(home.file))
    assert done.returncode == 1
    assert done.stderr.startswith("provision-launch: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_is_started_without_the_hosts_key(home: Home) -> None:
    (home.own / "key").unlink()
    done = home.call("run", "kafka.Kafka", str(home.file))
    assert done.returncode == 1
    assert "key" in done.stderr


def test_usage(home: Home) -> None:
    assert "usage" in home.call().stderr
    assert "usage" in home.call("run", "kafka.Kafka").stderr


def test_java_of_the_system(home: Home) -> None:
    launch = {**LAUNCH, "java": "system"}
    home.launch(launch)
    java = home.own / "dist" / "java"
    assert home.run(JAVA_HOME=str(java))[-1] == str(home.file)
    (home.path / "argv").unlink()
    path = f"{java}/bin:{os.environ['PATH']}"
    assert home.run(PATH=path)[-1] == str(home.file)
