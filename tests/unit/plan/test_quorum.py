"""What a plan does to a KRaft quorum, and what it never does by the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.kinds.file.quorum import SERVERS, VOTERS
from provisioner.plan.model import Refused, Unknown, Unmanaged
from provisioner.site.planning import make_plan
from tests.unit.plan.model_cluster import ModelCluster, spec_of
from tests.unit.run.model_run import converged, session

LOST = {"data-loss": frozenset[str](), "format-controller": frozenset[str]()}


def lose(model: ModelCluster, id: int) -> None:
    model.kill(f"broker-{id}")
    model.wipe(f"logs-{id}")


def static() -> ModelCluster:
    model = ModelCluster(replace(spec_of("kraft"), controller_quorum="static"))
    model.apply()
    return model


def refused(model: ModelCluster) -> list[Refused]:
    return [item for item in model.plan().refused if item.id.kind == "file"]


def becomes(model: ModelCluster, quorum: str) -> None:
    """The spec's word for the quorum is another now."""
    model.site.spec = model.spec = replace(model.spec, controller_quorum=quorum)


def test_a_controller_whose_disk_was_lost_votes_again_with_its_new_directory() -> None:
    model = ModelCluster.made("kraft")
    before = dict(model.voters)
    lose(model, 1)
    model.site.options = replace(model.site.options, allow=LOST)
    foreseen = [
        (item.reason, item.action) for item in model.plan().deferred if item.id.kind == "voter"
    ]
    assert foreseen == [("waits for its log dir to be formatted", "update")]
    results = converged(model, session(model))
    changed = [c for c in results.applied if c.id.kind == "voter"]
    assert [(c.action, c.id.name, c.before) for c in changed] == [
        ("update", "1", {"directory_id": before[1]})
    ]
    assert model.voters[1] != before[1]
    assert {id: model.voters[id] for id in (0, 2)} == {id: before[id] for id in (0, 2)}
    assert model.plan().in_sync


def test_a_controller_that_reads_along_is_made_a_voter() -> None:
    model = ModelCluster.made("kraft")
    del model.voters[2]
    plan = model.plan()
    assert [(c.action, str(c.id)) for c in plan.changes] == [("create", "voter/2")]
    model.apply()
    assert sorted(model.voters) == [0, 1, 2]
    assert model.plan().in_sync


def test_a_controller_that_never_voted_is_formatted_without_a_word() -> None:
    model = ModelCluster.made("kraft")
    lose(model, 2)
    model.forget("logs-2")
    model.site.options = replace(model.site.options, allow={"data-loss": frozenset()})
    (held,) = [item for item in model.plan().refused if item.id.kind == "storage"]
    assert held.allow == "format-controller"
    del model.voters[2]
    converged(model, session(model))
    assert sorted(model.voters) == [0, 1, 2]
    assert model.plan().in_sync


def test_a_controller_that_is_only_down_stays_a_voter() -> None:
    model = ModelCluster.made("kraft")
    model.kill("broker-1")
    assert [c.id.kind for c in model.plan().changes] == ["service"]


@pytest.mark.parametrize("down", [True, False])
def test_a_quorum_that_cannot_be_read_waits_for_its_controllers_or_is_unknown(down: bool) -> None:
    model = ModelCluster.made("kraft")
    if down:
        model.kill("broker-1")
    seen = model.observe()
    assert seen.view is not None
    view = replace(seen.view, quorum=None, errors={"quorum": "no leader"})
    voters = {id: Unknown("no leader") for id in seen.things if id.kind == "voter"}
    seen = replace(seen, view=view, things={**seen.things, **voters})
    plan = make_plan(model.site, seen).plan
    assert [u.reason for u in plan.unread] == ([] if down else ["no leader"] * 3)
    assert len([d for d in plan.deferred if d.id.kind == "voter"]) == (3 if down else 0)


def test_a_voter_that_is_no_controller_of_the_spec_is_told() -> None:
    model = ModelCluster.made("kraft")
    model.voters[9] = "elsewhere"
    (found,) = model.plan().unmanaged
    assert isinstance(found, Unmanaged)
    assert str(found.id) == "voter/9"


def test_no_controller_is_formatted_without_a_majority_to_learn_from() -> None:
    model = ModelCluster.made("kraft")
    lose(model, 0)
    lose(model, 1)
    model.site.options = replace(model.site.options, allow=LOST)
    plan = model.plan()
    held = [item for item in plan.refused if item.id.kind == "storage"]
    assert len(held) == 2
    assert all("a majority of the others" in item.reason for item in held)
    assert not [c for c in plan.changes if c.id.kind in ("storage", "service")]


def test_a_first_run_that_was_interrupted_while_it_formatted_goes_on() -> None:
    """One of three is formatted and in the manifest, and Kafka never started on it."""
    model = ModelCluster.made("kraft")
    model.kill_all()
    for id in (1, 2):
        model.wipe(f"logs-{id}")
        model.forget(f"logs-{id}")
    model.topics.clear()
    plan = model.plan()
    assert {item.allow for item in plan.refused} == {"data-loss"}
    model.remove("logs-0/__cluster_metadata-0/quorum-state")
    plan = model.plan()
    assert not plan.refused
    formatted = [c.id.name[-6:] for c in plan.changes if c.id.kind == "storage"]
    assert formatted == ["logs-1", "logs-2"]


def test_a_static_quorum_is_not_made_dynamic_by_the_way() -> None:
    model = static()
    assert model.plan().in_sync
    becomes(model, "dynamic")
    held = refused(model)
    assert {item.id.name.rpartition("/")[2] for item in held} == {
        "server-0.properties",
        "server-1.properties",
        "server-2.properties",
    }
    assert all("set controller_quorum: static" in item.reason for item in held)
    assert not [c for c in model.plan().changes if c.id.kind in ("file", "service")]


def test_nor_a_dynamic_one_static() -> None:
    model = ModelCluster.made("kraft")
    becomes(model, "static")
    assert all("set controller_quorum: dynamic" in item.reason for item in refused(model))
    assert len(refused(model)) == 3
    assert not [c for c in model.plan().changes if c.id.kind in ("file", "service")]


def test_the_voters_of_a_static_quorum_are_not_changed() -> None:
    model = static()
    moved = [
        replace(node, controller_listener=replace(node.controller_listener, port=9999))
        if node.id == 2 and node.controller_listener
        else node
        for node in model.spec.nodes
    ]
    model.site.spec = model.spec = replace(model.spec, nodes=tuple(moved))
    held = refused(model)
    assert len(held) == 3
    assert all("the voters of a static quorum cannot be changed" in item.reason for item in held)


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("key", [VOTERS, SERVERS])
def test_a_file_that_somebody_edited_is_mended(key: str, running: bool) -> None:
    model = static() if key == VOTERS else ModelCluster.made("kraft")
    model.edit("config/server-1.properties", {key: "1@elsewhere:9192"})
    if not running:
        model.kill("broker-1")
    assert not model.plan().refused
    model.apply()
    assert model.plan().in_sync
