"""How a run gets in: host keys that it accepts are said and journalled, sudo is used where somebody
says so, and a password goes to nobody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import Place, on, one_node

SYSTEMD = "  supervisor: systemd\n"
SECRET = {"PROVISION_BECOME_PASSWORD": "s3cret"}


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines()
    return machine


def place(folder: Path, host: Machine, user: str, **variables: object) -> Place:
    """A spec that needs root; the inventory says ``variables`` for all hosts."""
    found = Place(folder, [host], user=user, environment=SECRET)
    found.write(one_node(host.name, more=SYSTEMD))
    body = json.loads((folder / "inventory.yaml").read_text())
    body["all"]["vars"] |= variables
    (folder / "inventory.yaml").write_text(json.dumps(body))
    return found


def test_accepted_host_keys_are_printed_and_journalled(host: Machine, tmp_path: Path) -> None:
    mine = place(tmp_path, host, "deploy")
    inventory, known = tmp_path / "inventory.yaml", tmp_path / "known"
    inventory.write_text(inventory.read_text().replace(str(host.known_hosts), str(known)))
    assert mine.run("status").code == 1
    done = mine.run("stop", "--accept-new-host-keys")
    assert f"host key of {host.address} added to {known}: ssh-ed25519 SHA256:" in done.progress
    assert "ssh-ed25519" in known.read_text()
    assert f"host key of {host.address} added" in mine.run("log").text


def test_an_accepted_host_key_is_told_also_where_the_login_fails(
    host: Machine, tmp_path: Path
) -> None:
    """known_hosts has it from then on, so somebody must hear of it; scripts in the document."""
    mine = place(tmp_path, host, "nobody-of-that-name")
    inventory, known = tmp_path / "inventory.yaml", tmp_path / "known"
    inventory.write_text(inventory.read_text().replace(str(host.known_hosts), str(known)))
    answer = mine.run("status", "--json", "--accept-new-host-keys")
    assert [error["code"] for error in answer.document["errors"]] == ["authentication-failed"]
    assert "ssh-ed25519" in known.read_text()
    said = f"{host.name}: host key of {host.address} added to {known}: ssh-ed25519 SHA256:"
    assert said in answer.progress
    (warning,) = answer.document["warnings"]
    assert said in warning["message"]


@pytest.mark.parametrize("become", [False, None])
@pytest.mark.parametrize("user", ["deploy", "ops"])
def test_sudo_is_not_tried_where_nobody_says_so(
    host: Machine, tmp_path: Path, user: str, become: bool | None
) -> None:
    """Not even where it would ask for no password, and one for it is at hand."""
    mine = place(tmp_path, host, user, ansible_become=become)
    before = on(host, "journalctl -q -t sudo -o cat | wc -l")
    answer = mine.run("status", "--json")
    assert answer.code == 1
    (error,) = answer.document["errors"]
    assert error["code"] == "sudo-refused"
    assert error["host"] == host.name
    assert "ansible_become: true" in error["hint"]
    after = on(host, "journalctl -q -t sudo -o cat | wc -l")
    assert after == before


def test_a_hosts_own_password_goes_before_the_common_one(host: Machine, tmp_path: Path) -> None:
    assert place(tmp_path / "1", host, "ops").run("status").code != 1
    mine = place(tmp_path / "2", host, "ops", ansible_become_password="not it")
    answer = mine.run("status", "--json")
    assert [error["code"] for error in answer.document["errors"]] == ["sudo-refused"]
