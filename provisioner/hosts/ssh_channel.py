"""What runs over one SSH channel: a command with its three streams, or one that keeps stdin open.

Without any SSH library: a channel is the library's, used by the methods that sockets have too.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from provisioner.hosts.no_shell import no_shell
from provisioner.hosts.transport import (
    MOST_LINE,
    MOST_OUTPUT,
    Result,
    TransportError,
    too_much,
)

if TYPE_CHECKING:
    from provisioner.hosts.ssh_link import Link

_TICK = 1.0  # seconds between looks at the clock and at the peer
_PACKET = 32_704  # what one packet holds of the 32 KiB that OpenSSH takes
_READ = 1 << 20
_INLINE = 1 << 16  # bytes of stdin that are worth no second thread
_STDERR_KEPT = 1 << 14
_STDERR_TURNS = 16  # reads of stderr for one of stdout: it may never run dry
# Seconds without output after which a command that has ended is done, although something it left
# running still holds its output open.
_AFTER_END = 5.0


class Arrival:
    """Set whenever something came on a channel. The library clears its events: this one stays."""

    def __init__(self, channel: Any):
        self._event = threading.Event()
        channel.in_buffer.set_event(self)
        channel.in_stderr_buffer.set_event(self)

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        """Asked for by one of two buffers: the other may still have something."""

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)
        self._event.clear()


class Exchange:
    """One command from its start to its end, on the machine of that name."""

    def __init__(self, name: str, link: Link, channel: Any, command: str, seconds: float):
        self._name = name
        self._link, self._channel, self._command = link, channel, command
        self._seconds = seconds
        self._arrival = Arrival(channel)
        self._out = bytearray()
        self._err = bytearray()
        self._last = time.monotonic()  # when a byte last moved
        self._ended = 0.0  # when its status was first seen
        self._idle_is_ours = False  # while the next chunk of stdin is being made
        self._failure: BaseException | None = None

    def run(self, stdin: bytes | Iterable[bytes], progress: Callable[[int], None] | None) -> Result:
        """Feeds stdin, collects the output, and returns how it ended. Raises TransportError."""
        self._channel.settimeout(_TICK)
        # what fits the window is taken without anybody reading our output meanwhile
        most = min(_INLINE, self._channel.out_window_size)
        if isinstance(stdin, bytes) and len(stdin) <= most:
            self._feed([stdin], progress)
            self._collect()
        else:
            self._feed_beside(stdin, progress)
        if self._failure is not None:
            raise self._failure
        return self._result()

    def _feed_beside(
        self, stdin: bytes | Iterable[bytes], progress: Callable[[int], None] | None
    ) -> None:
        collector = threading.Thread(target=self._collect, daemon=True, name="ssh output")
        collector.start()
        try:
            self._feed([stdin] if isinstance(stdin, bytes) else stdin, progress)
        except BaseException:
            self._give_up()
            raise
        finally:
            collector.join()

    # --- stdin --------------------------------------------------------------------------------

    def _feed(self, chunks: Iterable[bytes], progress: Callable[[int], None] | None) -> None:
        sent = 0
        source = iter(chunks)
        while True:
            self._idle_is_ours = True
            chunk = next(source, None)
            self._last, self._idle_is_ours = time.monotonic(), False
            if chunk is None:
                break
            view = memoryview(chunk)
            for start in range(0, len(view), _PACKET):
                packet = bytes(view[start : start + _PACKET])
                if not self._send(packet):
                    return
                sent += len(packet)
                if progress:
                    progress(sent)
        with contextlib.suppress(*self._link.errors):
            self._channel.shutdown_write()

    def _send(self, data: bytes) -> bool:
        """Whether the command still takes stdin; why not is in how it ended."""
        while data and self._failure is None:
            try:
                count = self._channel.send(data)
            except TimeoutError:  # the command does not read; the collector watches the clock
                continue
            except self._link.errors:
                return False
            if count == 0:
                return False
            self._last = time.monotonic()
            data = data[count:]
        return not data

    # --- output -------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Until the command has ended. What goes wrong is kept for the thread that called us."""
        try:
            while not self._has_ended():
                self._arrival.wait(_TICK)
                if self._read():
                    self._last = time.monotonic()
                else:
                    self._watch()
            self._read()
        except BaseException as error:
            self._failure = error
            self._give_up()

    def _read(self) -> bool:
        """Takes what has come; whether anything had."""
        channel, before = self._channel, self._taken()
        while channel.recv_ready() and self._taken() <= MOST_OUTPUT:
            self._out += channel.recv(_READ)
        while channel.recv_stderr_ready() and self._taken() <= MOST_OUTPUT:
            self._err += channel.recv_stderr(_READ)
        if self._taken() > MOST_OUTPUT:
            raise too_much(self._name, MOST_OUTPUT)
        return self._taken() > before

    def _taken(self) -> int:
        return len(self._out) + len(self._err)

    def _has_ended(self) -> bool:
        channel = self._channel
        if channel.closed:
            return True
        if not channel.exit_status_ready():
            if channel.eof_received:
                channel.status_event.wait(_TICK)
            return False
        # its last output may come after its status
        self._ended = self._ended or time.monotonic()
        quiet = time.monotonic() - max(self._ended, self._last)
        return bool(channel.eof_received) or quiet > _AFTER_END

    def _watch(self) -> None:
        """Raises TransportError for a dead peer, or silence beyond the limit."""
        if self._channel.closed:
            return
        self._link.check()
        silent = time.monotonic() - self._last
        if silent > self._seconds and not self._idle_is_ours:
            raise TransportError(
                "unreachable", f"no data for {self._seconds:g} s; the command was terminated"
            )

    def _give_up(self) -> None:
        if self._link.is_active:
            self._link.terminate(self._channel)
        with contextlib.suppress(*self._link.errors):
            self._channel.close()

    # --- the end ------------------------------------------------------------------------------

    def _result(self) -> Result:
        channel = self._channel
        status = channel.exit_status
        # Without a status it was killed by a signal, or we were cut off: only a peer that still
        # answers can have closed the channel. With one, the end of the output may be missing.
        if status == -1 or (channel.closed and not channel.eof_received):
            with _watched(self._link):
                alive = self._link.is_alive()
            if not alive:
                raise self._link.lost(None)
        result = Result(bytes(self._out), bytes(self._err), status)
        why = no_shell(self._command, result)
        if why:
            raise TransportError("shell-missing", why)
        return result


