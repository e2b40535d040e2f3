"""A step that does not take is a failure by name, whatever kind of thing it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Id, Layer, Present, State, Unknown
from provisioner.plan.taken import not_taken
from provisioner.run.results import Results
from provisioner.site.planning import Planned
from tests.unit.plan.model_cluster import AS_ROOT, ModelCluster, spec_of
from tests.unit.run.model_run import kinds_of, layers, on_model, runner

ROLES = frozenset({"data-loss", "format-controller"})


def from_nothing(name: str) -> ModelCluster:
    return ModelCluster(spec_of(name))


def as_root() -> ModelCluster:
    return ModelCluster(spec_of("lab"), AS_ROOT)


def edited() -> ModelCluster:
    """What can be mended without a process being bounced, and what is mended by that."""
    model = ModelCluster.made("lab")
    model.edit("config/server-1.properties", {"queued.max.requests": "9"})
    model.leads("purchases", 0, 1)
    model.bounce("broker-1")
    model.chmod("config/server-2.properties", "0600")
    model.chmod("logs", "0700")
    model.damage(".provision/dist/kafka-v-1", "changed=libs/a.jar")
    model.damage(".provision/dist/java-v-1", "missing=bin/java")
    model.forget("logs-0")
    model.broker_config(1, {"num.io.threads": "8"})
    model.broker_config(None, {"num.io.threads": "8"})
    model.topic_config("purchases", {"retention.ms": "1"})
    model.quota({"user": "alice"}, {"producer_byte_rate": 1})
    return model


def another_voter() -> ModelCluster:
    model = ModelCluster.made("kraft")
    model.voters[1] = "directory-of-a-lost-disk"
    return model


def lower_features() -> ModelCluster:
    model = ModelCluster.made("three")
    model.finalize({"metadata.version": 29, "group.version": 0})
    return model


CASES: dict[str, Callable[[], ModelCluster]] = {
    "lab": lambda: from_nothing("lab"),
    "kraft": lambda: from_nothing("kraft"),
    "as root": as_root,
    "edited": edited,
    "another voter": another_voter,
    "lower features": lower_features,
}


def carried_out(model: ModelCluster, deaf: Id | None, awaited: bool = False) -> Results:
    """The hosts' waves, and where all of them took the cluster's, as apply does."""
    some = () if deaf is None else (deaf,)
    with on_model(model):
        planned = model.planned()
        below, _ = layers(planned)
        results = runner(model, planned, some).carry_out(below)
        if not results.failed:
            planned = model.planned()
            last = runner(model, planned, some, awaited)
            last.session.results = results
            last.carry_out(layers(planned)[1])
    return results


def every_change(name: str) -> list[Change]:
    """Of the hosts, and then of the cluster."""
    model = CASES[name]()
    first = model.planned()
    model.apply()
    done = {change.id: change for change in model.history}
    assert done.keys() >= {change.id for change in first.plan.changes}
    return list(done.values())


CHANGES = {name: every_change(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_what_takes_is_applied(name: str) -> None:
    """The real executor does what the model's own hands do."""
    model = CASES[name]()
    results = carried_out(model, None)
    assert not results.failed
    assert not results.not_started
    assert {c.id for c in results.applied} == {c.id for c in CHANGES[name]}
    assert model.plan().in_sync is True


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param(name, c, id=f"{name}: {c.action} {c.id}")
        for name in CASES
        for c in CHANGES[name]
    ],
)
def test_a_change_whose_steps_do_nothing_failed_and_is_named(name: str, change: Change) -> None:
    model = CASES[name]()
    planned = model.planned()
    results = carried_out(model, change.id)
    failed = {item.id: why for item, why in results.failed}
    assert failed.get(change.id, "").startswith("the change did not take effect: "), results
    assert change.id not in {item.id for item in results.applied}
    assert not built_on(planned, change.id, results.applied)


def built_on(planned: Planned, id: Id, applied: list[Change]) -> list[Change]:
    """What later waves made from it."""
    waves = {change.id: change.wave for change in planned.plan.changes}
    found = []
    for change in applied:
        state = planned.wanted.get(change.id)
        later = waves.get(change.id, 0) > waves.get(id, 0)
        if later and state is not None and id in state.inputs:
            found.append(change)
    return found


