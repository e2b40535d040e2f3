"""What scripts see of the environment of who runs us, and what another user than the login sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from provisioner.hosts.local import ENVIRONMENT, LocalConnection
from provisioner.hosts.observer import Observer, Reading, Shell
from provisioner.hosts.transport import Result
from provisioner.verbs.shared import command

OF_THE_SHELL = {"PWD", "_", "OLDPWD", "SHLVL", "LC_ALL"}
SECRETS = ("PROVISION_BECOME_PASSWORD", "PROVISION_SSH_PASSWORD", "SOME_DB_PASSWORD", "LD_PRELOAD")


def names(connection: LocalConnection, user: str) -> set[str]:
    (frame,) = Observer(Shell(connection)).read([Reading("env", (), user)])
    assert frame is not None
    assert frame.status == 0, frame.text
    return {line.partition("=")[0] for line in frame.text.splitlines()} - OF_THE_SHELL


def test_a_script_on_this_machine_sees_what_sshd_would_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "")
    assert names(LocalConnection("here"), "") <= set(ENVIRONMENT)


class Exporting(LocalConnection):
    """A login whose shell exports something, as its ``.bashrc`` may."""

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        exported = f"SOME_DB_PASSWORD=x; export SOME_DB_PASSWORD; {command}"
        return super().execute(exported, stdin, seconds=seconds, progress=progress)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_another_user_sees_nothing_of_the_logins() -> None:
    assert "SOME_DB_PASSWORD" in names(Exporting("here"), "")
    found = names(Exporting("here"), "nobody")
    assert found == {"PATH", "HOME", "USER", "LOGNAME", "SHELL"}
    (frame,) = Observer(Shell(Exporting("here"))).read(
        [Reading('echo "$HOME $USER"', (), "nobody")]
    )
    assert frame is not None
    assert frame.text.split()[1] == "nobody"
    assert frame.text.split()[0] != os.environ.get("HOME")


@pytest.mark.parametrize("words", [["schema"], ["validate", "{spec}"], ["no-such-verb"]])
def test_password_variables_are_taken_out_of_our_own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    """Whatever is started after that (a ProxyCommand, pip) cannot have them."""
    for name in SECRETS[:2]:
        monkeypatch.setenv(name, "s3cret")
    command.run([word.format(spec=tmp_path / "none.yaml") for word in words])
    assert not {*SECRETS[:2]} & set(os.environ)
