"""A controller of a dynamic quorum moves to another host under its id, with unit and data."""

from __future__ import annotations

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import CLEANER, JVM, KRAFT, Place, all_processes, on
from tests.soak import SOAK

UNIT = "kafka-quorum-controller-102.service"
DATA = "/opt/kafka/controller-102"


def three(machines: list[Machine]) -> str:
    """Three controllers, and a broker beside the first."""
    lines = [
        "cluster: quorum",
        f'kafka: {{version: "{KRAFT}", supervisor: systemd}}',
        "defaults:",
        "  heap: 192m",
        f"  {JVM}",
        f"  config: {{{CLEANER}}}",
        "controllers:",
        *(f"  - {{id: {100 + n}, host: {m.name}, port: 9093}}" for n, m in enumerate(machines[:3])),
        "brokers:",
        f"  - {{id: 1, host: {machines[0].name}, listeners: ['PLAINTEXT://:9092'], "
        "log_dirs: [/var/lib/kafka/data]}",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(4)


def there(machine: Machine, path: str) -> bool:
    return on(machine, '[ ! -e "$1" ] || echo yes', path) == "yes\n"


def a_controller_moves_to_another_host(
    hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place(tmp_path_factory.mktemp("quorum"), hosts)
    place.write(three(hosts))
    place.ok("apply")
    before = all_processes(hosts)
    old = f"  - {{id: 102, host: {hosts[2].name}, port: 9093}}\n"
    new = f"  - {{id: 102, host: {hosts[3].name}, port: 9093}}\n"

    # Without a word about where it runs, it is not started a second time.
    place.edit(old, new)
    twice = place.json("apply", "--allow", "format-controller")
    assert twice.code == 2, str(twice)
    (refused,) = (r for r in twice.cluster["refused"] if r["kind"] == "service")
    assert f"controller 102 is running at {hosts[2].address}:9093" in refused["reason"]
    assert all_processes(hosts) == before

    place.edit(new, new + f"  - {{id: 102, host: {hosts[2].name}, state: absent}}\n")
    words = ("--allow", "format-controller", "--allow", "wipe-log-dir")
    done = place.json("apply", *words)
    assert done.code == 0, str(done)
    order = [
        (c["action"], c["host"])
        for c in done.cluster["applied"]
        if c["kind"] in ("service", "voter")
    ]
    assert order == [("stop", hosts[2].name), ("start", hosts[3].name), ("update", None)]
    after = all_processes(hosts)
    assert {name for name in before if after.get(name) != before[name]} == {
        name for name in before if name.startswith(hosts[2].name)
    }
    for path in (f"/etc/systemd/system/{UNIT}", f"{DATA}/meta.properties"):
        assert not there(hosts[2], path)
        assert there(hosts[3], path)
    place.ok("drift")
    assert not place.json("apply").cluster["applied"]


if SOAK:
    test_a_controller_moves_to_another_host = a_controller_moves_to_another_host
