"""``provision hosts``: how each host would be reached, and who says so. None is contacted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.cli.conftest import Provision

SPEC = """cluster: three
inventory: inventory.yaml
kafka: {version: "4.3.1", supervisor: systemd}
controllers:
  - {id: 1, host: one, port: 9192}
  - {id: 2, host: two, port: 9192}
  - {id: 3, host: three, port: 9192}
brokers:
  - {id: 1, host: one, listeners: ["PLAINTEXT://:9092"], log_dirs: [/d]}
  - {id: 2, host: two, listeners: ["PLAINTEXT://:9092"], log_dirs: [/d]}
  - {id: 3, host: three, listeners: ["PLAINTEXT://:9092"], log_dirs: [/d]}
"""
INVENTORY = """kafka:
  vars:
    ansible_user: deploy
  hosts:
    one: {ansible_host: 192.0.2.1, kafka_address: 10.0.0.1, ansible_become: true}
    two:
      ansible_ssh_common_args: -J jump@192.0.2.9:2200 -o ConnectTimeout=3
      kafka_address: 10.0.0.2
    three: {ansible_connection: local, kafka_address: 10.0.0.3}
"""
CONFIG = """Host two
  HostName 192.0.2.2
  Port 2222
  IdentityFile ~/.ssh/two
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(CONFIG)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return tmp_path


def entries(provision: Provision, folder: Path, *words: str) -> dict[str, dict[str, Any]]:
    ran = provision("hosts", "spec.yaml", "--json", *words, HOME=str(folder))
    assert ran.code == 0, ran.out + ran.err
    (cluster,) = ran.document["clusters"]
    return {entry["name"]: entry for entry in cluster["hosts"]}


def test_every_field_and_where_it_is_said(provision: Provision, folder: Path) -> None:
    found = entries(provision, folder)
    one, two, three = found["one"], found["two"], found["three"]
    assert (one["address"], one["port"], one["user"]) == ("192.0.2.1", 22, "deploy")
    assert (one["become"], one["become_user"], one["kafka_address"]) == (True, "root", "10.0.0.1")
    assert one["groups"] == ["kafka"]
    place = "inventory.yaml:"
    assert one["from"]["address"] == one["from"]["become"] == place + "5"
    assert (one["from"]["user"], one["from"]["port"]) == (place + "3", "default")
    assert (two["address"], two["port"]) == ("192.0.2.2", 2222)
    assert two["from"]["address"] == two["from"]["port"] == "ssh configuration"
    assert two["keys"] == [f"{folder}/.ssh/two"]
    assert (two["jumps"], two["connect_timeout"]) == (["jump@192.0.2.9:2200"], 3.0)
    assert two["from"]["jumps"] == two["from"]["connect_timeout"] == place + "7"
    assert two["from"]["become"] == "default"
    assert (three["connection"], three["address"], three["jumps"]) == ("local", None, [])


def test_limit(provision: Provision, folder: Path) -> None:
    assert list(entries(provision, folder, "--limit", "t*")) == ["two", "three"]


def test_as_text(provision: Provision, folder: Path) -> None:
    ran = provision("hosts", "spec.yaml", HOME=str(folder))
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["one"] in rows
    assert ["jumps", "jump@192.0.2.9:2200", "inventory.yaml:7"] in rows


def test_a_name_that_a_shell_would_read_otherwise(provision: Provision, folder: Path) -> None:
    """No matter which file it comes from; nothing is run."""
    bad = "x;touch${IFS}pwned"
    (folder / ".ssh/config").write_text(f'Host two\n  HostName "{bad}"\n  ProxyCommand nc %h\n')
    ran = provision("hosts", "spec.yaml", HOME=str(folder))
    assert ran.code == 1
    assert "neither a host name nor an IP address" in ran.err
    assert not (folder / "pwned").exists()


