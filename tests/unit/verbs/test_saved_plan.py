"""What a saved plan holds of what it was made from: it is refused as a whole, naming all that
moved, or applied, and then it touches nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import ProvisionError
from provisioner.kinds.kind import as_observed
from provisioner.kinds.layout import Distribution
from provisioner.kinds.registry import KINDS
from provisioner.plan import basis
from provisioner.plan.basis import Part
from provisioner.plan.model import Change, Id, Plan
from provisioner.report.moved import words
from provisioner.run.converge import within
from provisioner.site.planning import Planned
from provisioner.verbs.shared.permitted import allowed
from provisioner.verbs.shared.saved_plan import approve, left_behind, parts_of, read, save
from tests.unit.plan.model_cluster import FRESH, ModelCluster, spec_of
from tests.unit.plan.test_properties import DEEDS, after, histories
from tests.unit.run.model_run import converged, session

WITHOUT_OWN = {
    "account",
    "directory",
    "java",
    "kafka",
    "file",
    "broker-config",
    "migration",
    "quota",
    "refill",
}
"""Kinds of which everything that counts stands in the fields that a change is about."""


def saved(model: ModelCluster, tmp: Path, planned: Planned | None = None) -> dict[str, Any]:
    """What the file of a saved plan has."""
    context: Any = SimpleNamespace(path=tmp / "spec.yaml")
    args: Any = SimpleNamespace(inventory=None, limit=None, allow=[])
    save(tmp / "saved.plan", context, args, model.spec, planned or model.planned())
    found = read(tmp / "saved.plan")
    assert found is not None
    return found


def moved(model: ModelCluster, was: dict[str, Any]) -> str:
    """What is no longer as it was, in words; it is what the refusal says."""
    model.site.aims = basis.aims(parts_of(was))
    now = model.planned()
    model.site.aims = None
    said = words(left_behind(parts_of(was), now, model.spec))
    if not said:
        approve(was, now, model.spec, Path("saved.plan"))
        return said
    with pytest.raises(ProvisionError) as refused:
        approve(was, now, model.spec, Path("saved.plan"))
    (problem,) = refused.value.problems
    assert problem.code == "stale-plan"
    assert problem.message.endswith(said)
    return said


def applied(model: ModelCluster, was: dict[str, Any]) -> list[Change]:
    """What an apply of it does."""
    model.site.aims = basis.aims(parts_of(was))
    run = session(model)
    run.bound = basis.ids(parts_of(was))
    results = converged(model, run, within(model.planned(), run.bound, model.spec))
    model.site.aims = None
    return results.applied


def test_each_kind_has_a_basis_of_its_own_or_needs_none() -> None:
    plain = {name for name, kind in KINDS.items() if kind.basis is as_observed}
    assert plain == WITHOUT_OWN


@settings(max_examples=25)
@given(histories())
def test_each_change_of_a_plan_has_a_basis(history: tuple[str, list[Any]]) -> None:
    model = after(history)
    planned = model.planned()
    for part in basis.parts(planned.plan, planned.seen, KINDS):
        assert part.basis or not part.now, part


def test_of_a_cluster_that_is_yet_to_be_made_each_change_has_a_basis() -> None:
    planned = ModelCluster(spec_of("kraft")).planned()
    parts = basis.parts(planned.plan, planned.seen, KINDS)
    without = {part.id.kind for part in parts if part.now and not part.basis}
    assert not without


def test_it_holds_whether_or_not_this_machine_has_the_class_data_archive(tmp_path: Path) -> None:
    """It is made by ``fetch`` or by another cluster's ``apply``, after the plan was saved."""
    model = ModelCluster(spec_of("lab"))
    with_archive(model, made=False)
    was = saved(model, tmp_path)
    with_archive(model, made=True)
    assert len(model.plan().changes) == len(was["changes"]) + 1
    assert not moved(model, was)
    with_archive(model, made=False)
    again = model.copy()
    with_archive(again, made=True)
    assert not moved(model, saved(again, tmp_path))


