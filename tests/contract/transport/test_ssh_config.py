"""Our reading of ~/.ssh/config is OpenSSH's: the same file through `ssh -G`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import paramiko
import pytest

from provisioner.hosts.ssh_config import route, text_of
from provisioner.spec.types import SshSettings

if shutil.which("ssh") is None:
    pytest.skip("no ssh on this machine", allow_module_level=True)

CONFIG = """
Include DIR/conf.d/*.conf DIR/missing
User = everybody
Host lab* !lab9
  Port 2200  # a comment
  Include DIR/inside
  IdentityFile "DIR/a key"
Host lab1
  HostName 10.0.0.1
  UserKnownHostsFile DIR/k1 DIR/k2
Match host 10.0.0.1
  ConnectTimeout 4
Match originalhost lab2,lab3 user everybody
  ProxyJump me@bastion:24,lab1
Match all
  HostKeyAlias same
Host *
  Port 22
"""
INSIDE = """
IdentityFile DIR/inner
Host lab2
  HostName two.example
Host other
  HostName wrong.example
Match host two.example
  Port 2222
"""
FIRST = """
Host lab3
  User three
  IdentitiesOnly yes
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    for name, text in (("config", CONFIG), ("inside", INSIDE), ("conf.d/1.conf", FIRST)):
        (tmp_path / name).write_text(text.replace("DIR", str(tmp_path)))
    return tmp_path / "config"


@pytest.mark.parametrize("name", ["lab", "lab1", "lab2", "lab3", "lab9", "other"])
def test_same_as_openssh(config: Path, name: str) -> None:
    lookup = paramiko.SSHConfig.from_text(text_of([str(config)])).lookup
    ours = route(name, SshSettings(), lookup, ("known",))[-1]
    theirs = by_openssh(config, name)
    assert ours.host == theirs["hostname"][0]
    assert ours.port == int(theirs["port"][0])
    assert ours.user == theirs["user"][0]
    assert list(ours.key_files) == theirs["identityfile"] or not ours.explicit_keys
    assert ours.explicit_keys == (name in ("lab", "lab1", "lab2", "lab3"))
    assert ours.identities_only == (theirs["identitiesonly"] == ["yes"])
    assert ",".join(ours.jumps) == theirs.get("proxyjump", [""])[0]
    assert ours.key_alias == theirs["hostkeyalias"][0]
    timeout = theirs["connecttimeout"][0]
    assert ours.connect_timeout == (None if timeout == "none" else float(timeout))
    if name == "lab1":
        assert list(ours.known_hosts) == theirs["userknownhostsfile"][0].split()


def by_openssh(config: Path, name: str) -> dict[str, list[str]]:
    words = ["ssh", "-F", str(config), "-G", name]
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found
