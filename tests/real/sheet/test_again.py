"""From nothing to verified, and then: whoever asks again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.real.lab import Lab, item, items

OWN_OF_A_RUN = (".provision", ".provision/lock", ".provision/journal.jsonl")
CLUSTER = {
    "cluster": str,
    "target": str | None,
    "exit_code": int,
    "in_sync": bool | None,
    "complete": bool,
    "healthy": bool | None,
    "limited": str | None,
    "changes": list,
    "deferred": list,
    "unmanaged": list,
    "unknown": list,
    "refused": list,
    "checks": list,
    "applied": list,
    "failed": list,
    "not_started": list,
    "seconds": float,
}


def test_from_nothing_everything_is_made_in_order_and_verified(
    lab: Lab, first: dict[str, Any]
) -> None:
    (cluster,) = first["clusters"]
    assert (cluster["in_sync"], cluster["healthy"], cluster["complete"]) == (True, True, True)
    names = {check["name"]: check["ok"] for check in cluster["checks"]}
    assert all(names.values())
    assert {"bootstrap", "brokers-registered", "leaders", "replicas-in-sync", "min-isr"} < set(
        names
    )
    assert "round-trip" in names
    done = [(c["action"], c["kind"], lab.short(c["name"])) for c in cluster["applied"]]
    assert len(done) == len(set(done)), "each thing once"
    order = [
        done.index(("create", "file", "config/zookeeper.properties")),
        done.index(("start", "service", "zookeeper-1")),
        done.index(("start", "service", "broker-1")),
        done.index(("create", "topic", "purchases")),
    ]
    assert order == sorted(order)
    waves = {c["name"]: c["wave"] for c in items(cluster, "changes", kind="service")}
    assert waves["zookeeper-1"] < waves["broker-0"] == waves["broker-1"] == waves["broker-2"]
    assert not items(cluster, "unmanaged"), "the round trip's topic is gone"
    with lab.cluster() as kafka:
        topics = {t.name: (len(t.partitions), t.replication) for t in kafka.view().topics}
    assert topics["atu"] == (1, 1)
    assert topics["purchases"] == (3, 3)


def test_the_document_has_the_shape_of_the_contract(lab: Lab, first: dict[str, Any]) -> None:
    for document in (first, lab.run("drift", "--json").document):
        assert document["schema"] == 1
        assert {"command", "exit_code", "in_sync", "complete", "errors"} < set(document)
        (cluster,) = document["clusters"]
        for key, type in CLUSTER.items():
            assert isinstance(cluster[key], type), f"{key}: {cluster[key]!r}"
    (cluster,) = first["clusters"]
    change = item(cluster, "changes", kind="service", name="broker-1")
    assert change["id"] == "localhost/service/broker-1"
    assert (change["host"], change["action"]) == ("localhost", "start")
    assert change["before"] == {"running": False}
    assert change["after"] == {"running": True}
    assert (change["fields"], change["effect"]) == (["running"], "none")
    assert change["reason"] == "the process is not running"
    assert item(cluster, "deferred", kind="topic", name="purchases") == {
        "kind": "topic",
        "name": "purchases",
        "host": None,
        "action": None,
        "reason": "the cluster is not up",
    }
    assert {"kind", "name", "host", "action"} == set(cluster["applied"][0])


def test_a_second_apply_changes_nothing(lab: Lab) -> None:
    tree, pids = lab.tree(without=OWN_OF_A_RUN), lab.pids_now()
    cluster = lab.json("apply")
    assert (cluster["in_sync"], cluster["healthy"]) == (True, True)
    assert not any(cluster[k] for k in ("changes", "deferred", "refused", "unknown", "unmanaged"))
    assert not any(cluster[k] for k in ("applied", "failed", "not_started"))
    assert lab.pids_now() == pids
    assert lab.tree(without=OWN_OF_A_RUN) == tree


@pytest.mark.parametrize("verb", ["plan", "drift", "status", "verify", "log", "lock"])
def test_who_only_looks_writes_nothing_and_takes_no_lock(lab: Lab, verb: str) -> None:
    tree, pids = lab.tree(), lab.pids_now()
    done = lab.run(verb, "--json")
    assert done.code == 0, done.text + done.progress
    assert lab.tree() == tree
    assert lab.pids_now() == pids


def test_plan_drift_and_verify_say_the_same_with_their_own_codes(lab: Lab) -> None:
    file = lab.properties("broker-2")
    before = file.read_text()
    file.write_text(before + "num.network.threads=2\n")
    try:
        changes = [
            lab.json(*words, code=code)["changes"]
            for words, code in (
                (["drift"], 2),
                (["plan"], 0),
                (["plan", "--exit-code"], 2),
                (["verify"], 2),
            )
        ]
        assert changes[0]
        assert changes == [changes[0]] * 4
    finally:
        file.write_text(before)
    assert lab.run("plan", "--exit-code").code == 0


def test_no_process_holds_anything_of_the_command_that_started_it(lab: Lab) -> None:
    for node, pid in lab.pids_now().items():
        held = []
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = str(entry.readlink())
            outside = target.startswith("/") and not target.startswith(("/dev/", str(lab.home)))
            lock = target.startswith(str(lab.home / ".provision/lock"))
            if target.startswith(("pipe:", "/dev/pts", "/dev/tty")) or lock or outside:
                held.append(target)
        own = [h for h in held if not h.startswith("/proc/") and "/hsperfdata" not in h]
        # Java's own pipes (a selector has one) have both ends in that process.
        ends = [h for h in own if not h.startswith("pipe:") or own.count(h) < 2]
        assert not ends, f"{node}: {ends}"