def with_archive(model: ModelCluster, *, made: bool) -> None:
    for host, places in model.site.places.items():
        folder = f"{places.home}/.provision/dist/cds-1"
        archive = Distribution("cds-bytes", folder, "", "3.9.1", made)
        model.site.places[host] = replace(places, archive=archive)


def doomed(*words: str) -> ModelCluster:
    """The lab, with a topic that should be gone and one that is to keep less."""
    model = ModelCluster.made("lab")
    model.spec = model.site.spec = replace(model.spec, absent_topics=("old",))
    model.site.options = replace(model.site.options, allow=allowed(words))
    model.topic("old", 1, 1, {})
    model.topic_config("purchases", {"retention.ms": "-1"})
    model.records("purchases", [10**12, 1])
    return model


def test_it_holds_while_records_come_and_not_for_a_topic_that_was_made_anew(
    tmp_path: Path,
) -> None:
    model = doomed("delete-topic", "data-loss")
    was = saved(model, tmp_path)
    model.records("old", [1, 2, 3])
    model.records("purchases", [10**12, 10**12, 1])
    model.group("g", ["old"])
    assert not moved(model, was)
    before = model.topics["old"].id
    model.delete_topic("old")
    model.topic("old", 1, 1, {})
    said = moved(model, was)
    assert before in said
    assert f"is {model.topics['old'].id}" in said
    assert "topic purchases" not in said


def test_a_topic_that_nobody_planned_to_delete_is_held_too(tmp_path: Path) -> None:
    """The namesake has the same shape and lacks the same value."""
    model = ModelCluster.made("lab")
    model.topic_config("purchases", {"retention.ms": "7"})
    was = saved(model, tmp_path)
    model.delete_topic("purchases")
    model.topic("purchases", 3, 3, {"retention.ms": "7"})
    assert moved(model, was).startswith("topic purchases: topic id was ")


def broken_in(name: str, **deeds: tuple[Any, ...]) -> ModelCluster:
    model = ModelCluster.made(name)
    for method, args in deeds.items():
        getattr(model, method)(*args)
    return model


def thinned() -> ModelCluster:
    return broken_in("lab", topic=("purchases", 3, 2, {"retention.ms": "604800000"}))


def reassign(model: ModelCluster) -> None:
    model.topics["purchases"].replicas[1] = [0, 1]


def stranger_moves(model: ModelCluster) -> None:
    model.topics["purchases"].moving[2] = [1, 2, 0]


def limit(model: ModelCluster) -> None:
    rate = "leader.replication.throttled.rate"
    model.broker_config(2, {rate: "1000"})


def without_vote(name: str) -> ModelCluster:
    model = ModelCluster.made(name)
    del model.voters[max(model.voters)]
    return model


def emptied(name: str, *words: str) -> ModelCluster:
    model = broken_in(name, kill=("broker-1",), wipe=("logs-1",), forget=("logs-1",))
    model.site.options = replace(model.site.options, allow=allowed(words))
    return model


def led_by_another() -> ModelCluster:
    model = ModelCluster.made("lab")
    for node in model.spec.brokers:
        model.runs_for(node.name, 10_000)
    model.leads("purchases", 0, 1)
    return model


def first_key(model: ModelCluster) -> tuple[dict[str, Any], str]:
    quota = (model.spec.quotas or ())[0]
    return dict(quota.entity), next(iter(quota.rates))


def quota_at(rate: int) -> Callable[[ModelCluster], None]:
    def change(model: ModelCluster) -> None:
        entity, key = first_key(model)
        model.quota(entity, {key: rate})

    return change


def lab(deed: Callable[[ModelCluster], None]) -> ModelCluster:
    model = ModelCluster.made("lab")
    deed(model)
    return model


