"""Host keys: unknown, changed, accepted, replaced, revoked, certified; at hosts and at bastions."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provisioner.hosts.known_hosts import hashed
from provisioner.hosts.ssh import connect
from tests.contract.transport.ssh_hosts import connected, failure, ssh_host, ssh_options
from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine


@pytest.fixture(scope="module")
def machine(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines(addresses=40)
    return machine


def fingerprint(machine: Machine) -> str:
    """As the host itself prints it."""
    line = machine.inside("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key").stdout
    return line.split()[1]


def test_unknown(machine: Machine, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    error = failure(ssh_host(machine, known_hosts=(str(known),)))
    assert error.code == "host-key-unknown"
    assert fingerprint(machine) in str(error)
    assert machine.address in str(error)
    assert "--accept-new-host-keys" in error.hint
    assert not known.exists()


def test_accepted_once_and_known_ever_after(machine: Machine, tmp_path: Path) -> None:
    known = tmp_path / "new folder" / "known_hosts"
    host = ssh_host(machine, known_hosts=(str(known), str(tmp_path / "second")))
    with connected(host, accept_new_host_keys=True) as connection:
        (note,) = connection.notes
        assert fingerprint(machine) in note
        assert str(known) in note
    assert known.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "second").exists()
    with connected(host) as connection:
        assert connection.notes == ()
    assert by_openssh(machine, known) == 0


def test_accepted_and_hashed(machine: Machine, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    (tmp_path / "config").write_text("HashKnownHosts yes\n")
    host = ssh_host(machine, known_hosts=(str(known),))
    with connected(host, accept_new_host_keys=True, config_files=(str(tmp_path / "config"),)):
        assert known.read_text().startswith("|1|")
    with connected(host):
        assert by_openssh(machine, known) == 0


def test_forty_accepted_at_once_into_one_file(machine: Machine, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("unrelated.example ssh-ed25519 AAAA")  # without an end of line
    hosts = [ssh_host(machine, address=a, known_hosts=(str(known),)) for a in machine.addresses]

    def accept(number: int) -> None:
        with connected(hosts[number], accept_new_host_keys=True):
            pass

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(accept, range(len(hosts))))
    lines = known.read_text().splitlines()
    assert lines[0] == "unrelated.example ssh-ed25519 AAAA"
    assert sorted(line.split()[0] for line in lines[1:]) == sorted(machine.addresses)
    assert all(len(line.split()) == 3 for line in lines)


def test_changed_and_replaced(machines: MachineFactory, tmp_path: Path) -> None:
    (machine,) = machines()
    old = fingerprint(machine)
    with connected(ssh_host(machine)):
        pass
    machine.rekey()
    new = fingerprint(machine)
    assert old != new

    error = failure(ssh_host(machine), accept_new_host_keys=True)
    assert error.code == "host-key-changed"
    assert old in str(error)
    assert new in str(error)
    assert error.hint.endswith(f"--replace-host-key {machine.name}")

    others = machine.known_hosts.read_text().split()[0].split(",")
    with connected(ssh_host(machine), replace_host_keys=frozenset({machine.name})) as connection:
        (note,) = connection.notes
        assert old in note
        assert new in note
    with connected(ssh_host(machine)) as connection:
        assert connection.notes == ()
    first, second = machine.known_hosts.read_text().splitlines()
    # what else the old line named keeps its key: it was not asked about
    assert first.split()[0].split(",") == [n for n in others if n != machine.address]
    assert second.split()[0] == machine.address


def test_another_hosts_replacement_does_not_count(machine: Machine, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"{machine.address} {foreign_key(tmp_path)}\n")
    host = ssh_host(machine, known_hosts=(str(known),))
    error = failure(host, replace_host_keys=frozenset({"another"}))
    assert error.code == "host-key-changed"


def test_known_by_hash_port_and_pattern(machine: Machine, tmp_path: Path) -> None:
    _, kind, key = machine.host_key_line().split()
    known = tmp_path / "known_hosts"
    host = ssh_host(machine, known_hosts=(str(known),))
    for names in (hashed(machine.address), "10.77.0.*", f"other,{machine.address}", "*,!other"):
        known.write_text(f"{names} {kind} {key}\n")
        with connected(host):
            pass
    for names in (hashed("other"), f"*,!{machine.address}", f"[{machine.address}]:2222"):
        known.write_text(f"{names} {kind} {key}\n")
        assert failure(host).code == "host-key-unknown", names


def test_revoked(machine: Machine, tmp_path: Path) -> None:
    _, kind, key = machine.host_key_line().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"{machine.address} {kind} {key}\n@revoked * {kind} {key}\n")
    host = ssh_host(machine, known_hosts=(str(known),))
    replace = frozenset({machine.name})
    error = failure(host, accept_new_host_keys=True, replace_host_keys=replace)
    assert error.code == "host-key-changed"
    assert f"revoked by {known}:2" in str(error)


def test_certificate(machines: MachineFactory, tmp_path: Path) -> None:
    (machine,) = machines()
    authority = tmp_path / "ca"
    keygen("-t", "ed25519", "-N", "", "-f", authority)
    public = tmp_path / "host.pub"
    public.write_text(" ".join(machine.host_key_line().split()[1:]))
    known = tmp_path / "known_hosts"
    known.write_text(f"@cert-authority 10.77.* {authority.with_suffix('.pub').read_text()}")
    host = ssh_host(machine, known_hosts=(str(known),))

    error = failure(host)
    assert error.code == "host-key-unknown"
    assert f"it shows no certificate for {known}:1" in str(error)

    for principal, validity, why in (
        ("10.77.0.99", "+1d", "it is for 10.77.0.99"),
        (machine.address, "-2d:-1d", "it is not valid now"),
        (machine.address, "+1d", ""),
    ):
        keygen("-s", authority, "-I", "id", "-h", "-n", principal, "-V", validity, public)
        certificate = (tmp_path / "host-cert.pub").read_text()
        (machine.root / "etc/ssh/host-cert.pub").write_text(certificate)
        (machine.root / "etc/ssh/sshd_config.d/01-cert.conf").write_text(
            "HostCertificate /etc/ssh/host-cert.pub\n"
        )
        machine.inside("systemctl", "restart", "ssh.service")
        if why:
            assert why in str(failure(host))
        else:
            with connected(host):
                pass

    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "other-ca")
    other = (tmp_path / "other-ca.pub").read_text()
    known.write_text(f"@cert-authority 10.77.* {other}")
    assert "authority that is not in known_hosts" in str(failure(host))


def test_a_file_that_cannot_be_written(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    host = ssh_host(machine, known_hosts=(str(tmp_path / "file" / "known_hosts"),))
    error = failure(host, accept_new_host_keys=True)
    assert error.code == "host-key-unknown"
    assert "cannot be saved" in str(error)


def test_a_bastion_has_a_key_too(machines: MachineFactory, tmp_path: Path) -> None:
    bastion, (behind,) = machines.behind_bastion()
    known = tmp_path / "known_hosts"
    known.write_text(behind.host_key_line())
    (tmp_path / "config").write_text(
        f"Host {bastion.name}\n  HostName {bastion.address}\n  IdentityFile {bastion.key}\n"
        "  User deploy\n"
    )
    host = ssh_host(behind, jumps=(bastion.name,), known_hosts=(str(known),))
    changes = {"config_files": (str(tmp_path / "config"),), "known_hosts": (str(known),)}
    error = failure(host, **changes)
    assert error.code == "host-key-unknown"
    assert bastion.address in str(error)

    connection = connect(host, settings=ssh_options(accept_new_host_keys=True, **changes))
    connection.close()
    assert len(connection.notes) == 1
    with connected(host, **changes) as connection:
        result = connection.execute("exec /bin/sh", b"cat /etc/hostname\n", seconds=20)
        assert result.stdout.decode().strip() == behind.name


def keygen(*words: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True)


def foreign_key(folder: Path) -> str:
    keygen("-t", "ed25519", "-N", "", "-f", folder / "foreign")
    return " ".join((folder / "foreign.pub").read_text().split()[:2])


def by_openssh(machine: Machine, known: Path) -> int:
    """The status of a real ssh that believes that file alone."""
    options = ["-F", "none", "-i", machine.key, "-o", "StrictHostKeyChecking=yes"]
    options += ["-o", f'UserKnownHostsFile="{known}"', "-o", "GlobalKnownHostsFile=none"]
    words = ["ssh", *map(str, options), f"deploy@{machine.address}", "true"]
    return subprocess.run(words, check=False, stdin=subprocess.DEVNULL).returncode
