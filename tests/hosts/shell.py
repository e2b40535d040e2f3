"""Run a program of the machine the tests run on."""

from __future__ import annotations

import subprocess
from pathlib import Path


class HarnessError(RuntimeError):
    """The test hosts themselves do not work. Never raised for what a test does on a host."""


def run(
    *argv: str | Path, stdin: str = "", timeout: float = 300, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run argv to its end, in at most `timeout` seconds; return its status and output.

    It reads `stdin` and then its end: a program that asks a question fails instead of waiting.
    Raises HarnessError when it is missing, too slow, or (with check) fails.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{' '.join(words)}: {error}") from error
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise HarnessError(f"{' '.join(words)}: exit {done.returncode}: {said}")
    return done