def test_every_kind_that_changes_anything_is_among_them() -> None:
    """A new kind cannot be forgotten."""
    tried = {kind for changes in CHANGES.values() for kind in kinds_of(changes)}
    silent = {kind for kind in KINDS if kind not in tried}
    # An account is made under systemd only, which the model does not have; a registration is waited
    # for, and nothing makes one but its start; what moves takes several rounds (test_moves.py),
    # and so does what is filled again (test_rebuild.py); what Kafka does by itself in a migration
    # is waited for, too (test_migration.py).
    assert silent == {"account", "broker", "migration", "placement", "refill", "throttle"}
    update = Change(Id("", "broker", "1"), "update", {}, {})
    assert not KINDS["broker"].steps(update, State({}))


def test_every_layer_names_field_and_both_values() -> None:
    wanted = {
        "localhost/file//srv/kafka/config/server-2.properties": "mode is '0600', not '0640'",
        "localhost/directory//srv/kafka/logs": "mode is '0700', not '0755'",
        "topic/purchases": "retention.ms is '1', not '604800000'",
        "broker-config/broker-1": "num.io.threads is '8', should not be set",
        "quota/user=alice": "producer_byte_rate is 1, not 1048576",
    }
    said = {}
    for change in CHANGES["edited"]:
        if str(change.id) in wanted:
            (failed,) = carried_out(edited(), change.id).failed
            said[str(change.id)] = failed[1]
    for id, words in wanted.items():
        assert said[id].startswith(f"the change did not take effect: {words}")


@pytest.mark.parametrize(
    ("id", "value"),
    [
        (Id("", "topic", "purchases"), "'1'"),
        (Id("", "broker-config", "broker-1"), "'8'"),
        (Id("", "quota", "user=alice"), "1"),
    ],
)
def test_what_kafka_accepts_and_does_not_do_is_named_by_the_wait(id: Id, value: str) -> None:
    results = carried_out(edited(), id, awaited=True)
    (why,) = [why for change, why in results.failed if change.id == id]
    assert "no progress for 0 s: " in why
    assert f" is {value}, " in why


def test_the_others_of_a_unit_are_what_they_came_to() -> None:
    """In one exec with one that does not take: applied, for they were read again."""
    model = edited()
    (deaf,) = [c.id for c in CHANGES["edited"] if c.id.name.endswith("server-2.properties")]
    results = carried_out(model, deaf)
    assert [change.id for change, _ in results.failed] == [deaf]
    assert "/srv/kafka/logs" in {change.id.name for change in results.applied}
    assert {change.id.kind for change in results.not_started} == {"service", "storage"}


def test_what_was_asked_for_is_held_against_what_was_asked() -> None:
    """``provision restart`` mends no file: that one still differs is no failure of the restart."""
    id = Id("h", "file", "/f")
    state = State({"running": True, "digest": "new"})
    judges = {"file": KINDS["topic"].judge}
    asked = Change(id, "restart", {"running": True}, {"running": True}, ("running",), asked=True)
    now = Present({"running": True, "digest": "old"})
    assert not not_taken([asked], {id: state}, {}, {id: now}, judges)
    planned = replace(asked, asked=False)
    assert not_taken([planned], {id: state}, {}, {id: now}, {"file": KINDS["java"].judge}) == {
        id: "the change did not take effect: digest is 'old', not 'new'"
    }
    stop = Change(id, "stop", {"running": True}, {"running": False}, ("running",))
    assert not_taken([stop], {id: state}, {}, {id: now}, judges) == {
        id: "the change did not take effect: running is True, not False"
    }


def test_what_cannot_be_seen_afterwards_did_not_take() -> None:
    change = Change(Id("h", "file", "/f"), "update", {}, {})
    judges = {"file": KINDS["file"].judge}
    wanted = {change.id: State({"mode": "0640"})}
    seen = {change.id: Unknown("permission denied")}
    assert not_taken([change], wanted, {}, seen, judges) == {
        change.id: "applied, but its state could not be read afterwards: permission denied"
    }
    assert "not read again" in not_taken([change], wanted, {}, {}, judges)[change.id]


def test_no_secret_is_told() -> None:
    id = Id("h", "file", "/f")
    change = Change(id, "update", {}, {})
    wanted = {id: State({"ssl.key.password": "hunter2"}, args={"format": "properties"})}
    seen = {id: Present({"ssl.key.password": "hunter1"})}
    (why,) = not_taken([change], wanted, {}, seen, {"file": KINDS["java"].judge}).values()
    assert why == "the change did not take effect: ssl.key.password differs"


def test_layers_are_what_the_model_takes_them_for() -> None:
    for kind in KINDS.values():
        found = [c for changes in CHANGES.values() for c in changes if c.id.kind == kind.name]
        assert all(bool(c.id.host) is (kind.layer is not Layer.CLUSTER) for c in found)
