"""Ways to a host: bastions, ProxyCommand, ~/.ssh/config, the agent, kinds of keys."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.transport.ssh_hosts import connected, failure, ssh_host
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine

NAME = {"command": "exec /bin/sh", "stdin": b"cat /etc/hostname\n", "seconds": 20}


@pytest.fixture(scope="module")
def bastion_and_host(module_machines: MachineFactory) -> tuple[Machine, Machine]:
    bastion, (behind,) = module_machines.behind_bastion()
    return bastion, behind


@pytest.fixture(scope="module")
def machine(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines(port=2200)
    return machine


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def config_for(*machines: Machine) -> str:
    """Blocks that say how to reach bastions: what the inventory does not say about them."""
    return "".join(
        f"Host {m.name}\n  HostName {m.address}\n  User deploy\n  Port {m.options.port}\n"
        f"  IdentityFile {m.key}\n  UserKnownHostsFile {m.known_hosts}\n"
        for m in machines
    )


# --- bastions -----------------------------------------------------------------------------------


def test_one_hop(bastion_and_host: tuple[Machine, Machine], tmp_path: Path) -> None:
    bastion, behind = bastion_and_host
    (tmp_path / "config").write_text(config_for(bastion))
    host = ssh_host(behind, jumps=(bastion.name,))
    with connected(host, config_files=(str(tmp_path / "config"),)) as connection:
        assert connection.execute(**NAME).stdout.decode().strip() == behind.name
        data = os.urandom(5 << 20)
        assert connection.execute("exec cat", data, seconds=20).stdout == data
        sock = connection.dial("127.0.0.1", 22, 10)
        assert sock.recv(4) == b"SSH-"
        sock.close()
    assert failure(ssh_host(behind), connect_timeout=2).code == "unreachable"


def test_two_hops(
    bastion_and_host: tuple[Machine, Machine], machine: Machine, tmp_path: Path
) -> None:
    bastion, behind = bastion_and_host
    (tmp_path / "config").write_text(config_for(bastion, machine))
    for jumps in ((machine.name, bastion.name), (f"{machine.name},{bastion.name}",)):
        host = ssh_host(behind, jumps=jumps)
        with connected(host, config_files=(str(tmp_path / "config"),)) as connection:
            assert connection.execute(**NAME).stdout.decode().strip() == behind.name


def test_the_configuration_names_the_bastion(
    bastion_and_host: tuple[Machine, Machine], tmp_path: Path
) -> None:
    bastion, behind = bastion_and_host
    text = config_for(bastion) + f"Host *\n  ProxyJump {bastion.name}\n"  # takes in itself
    (tmp_path / "config").write_text(text)
    with connected(ssh_host(behind), config_files=(str(tmp_path / "config"),)) as connection:
        assert connection.execute(**NAME).stdout.decode().strip() == behind.name


def test_through_the_labs_own_configuration(
    bastion_and_host: tuple[Machine, Machine], machine: Machine
) -> None:
    """What `ssh -F` of this file does, we do: all of it comes from the configuration."""
    bastion, behind = bastion_and_host
    config = str(bastion.key.parent / "ssh_config")
    for target in (bastion, behind, machine):
        host = ssh_host(target, address="", port=None, key_files=(), known_hosts=())
        with connected(host, config_files=(config,)) as connection:
            assert connection.execute(**NAME).stdout.decode().strip() == target.name


def test_what_lies_behind_a_bastion_fails_in_the_same_words(
    bastion_and_host: tuple[Machine, Machine], tmp_path: Path
) -> None:
    bastion, behind = bastion_and_host
    (tmp_path / "config").write_text(config_for(bastion))
    changes = {"config_files": (str(tmp_path / "config"),), "connect_timeout": 3.0}
    jumps = (bastion.name,)
    error = failure(ssh_host(behind, jumps=jumps, port=23), **changes)
    assert error.code == "connection-refused"
    assert bastion.address in str(error)
    error = failure(ssh_host(behind, jumps=jumps, address="no-such.invalid"), **changes)
    assert error.code == "host-name-unknown"
    bastion.cut(behind)
    error = failure(ssh_host(behind, jumps=jumps), **changes)
    bastion.heal()
    assert error.code == "unreachable"


def test_a_bastion_that_forwards_nothing(machines: MachineFactory, tmp_path: Path) -> None:
    (strict,) = machines(sshd={"AllowTcpForwarding": "no"})
    (tmp_path / "config").write_text(config_for(strict))
    changes = {"config_files": (str(tmp_path / "config"),)}
    error = failure(ssh_host(strict, jumps=(strict.name,), address="10.77.0.99"), **changes)
    assert error.code == "not-permitted"
    assert "AllowTcpForwarding" in error.hint


def test_the_host_behind_a_bastion_goes_silent(
    bastion_and_host: tuple[Machine, Machine], tmp_path: Path
) -> None:
    """The bastion lives, so no timer of our own TCP connection ever fires."""
    bastion, behind = bastion_and_host
    (tmp_path / "config").write_text(config_for(bastion))
    host = ssh_host(behind, jumps=(bastion.name,))
    changes = {"config_files": (str(tmp_path / "config"),), "dead_after": 4.0}
    with connected(host, **changes) as connection:
        bastion.cut(behind)
        try:
            with pytest.raises(Exception, match="was lost: no answer within 4 s"):
                connection.execute("exec sleep 100", seconds=90)
        finally:
            bastion.heal()


def test_a_host_behind_a_bastion_dies_under_a_command(
    bastion_and_host: tuple[Machine, Machine], tmp_path: Path
) -> None:
    bastion, behind = bastion_and_host
    (tmp_path / "config").write_text(config_for(bastion))
    host = ssh_host(behind, jumps=(bastion.name,))
    changes = {"config_files": (str(tmp_path / "config"),), "dead_after": 4.0}
    with connected(host, **changes) as connection:
        timer = threading.Timer(0.5, bastion.cut, args=[behind])
        timer.start()
        try:
            with pytest.raises(Exception, match="was lost: no sign of life"):
                connection.execute("exec sleep 100", seconds=90)
        finally:
            timer.join()
            bastion.heal()


def test_proxy_command(bastion_and_host: tuple[Machine, Machine], tmp_path: Path) -> None:
    bastion, behind = bastion_and_host
    lab_config = bastion.key.parent / "ssh_config"
    (tmp_path / "config").write_text(
        f"Host {behind.inner_address}\n"
        f'  ProxyCommand ssh -F "{lab_config}" -W %h:%p {bastion.name}\n'
    )
    changes = {"config_files": (str(tmp_path / "config"),)}
    host = ssh_host(behind, address=behind.inner_address)
    with connected(host, **changes) as connection:
        assert connection.execute(**NAME).stdout.decode().strip() == behind.name
    (tmp_path / "config").write_text("ProxyCommand /no/such/program\n")
    error = failure(host, busy_timeout=0.5, **changes)
    assert error.code == "unreachable"


# --- configuration ------------------------------------------------------------------------------


def test_include(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "lab.conf").write_text(
        f"Host target\n  HostName {machine.address}\n  Port 2200  # not 22\n  User plain\n"
    )
    (tmp_path / "config").write_text(
        f"Include {tmp_path}/conf.d/*.conf\nMatch host {machine.address}\n"
        f"  IdentityFile {machine.key}\n  UserKnownHostsFile {machine.known_hosts}\n"
    )
    host = ssh_host(machine, address="target", port=None, user=None, key_files=(), known_hosts=())
    with connected(host, config_files=(str(tmp_path / "config"),)) as connection:
        assert connection.execute("exec id -un", seconds=20).stdout == b"plain\n"


# --- keys ---------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A running agent with no keys; its socket."""
    path = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not (tmp_path / "agent").exists():
        time.sleep(0.01)
    monkeypatch.setenv("SSH_AUTH_SOCK", path)
    yield path
    process.terminate()
    process.wait()