def test_arguments_keys_and_addresses_name_their_own_place(
    provision: Provision, folder: Path
) -> None:
    inventory = """kafka:
  vars:
    ansible_ssh_private_key_file: /keys/common
  hosts:
    one:
      ansible_ssh_args: -o ControlMaster=auto -o ConnectTimeout=4
      ansible_ssh_common_args: -J jump@192.0.2.9 -l deploy -o ConnectTimeout=5
    two:
      ansible_become: no
    three: {ansible_connection: local}
"""
    (folder / "inventory.yaml").write_text(inventory)
    hosts = "hosts:\n" + "".join(
        f"  {name}: {{address: 10.0.0.{n}}}\n" for n, name in enumerate(("one", "two", "three"))
    )
    (folder / "spec.yaml").write_text(SPEC + hosts)
    found = entries(provision, folder)
    one, two = found["one"]["from"], found["two"]["from"]
    assert found["one"]["connect_timeout"] == 4
    assert one["connect_timeout"] == "inventory.yaml:6"
    assert (one["jumps"], one["user"]) == ("inventory.yaml:7", "inventory.yaml:7")
    assert one["keys"] == "inventory.yaml:3"
    assert found["two"]["keys"] == ["/keys/common", f"{folder}/.ssh/two"]
    assert two["keys"] == "inventory.yaml:3, ssh configuration"
    assert (found["two"]["become"], two["become"]) == (False, "inventory.yaml:9")
    first = SPEC.count("\n") + 2
    assert [found[n]["from"]["kafka_address"] for n in ("one", "two", "three")] == [
        f"spec.yaml:{first + i}" for i in range(3)
    ]
    assert {entry["from"]["groups"] for entry in found.values()} == {"inventory.yaml"}


def test_the_command_of_the_first_hop_is_shown(provision: Provision, folder: Path) -> None:
    config = "Host two\n  ProxyJump b\nHost b\n  ProxyCommand nc %h %p\n"
    (folder / ".ssh/config").write_text(config)
    inventory = INVENTORY.replace("-J jump@192.0.2.9:2200 ", "")
    (folder / "inventory.yaml").write_text(inventory)
    two = entries(provision, folder)["two"]
    assert two["proxy_command"] == "nc b 22"
    assert two["from"]["proxy_command"] == two["from"]["jumps"] == "ssh configuration"


def test_without_ssh_what_is_not_understood_is_a_warning(
    provision: Provision, folder: Path
) -> None:
    """Once, however many hosts there are, and in the document."""
    (folder / ".ssh/config").write_text("Match final all\n  Port 7\nHost two\n  Port 2222\n")
    ran = provision("hosts", "spec.yaml", "--json", HOME=str(folder), PATH="/nonexistent")
    assert ran.code == 0, ran.err
    said = [warning["message"] for warning in ran.document["warnings"]]
    (warning,) = (text for text in said if str(folder) in text)  # /etc/ssh has some of its own
    assert "config:1: Match may mean something else to OpenSSH" in warning
    (cluster,) = ran.document["clusters"]
    assert [entry["port"] for entry in cluster["hosts"]] == [22, 2222, None]


def test_each_host_of_a_group_and_several_specs(provision: Provision, folder: Path) -> None:
    (folder / "lab.yaml").write_text(
        'cluster: lab\nkafka: {version: "4.3.1"}\n'
        "controllers: [{id: 1, host: vm, port: 9192}]\n"
        "brokers: [{id: 1, host: vm, listeners: [PLAINTEXT://localhost:9092], log_dirs: [d]}]\n"
    )
    words = ("-i", "inventory.yaml", "--each", "kafka", "--json")
    ran = provision("hosts", "lab.yaml", *words, HOME=str(folder))
    assert ran.code == 0, ran.err
    clusters = ran.document["clusters"]
    assert [c["target"] for c in clusters] == [c["hosts"][0]["name"] for c in clusters]
    assert {c["target"] for c in clusters} == {"one", "two", "three"}
    ran = provision("hosts", "spec.yaml", "spec.yaml", "--json", HOME=str(folder))
    assert [len(c["hosts"]) for c in ran.document["clusters"]] == [3, 3]
