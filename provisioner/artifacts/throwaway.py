"""One broker for a few seconds: in a folder of the cache, on loopback, gone when it is done.

Only processes that were started here are ended, through the handle that ``subprocess`` keeps.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Blob, Distribution
from provisioner.artifacts.pack import MTIME

UP_SECONDS = 90.0
END_SECONDS = 90.0
STARTED = "started (kafka.server.Kafka"
CLUSTER = "AAAAAAAAQACAAAAAAAAAAA"
TRIES = 2
DEAF = ("/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Ctrl-C is for us: broken off by it, an archive would count as impossible. It stays in our session
all the same, so that the end of the terminal ends it too, and no broker is left behind."""


class NotUp(Exception):
    """The throw-away process did not do what it should; the message says what it said last."""


@dataclass(frozen=True)
class Home:
    """A Kafka home ``run``, and below it, as relative paths, the folders of Java and Kafka."""

    run: Path
    runtime: Path
    kafka: Path

    @property
    def classes(self) -> str:
        """The class path: jars sorted by name, relative to the home."""
        names = sorted(path.name for path in (self.run / self.kafka / "libs").glob("*.jar"))
        return ":".join(str(self.kafka / "libs" / name) for name in names)

    def command(self, arguments: Sequence[str]) -> list[str]:
        program = self.run / self.runtime / "bin" / "java"
        return [*DEAF, str(program), "-Xmx256m", f"-Dkafka.logs.dir={self.run}", *arguments]

    def java(self, arguments: Sequence[str]) -> None:
        """Runs Java to its end. Raises NotUp with what it said when it fails."""
        done = subprocess.run(
            self.command(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=UP_SECONDS,
            env=environment(),
            cwd=self.run,
            check=False,
        )
        if done.returncode != 0:
            raise NotUp(last_line((done.stdout + done.stderr).decode("utf-8", "replace")))


def environment() -> dict[str, str]:
    """Ours without what would change how Java runs (JAVA_TOOL_OPTIONS, CLASSPATH, …)."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def unpack(cache: Cache, what: Distribution, folder: Path) -> None:
    """The distribution as files, with the date that its tar stream gives them.

    Java notes size and date of ``lib/modules`` and the jars in an archive.
    """
    zips: dict[Blob, zipfile.ZipFile] = {}
    try:
        for entry in what.entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if entry.blob is None:
                target.write_bytes(entry.data or b"")
            elif entry.member:
                if entry.blob not in zips:
                    zips[entry.blob] = zipfile.ZipFile(cache.open(entry.blob))
                with zips[entry.blob].open(entry.member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
            else:
                cache.open(entry.blob).close()
                shutil.copyfile(cache.path(entry.blob), target)
            target.chmod(entry.mode)
            os.utime(target, (MTIME, MTIME))
    finally:
        for archive in zips.values():
            archive.close()


def broker(home: Home, mode: str, flags: Sequence[str]) -> None:
    """Starts one broker with these Java flags, waits until it serves, stops it, waits for its end.

    Tries again once, because a port that was free may be taken by then. Raises NotUp.
    """
    for attempt in range(1, TRIES + 1):
        try:
            _once(home, mode, flags, f"try-{attempt}")
            return
        except NotUp:
            if attempt == TRIES:
                raise


def _once(home: Home, mode: str, flags: Sequence[str], name: str) -> None:
    folder = home.run / name
    folder.mkdir()
    ports = free_ports(2)
    properties = folder / "server.properties"
    classes = ["-cp", home.classes]
    if mode == "kraft":
        properties.write_text(kraft(folder, *ports), "utf-8")
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(properties)]
        home.java([*classes, *tool])
        with process(home, [*flags, *classes, "kafka.Kafka", str(properties)], folder / "out"):
            return
    properties.write_text(with_zookeeper(folder, *ports), "utf-8")
    ensemble = folder / "zookeeper.properties"
    ensemble.write_text(zookeeper(folder, ports[1]), "utf-8")
    server = ["org.apache.zookeeper.server.quorum.QuorumPeerMain", str(ensemble)]
    with (
        process(home, [*classes, *server], folder / "zookeeper.out", ports[1]),
        process(home, [*flags, *classes, "kafka.Kafka", str(properties)], folder / "out"),
    ):
        return


@contextmanager
def process(
    home: Home, arguments: Sequence[str], log: Path, port: int | None = None
) -> Iterator[None]:
    """A Java process that is up: its port answers, or its log says that the server started.

    Ended by TERM at the end, and waited for; by KILL if that takes too long.
    """
    config = home.run / home.kafka / "config"
    logging = config / "log4j.properties"
    option = f"-Dlog4j.configuration=file:{logging}"
    if not logging.is_file():
        option = f"-Dlog4j2.configurationFile={config / 'log4j2.yaml'}"
    with log.open("wb") as out:
        child = subprocess.Popen(
            home.command([option, *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment(),
            cwd=home.run,
        )
    try:
        _await_up(child, log, port)
        yield
    finally:
        _end(child)


def _await_up(child: subprocess.Popen[bytes], log: Path, port: int | None) -> None:
    until = time.monotonic() + UP_SECONDS
    while not (answers(port) if port else STARTED in _text(log)):
        if child.poll() is not None:
            raise NotUp(f"it ended with {child.returncode}: {last_line(_text(log))}")
        if time.monotonic() > until:
            raise NotUp(f"not up after {UP_SECONDS:.0f} s: {last_line(_text(log))}")
        time.sleep(0.05)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _text(log: Path) -> str:
    return log.read_text("utf-8", "replace")


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def kraft(folder: Path, client: int, controller: int) -> str:
    return (
        "process.roles=broker,controller\nnode.id=1\n"
        f"listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}\n"
        "controller.listener.names=CONTROLLER\n"
        f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
        f"log.dirs={folder}/data\noffsets.topic.replication.factor=1\n"
    )


def with_zookeeper(folder: Path, client: int, ensemble: int) -> str:
    return (
        f"broker.id=1\nlisteners=PLAINTEXT://127.0.0.1:{client}\n"
        f"zookeeper.connect=127.0.0.1:{ensemble}\n"
        f"log.dirs={folder}/data\noffsets.topic.replication.factor=1\n"
    )


def zookeeper(folder: Path, port: int) -> str:
    return (
        f"dataDir={folder}/zookeeper\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
        "admin.enableServer=false\n"
    )
