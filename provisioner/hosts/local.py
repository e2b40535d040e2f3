"""This machine as a host: commands through /bin/sh, in a session of their own."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

from provisioner.hosts.no_shell import no_shell
from provisioner.hosts.transport import (
    MOST_LINE,
    MOST_OUTPUT,
    Result,
    TransportError,
    too_much,
)

_CHUNK = 1 << 18


class LocalStream:
    """A running command with open stdin."""

    def __init__(self, name: str, process: subprocess.Popen[bytes]):
        self._name = name
        self._process = process
        self._buffer = bytearray()
        self._over = False

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: after close()
            raise TransportError("connection-lost", f"the command has ended: {error}") from error

    def read_line(self, seconds: float) -> bytes | None:
        end = time.monotonic() + seconds
        while True:
            cut = self._buffer.find(b"\n") + 1
            if (cut or len(self._buffer)) > MOST_LINE:
                raise too_much(self._name, MOST_LINE)
            if cut or self._over:
                line = bytes(self._buffer[: cut or len(self._buffer)])
                del self._buffer[: len(line)]
                return line
            if not self._more(end - time.monotonic()):
                return None

    def _more(self, seconds: float) -> bool:
        """Takes what has come, or its end; False when nothing has in ``seconds``."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(max(seconds, 0.0)):
                return False
        data = os.read(self._process.stdout.fileno(), MOST_LINE)
        self._buffer += data
        self._over = not data
        return True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        threading.Thread(target=self._process.wait, daemon=True).start()


ENVIRONMENT = ("HOME", "PATH", "USER", "LOGNAME", "SHELL", "JAVA_HOME")
"""What of our own environment a script sees: as sshd would give, and which Java is the system's."""


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}


class LocalConnection:
    """Implements ``transport.Connection`` with child processes."""

    def __init__(self, name: str):
        self.name, self.login = name, ""

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def _start(self, command: str, stderr: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise TransportError("shell-missing", f"/bin/sh cannot be run: {error}") from error

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        process = self._start(command, subprocess.PIPE)
        chunks = iter([stdin]) if isinstance(stdin, bytes) else iter(stdin)
        try:
            out, err = _exchange(self.name, process, chunks, seconds, progress)
            # What the command left running may hold our pipes; the command itself has ended.
            status = process.wait(timeout=seconds)
        except (TransportError, subprocess.TimeoutExpired) as error:
            _end(process)
            if isinstance(error, TransportError):
                raise
            raise TransportError("unreachable", f"no end after {seconds:.0f} s") from error
        except BaseException:
            _end(process)
            raise
        result = Result(out, err, status if status >= 0 else -1)
        why = no_shell(command, result)
        if why:
            raise TransportError("shell-missing", why)
        return result

    def stream(self, command: str, stdin: bytes = b"") -> LocalStream:
        stream = LocalStream(self.name, self._start(command, subprocess.DEVNULL))
        if stdin:
            stream.write(stdin)
        return stream

    def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        return socket.create_connection((host, port), seconds)

    def close(self) -> None:
        """Nothing is kept open."""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and what is left of its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _exchange(
    name: str,
    process: subprocess.Popen[bytes],
    chunks: Iterable[bytes],
    seconds: float,
    progress: Callable[[int], None] | None,
) -> tuple[bytes, bytes]:
    """Feeds stdin and collects both outputs until they end. Raises on ``seconds`` of silence, and
    on too much of output."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    source = iter(chunks)
    pending = memoryview(b"")
    sent = 0
    taken = 0
    collected: dict[int, list[bytes]] = {1: [], 2: []}
    with selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE, 0)
        selector.register(process.stdout, selectors.EVENT_READ, 1)
        selector.register(process.stderr, selectors.EVENT_READ, 2)
        last = time.monotonic()
        while selector.get_map():
            ready = selector.select(timeout=1.0)
            if ready:
                last = time.monotonic()
            elif time.monotonic() - last > seconds:
                raise TransportError("unreachable", f"silent for {seconds:.0f} s")
            for key, _ in ready:
                if key.data == 0:
                    if not pending:
                        pending = memoryview(next((c for c in source if c), b""))
                        if not pending:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                            continue
                    try:
                        written = os.write(key.fd, pending[:_CHUNK])
                    except BlockingIOError:
                        continue
                    except BrokenPipeError:
                        # The command did not want the rest; its status tells why.
                        selector.unregister(process.stdin)
                        with contextlib.suppress(OSError):
                            process.stdin.close()
                        continue
                    pending = pending[written:]
                    sent += written
                    if progress:
                        progress(sent)
                    continue
                data = os.read(key.fd, _CHUNK)
                taken += len(data)
                if taken > MOST_OUTPUT:
                    raise too_much(name, MOST_OUTPUT)
                if data:
                    collected[key.data].append(data)
                else:
                    selector.unregister(key.fileobj)
    process.stdout.close()
    process.stderr.close()
    return b"".join(collected[1]), b"".join(collected[2])
