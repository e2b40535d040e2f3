"""What every transport must do. Subclass ``TransportContract`` as ``Test…`` and give it

``connection``  a ``Connection`` to a machine with /bin/sh, head, sleep, kill, od and cksum
``greeting``    (port, bytes): where the machine itself listens, and what it says first
"""

from __future__ import annotations

import os
import resource
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from provisioner.hosts.transport import MOST_OUTPUT, Connection, Stream, TransportError

SHELL = "exec /bin/sh"
MIB = 1 << 20


def run(connection: Connection, script: str | bytes, seconds: float = 20) -> Any:
    stdin = script.encode() if isinstance(script, str) else script
    return connection.execute(SHELL, stdin, seconds=seconds)


def peak_memory() -> int:
    """The most bytes that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class TransportContract:
    # --- how a command ended ------------------------------------------------------------------

    @pytest.mark.parametrize("status", [0, 1, 3, 126, 127, 255])
    def test_exit_status(self, connection: Connection, status: int) -> None:
        assert run(connection, f"exit {status}").status == status

    @pytest.mark.parametrize("signal", ["TERM", "KILL"])
    def test_a_signal_is_minus_one(self, connection: Connection, signal: str) -> None:
        result = run(connection, f"echo before; kill -{signal} $$")
        assert (result.stdout, result.status) == (b"before\n", -1)

    def test_a_missing_command_is_no_missing_shell(self, connection: Connection) -> None:
        result = run(connection, "no-such-command-here")
        assert result.status == 127
        assert b"not found" in result.stderr

    def test_a_missing_shell(self, connection: Connection) -> None:
        with pytest.raises(TransportError) as caught:
            connection.execute("exec /no/such/shell", b"true\n", seconds=20)
        assert caught.value.code == "shell-missing"

    # --- what it said -------------------------------------------------------------------------

    def test_stdout_and_stderr_are_apart(self, connection: Connection) -> None:
        result = run(connection, "echo out; echo err >&2; echo out again; echo err again >&2")
        assert result.stdout == b"out\nout again\n"
        assert result.stderr == b"err\nerr again\n"

    def test_no_output_at_all(self, connection: Connection) -> None:
        result = connection.execute("exec true", seconds=20)
        assert (result.stdout, result.stderr, result.status) == (b"", b"", 0)

    def test_every_byte_both_ways(self, connection: Connection) -> None:
        data = bytes(range(256)) * 33 + b"\r\n\0\x04\x03~."
        assert connection.execute("exec cat", data, seconds=20).stdout == data

    def test_ten_megabytes_both_ways_at_once(self, connection: Connection) -> None:
        data = os.urandom(10 * MIB)
        result = connection.execute("exec tee /dev/stderr", data, seconds=60)
        assert result.stdout == data
        assert result.stderr == data

    def test_output_that_comes_before_the_input_is_read(self, connection: Connection) -> None:
        data = os.urandom(10 * MIB)
        result = connection.execute(
            "head -c 10485760 /dev/zero; head -c 10485760 /dev/zero >&2; exec cksum",
            data,
            seconds=60,
        )
        assert len(result.stdout.rstrip()) > 10 * MIB
        assert len(result.stderr) == 10 * MIB
        assert result.stdout.endswith(f" {len(data)}\n".encode())

    def test_stdin_by_chunks_and_progress(self, connection: Connection) -> None:
        sizes = [0, 1, 100_000, 3 * MIB, 7]
        data = [os.urandom(size) for size in sizes]
        seen: list[int] = []
        result = connection.execute("exec cat", iter(data), seconds=60, progress=seen.append)
        assert zlib.crc32(result.stdout) == zlib.crc32(b"".join(data))
        assert seen == sorted(seen)
        assert seen[-1] == sum(sizes)

    def test_a_command_that_does_not_want_its_stdin(self, connection: Connection) -> None:
        result = connection.execute("exec true", os.urandom(8 * MIB), seconds=20)
        assert result.status == 0
        result = connection.execute(
            "exec /bin/sh -c 'echo no; exit 4'", iter([bytes(MIB)] * 8), seconds=20
        )
        assert (result.stdout, result.status) == (b"no\n", 4)

    def test_a_source_that_fails_ends_the_command(self, connection: Connection) -> None:
        def source() -> Iterator[bytes]:
            yield bytes(1000)
            raise LookupError("the file is gone")

        with pytest.raises(LookupError, match="the file is gone"):
            connection.execute("exec cat", source(), seconds=20)
        assert run(connection, "echo still here").stdout == b"still here\n"

    # --- silence ------------------------------------------------------------------------------

    def test_silence_beyond_the_limit(self, connection: Connection) -> None:
        started = time.monotonic()
        with pytest.raises(TransportError) as caught:
            run(connection, "echo $$; exec sleep 417", seconds=1.5)
        assert caught.value.code == "unreachable"
        assert 1.4 < time.monotonic() - started < 60

    def test_what_was_silent_too_long_is_ended(self, connection: Connection) -> None:
        seconds = f"41{time.time_ns() % 10_000:04}"
        with pytest.raises(TransportError):
            run(connection, f"exec sleep {seconds}", seconds=1.0)
        left = ""
        for _ in range(600):
            left = run(connection, _PROCESSES).stdout.decode()
            if f"sleep {seconds}" not in left:
                return
            time.sleep(0.1)
        pytest.fail(f"it still runs: {left}")

    def test_slow_but_not_silent(self, connection: Connection) -> None:
        script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.5; echo $i; done"
        assert run(connection, script, seconds=4).stdout.split() == b"1 2 3 4 5 6 7 8 9".split()

    def test_a_slow_source_is_not_silence_of_the_machine(self, connection: Connection) -> None:
        def source() -> Iterator[bytes]:
            yield b"a"
            time.sleep(6)
            yield b"b"

        assert connection.execute("exec cat", source(), seconds=4).stdout == b"ab"

    # --- streams ------------------------------------------------------------------------------

    def test_stream_answers_line_by_line(self, connection: Connection) -> None:
        stream = connection.stream(SHELL, _ECHO)
        assert stream.read_line(20) == b"ready\n"
        for number in range(5):
            stream.write(f"line {number}\n".encode())
            assert stream.read_line(20) == f"got line {number}\n".encode()
        stream.close()
        assert _rest(stream) == [b"end of input\n"]

    def test_stream_without_a_line_in_time(self, connection: Connection) -> None:
        stream = connection.stream(SHELL, b'printf half; read -r word; echo " $word"\n')
        assert stream.read_line(0.5) is None
        stream.write(b"line\n")
        assert stream.read_line(20) == b"half line\n"
        stream.close()

    def test_stream_ends_with_the_command(self, connection: Connection) -> None:
        stream = connection.stream(SHELL, b"echo one; printf two; exit 0\n")
        assert _rest(stream) == [b"one\n", b"two"]
        assert stream.read_line(1) == b""
        with pytest.raises(TransportError) as caught:
            _write_on(stream)
        assert caught.value.code == "connection-lost"
        stream.close()

    def test_close_returns_at_once(self, connection: Connection) -> None:
        file = f"/tmp/closed-{os.getpid()}-{time.time_ns()}"
        wait = (
            f"cat >/dev/null; until [ -e {file} ]; do sleep 0.1; done; rm {file}; echo slow end\n"
        )
        stream = connection.stream(SHELL, wait.encode())
        stream.close()  # or it would wait for what is only done after it
        run(connection, f": >{file}")
        assert _rest(stream) == [b"slow end\n"]

    def test_a_stream_that_complains_a_lot_goes_on(self, connection: Connection) -> None:
        script = b"head -c 8388608 /dev/zero >&2; echo done\n"
        stream = connection.stream(SHELL, script)
        line = None
        for _ in range(600):
            line = stream.read_line(0.2)
            if line is not None:
                break
        assert line == b"done\n"
        stream.close()

    def test_commands_run_beside_a_stream(self, connection: Connection) -> None:
        stream = connection.stream(SHELL, _ECHO)
        assert stream.read_line(20) == b"ready\n"
        assert run(connection, "echo beside").stdout == b"beside\n"
        stream.write(b"x\n")
        assert stream.read_line(20) == b"got x\n"
        stream.close()

    # --- bounds -------------------------------------------------------------------------------

    def test_output_without_end_is_cut_off(self, connection: Connection) -> None:
        before = peak_memory()
        with pytest.raises(TransportError) as caught:
            run(connection, "exec yes", seconds=300)
        assert caught.value.code == "connection-lost"
        assert f"{connection.name} said more than 64 MiB" in str(caught.value)
        assert peak_memory() - before < 4 * MOST_OUTPUT
        assert run(connection, "echo still here").stdout == b"still here\n"

    def test_complaints_without_end_are_cut_off(self, connection: Connection) -> None:
        with pytest.raises(TransportError, match="64 MiB"):
            run(connection, "exec yes >&2", seconds=300)
        assert run(connection, "echo still here").stdout == b"still here\n"

    def test_a_line_without_end_is_cut_off(self, connection: Connection) -> None:
        before = peak_memory()
        stream = connection.stream(SHELL, b"tr '\\0' x </dev/zero\n")
        with pytest.raises(TransportError) as caught:
            stream.read_line(60)
        assert caught.value.code == "connection-lost"
        assert f"{connection.name} said more than 64 KiB" in str(caught.value)
        assert peak_memory() - before < MOST_OUTPUT
        stream.close()

    def test_lines_that_nobody_reads_hold_the_command_up(self, connection: Connection) -> None:
        stream = connection.stream(SHELL, b"yes; echo never >&2\n")
        assert stream.read_line(20) == b"y\n"
        before = peak_memory()
        time.sleep(1)  # it would have said 100 MB and more by now
        assert [stream.read_line(20) for _ in range(1000)] == [b"y\n"] * 1000
        assert peak_memory() - before < 16 * MIB
        stream.close()

    # --- dial ---------------------------------------------------------------------------------

    def test_dial(self, connection: Connection, greeting: tuple[int, bytes]) -> None:
        port, expected = greeting
        sock: Any = connection.dial("127.0.0.1", port, 10)
        sock.settimeout(10)
        assert sock.recv(len(expected)) == expected
        sock.sendall(b"bye\r\n")
        sock.close()

    def test_dial_by_a_name_of_the_machine(
        self, connection: Connection, greeting: tuple[int, bytes]
    ) -> None:
        sock: Any = connection.dial("localhost", greeting[0], 10)
        sock.settimeout(10)
        assert sock.recv(3) == greeting[1][:3]
        sock.close()

    def test_a_dialled_socket_times_out(
        self, connection: Connection, greeting: tuple[int, bytes]
    ) -> None:
        sock: Any = connection.dial("127.0.0.1", greeting[0], 10)
        sock.settimeout(10)
        while not sock.recv(1000).endswith(b"\n"):
            pass
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.close()

    def test_dial_to_a_closed_port(self, connection: Connection) -> None:
        started = time.monotonic()
        with pytest.raises((TransportError, ConnectionRefusedError)) as caught:
            connection.dial("127.0.0.1", 1, 120)
        assert getattr(caught.value, "code", "connection-refused") == "connection-refused"
        assert time.monotonic() - started < 60
        assert run(connection, "echo fine").stdout == b"fine\n"

    # --- many at once, and the end ------------------------------------------------------------

    def test_many_threads_at_once(self, connection: Connection) -> None:
        def one(number: int) -> bool:
            data = bytes([number]) * (number * 50_000 + 1)
            result = connection.execute("exec tee /dev/stderr", data, seconds=60)
            return bool(result.stdout == data and result.stderr == data)

        with ThreadPoolExecutor(24) as pool:
            assert all(pool.map(one, range(24)))

    def test_no_thread_is_left(self, connection: Connection) -> None:
        before = {thread.ident for thread in threading.enumerate()}
        run(connection, "true")
        connection.execute("exec cat", iter([bytes(MIB)]), seconds=20)
        with pytest.raises(TransportError):
            run(connection, "sleep 300", seconds=0.5)
        for _ in range(600):
            if {thread.ident for thread in threading.enumerate()} <= before:
                return
            time.sleep(0.1)
        pytest.fail(f"still there: {threading.enumerate()}")


_ECHO = b"""
echo ready
while IFS= read -r line; do echo "got $line"; done
echo end of input
"""

_PROCESSES = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null"


def _write_on(stream: Stream) -> None:
    for _ in range(100):
        stream.write(b"x" * 100_000)
        time.sleep(0.01)


def _rest(stream: Stream) -> list[bytes]:
    """All lines up to the end of output."""
    lines = []
    while line := stream.read_line(20):
        lines.append(line)
    assert line == b""
    return lines
