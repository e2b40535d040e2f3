"""Processes that look like Kafka: a program called java, which waits, with any command line."""

from __future__ import annotations

import contextlib
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


def made_java(folder: Path) -> Path:
    """A shell under the name of java: to the kernel, its program is that file."""
    folder.mkdir(parents=True, exist_ok=True)
    java = folder / "java"
    shutil.copy(Path("/bin/sh").resolve(), java)
    java.chmod(0o755)
    return java


def broker_words(home: str | Path, node: str, file: str | Path, digest: str = "") -> list[str]:
    """What the launcher gives to Java, as far as a process is known by it."""
    return [
        f"-Dprovision.digest={digest}",
        f"-Dprovision.node={node}",
        f"-Dprovision.home={home}",
        "-cp",
        f"{home}/libs/a.jar",
        "kafka.Kafka",
        str(file),
    ]


@contextlib.contextmanager
def running(
    program: str | Path, words: Sequence[str], user: str = "", name: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``program`` (a shell, or perl) as ``user`` until the block's end; it does nothing but
    wait. ``words`` come after the program's own ones; ``name`` is what it calls itself."""
    code = ["-e", "sleep 1000", "--"] if Path(program).name == "perl" else ["-c", "read line"]
    more = {}
    if user:
        entry = pwd.getpwnam(user)
        more = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [name or str(program), *code, *words],
        executable=str(program),
        stdin=subprocess.PIPE,
        cwd="/",
        **more,  # type: ignore[call-overload]
    )
    try:
        arrived(process, str(words[-1]) if words else "")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


def arrived(process: subprocess.Popen[bytes], word: str) -> None:
    """Until it has become the program."""
    while process.poll() is None:
        if word.encode() in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            return
