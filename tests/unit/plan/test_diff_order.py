"""The comparison and the ordering by themselves, with kinds that exist only here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.plan.diff import diff, shown
from provisioner.plan.model import (
    Absent,
    Change,
    Deferred,
    Id,
    Layer,
    Observation,
    Pending,
    Plan,
    Present,
    Refused,
    State,
    Unknown,
    UnknownState,
)
from provisioner.plan.order import held_back, waves

HERE = Id("h", "thing", "a")


def no_opinion(id: Id, state: State, seen: Observation, fields: Sequence[str]) -> tuple[bool, Any]:
    return False, None


def compared(state: State, seen: Observation | None, judge: Any = no_opinion) -> Any:
    observed = {} if seen is None else {HERE: seen}
    return diff({HERE: state}, observed, {"thing": judge})


def test_only_what_the_spec_owns_is_compared() -> None:
    assert not compared(State({"a": 1}), Present({"a": 1, "b": 2})).changes


def test_a_closed_thing_owns_what_it_does_not_name() -> None:
    (change,) = compared(State({"a": 1}, closed=True), Present({"a": 1, "b": 2})).changes
    assert (change.before, change.after, change.fields) == ({"b": 2}, {"b": None}, ("b",))


def test_volatile_facts_are_not_compared() -> None:
    assert not compared(State({"a": 1}), Present({"a": 1}, volatile={"a": 2})).changes


def test_absent_is_created_with_all_its_fields() -> None:
    (change,) = compared(State({"b": 1, "a": 2}), Absent()).changes
    assert (change.action, change.before, change.fields) == ("create", None, ("a", "b"))


def test_a_difference_is_an_update_by_field() -> None:
    (change,) = compared(State({"a": 1, "b": 1}), Present({"a": 2, "b": 1})).changes
    assert (change.action, change.before, change.after) == ("update", {"a": 2}, {"a": 1})
    assert change.reason == "a is 2, not 1"


def test_unknown_and_never_observed_are_unread_and_nothing_else() -> None:
    for seen in (Unknown("no answer"), None):
        found = compared(State({"a": 1}), seen)
        assert not found.changes
        assert not found.refused
        assert [item.id for item in found.unread] == [HERE]


def test_pending_is_deferred_where_the_thing_is_absent() -> None:
    found = compared(State({"a": Pending("the id")}), Absent())
    assert not found.changes
    assert [(d.reason, d.action) for d in found.deferred] == [("waits for the id", "create")]


def test_pending_alone_is_no_difference_but_a_refusal_is_said() -> None:
    def refuses(id: Id, *rest: Any) -> tuple[bool, Any]:
        return True, Refused(id, "two ids")

    state = State({"a": Pending("the id"), "b": 1})
    found = compared(state, Present({"a": 7, "b": 1}))
    assert not [*found.changes, *found.deferred, *found.refused]
    found = compared(state, Present({"a": 7, "b": 1}), refuses)
    assert [item.reason for item in found.refused] == ["two ids"]


def test_a_kinds_own_word_goes_first() -> None:
    def content(id: Id, *rest: Any) -> tuple[bool, Any]:
        return True, None

    assert not compared(State({"a": 1}), Present({"a": 2}), content).changes


def test_a_secret_is_shown_only_as_changed() -> None:
    key = "ssl.key.password"
    (change,) = compared(State({key: "d1"}), Present({key: "d2"})).changes
    assert change.before == change.after == {key: {"secret": True, "changed": True}}
    assert "d1" not in repr(change)
    assert shown(key, "d1") == {"secret": True, "changed": True}


@pytest.mark.parametrize("key", ["ssl.keystore.password", "sasl.jaas.config", "ssl.keystore.key"])
def test_a_secret_that_somebody_wrote_into_a_file_is_not_shown(key: str) -> None:
    found = Present({key: "hunter2"})
    (change,) = compared(State({}, closed=True), found).changes
    assert change.fields == (key,)
    assert "hunter2" not in repr(change)


VALUES = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2))


@given(VALUES, VALUES, st.booleans())
def test_a_change_that_is_made_leaves_no_difference(
    wanted: dict[str, int], found: dict[str, int], closed: bool
) -> None:
    state = State(wanted, closed=closed)
    for change in compared(state, Present(found)).changes:
        assert change.after is not None
        found = {k: v for k, v in {**found, **change.after}.items() if v is not None}
    assert not compared(state, Present(found)).changes


# --- order -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """What ordering knows of a kind."""

    layer: Layer
    rank: int
    roll: bool = False
    own_wave: bool = False


ORDERS = {
    "directory": Order(Layer.HOST, 1),
    "file": Order(Layer.HOST, 3),
    "storage": Order(Layer.HOST, 4, own_wave=True),
    "service": Order(Layer.NODE, 5, roll=True),
    "topic": Order(Layer.CLUSTER, 8),
}


def service(name: str, action: Any = "start") -> Change:
    return Change(Id("h", "service", name), action, None, None)


def names(found: Any) -> list[list[str]]:
    return [[change.id.name for change in wave.changes] for wave in found]


def test_files_then_storage_then_starts_by_tier_then_bounces_then_topics() -> None:
    made = [
        Change(Id("", "topic", "t"), "create", None, None),
        service("broker", "restart"),
        service("broker-2", "restart"),
        service("zookeeper"),
        service("broker-3"),
        Change(Id("h", "storage", "s"), "create", None, None),
        Change(Id("h", "file", "f"), "create", None, None),
        Change(Id("h", "directory", "z"), "create", None, None),
    ]
    tiers = {"zookeeper": 0, "broker": 2, "broker-2": 2, "broker-3": 2}
    desired = {
        c.id: State({}, args={"tier": tiers[c.id.name]}) for c in made if c.id.kind == "service"
    }
    found = waves(made, desired, ORDERS, frozenset({Id("h", "service", "broker")}))
    assert names(found) == [
        ["z", "f"],
        ["s"],
        ["zookeeper"],
        ["broker-3"],
        ["broker-2"],
        ["broker"],
        ["t"],
    ]
    assert [wave.gate for wave in found] == ["", "", "", "", "may-stop", "may-stop", ""]


@given(st.permutations([service(f"b-{n}", a) for n, a in enumerate(["start", "restart"] * 4)]))
def test_the_order_of_what_is_given_does_not_matter(changes: list[Change]) -> None:
    found = waves(changes, {}, ORDERS)
    assert found == waves(sorted(changes, key=lambda c: c.id), {}, ORDERS)
    assert sorted(c.id for w in found for c in w.changes) == sorted(c.id for c in changes)
    assert [len(w.changes) for w in found if w.gate] == [1] * 4


# --- what is held back -------------------------------------------------------------------------


def test_held_back_with_the_reason_of_what_it_is_made_from() -> None:
    file = Id("h", "file", "f")
    start = service("b")
    desired = {start.id: State({}, inputs=(file,))}
    kept, deferred = held_back([start], desired, {file: "permission denied"})
    assert not kept
    assert [(d.id, d.reason, d.action) for d in deferred] == [
        (start.id, "h/file/f: permission denied", "start")
    ]


def test_what_does_not_depend_on_it_is_done() -> None:
    file = Id("h", "file", "f")
    start = service("b")
    stop = service("c", "stop")
    desired = {start.id: State({}), stop.id: State({}, inputs=(file,))}
    kept, deferred = held_back([start, stop], desired, {file: "no"})
    assert kept == [start, stop]
    assert not deferred


# --- what a plan says of itself ----------------------------------------------------------------


def test_in_sync() -> None:
    change = service("b")
    assert Plan().in_sync is True
    assert Plan(unread=(UnknownState(HERE, "no"),)).in_sync is None
    assert Plan(deferred=(Deferred(HERE, "no"),)).in_sync is False
    assert Plan(refused=(Refused(HERE, "no"),), unread=(UnknownState(HERE, "no"),)).in_sync is False
    assert Plan(waves(([change]), {}, ORDERS)).in_sync is False
    assert Plan(unread=(UnknownState(HERE, "no"),)).complete is False


def test_a_folder_is_not_made_anew_where_what_it_held_is_not_known() -> None:
    storage, folder = Id("h", "storage", "/d"), Id("h", "directory", "/d")
    desired = {folder: State({"mode": "0750"}, args={"holds": (storage,)})}
    made = Change(folder, "create", None, {}, ())
    kept, (deferred,) = held_back([made], desired, {storage: "not mounted?"})
    assert (kept, deferred.reason) == ([], "h/storage//d: not mounted?")
    assert held_back([made], desired, {}) == ([made], [])
    # What is there may be mended: that it cannot be read may be why.
    mended = Change(folder, "update", {}, {}, ())
    assert held_back([mended], desired, {storage: "cannot be read"}) == ([mended], [])