HIDES = {"num.io.threads": "6"}
MOVED: list[tuple[str, Callable[[], ModelCluster], Callable[[ModelCluster], None], list[str]]] = [
    (
        "a value by hand",
        lambda: broken_in("lab", topic_config=("purchases", {"retention.ms": "7"})),
        lambda model: model.topic_config("purchases", {"retention.ms": "8"}),
        ["topic purchases: retention.ms was 7, is 8"],
    ),
    (
        "the value that the plan would set",
        lambda: broken_in("lab", topic_config=("purchases", {"retention.ms": "7"})),
        lambda model: model.topic_config("purchases", {"retention.ms": "604800000"}),
        ["topic purchases: retention.ms was 7, is 604800000"],
    ),
    (
        "a topic that the plan makes is there",
        lambda: broken_in("lab", delete_topic=("purchases",)),
        lambda model: model.topic("purchases", 3, 3, {"retention.ms": "604800000"}),
        ["topic purchases: it did not exist, and does now"],
    ),
    (
        "a replica set",
        thinned,
        reassign,
        ["placement purchases: replicas of partition 1 was [1, 2], is [0, 1]"],
    ),
    (
        "the replicas are where the plan has them",
        thinned,
        lambda model: setattr(model.topics["purchases"], "replicas", [[0, 1, 2]] * 3),
        ["placement purchases: replicas of partition 0 was [0, 1], is [0, 1, 2]"],
    ),
    (
        "somebody else moves replicas",
        thinned,
        stranger_moves,
        ["placement purchases", "somebody else is moving replicas of partition 2"],
    ),
    (
        "a rack",
        thinned,
        lambda model: model.racks.update({2: "r9"}),
        ["placement purchases: rack of broker 2 was not set, is r9"],
    ),
    (
        "a throttle of somebody else",
        thinned,
        limit,
        ["throttle cluster: limits of others was {}, is {", "broker-2"],
    ),
    (
        "a topic of a move, made anew",
        thinned,
        lambda model: model.topic("purchases", 3, 2, {"retention.ms": "604800000"}),
        ["placement purchases: topic id was"],
    ),
    (
        "a dynamic value",
        lambda: broken_in("lab", broker_config=(1, HIDES)),
        lambda model: model.broker_config(1, {"num.io.threads": "5"}),
        ["broker-config broker-1: num.io.threads was 6, is 5"],
    ),
    (
        "a feature was raised",
        lambda: broken_in("three", finalize=({"metadata.version": 22},)),
        lambda model: model.finalize({"metadata.version": 23}),
        ["feature metadata.version: finalised level of metadata.version was 22, is 23"],
    ),
    (
        "a feature was raised as the plan would",
        lambda: broken_in("three", finalize=({"metadata.version": 22},)),
        lambda model: model.finalize({"metadata.version": 30}),
        ["feature metadata.version: finalised level of metadata.version was 22, is 30"],
    ),
    (
        "the voters",
        lambda: without_vote("three"),
        lambda model: model.voters.update({999: "elsewhere"}),
        ["voter ", "voters and their directories was {"],
    ),
    (
        "who is preferred",
        lambda: led_by_another(),
        lambda model: model.topics["purchases"].replicas[0].reverse(),
        ["leader purchases: preferred leader of partition 0 was [0], is [2]"],
    ),
    (
        "a log dir that was formatted by hand",
        lambda: emptied("kraft", "format-controller"),
        lambda model: model.stamp("logs-1", FRESH, "1"),
        ["storage /srv/kafka/logs-1 on localhost: node_id was not set, is 1", "directory_id was"],
    ),
    (
        "a quota",
        lambda: lab(quota_at(1)),
        quota_at(2),
        ["quota ", "was 1, is 2"],
    ),
    (
        "a process is on hold",
        lambda: broken_in("lab", kill=("broker-1",)),
        lambda model: model.hold("by hand\n2026-11-26T00:00:00Z"),
        ["service broker-1 on localhost: hold was "],
    ),
    (
        "a process runs again",
        lambda: broken_in("lab", kill=("broker-1",)),
        lambda model: model.start("broker-1"),
        ["service broker-1 on localhost: running was false, is true"],
    ),
    (
        "a file was edited",
        lambda: broken_in("lab", edit=("config/server-1.properties", {"num.network.threads": "9"})),
        lambda model: model.edit("config/server-1.properties", {"num.network.threads": "8"}),
        ["file ", "num.network.threads was 9, is 8"],
    ),
    (
        "something else differs too",
        lambda: broken_in("lab", topic_config=("purchases", {"retention.ms": "7"})),
        lambda model: model.chmod("config/server-2.properties", "0666"),
        ["server-2.properties on localhost: it differs now, and is not in the plan"],
    ),
]


