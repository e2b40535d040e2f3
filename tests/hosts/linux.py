"""The three system calls that Python 3.11 does not wrap."""

from __future__ import annotations

import ctypes
import os
import signal

NEW_MOUNTS = 0x0002_0000  # CLONE_NEWNS
NEW_PIDS = 0x2000_0000  # CLONE_NEWPID
NEW_NETWORK = 0x4000_0000  # CLONE_NEWNET
BIND = 0x1000  # MS_BIND
RECURSIVE = 0x4000  # MS_REC
PRIVATE = 0x4_0000  # MS_PRIVATE
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def unshare(namespaces: int) -> None:
    """Leave these namespaces for new ones. NEW_PIDS takes effect for children only.

    Raises OSError when refused, which means: not root.
    """
    _call("unshare", namespaces)


def mount(source: str, target: str, flags: int, *, kind: str = "", data: str = "") -> None:
    """mount(2). Raises OSError."""
    words = [os.fsencode(word) for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), os.fsencode(data))


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process as soon as the one that forked it is dead."""
    _call("prctl", _SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def _call(name: str, *arguments: int | bytes | ctypes.c_ulong) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