def test_agent(machine: Machine, agent: str, tmp_path: Path) -> None:
    host = ssh_host(machine, key_files=())
    assert failure(host).code == "authentication-failed"
    subprocess.run(["ssh-add", "-q", str(machine.key)], check=True)
    with connected(host) as connection:
        assert connection.execute(**NAME).status == 0
    (tmp_path / "config").write_text("IdentityAgent none\n")
    error = failure(host, config_files=(str(tmp_path / "config"),))
    assert error.code == "authentication-failed"
    (tmp_path / "config").write_text(f"IdentityAgent {agent}\n")
    os.environ.pop("SSH_AUTH_SOCK")
    with connected(host, config_files=(str(tmp_path / "config"),)):
        pass


def test_an_encrypted_key_that_the_agent_holds(
    machine: Machine, agent: str, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(machine.key.read_bytes())
    locked.chmod(0o600)
    words = ["ssh-keygen", "-q", "-p", "-N", "secret words", "-f", str(locked)]
    subprocess.run(words, check=True)
    (tmp_path / "config").write_text("IdentitiesOnly yes\n")
    host = ssh_host(machine, key_files=(str(locked),))
    changes = {"config_files": (str(tmp_path / "config"),)}
    assert failure(host, **changes).hint == f"ssh-add {locked}"
    subprocess.run(["ssh-add", "-q", str(machine.key)], check=True)
    with connected(host, **changes) as connection:
        assert connection.execute(**NAME).status == 0


@pytest.mark.parametrize("kind", ["rsa", "rsa -m PEM", "ecdsa", "ecdsa -m PEM -b 521", "ed25519"])
def test_kinds_of_keys(machine: Machine, tmp_path: Path, kind: str) -> None:
    key = tmp_path / "key"
    words = ["ssh-keygen", "-q", "-t", *kind.split(), "-N", "", "-f", str(key)]
    subprocess.run(words, check=True)
    authorized = machine.root / "home/plain/.ssh/authorized_keys"
    with authorized.open("a") as file:
        file.write((tmp_path / "key.pub").read_text())
    with connected(ssh_host(machine, user="plain", key_files=(str(key),))) as connection:
        assert connection.execute("exec id -un", seconds=20).stdout == b"plain\n"


def test_a_key_and_a_password(machines: MachineFactory) -> None:
    (machine,) = machines(sshd={"PasswordAuthentication": "yes"})
    (machine.root / "etc/ssh/sshd_config.d/99-both.conf").write_text(
        "Match User ops\n  AuthenticationMethods publickey,password\n"
    )
    machine.inside("systemctl", "restart", "ssh.service")
    host = ssh_host(machine, user="ops")
    error = failure(host)
    assert "accepted; also wants password" in str(error)
    assert "-k" in error.hint
    with connected(host, password="s3cret") as connection:
        assert connection.execute("exec id -un", seconds=20).stdout == b"ops\n"
