"""sudo is used where the inventory or -K says so, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.hosts.transport import Result, TransportError
from provisioner.site import site
from provisioner.site.site import Options
from provisioner.spec.types import Host, Supervisor
from tests.unit.hosts.scripted import ScriptedTransport

FACTS = "login={}\nuid={}\nuser=kafka\ngroup=g\nhome=/h\nexists=true\narch=x86_64\nsystem=Linux\n"


class Spec:
    """What ``_open_host`` asks of a spec."""

    user = "kafka"
    home = "/opt/kafka"
    version = "4.3.1"
    preinstalled = bootstrap = ()

    def __init__(self, supervisor: Supervisor, host: Host):
        self.supervisor, self.hosts = supervisor, {"h": host}


class Machine(ScriptedTransport):
    """sudo takes any password."""

    login = ""

    def execute(self, command: str, stdin: Any = b"", **more: Any) -> Result:
        if not command.endswith("wc -c"):
            return super().execute(command, stdin, **more)
        self.commands.append(command)
        self.sent.append(stdin)
        return Result(b"0\n", b"", 0)


def opened(
    monkeypatch: pytest.MonkeyPatch, host: Host, options: Options, supervisor: Supervisor, uid: int
) -> tuple[Any, list[str]]:
    """What came of it, and the commands that the host was given."""
    said = FACTS.format("root" if uid == 0 else "deploy", uid)
    transport = Machine(answers=[(0, 0, said)])
    transport.login = "root" if uid == 0 else "deploy"
    monkeypatch.setattr(site, "connect_host", lambda host, options: transport)
    found = site._open_host(Spec(supervisor, host), "h", options)  # type: ignore[arg-type]
    return found, transport.commands


@pytest.mark.parametrize("supervisor", list(Supervisor))
@pytest.mark.parametrize(
    ("become", "asked", "may"),
    [
        (True, False, True),
        (None, True, True),
        (True, True, True),
        (None, False, False),
        (False, False, False),
        (False, True, False),
    ],
)
def test_who_may_become(
    monkeypatch: pytest.MonkeyPatch,
    supervisor: Supervisor,
    become: bool | None,
    asked: bool,
    may: bool,
) -> None:
    host = Host("h", "ssh", become=become, origins={"become": "inv.yaml:3"})
    options = Options(become_password="common", become=asked)
    found, commands = opened(monkeypatch, host, options, supervisor, 1000)
    assert any("sudo" in command for command in commands) is may
    if may:
        return
    assert isinstance(found, TransportError)
    assert found.code == "sudo-refused"
    assert "ansible_become: true" in found.hint
    assert ("inv.yaml:3" in str(found)) is (become is False)


def test_root_needs_nobody_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("h", "ssh", become=False)
    found, commands = opened(monkeypatch, host, Options(), Supervisor.SYSTEMD, 0)
    assert not isinstance(found, TransportError)
    assert commands == ["exec /bin/sh"]


def test_a_hosts_own_password_goes_before_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host("h", "ssh", become=True, become_password="own")
    options = Options(become_password="common")
    (shell, _), _ = opened(monkeypatch, host, options, Supervisor.SYSTEMD, 1000)
    sent = b"".join(shell.connection.sent)
    assert b"own\n" in sent
    assert b"common" not in sent
