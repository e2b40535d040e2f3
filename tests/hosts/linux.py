"""The two system calls that Python 3.11 does not wrap."""

from __future__ import annotations

import ctypes
import os
import signal

NEW_MOUNTS = 0x0002_0000  # CLONE_NEWNS
NEW_PIDS = 0x2000_0000  # CLONE_NEWPID
NEW_NETWORK = 0x4000_0000  # CLONE_NEWNET
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def unshare(namespaces: int) -> None:
    """Leave these namespaces for new ones. NEW_PIDS takes effect for children only.

    Raises OSError when refused, which means: not root.
    """
    _call("unshare", namespaces)


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process as soon as the one that forked it is dead."""
    _call("prctl", _SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