@pytest.mark.parametrize(
    ("begun", "deed", "said"), [row[1:] for row in MOVED], ids=[row[0] for row in MOVED]
)
def test_what_moved_is_named(
    begun: Callable[[], ModelCluster],
    deed: Callable[[ModelCluster], None],
    said: list[str],
    tmp_path: Path,
) -> None:
    model = begun()
    was = saved(model, tmp_path)
    assert was["changes"]
    assert not moved(model, was)
    deed(model)
    found = moved(model, was)
    assert all(each in found for each in said), found


def test_all_that_moved_is_named(tmp_path: Path) -> None:
    model = broken_in("lab", topic_config=("purchases", {"retention.ms": "7"}))
    model.broker_config(1, HIDES)
    was = saved(model, tmp_path)
    model.topic_config("purchases", {"retention.ms": "8"})
    model.broker_config(1, {"num.io.threads": "5"})
    found = moved(model, was)
    assert "retention.ms was 7, is 8" in found
    assert "num.io.threads was 6, is 5" in found


def test_another_spec_is_another_plan(tmp_path: Path) -> None:
    model = broken_in("lab", topic_config=("purchases", {"retention.ms": "7"}))
    was = {**saved(model, tmp_path), "spec_digest": "another"}
    with pytest.raises(ProvisionError, match="the spec was changed"):
        approve(was, model.planned(), model.spec, Path("saved.plan"))


def test_a_plan_of_an_older_release_is_not_read(tmp_path: Path) -> None:
    was = saved(ModelCluster.made("lab"), tmp_path)
    (tmp_path / "saved.plan").write_text(json.dumps({**was, "schema": 1}))
    with pytest.raises(ProvisionError, match="another version"):
        read(tmp_path / "saved.plan")


def test_an_empty_plan_holds_as_long_as_nothing_differs(tmp_path: Path) -> None:
    model = ModelCluster.made("lab")
    was = saved(model, tmp_path)
    assert not moved(model, was)
    model.topic_config("purchases", {"retention.ms": "1"})
    assert moved(model, was) == "topic purchases: it differs now, and is not in the plan"


# --- what does not matter -------------------------------------------------------------------------

HARMLESS: dict[str, Callable[[ModelCluster], None]] = {
    "another leader": lambda model: model.leads(model.spec.topics[0].name, 0, 1),
    "a topic that nobody named": lambda model: model.topic("scratch", 2, 2, {"a.b": "1"}),
    "records": lambda model: model.records(model.spec.topics[0].name, [1, 2, 3]),
    "a broker that is not in the spec": lambda model: model.ghost(77),
    "an override that the spec does not have": lambda model: model.topic_config(
        model.spec.topics[0].name, {"flush.ms": "7"}
    ),
    "another process, started with the same": lambda model: setattr(model, "pids", model.pids + 50),
    "a quota of somebody else": lambda model: model.quota(
        {"user": "else"}, {"request_percentage": 1}
    ),
}


@settings(max_examples=40)
@given(histories(), st.sampled_from(sorted(HARMLESS)))
def test_what_no_plan_relies_on_leaves_it_as_it_is(
    history: tuple[str, list[Any]], harmless: str
) -> None:
    model = after(history)
    planned = model.planned()
    was = parts_of_planned(planned)
    if not model.alive() or not set(model.topics) >= {t.name for t in model.spec.topics}:
        return
    HARMLESS[harmless](model)
    now = model.planned()
    assert not words(left_behind(was, now, model.spec))
    allowed_ = basis.ids(was)
    done = within(now, allowed_, model.spec).plan.changes
    assert {change.id for change in done} <= allowed_


