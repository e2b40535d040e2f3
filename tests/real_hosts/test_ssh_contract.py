"""The contract over real SSH, and over the login shells and homes that users have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import paramiko
import pytest

from provisioner.hosts.ssh.connection import SshConnection
from provisioner.hosts.transport import TransportError
from tests.contract.transport.ssh_hosts import connected, ssh_host
from tests.contract.transport.suite import SHELL, TransportContract
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import DEPLOY, User

BANNER = "Welcome to the lab; be nice!"
USERS = (
    DEPLOY,
    User("bashful", 1100, banner=BANNER),
    User("fishy", 1101, shell="/usr/bin/fish", banner=BANNER),
    User("dashing", 1102, shell="/bin/dash", banner=BANNER),
    User("spacy", 1103, home="/home/a home with spaces"),
    User("away", 1104, shell="/usr/sbin/nologin"),
)


@pytest.fixture(scope="module")
def machine(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines(users=USERS)
    return machine


@pytest.fixture(scope="module")
def connection(machine: Machine) -> Iterator[SshConnection]:
    with connected(ssh_host(machine)) as connection:
        yield connection


@pytest.fixture(scope="module")
def greeting() -> tuple[int, bytes]:
    return 22, b"SSH-2.0-OpenSSH"


class TestSsh(TransportContract):
    """Every case of the suite."""


@pytest.mark.parametrize("user", ["bashful", "fishy", "dashing", "spacy"])
def test_login_shells(machine: Machine, user: str) -> None:
    script = b"cd; pwd; printf '%s|' \"$0\" 'a  b' '$HOME'; exit 7\n"
    with connected(ssh_host(machine, user=user)) as connection:
        result = connection.execute(SHELL, script, seconds=20)
        home = machine.options.user(user).home_dir
        assert result.stdout.endswith(f"{home}\n/bin/sh|a  b|$HOME|".encode())
        assert result.status == 7


@pytest.mark.parametrize("user", ["bashful", "fishy", "dashing"])
def test_a_missing_shell_in_the_words_of_each_shell(machine: Machine, user: str) -> None:
    with connected(ssh_host(machine, user=user)) as connection:
        result_or_error = _code(connection, "exec /no/such/shell")
        # a banner on stdout hides nothing, but then it may be the script that spoke
        assert result_or_error in ("shell-missing", 126, 127)


def test_every_missing_shell_without_a_banner(machine: Machine) -> None:
    for shell in ("/bin/bash", "/usr/bin/fish", "/bin/dash"):
        machine.inside("usermod", "-s", shell, "deploy")
        with connected(ssh_host(machine)) as connection:
            assert _code(connection, "exec /no/such/shell") == "shell-missing", shell
    machine.inside("usermod", "-s", "/bin/bash", "deploy")


def test_nologin(machine: Machine) -> None:
    with connected(ssh_host(machine, user="away")) as connection:
        assert _code(connection, SHELL) == "shell-missing"


def _code(connection: SshConnection, command: str) -> str | int:
    from provisioner.hosts.transport import TransportError

    try:
        return connection.execute(command, b"true\n", seconds=20).status
    except TransportError as error:
        return error.code


def test_what_is_sent_after_a_close_costs_no_connection(machine: Machine) -> None:
    """One thread ends its writing, another closes, and the messages go out the other way round:
    sshd ends a connection on which it hears of a channel that it has forgotten."""
    with connected(ssh_host(machine)) as connection:
        channel: Any = connection.dial("127.0.0.1", 22, 10)
        assert channel.recv(4) == b"SSH-"
        late = channel._send_eof()
        channel.close()
        assert connection.execute(SHELL, b"echo here\n", seconds=20).stdout == b"here\n"
        channel.transport._send_user_message(late)
        assert connection.execute(SHELL, b"echo here\n", seconds=20).stdout == b"here\n"
        # the server gives the number again, and what is sent to the new one arrives
        others: list[Any] = [connection.dial("127.0.0.1", 22, 10) for _ in range(3)]
        assert channel.remote_chanid in {each.remote_chanid for each in others}
        for each in others:
            assert each.recv(4) == b"SSH-"
            each.sendall(b"SSH-2.0-nobody\r\n")
            each.shutdown_write()
            assert each.recv(1000)
        assert connection.execute(SHELL, b"echo here\n", seconds=20).stdout == b"here\n"


def test_the_last_words_of_the_server_are_told(machine: Machine) -> None:
    with connected(ssh_host(machine)) as connection:
        channel: Any = connection.dial("127.0.0.1", 22, 10)
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_EOF)
        message.add_int(4711)
        channel.transport._send_user_message(message)
        channel.transport.join(10)
        with pytest.raises(TransportError, match="nonexistent channel 4711"):
            connection.dial("127.0.0.1", 22, 10)
