"""What shells say when /bin/sh is missing, and what a script may say itself."""

from __future__ import annotations

import pytest

from provisioner.hosts.no_shell import no_shell
from provisioner.hosts.transport import Result

NOLOGIN = b"This account is currently not available.\n"


@pytest.mark.parametrize(
    ("status", "stderr"),
    [
        (127, b"bash: line 1: /bin/sh: No such file or directory\n"),
        (126, b"bash: line 1: /bin/sh: Permission denied\n"),
        (126, b"bash: line 1: /bin/sh: cannot execute: required file not found\n"),
        (127, b"sh: 1: exec: /bin/sh: not found\n"),
        (126, b"sh: 1: exec: /bin/sh: Permission denied\n"),
        (127, b"zsh:1: no such file or directory: /bin/sh\n"),
        (127, b"fish: Unknown command: /bin/sh\n"),
        (127, b"exec: No such file or directory: '/bin/sh'\n"),
        (127, b"banner first\nsudo: /bin/sh: command not found\n"),
    ],
)
def test_no_shell(status: int, stderr: bytes) -> None:
    assert no_shell("exec /bin/sh", Result(b"", stderr, status))


@pytest.mark.parametrize(
    ("status", "stdout", "stderr"),
    [
        (127, b"", b"/bin/sh: 1: java: not found\n"),
        (127, b"", b"/bin/sh: line 3: java: command not found\n"),
        (126, b"", b"/bin/sh: 7: /opt/tool/bin/sh: Permission denied\n"),
        (127, b"@frame\n", b"/bin/sh: not found\n"),
        (1, b"", b"/bin/sh: not found\n"),
        (0, NOLOGIN, b""),
        (127, b"", b"x" * 10_000_000),
    ],
)
def test_a_shell_that_ran(status: int, stdout: bytes, stderr: bytes) -> None:
    assert no_shell("exec /bin/sh", Result(stdout, stderr, status)) == ""


def test_nologin() -> None:
    assert "nologin" in no_shell("exec /bin/sh", Result(NOLOGIN, b"", 1))
