"""``maintain``: a command on one host, one that fails, and hosts that reboot in turn."""

from __future__ import annotations

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import Place, all_processes, bounced, on, three_nodes


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(3)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("maintain"), hosts)
    place.write(three_nodes(hosts))
    place.ok("apply")
    return place


def hosts_of(changed: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in changed}


def test_a_command_runs_while_the_hosts_node_is_down(cluster: Place, hosts: list[Machine]) -> None:
    before = all_processes(hosts)
    script = "id -un >/var/tmp/who; pgrep java && exit 1; echo said --json"
    done = cluster.run("maintain", "--host", hosts[1].name, "--", "sh", "-c", script)
    assert done.code == 0, str(done)
    assert f"{hosts[1].name}: said --json" in done.progress
    assert hosts_of(bounced(before, all_processes(hosts))) == {hosts[1].name}
    assert on(hosts[1], "cat /var/tmp/who") == "root\n", "the inventory says become"
    assert cluster.run("verify").code == 0
    assert "maintain" in cluster.run("log").text


def test_a_command_that_fails_ends_it_and_the_node_is_started_again(
    cluster: Place, hosts: list[Machine]
) -> None:
    before = all_processes(hosts)
    done = cluster.run("maintain", "--all", "--", "sh", "-c", "echo it went wrong; exit 3")
    assert done.code == 2, str(done)
    assert "it went wrong" in done.progress
    changed = hosts_of(bounced(before, all_processes(hosts)))
    assert len(changed) == 1
    assert f"it ended at {changed.pop()}" in done.text
    assert cluster.run("verify").code == 0


def test_all_hosts_reboot_one_after_the_other(cluster: Place, hosts: list[Machine]) -> None:
    before = {m.name: m.boot_id() for m in hosts}
    done = cluster.run("maintain", "--all", "--reboot", "--", "touch", "/var/tmp/patched")
    assert done.code == 0, str(done)
    assert all(m.boot_id() != before[m.name] for m in hosts)
    assert [on(m, "ls /var/tmp/patched") for m in hosts] == ["/var/tmp/patched\n"] * 3
    assert cluster.run("verify").code == 0


def test_what_is_asked_wrongly(cluster: Place) -> None:
    assert cluster.run("maintain").code == 1
    assert cluster.run("maintain", "--all", "--host", "x").code == 1
    assert cluster.run("maintain", "--host", "nobody").code == 1