@contextlib.contextmanager
def _watched(link: Link) -> Any:
    """Gives a dead peer up while the block waits for it."""
    done = threading.Event()

    def watch() -> None:
        with contextlib.suppress(TransportError):
            while not done.wait(_TICK):
                link.check()

    thread = threading.Thread(target=watch, daemon=True, name="ssh watch")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class SshStream:
    """Implements ``transport.Stream``: a running command with open stdin."""

    def __init__(self, name: str, link: Link, channel: Any):
        self._name = name
        self._link, self._channel = link, channel
        self._arrival = Arrival(channel)
        self._buffer = bytearray()
        self._said = bytearray()  # the end of its stderr
        self._closing = threading.Lock()
        self._closed = False
        channel.settimeout(_TICK)

    @property
    def stderr(self) -> bytes:
        """The last 16 KiB of what it complained about, as far as ``read_line`` has been called."""
        return bytes(self._said)

    def write(self, data: bytes) -> None:
        """Raises TransportError('connection-lost') when the command or the peer is gone."""
        while data:
            try:
                count = self._channel.send(data)
            except TimeoutError:
                self._link.check()
                continue
            except self._link.errors as error:
                raise self._lost(error) from error
            if count == 0:
                raise self._lost("the command has ended")
            data = data[count:]
        self._link.check()

    def read_line(self, seconds: float) -> bytes | None:
        """A line with its end, b'' at the end of output, None when none came in ``seconds``.

        Raises TransportError('connection-lost'), also for a line that is too long.
        """
        end = time.monotonic() + seconds
        while True:
            self._read()
            cut = self._buffer.find(b"\n") + 1
            if (cut or len(self._buffer)) > MOST_LINE:
                raise too_much(self._name, MOST_LINE)
            if cut or self._has_ended():
                line = bytes(self._buffer[: cut or len(self._buffer)])
                del self._buffer[: len(line)]
                return line
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._arrival.wait(min(left, _TICK))
            self._check()

    def _read(self) -> None:
        """A line at least, if one has come; what is not taken holds the sender up."""
        while len(self._buffer) <= MOST_LINE and self._channel.recv_ready():
            self._buffer += self._channel.recv(MOST_LINE)
        for _ in range(_STDERR_TURNS):
            if not self._channel.recv_stderr_ready():
                break
            self._said += self._channel.recv_stderr(_READ)
            del self._said[:-_STDERR_KEPT]

    def _has_ended(self) -> bool:
        """The end of output, once all of it was taken. Cut off without one is an error."""
        if self._channel.recv_ready():
            return False
        if self._channel.eof_received:
            return True
        if self._channel.closed and not self._closed:
            raise self._link.lost(None)
        return bool(self._channel.closed)

    def _check(self) -> None:
        if not self._channel.closed and not self._channel.recv_ready():
            self._link.check()

    def _lost(self, why: object) -> TransportError:
        if self._link.is_active:
            return TransportError(
                "connection-lost", f"the command no longer reads its input: {why}"
            )
        return self._link.lost(why)

    def close(self) -> None:
        """Closes stdin: the command sees the end of its input. Calling it again does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(*self._link.errors):
            self._channel.shutdown_write()
