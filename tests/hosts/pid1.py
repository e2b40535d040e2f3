"""Pid 1 of a namespace of processes: when it dies, of whatever cause, all others die with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tests.hosts import linux

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def fork(be: Callable[[], int], name: str) -> int:
    """Fork a process that is pid 1 of a new namespace, and dies with us.

    Returns its pid, as seen here. What ``be`` returns is its exit status. Signals that are passed
    on wait, here and there, until ``forward_signals`` says to whom: pid 1 would lose them.
    Raises OSError when refused, which means: not root.
    """
    linux.unshare(linux.NEW_PIDS)  # for the child; we stay outside, to clean up after it
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        linux.die_with_parent()
        status = be()
    except BaseException as error:
        print(f"test hosts: {name}: {error!r}", file=sys.stderr)
    finally:
        os._exit(status)


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """In pid 1: run a command and collect orphans until it ends; return its exit status."""
    child = subprocess.Popen(command, env=environment, preexec_fn=_take_signals)
    forward_signals(child.pid)
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            return exit_status(status)


def forward_signals(pid: int) -> None:
    def forward(received: int, _: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, received)

    for number in _FORWARDED:
        signal.signal(number, forward)
    if sys.stdin is not None and sys.stdin.isatty():
        # Ctrl-C reaches every process at the terminal; passed on it would arrive three times
        signal.signal(signal.SIGINT, lambda *_: None)
    _take_signals()


def _take_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)


def exit_status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code  # as a shell counts a death by signal
