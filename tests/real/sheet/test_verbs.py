"""start, stop, restart, a hold, saved plans: on a running lab, and all is as before at the end."""

from __future__ import annotations

import json
from pathlib import Path

from provisioner.kafka.requests.configs import AlterTopicConfig
from tests.real.lab import Lab, Spec, item, items, shown


def names(cluster: dict, action: str) -> list[str]:  # type: ignore[type-arg]
    return [c["name"] for c in cluster["applied"] if c["action"] == action]


def test_stop_ends_all_in_order_and_start_brings_all_back(lab: Lab) -> None:
    before = lab.pids_now()
    order = names(lab.json("stop"), "stop")
    assert sorted(order[:3]) == ["broker-0", "broker-1", "broker-2"]
    assert order[3:] == ["zookeeper-1"]
    assert not lab.pids()
    assert lab.json("stop")["applied"] == [], "what is stopped is stopped"
    order = names(lab.json("start"), "start")
    assert order[0] == "zookeeper-1"
    assert sorted(order[1:]) == ["broker-0", "broker-1", "broker-2"]
    now = lab.pids_now()
    assert not set(now.values()) & set(before.values())
    assert lab.json("start")["applied"] == []
    assert lab.pids_now() == now
    lab.json("verify", "--round-trip")


def test_restart_of_one_node_bounces_that_one(lab: Lab) -> None:
    pids = lab.pids_now()
    cluster = lab.json("restart", "--node", "broker-1")
    assert [(c["action"], c["name"]) for c in cluster["applied"]] == [("restart", "broker-1")]
    now = lab.pids_now()
    assert {n for n in now if now[n] != pids[n]} == {"broker-1"}
    lab.json("verify")


def test_a_node_on_hold_stays_down_until_start(lab: Lab) -> None:
    why = "the disk is being changed; 'quoted' $(no)"
    assert names(lab.json("stop", "--node", "broker-2", "--hold", why), "stop") == ["broker-2"]
    try:
        pids = lab.processes()
        assert pids["broker-2"] == []
        for words in (["drift"], ["apply"]):
            cluster = lab.json(*words, code=2)
            assert why in item(cluster, "refused", kind="service", name="broker-2")["reason"]
            assert not items(cluster, "changes", kind="service")
        assert lab.processes() == pids
        done = lab.run("apply")
        said = done.text + done.progress
        assert said.count("it is held: ") == 1, shown(done)
        assert f"provision start {lab.spec} --node broker-2" in done.text.splitlines()[-1]
        assert f"provision apply {lab.spec}" not in done.text
        refused = lab.run("restart", "--node", "broker-2")
        assert refused.code == 1
        assert f"broker-2 is not restarted: it is held: {why}" in refused.text + refused.progress
        assert lab.processes() == pids
    finally:
        started = lab.json("start", "--node", "broker-2")
    assert names(started, "start") == ["broker-2"]
    assert lab.json("drift")["in_sync"] is True


def test_a_node_that_does_not_exist_is_refused(lab: Lab) -> None:
    pids = lab.pids_now()
    for verb in ("stop", "start", "restart"):
        done = lab.run(verb, "--node", "broker-9", "--json")
        assert done.code == 1
        assert done.document["errors"][0]["code"] == "usage"
        assert "broker-0" in done.document["errors"][0]["hint"]
    assert lab.pids_now() == pids


def retention(spec: Spec) -> None:
    spec["topics"]["atu"]["config"] = {"retention.ms": 86400000}


def of_file(lab: Lab, file: Path) -> Lab:
    """Commands about a saved plan instead of the spec."""
    return Lab(file, lab.home, lab.ports, lab.kraft, lab.data)


def test_a_saved_plan_does_what_it_says_once(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "the plan"
    with lab.changed(retention):
        lab.json("plan", "--out", str(file))
        done = of_file(lab, file).json("apply")
        assert [(c["action"], c["name"]) for c in done["applied"]] == [("update", "atu")]
        again = of_file(lab, file).run("apply", "--json")
        assert again.code == 1, "what it would change is changed already" + shown(again)
        assert again.document["errors"][0]["code"] == "stale-plan"
    with lab.cluster() as kafka:
        kafka.send(AlterTopicConfig("atu", {}, ["retention.ms"]))


def test_a_plan_that_the_cluster_left_behind_is_stale_and_does_nothing(
    lab: Lab, tmp_path: Path
) -> None:
    file = tmp_path / "plan"
    with lab.changed(retention):
        lab.json("plan", "--out", str(file))
        assert json.loads(file.read_text())
        edited = lab.properties("broker-1")
        text = edited.read_text()
        edited.write_text(text + "log.segment.bytes=1048576\n")
        mine, pids = edited.read_text(), lab.pids_now()
        done = of_file(lab, file).run("apply", "--json")
        assert done.code == 1, shown(done)
        (error,) = done.document["errors"]
        assert error["code"] == "stale-plan"
        assert error["hint"]
        assert edited.read_text() == mine, "nothing was done"
        assert lab.pids_now() == pids
        with lab.cluster() as kafka:
            found = kafka.view().topic("atu")
        assert found is not None
        assert "retention.ms" not in found.config
        edited.write_text(text)
