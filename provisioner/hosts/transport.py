"""How one machine is reached: the port that ``local.py`` and ``ssh.py`` implement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

MOST_OUTPUT = 64 << 20
"""Bytes that one command may say, on both its streams together. What says more is ended."""
MOST_LINE = 64 << 10
"""Bytes of a line of a ``Stream``."""
NONSENSE = (ValueError, LookupError, TypeError, ArithmeticError, RecursionError)
"""What reading a text raises that does not have the form it must have."""


class TransportError(Exception):
    """The machine could not be asked. ``code`` is one of the closed list in ``errors.CODES``."""

    def __init__(self, code: str, message: str, hint: str = ""):
        self.code = code
        self.hint = hint
        super().__init__(message)


@contextmanager
def understood(host: str) -> Iterator[None]:
    """Within it what a host has said is read. Every way in which that can fail is the error of this
    host, TransportError: the text is the host's, and so no fault of this program."""
    try:
        yield
    except NONSENSE as error:
        what = f"{type(error).__name__}: {error}"
        raise TransportError(
            "connection-lost", f"what {host} said cannot be understood: {what[:200]}"
        ) from error


def too_much(name: str, most: int) -> TransportError:
    """The error of a machine that says more than ``most`` bytes."""
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"
    return TransportError(
        "connection-lost",
        f"{name} said more than {size} where little was expected; it was cut off",
    )


@dataclass(frozen=True)
class Result:
    """What a command left: bytes of both streams and its exit status (-1: killed by a signal)."""

    stdout: bytes
    stderr: bytes
    status: int


class Stream(Protocol):
    """A running command with open stdin (the lock holder)."""

    def write(self, data: bytes) -> None:
        """Raises TransportError('connection-lost') when the other side is gone."""

    def read_line(self, seconds: float) -> bytes | None:
        """One line of stdout, b'' at its end, None when none came in ``seconds``. Raises
        TransportError('connection-lost') for one of more than ``MOST_LINE`` bytes."""

    def close(self) -> None:
        """Closes stdin: the command sees its end of input. Returns at once."""


class Connection(Protocol):
    """An open way to one machine, for the duration of a run. Thread-safe.

    ``login`` is the account that SSH logs in to; empty where there is no login. ``notes`` say
    which host keys were accepted or replaced, for the person and the journal.
    """

    name: str
    login: str

    @property
    def notes(self) -> tuple[str, ...]: ...

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        """Runs ``command`` by the login shell, feeds stdin, and returns when it has ended.

        ``command`` is a constant of our source (``exec /bin/sh``); everything else travels on
        stdin. ``seconds`` is the limit on silence: no byte moved in either direction.
        ``progress`` is called with the number of stdin bytes sent so far.
        Raises TransportError (``connection-lost``, also for more than ``MOST_OUTPUT`` bytes of
        output, ``unreachable``, ``shell-missing``).
        """

    def stream(self, command: str, stdin: bytes = b"") -> Stream:
        """Starts ``command`` and leaves stdin open after the first bytes."""

    def dial(self, host: str, port: int, seconds: float) -> object:
        """A connected socket-like (``recv``, ``send``, ``close``, ``settimeout``) to an address
        as the machine sees it."""

    def close(self) -> None: ...