def parts_of_planned(planned: Planned) -> list[Part]:
    from provisioner.verbs.shared.saved_plan import _written, plain

    parts = basis.parts(planned.plan, planned.seen, KINDS)
    return parts_of({"made_from": [plain(_written(part)) for part in parts]})


def done_by(plan: Plan, spec: Any) -> dict[Id, Any]:
    """What would be done, without what runs do by themselves and without throttles."""
    return {
        change.id: (change.action, change.before, change.after)
        for change in plan.changes
        if not KINDS[change.id.kind].by_runs(spec)
    }


@st.composite
def histories_and_more(draw: Callable[..., Any]) -> tuple[tuple[str, list[Any]], list[Any]]:
    name, first = draw(histories())
    more = draw(st.lists(st.sampled_from(DEEDS[name]), min_size=1, max_size=2))
    return (name, first), more


@settings(max_examples=60)
@given(histories_and_more())
def test_whatever_would_be_done_otherwise_now_is_refused_by_name(
    drawn: tuple[tuple[str, list[Any]], list[Any]],
) -> None:
    history, more = drawn
    model = after(history)
    planned = model.planned()
    was = parts_of_planned(planned)
    before = done_by(planned.plan, model.spec)
    later = after((history[0], [*history[1], *more]))
    now = later.planned()
    differing = {
        id
        for id in before.keys() | done_by(now.plan, later.spec).keys()
        if before.get(id) != done_by(now.plan, later.spec).get(id)
    }
    found = left_behind(was, now, later.spec)
    assert differing <= {each.id for each in found}


# --- what a run of it does -----------------------------------------------------------------------


def test_a_chain_does_what_the_plan_foresaw(tmp_path: Path) -> None:
    model = thinned()
    was = saved(model, tmp_path)
    assert {entry["kind"] for entry in was["deferred"]} == {"throttle"}
    done = [f"{change.action} {change.id}" for change in applied(model, was)]
    assert done == [
        "create throttle/cluster",
        "update placement/purchases",
        "delete throttle/cluster",
    ]


def test_what_runs_do_by_themselves_is_left_where_the_plan_does_not_have_it(
    tmp_path: Path,
) -> None:
    model = broken_in("lab", topic_config=("purchases", {"retention.ms": "7"}))
    was = saved(model, tmp_path)
    for node in model.spec.brokers:
        model.runs_for(node.name, 10_000)
    model.leads("purchases", 0, 1)
    assert any(change.id.kind == "leader" for change in model.plan().changes)
    assert not moved(model, was)
    assert [change.id.kind for change in applied(model, was)] == ["topic"]
    assert any(change.id.kind == "leader" for change in model.plan().changes)


def test_replicas_go_where_the_plan_put_them_though_bytes_have_come(tmp_path: Path) -> None:
    model = ModelCluster.made("four")
    model.topic("big", 4, 2, {})
    spec = replace(
        model.spec, nodes=tuple(n for n in model.spec.nodes if n.id != 3 or not n.is_broker)
    )
    gone = tuple(n for n in model.spec.nodes if n.is_broker and n.id == 3)
    model.topics["big"].replicas = [[3, 0], [3, 1], [3, 2], [0, 3]]
    model.topics["big"].bytes = [9_000_000, 1, 1, 1]
    model.becomes_spec(replace(spec, leaving=gone))
    was = saved(model, tmp_path)
    aims = basis.aims(parts_of(was))["placement/big"]
    model.topics["big"].bytes = [1, 500_000_000, 7_000_000, 80_000_000]
    other = basis.aims(parts_of_planned(model.planned()))["placement/big"]
    assert other != aims, "the sizes matter to a plan that is made now"
    assert not moved(model, was)
    applied(model, was)
    assert {str(n): at for n, at in enumerate(model.topics["big"].replicas)} == {
        **{str(n): at for n, at in enumerate(model.topics["big"].replicas)},
        **aims,
    }
