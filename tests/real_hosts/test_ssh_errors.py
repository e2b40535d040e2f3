"""Every way not to get in has an error of its own that says what, where and how to go on."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.transport.ssh_hosts import connected, failure, ssh_host
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine

RUN = {"command": "exec /bin/sh", "stdin": b"id -un\n", "seconds": 20}


@pytest.fixture(scope="module")
def machine(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines()
    return machine


@pytest.fixture(scope="module")
def lenient(module_machines: MachineFactory) -> Machine:
    """Takes passwords."""
    (machine,) = module_machines(sshd={"PasswordAuthentication": "yes"})
    return machine


@pytest.fixture(autouse=True)
def no_leftovers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No agent of whoever runs the tests; and a failed login leaves no thread behind."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    before = {thread.ident for thread in threading.enumerate()}
    yield
    time.sleep(0.3)
    left = [t.name for t in threading.enumerate() if t.ident not in before]
    assert not [name for name in left if not name.startswith("resolve")]


def test_name_unknown(machine: Machine) -> None:
    error = failure(ssh_host(machine, address="no-such-host.invalid"), connect_timeout=5)
    assert error.code == "host-name-unknown"
    assert "no-such-host.invalid" in str(error)


def test_refused(machine: Machine) -> None:
    error = failure(ssh_host(machine, port=23))
    assert error.code == "connection-refused"
    assert f"{machine.address} port 23" in str(error)


def test_timed_out(machine: Machine) -> None:
    machine.cut(port=2222)
    started = time.monotonic()
    error = failure(ssh_host(machine, port=2222), connect_timeout=1.5)
    machine.heal()
    assert error.code == "unreachable"
    assert "timed out after 1.5 s" in str(error)
    assert 1.4 < time.monotonic() - started < 30


def test_no_route(machine: Machine) -> None:
    error = failure(ssh_host(machine, address="10.99.0.1"), connect_timeout=2)
    assert error.code == "unreachable"


def test_something_else_listens(machine: Machine) -> None:
    server = machine.inside(
        "systemd-run", "--quiet", "--unit=talker", "systemd-socket-activate", "--accept",
        "--inetd", "-l", "2525", "/bin/echo", "220 mail ready, HTTP too",
    )  # fmt: skip
    assert server.returncode == 0
    time.sleep(0.5)
    started = time.monotonic()
    error = failure(ssh_host(machine, port=2525))
    assert error.code == "unreachable"
    assert "does not speak SSH: '220 mail ready" in str(error)
    assert time.monotonic() - started < 60


def test_a_server_that_says_nothing(machine: Machine) -> None:
    machine.inside(
        "systemd-run", "--quiet", "--unit=mute", "systemd-socket-activate", "--accept",
        "--inetd", "-l", "2526", "/bin/sleep", "600",
    )  # fmt: skip
    time.sleep(0.5)
    started = time.monotonic()
    error = failure(ssh_host(machine, port=2526), connect_timeout=2)
    assert error.code == "unreachable"
    assert "timed out after 2 s" in str(error)
    assert time.monotonic() - started < 30


def test_key_refused(machine: Machine, tmp_path: Path) -> None:
    key = make_key(tmp_path / "foreign")
    error = failure(ssh_host(machine, key_files=(key,)))
    assert error.code == "authentication-failed"
    assert f"deploy@{machine.address}" in str(error)
    assert key in str(error)
    assert "(refused); it takes publickey" in str(error)
    assert error.hint.startswith(f"ssh-copy-id -i {key} deploy@")


def test_user_unknown(machine: Machine) -> None:
    error = failure(ssh_host(machine, user="nobody-here"))
    assert error.code == "authentication-failed"
    assert "nobody-here@" in str(error)


def test_more_keys_than_the_server_wants(machine: Machine, tmp_path: Path) -> None:
    keys = tuple(make_key(tmp_path / f"key{n}") for n in range(8))
    error = failure(ssh_host(machine, key_files=keys))
    assert error.code == "authentication-failed"
    assert "MaxAuthTries" in str(error)


def test_key_missing(machine: Machine) -> None:
    error = failure(ssh_host(machine, key_files=("/no/such/key",)))
    assert error.code == "authentication-failed"
    assert "/no/such/key (No such file" in str(error)


def test_key_damaged(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END\n")
    error = failure(ssh_host(machine, key_files=(str(tmp_path / "key"),)))
    assert error.code == "authentication-failed"
    assert "not readable" in str(error)


@pytest.mark.parametrize("kind", ["ed25519", "rsa -m PEM"])
def test_key_encrypted(machine: Machine, tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path / "locked", *kind.split(), passphrase="secret words")
    error = failure(ssh_host(machine, key_files=(key,)))
    assert error.code == "authentication-failed"
    assert "encrypted, and not in the agent" in str(error)
    assert error.hint == f"ssh-add {key}"


def test_password(lenient: Machine) -> None:
    host = ssh_host(lenient, user="ops", key_files=("/no/such/key",))
    with connected(host, password="s3cret") as connection:
        assert connection.execute(**RUN).stdout == b"ops\n"
    error = failure(host, password="wrong")
    assert error.code == "authentication-failed"
    assert "the password (refused)" in str(error)
    assert "wrong" not in str(error)
    assert "-k" in failure(host).hint


def test_a_password_where_only_keys_are_taken(machine: Machine) -> None:
    error = failure(ssh_host(machine, key_files=("/no/such/key",)), password="s3cret")
    assert error.code == "authentication-failed"
    assert "it takes publickey" in str(error)


def test_lost_half_way(machine: Machine) -> None:
    with connected(ssh_host(machine)) as connection:
        timer = threading.Timer(1.0, machine.cut, kwargs={"how": "reject"})
        timer.start()
        started = time.monotonic()
        try:
            code = _code_of(connection, b"while sleep 0.2; do echo x; done\n", 60)
        finally:
            timer.join()
            machine.heal()
        assert code == "connection-lost"
        assert time.monotonic() - started < 60


def test_silence_half_way(machine: Machine) -> None:
    with connected(ssh_host(machine), dead_after=4) as connection:
        timer = threading.Timer(0.5, machine.cut)
        timer.start()
        started = time.monotonic()
        try:
            code = _code_of(connection, b"exec sleep 300\n", 200)
        finally:
            timer.join()
            machine.heal()
        assert code == "connection-lost"
        assert time.monotonic() - started < 60


def test_silence_while_we_send(machine: Machine) -> None:
    def source() -> Iterator[bytes]:
        for number in range(10_000):
            if number == 20:
                machine.cut()
            yield bytes(1 << 20)

    with connected(ssh_host(machine), dead_after=4) as connection:
        started = time.monotonic()
        try:
            code = _code_of(connection, source(), 200, "exec cat >/dev/null")
        finally:
            machine.heal()
        assert code == "connection-lost"
        assert time.monotonic() - started < 60


def test_silence_under_a_stream(machine: Machine) -> None:
    with connected(ssh_host(machine), dead_after=4) as connection:
        stream = connection.stream("exec cat")
        stream.write(b"hello\n")
        assert stream.read_line(10) == b"hello\n"
        machine.cut()
        started = time.monotonic()
        try:
            with pytest.raises(Exception, match="lost"):
                beat(stream)
        finally:
            machine.heal()
        assert time.monotonic() - started < 60


def test_what_survives_a_pause(machine: Machine) -> None:
    """A cable that is out for less than the limit does no harm."""
    with connected(ssh_host(machine), dead_after=12) as connection:
        timers = [threading.Timer(0.5, machine.cut), threading.Timer(5.0, machine.heal)]
        for timer in timers:
            timer.start()
        result = connection.execute("exec /bin/sh", b"sleep 3; echo back\n", seconds=60)
        for timer in timers:
            timer.join()
        assert result.stdout == b"back\n"


def test_a_mistake_in_the_configuration_is_told_as_ssh_tells_it(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("Host *\n  ConnectTimeout soon\n")
    error = failure(ssh_host(machine), config_files=(str(tmp_path / "config"),))
    assert error.code == "invalid-inventory"
    assert "config line 2: invalid time value" in str(error)
    (tmp_path / "config").write_text("Host *\n  IgnoreUnknown NewOption\n  NewOption yes\n")
    with connected(ssh_host(machine), config_files=(str(tmp_path / "config"),)):
        pass


def beat(stream: object) -> None:
    for _ in range(60):
        stream.write(b"beat\n")  # type: ignore[attr-defined]
        stream.read_line(0.5)  # type: ignore[attr-defined]


def _code_of(
    connection: object, stdin: object, seconds: float, command: str = "exec /bin/sh"
) -> str:
    try:
        connection.execute(command, stdin, seconds=seconds)  # type: ignore[attr-defined]
    except Exception as error:
        return str(getattr(error, "code", error))
    return "no error"


def make_key(path: Path, *kind: str, passphrase: str = "") -> str:
    """A new private key; ``kind`` are words after ``-t``."""
    words = kind or ("ed25519",)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", *words, "-N", passphrase, "-f", str(path)], check=True
    )
    return str(path)
