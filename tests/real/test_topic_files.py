"""Two teams with topics in files of their own, on one Kafka: neither sees the other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.kafka.requests.topics import CreateTopic
from tests.real.lab import Lab, item, items, kraft_lab, until

PROFILES = """topic_profiles:
  standard: {partitions: 3, replication: 1, config: {retention.ms: 86400000}}
"""
ORDERS = """topics:
  team-a.orders: {profile: standard}
  team-a.returns: {profile: standard, partitions: 1, config: {retention.ms: 3600000}}
"""
BOOKINGS = "topics: {team-b.bookings: {profile: standard, partitions: 2}}\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("teams")
    lab = kraft_lab(folder, brokers=1)
    try:
        yield lab
    finally:
        lab.clean()


def files(lab: Lab, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = lab.spec.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def speak_of(lab: Lab, team: str) -> None:
    """The spec becomes that team's."""
    lab.data.pop("topics", None)
    lab.data["topic_files"] = ["profiles.yaml", f"{team}/*.yaml"]
    lab.data["topics_scope"] = [f"{team}.*"]
    lab.write()


def test_two_teams(lab: Lab) -> None:
    files(
        lab,
        {"profiles.yaml": PROFILES, "team-a/o.yaml": ORDERS, "team-b/b.yaml": BOOKINGS},
    )
    speak_of(lab, "team-a")
    lab.apply()
    with lab.cluster() as kafka:
        made = {topic.name: topic for topic in kafka.view().topics}
        assert len(made["team-a.orders"].partitions) == 3
        assert made["team-a.orders"].config == {"retention.ms": "86400000"}
        assert len(made["team-a.returns"].partitions) == 1
        assert made["team-a.returns"].config == {"retention.ms": "3600000"}
        for name in ("team-a.scratch", "team-b.scratch", "other"):
            kafka.send(CreateTopic(name, 1, 1))
        until(lambda: {"team-a.scratch", "other"} <= {t.name for t in kafka.view().topics})

    def unmanaged() -> list[str]:
        return [i["name"] for i in items(lab.json("drift"), "unmanaged", kind="topic")]

    assert unmanaged() == ["team-a.scratch"]
    speak_of(lab, "team-b")
    changes = items(lab.json("drift", code=2), "changes")
    assert [(c["kind"], c["name"], c["action"]) for c in changes] == [
        ("topic", "team-b.bookings", "create")
    ]
    lab.apply()
    assert unmanaged() == ["team-b.scratch"]
    verified = lab.json("verify")
    assert all(check["ok"] for check in verified["checks"])
    shown = {topic["name"] for topic in lab.json("status")["topics"]}
    assert shown >= {"team-a.orders", "team-b.bookings", "other"}
    speak_of(lab, "team-a")
    assert unmanaged() == ["team-a.scratch"]


def test_a_saved_plan_is_stale_when_a_topic_file_was_changed(lab: Lab, tmp_path: Path) -> None:
    speak_of(lab, "team-a")
    files(lab, {"team-a/o.yaml": ORDERS.replace("partitions: 1", "partitions: 2")})
    plan = tmp_path / "plan.json"
    cluster = lab.json("plan", "-o", str(plan))
    assert item(cluster, "changes")["after"] == {"partitions": 2}
    files(lab, {"team-a/o.yaml": ORDERS.replace("partitions: 1", "partitions: 3")})
    of_plan = replace(lab, spec=plan)
    stale = of_plan.run("apply", "--json")
    assert stale.code == 1
    (error,) = stale.document["errors"]
    assert (error["code"], "the spec was changed" in error["message"]) == ("stale-plan", True)
