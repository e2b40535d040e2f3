"""The SSH configuration means here what it means to OpenSSH: a corpus, through ``ssh -G`` and, as
well as it can, through the library's reader where there is no ``ssh``."""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.hosts.ssh.config import Hop, Lookup, route
from provisioner.hosts.ssh.lookup import lookup_of
from provisioner.hosts.ssh.reader import library_lookup
from provisioner.hosts.ssh.wire import proxy_command
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings

if shutil.which("ssh") is None:
    pytest.skip("no ssh on this machine", allow_module_level=True)

CASES: list[dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("ssh_configs") / "cases.yaml"
)
KNOWN = ("/usual/known_hosts",)
GLOBAL = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
Values = dict[str, Any]
HERE = socket.gethostname()
MEANINGS = {
    "HOME": str(Path("~").expanduser()),
    "SHORT": HERE.partition(".")[0],
    "LONG": HERE,
    "LOCAL": getpass.getuser(),
    "UID": str(os.getuid()),
    # as ssh has it: this machine, host, port and user of the case
    "DIGEST": hashlib.sha1(f"{HERE}a7u".encode()).hexdigest(),
}


@pytest.fixture
def file(case: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    for name, text in {"config": case["config"], **case.get("files", {})}.items():
        with (tmp_path / name).open("w", newline="") as out:
            out.write(text.replace("DIR", str(tmp_path)))
    return tmp_path / "config"


def hops_of(case: Values, lookup: Lookup) -> tuple[Hop, ...]:
    settings = SshSettings(user=case.get("user"), port=case.get("port"))
    return route(str(case["host"]), settings, lookup, KNOWN)


def values(hops: tuple[Hop, ...]) -> Values:
    *jumps, hop = hops
    return {
        "address": hop.host,
        "port": hop.port,
        "user": hop.user,
        "keys": list(hop.key_files) if hop.explicit_keys else [],
        "jumps": [str(jump) for jump in jumps],
        "proxy_command": hop.proxy_command or None,
        "known_hosts": list(hop.known_hosts),
        "global_known_hosts": list(hop.global_known_hosts),
        "key_alias": hop.key_alias,
        "connect_timeout": hop.connect_timeout,
        "identities_only": hop.identities_only,
        "hash_names": hop.hash_names,
        "agent": hop.agent,
        "revoked": hop.revoked,
    }


def expected(case: Values) -> Values:
    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(part) for part in value]
        for name, meaning in MEANINGS.items() if isinstance(value, str) else ():
            value = value.replace(name, meaning)
        return value

    return {key: filled(value) for key, value in case["expect"].items()}


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_as_openssh_has_it(case: Values, file: Path) -> None:
    found = values(hops_of(case, lookup_of((str(file),))))
    wanted = expected(case)
    assert {key: found[key] for key in wanted} == wanted
    theirs = by_openssh(case, file)
    assert found["address"] == theirs["hostname"][0]
    assert found["port"] == int(theirs["port"][0])
    assert found["user"] == theirs["user"][0]
    assert found["identities_only"] == (theirs["identitiesonly"] == ["yes"])
    assert found["hash_names"] == (theirs["hashknownhosts"] == ["yes"])
    assert found["key_alias"] == theirs.get("hostkeyalias", [""])[0]
    timeout = theirs["connecttimeout"][0]
    assert found["connect_timeout"] == (None if timeout == "none" else float(timeout))
    assert bool(found["jumps"]) == (theirs.get("proxyjump", ["none"])[0] != "none")
    assert bool(found["proxy_command"]) == (theirs.get("proxycommand", ["none"])[0] != "none")
    if "known_hosts" not in wanted:
        assert found["known_hosts"] == list(KNOWN)
    if "global_known_hosts" not in wanted:
        assert found["global_known_hosts"] == GLOBAL


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_without_ssh_it_is_the_same_or_it_is_said(case: Values, file: Path) -> None:
    said: list[str] = []
    theirs = values(hops_of(case, lookup_of((str(file),))))
    try:
        found = values(hops_of(case, library_lookup((str(file),), said.append)))
    except TransportError:
        found = {}  # an error is no silent difference
    differing = {key for key, value in theirs.items() if found and found[key] != value}
    assert not differing or said, differing
    assert all(str(file) in text for text in said)


def by_openssh(case: Values, config: Path) -> dict[str, list[str]]:
    words = ["ssh", "-F", str(config), "-G", "-T"]
    words += ["-l", case["user"]] if "user" in case else []
    words += ["-p", str(case["port"])] if "port" in case else []
    done = subprocess.run(
        [*words, str(case["host"])],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key.lower(), []).append(value)
    return found


def test_a_mistake_is_told_in_the_words_of_ssh(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host a\n  Prot 22\n")
    with pytest.raises(TransportError, match=r"config.*line 2: Bad configuration option: prot"):
        route("a", SshSettings(), lookup_of((str(config),)), KNOWN)


def test_a_jump_that_jumps_by_itself_is_refused_as_by_ssh(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  ProxyJump b\n")
    with pytest.raises(TransportError, match="jumphost loop via b"):
        route("a", SshSettings(), lookup_of((str(config),)), KNOWN)


def test_ssh_is_asked_once_for_each_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred hosts behind one bastion: a process for each name, user and port."""
    log, real = tmp_path / "log", shutil.which("ssh")
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {real} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    config = tmp_path / "config"
    config.write_text("Host k*\n  ProxyJump bastion\n")
    for name in ("k1", "k2", "k1", "k3"):
        settings = SshSettings(user="deploy", port=2200)
        route(name, settings, lookup_of((str(config),)), KNOWN)
    asked = [line.rpartition(" -- ")[2] for line in log.read_text().splitlines()]
    assert sorted(asked) == ["bastion", "k1", "k2", "k3"]


def test_what_the_configuration_runs_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISION_SSH_PASSWORD", "s3cret")
    monkeypatch.setenv("PROVISION_BECOME_PASSWORD", "s3cret")
    config, seen = tmp_path / "config", tmp_path / "seen"
    config.write_text(
        f'Match exec "env >>{seen}"\n  ProxyCommand sh -c "env >>{seen}; echo done"\n'
    )
    (hop,) = route("a", SshSettings(), lookup_of((str(config),)), KNOWN)
    wire = proxy_command(hop.proxy_command)
    try:
        assert wire.recv(5)
    finally:
        wire.close()
    assert seen.read_text().count("PATH=") >= 2
    assert "s3cret" not in seen.read_text()
