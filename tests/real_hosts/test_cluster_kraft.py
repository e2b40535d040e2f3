"""Three KRaft nodes on three hosts under systemd: made, changed, limited, drilled."""

from __future__ import annotations

import socket

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import (
    Place,
    Watch,
    Writer,
    all_processes,
    bounced,
    leftovers,
    on,
    processes,
    remains,
    three_nodes,
    tree,
    until,
)


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(3)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The cluster, applied; what looking at bare hosts changes there is checked on the way."""
    place = Place(tmp_path_factory.mktemp("kraft"), hosts)
    place.write(three_nodes(hosts))
    before = [tree(m) for m in hosts]
    assert place.run("plan").code == 0
    assert place.json("drift").code == 2
    assert place.run("validate", "--hosts").code == 0
    place.run("status")
    assert [tree(m) for m in hosts] == before
    done = place.run("apply")
    assert done.code == 0, str(done)
    return place


@pytest.fixture
def whole(cluster: Place) -> Place:
    """The cluster in sync, whatever the test before did to it."""
    for machine in cluster.machines:
        if not machine.is_on:
            machine.boot()
        machine.wait()
        machine.heal()
    cluster.ok("apply")
    return cluster


def addresses(place: Place) -> list[str]:
    return [f"{m.address}:9092" for m in place.machines]


def ports(place: Place) -> dict[str, tuple[str, int]]:
    return {m.name: (m.address, 9092) for m in place.machines}


def test_it_stands_and_a_second_apply_changes_nothing(cluster: Place) -> None:
    before = all_processes(cluster.machines)
    assert len(before) == 3
    again = cluster.json("apply")
    assert again.code == 0, str(again)
    assert again.cluster["applied"] == []
    assert all_processes(cluster.machines) == before
    assert all(leftovers(m) == [] for m in cluster.machines)
    verified = cluster.json("verify", "--round-trip")
    assert verified.code == 0, str(verified)
    assert "round-trip" in {check["name"] for check in verified.cluster["checks"]}


def test_looking_changes_no_file(cluster: Place) -> None:
    data = ("/var/lib/kafka", "/opt/kafka/logs")  # a living broker writes there
    before = [tree(m, *data) for m in cluster.machines]
    assert "/opt/kafka/config/server-1.properties" in before[0]
    for verb in ("plan", "drift", "status", "verify", "lock", "log"):
        cluster.ok(verb)
    assert [tree(m, *data) for m in cluster.machines] == before


def test_status_from_outside(cluster: Place) -> None:
    status = cluster.json("status").cluster
    assert {b["id"] for b in status["brokers"] if b["up"]} == {1, 2, 3}
    (orders,) = [t for t in status["topics"] if t["name"] == "orders"]
    assert all(len(p["isr"]) == 3 for p in orders["partitions"])


def test_one_property_is_rolled_one_at_a_time_and_nothing_is_lost(whole: Place) -> None:
    before = all_processes(whole.machines)
    with Writer(addresses(whole), "orders") as writer, Watch(ports(whole)) as watch:
        whole.edit("num.partitions: 4", "num.partitions: 5")
        done = whole.json("apply")
    assert done.code == 0, str(done)
    assert bounced(before, all_processes(whole.machines)) == set(before)
    assert watch.ever == {m.name for m in whole.machines}
    assert watch.most == 1
    assert len(writer.acknowledged) > 100
    assert writer.acknowledged - writer.kept() == set()
    for machine in whole.machines:
        assert "num.partitions=5" in on(machine, "cat /opt/kafka/config/server-*.properties")


def test_limit_changes_one_host_only(whole: Place) -> None:
    first, *others = whole.machines
    before = all_processes(whole.machines)
    whole.edit("num.partitions: 5", "num.partitions: 6")
    plan = whole.json("plan", "--limit", first.name)
    assert plan.code == 0, str(plan)
    assert plan.cluster["limited"]
    assert {c["host"] for c in plan.cluster["changes"]} == {first.name}
    done = whole.json("apply", "-l", f"kafka:!{others[0].name}:!{others[1].name}")
    assert done.code == 0, str(done)
    assert {c["host"] for c in done.cluster["applied"]} == {first.name}
    assert bounced(before, all_processes(whole.machines)) == {f"{first.name}/server-1.properties"}

    judged = whole.json("drift", "--limit", first.name)
    assert judged.code == 0, str(judged)
    assert whole.run("drift").code == 2
    nothing = whole.json("plan", "--limit", "no-such-host")
    assert nothing.code == 1
    assert nothing.document["errors"][0]["code"] == "limit-matches-nothing"


def test_a_host_that_is_down_is_unknown_and_the_others_are_done(whole: Place) -> None:
    down = whole.machines[2]
    down.cut(port=22)  # from us; its peers go on with it
    assert not _answers(down)
    looked = whole.json("drift")
    assert looked.code == 3, str(looked)
    assert looked.cluster["complete"] is False
    assert looked.cluster["in_sync"] is None
    unknown = looked.cluster["unknown"]
    assert {u["host"] for u in unknown if u["host"]} == {down.name}
    # What limits its replication only it can tell.
    assert {u["name"] for u in unknown if not u["host"]} <= {"broker-3", "cluster"}

    on(whole.machines[0], "systemctl disable kafka-orders-broker-1.service")
    looked = whole.json("drift")
    assert looked.code == 2, str(looked)
    assert looked.cluster["complete"] is False
    done = whole.json("apply")
    assert done.code == 3, str(done)
    assert [c["name"] for c in done.cluster["applied"]] == ["broker-1"]
    assert done.cluster["complete"] is False
    down.heal()
    again = whole.json("apply")
    assert again.code == 0, str(again)
    assert again.cluster["complete"] is True


@pytest.mark.soak
def test_no_host_answers(whole: Place) -> None:
    for machine in whole.machines:
        machine.cut()
    for verb in ("drift", "apply", "verify", "plan"):
        answer = whole.json(verb)
        assert answer.code == 3, (verb, answer)
    for machine in whole.machines:
        machine.heal()
    assert whole.run("drift").code == 0


@pytest.mark.soak
def test_a_drill_through_ssh(whole: Place) -> None:
    done = whole.json("drill", "--node", "broker-2")
    assert done.code == 0, str(done)
    drill = done.cluster["drill"]
    assert drill["healed"] is True
    assert drill["lost"] == 0
    assert drill["acked_during"] > 0
    assert drill["consumed"] >= drill["acked_before"] + drill["acked_during"]


def test_the_log_is_merged_from_all_hosts(whole: Place) -> None:
    document = whole.json("log").document
    text = str(document)
    for machine in whole.machines:
        assert machine.name in text
    assert "apply" in text


@pytest.mark.soak
def test_hosts_that_lose_their_power_come_back_by_themselves(whole: Place) -> None:
    before = all_processes(whole.machines)
    for machine in whole.machines:
        machine.power_cut()
    for machine in whole.machines:
        machine.boot()
    for machine in whole.machines:
        machine.wait()
    until(lambda: whole.run("verify").code == 0, "the cluster after the power came back")
    assert bounced(before, all_processes(whole.machines)) == set(before)
    assert whole.run("drift").code == 0


def test_destroy_leaves_the_data_and_then_nothing(whole: Place) -> None:
    """The last of this module."""
    done = whole.json("destroy", "--confirm", "orders")
    assert done.code == 2, str(done)
    for number, machine in enumerate(whole.machines, 1):
        assert processes(machine) == {}
        assert on(machine, "ls /var/lib/kafka/data/meta.properties")
        # As a run leaves it that is killed while it writes the unit.
        on(machine, f"touch /etc/systemd/system/.kafka-orders-broker-{number}.service.provision")
    log = whole.json("log").document["clusters"][0]["log"]
    assert {e["host"] for e in log if (e["command"], e["outcome"]) == ("destroy", "done")} == {
        m.name for m in whole.machines
    }
    done = whole.json("destroy", "--confirm", "orders", "--allow", "wipe-log-dir")
    assert done.code == 0, str(done)
    for machine in whole.machines:
        assert remains(machine) == "", str(done)


def _answers(machine: Machine) -> bool:
    try:
        socket.create_connection((machine.address, 22), timeout=2).close()
    except OSError:
        return False
    return True
