"""One host over SSH: as many channels as its server allows, on as few connections as that takes.

Without any SSH library: a ``Link`` is opened by somebody else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from provisioner.hosts.ssh_channel import Exchange, SshStream
from provisioner.hosts.ssh_link import Link
from provisioner.hosts.transport import Result, TransportError

# A session that has ended still counts for a moment on the server: seconds to ask again.
_SETTLE = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Refused(Exception):
    """The server opens no (further) channel; it is alive."""


def not_forwarded(what: str, refusal: tuple[int, str]) -> TransportError:
    """Why a server did not connect us onwards: ``refusal`` is its code and its system's text."""
    code, text = refusal
    if code == 1:
        return TransportError(
            "not-permitted", f"{what}: not permitted ({text})", "AllowTcpForwarding of its sshd"
        )
    if "refused" in text.lower():
        return TransportError("connection-refused", f"connection refused by {what}")
    if "name" in text.lower() or "unknown host" in text.lower():
        return TransportError("host-name-unknown", f"{what}: {text}")
    return TransportError("unreachable", f"{what}: {text or 'connect failed'}")


@dataclass(eq=False)
class _Line:
    """A link and what it carries. ``limit`` is learnt from a refusal (MaxSessions).

    ``commands`` end, ``streams`` (their channels) last; ``reserved`` are on their way to be either.
    """

    link: Link
    commands: int = 0
    reserved: int = 0
    streams: list[Any] = field(default_factory=list)
    limit: int | None = None

    @property
    def load(self) -> int:
        self.streams = [channel for channel in self.streams if not channel.closed]
        return self.commands + self.reserved + len(self.streams)

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.load >= self.limit


class SshConnection:
    """Implements ``transport.Connection``. ``notes`` are lines for the journal (host keys)."""

    def __init__(self, name: str, open_link: Callable[[], Link], notes: list[str], login: str = ""):
        """Opens the first link. Raises TransportError."""
        self.name, self.login = name, login
        self._open_link, self._notes = open_link, notes
        self._changed = threading.Condition()
        self._opening = False
        self._closed = False
        self._first = open_link()
        self._lines = [_Line(self._first)]

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        """As ``transport.Connection.execute``; waits for its turn where MaxSessions is small."""
        with self._session(command) as (link, channel):
            return Exchange(self.name, link, channel, command, seconds).run(stdin, progress)

    def stream(self, command: str, stdin: bytes = b"") -> SshStream:
        """As ``transport.Connection.stream``; over a link of its own if the server insists."""
        line, channel = self._take(lasting=True)
        try:
            line.link.start(channel, command)
            stream = SshStream(self.name, line.link, channel)
            if stdin:
                stream.write(stdin)
        except BaseException:
            with contextlib.suppress(*line.link.errors):
                channel.close()
            raise
        return stream

    def dial(self, host: str, port: int, seconds: float) -> Any:
        """A channel to an address as the machine sees it: ``recv``, ``sendall``, ``settimeout``,
        ``close``. Raises TransportError (``connection-refused``, ``unreachable``,
        ``host-name-unknown``, ``not-permitted``, ``connection-lost``)."""
        return self._first.forward(host, port, seconds)

    def close(self) -> None:
        """Ends every channel and thread. Calling it again does nothing."""
        with self._changed:
            self._closed = True
            lines, self._lines = self._lines, []
            self._changed.notify_all()
        for line in lines:
            line.link.close()

    # --- sessions -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _session(self, command: str) -> Iterator[tuple[Link, Any]]:
        line, channel = self._take(lasting=False)
        try:
            line.link.start(channel, command)
            yield line.link, channel
        finally:
            with contextlib.suppress(*line.link.errors):
                channel.close()
            with self._changed:
                line.commands -= 1
                self._changed.notify_all()

    def _take(self, *, lasting: bool) -> tuple[_Line, Any]:
        """An open session, and the line that now counts it."""
        refusals = 0
        while True:
            line = self._reserve(lasting)
            try:
                channel = line.link.open_session()
            except Refused as error:
                if not self._learn(line):
                    continue
                if refusals == len(_SETTLE):
                    raise TransportError(
                        "not-permitted", f"{self.name} refuses every session: {error}"
                    ) from error
                time.sleep(_SETTLE[refusals])
                refusals += 1
            except BaseException:
                self._count(line)
                raise
            else:
                self._count(line, stream=channel if lasting else None, command=not lasting)
                return line, channel

    def _reserve(self, lasting: bool) -> _Line:
        """A line with a free place; a new one when every place is taken for good."""
        while True:
            with self._changed:
                if self._closed:
                    raise TransportError("connection-lost", f"{self.name}: already closed")
                line = next((line for line in self._lines if not line.is_full), None)
                if line is not None:
                    line.reserved += 1
                    return line
                ending = any(line.commands or line.reserved for line in self._lines)
                if self._opening or (ending and not lasting):
                    self._changed.wait(1.0)
                    continue
                self._opening = True
            self._add_line()

    def _add_line(self) -> None:
        link = None
        try:
            link = self._open_link()
        finally:
            with self._changed:
                self._opening = False
                if link is not None and not self._closed:
                    self._lines.append(_Line(link))
                    link = None
                self._changed.notify_all()
            if link is not None:  # closed meanwhile
                link.close()

    def _learn(self, line: _Line) -> bool:
        """Notes a refusal. Whether nothing of ours was there: then it will pass, or never."""
        with self._changed:
            line.reserved -= 1
            others = line.load
            if others:
                line.limit = min(others, line.limit or others)
            self._changed.notify_all()
            return others == 0

    def _count(self, line: _Line, stream: Any = None, command: bool = False) -> None:
        """Turns a reservation into what it was for, or into nothing."""
        with self._changed:
            line.reserved -= 1
            line.commands += command
            if stream is not None:
                line.streams.append(stream)
            self._changed.notify_all()
