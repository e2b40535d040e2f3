"""Servers with few sessions and few logins at once, and how fast it all is."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from provisioner.hosts.transport import TransportError
from tests.contract.transport.ssh_hosts import connected, failure, ssh_host
from tests.hosts.fixtures import MachineFactory

SHELL = "exec /bin/sh"
# it must say so before more is written: a shell may have read on past the script's end
ECHO = b"echo ready; while read line; do echo got $line; done\n"


def test_one_session_at_a_time(machines: MachineFactory) -> None:
    (machine,) = machines(sshd={"MaxSessions": "1"})
    with connected(ssh_host(machine)) as connection:

        def one(number: int) -> bytes:
            script = f"sleep 0.05; echo {number}\n".encode()
            return connection.execute(SHELL, script, seconds=30).stdout

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(one, range(24))) == [f"{n}\n".encode() for n in range(24)]
        assert logins(machine) == 1

        # the lock holder keeps a session for the whole run; commands go on beside it
        stream = connection.stream(SHELL, ECHO)
        assert stream.read_line(10) == b"ready\n"
        stream.write(b"one\n")
        assert stream.read_line(10) == b"got one\n"
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(one, range(8))) == [f"{n}\n".encode() for n in range(8)]
        stream.write(b"two\n")
        assert stream.read_line(10) == b"got two\n"
        assert logins(machine) == 2
        stream.close()
        assert stream.read_line(10) == b""
        assert one(5) == b"5\n"
    assert not [t for t in threading.enumerate() if "Transport" in repr(t)]


def test_a_stream_while_a_command_has_the_only_session(machines: MachineFactory) -> None:
    (machine,) = machines(sshd={"MaxSessions": "1"})
    with connected(ssh_host(machine)) as connection, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(connection.execute, SHELL, b"sleep 8; echo slow\n", seconds=30)
        time.sleep(0.5)
        stream = connection.stream(SHELL, ECHO)
        assert stream.read_line(10) == b"ready\n"
        stream.write(b"x\n")
        assert stream.read_line(10) == b"got x\n"
        assert not slow.done(), "the stream waited for the command"
        assert slow.result().stdout == b"slow\n"
        stream.close()


def test_three_sessions(machines: MachineFactory) -> None:
    (machine,) = machines(sshd={"MaxSessions": "3"})
    with connected(ssh_host(machine)) as connection, ThreadPoolExecutor(12) as pool:
        started = time.monotonic()
        done = list(
            pool.map(
                lambda _: connection.execute(SHELL, b"sleep 0.5\n", seconds=30).status, range(12)
            )
        )
        assert done == [0] * 12
        assert time.monotonic() - started > 1.9
        assert logins(machine) == 1


def test_no_session_at_all(machines: MachineFactory) -> None:
    (machine,) = machines()
    conf = machine.root / "etc/ssh/sshd_config.d/01-none.conf"
    conf.write_text("MaxSessions 0\n")  # not from the start: waiting for it to boot is a session
    machine.inside("systemctl", "restart", "ssh.service")
    with connected(ssh_host(machine)) as connection:
        with pytest.raises(TransportError) as caught:
            connection.execute(SHELL, b"true\n", seconds=10)
        assert caught.value.code == "not-permitted"
        # tunnels are no sessions
        sock = connection.dial("127.0.0.1", 22, 10)
        assert sock.recv(4) == b"SSH-"
        sock.close()


def test_few_logins_at_once(machines: MachineFactory) -> None:
    """sshd drops logins beyond MaxStartups; all thirty get in nevertheless."""
    (machine,) = machines(addresses=30, sshd={"MaxStartups": "2"})
    machine.known_hosts.write_text(machine.host_key_line())

    def one(address: str) -> int:
        with connected(ssh_host(machine, address=address)) as connection:
            return connection.execute(SHELL, b"exit 9\n", seconds=30).status

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(one, machine.addresses)) == [9] * 30
    log = machine.inside("journalctl", "-u", "ssh", "--no-pager").stdout
    assert "past MaxStartups" in log or "drop connection" in log


def test_a_server_that_always_hangs_up(machines: MachineFactory) -> None:
    (machine,) = machines()
    machine.inside(
        "systemd-run", "--quiet", "systemd-socket-activate", "--accept", "--inetd",
        "-l", "2525", "/bin/true",
    )  # fmt: skip
    time.sleep(0.5)
    started = time.monotonic()
    error = failure(ssh_host(machine, port=2525), busy_timeout=2)
    assert error.code == "unreachable"
    assert "closed the connection" in str(error)
    assert "MaxStartups" in error.hint
    assert time.monotonic() - started < 30


def test_many_connections_to_many_addresses(machines: MachineFactory) -> None:
    (machine,) = machines(addresses=50)
    machine.known_hosts.write_text(machine.host_key_line())

    def one(address: str) -> bytes:
        with connected(ssh_host(machine, address=address)) as connection:
            data = os.urandom(200_000)
            assert connection.execute("exec cat", data, seconds=60).stdout == data
            return connection.execute("exec id -un", seconds=60).stdout

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(one, machine.addresses)) == {b"deploy\n"}


def logins(machine: object) -> int:
    """How many connections of ours the server has open."""
    found = machine.inside("sh", "-c", "pgrep -fc '[s]shd: deploy@notty' || true")  # type: ignore[attr-defined]
    return int(found.stdout)
