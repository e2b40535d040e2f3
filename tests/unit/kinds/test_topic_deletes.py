"""Topics that are to go: what the plan says of them, and without which words they stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.requests.sizes import Sizes
from provisioner.kafka.requests.topics import NamedTopics
from provisioner.kinds.registry import asks_more
from provisioner.kinds.topic import losses
from provisioner.kinds.topic.questions import GroupOffsets, Groups, Offsets
from provisioner.plan.model import Change, Loss, Plan, Refused
from provisioner.site.observe import told
from provisioner.site.planning import make_plan
from provisioner.verbs.shared.permissions import warn_unused
from provisioner.verbs.shared.permitted import allowed
from tests.unit.plan.model_cluster import Impossible, ModelCluster
from tests.unit.run.model_run import converged, session

MINUTE = 60_000


def model(
    *words: str, absent: tuple[str, ...] = (), scope: tuple[str, ...] = ("*",), **policy: Any
) -> ModelCluster:
    """The lab, in sync, with this spec of topics and these words of ``--allow``."""
    made = ModelCluster.made("lab")
    spec = replace(
        made.spec,
        absent_topics=absent,
        topics_scope=scope,
        policy=replace(made.spec.policy, **policy),
    )
    made.spec = made.site.spec = spec
    made.site.options = replace(made.site.options, allow=allowed(words))
    return made


def strangers(made: ModelCluster, *names: str) -> ModelCluster:
    for name in names:
        made.topic(name, 2, 1, {})
    return made


def deleted(plan: Plan) -> list[str]:
    return [change.id.name for change in plan.changes if change.action == "delete"]


def refused(plan: Plan) -> dict[str, Refused]:
    return {item.id.name: item for item in plan.refused}


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


# --- said, or by the policy ---------------------------------------------------------------------


def test_absent_is_refused_without_the_word_and_counts_as_a_difference() -> None:
    plan = strangers(model(absent=("old",)), "old").plan()
    assert not plan.changes
    item = refused(plan)["old"]
    assert (item.allow, item.word) == ("delete-topic", "delete-topic=old")
    assert item.reason.startswith("it would be deleted: its 2 partitions hold 0 records, 0 bytes")
    assert plan.in_sync is False
    assert not plan.unmanaged


@pytest.mark.parametrize("word", ["delete-topic", "delete-topic=old", "delete-topic=x,old"])
def test_with_the_word_it_goes_and_the_next_plan_is_empty(word: str) -> None:
    made = strangers(model(word, absent=("old",)), "old", "other")
    assert deleted(made.plan()) == ["old"]
    results = converged(made, session(made))
    assert not results.failed
    assert "old" not in made.topics
    assert "other" in made.topics
    assert made.plan().in_sync is True


def test_another_name_permits_nothing() -> None:
    plan = strangers(model("delete-topic=other", absent=("old",)), "old").plan()
    assert not deleted(plan)
    assert "old" in refused(plan)


def test_absent_that_is_not_there_is_in_sync() -> None:
    assert model(absent=("old",)).plan().in_sync is True


def test_unmanaged_topics_go_only_where_the_policy_says_so() -> None:
    for policy, gone in (("report", []), ("ignore", []), ("delete", ["scratch"])):
        plan = strangers(model("delete-topic", unmanaged_topics=policy), "scratch").plan()
        assert deleted(plan) == gone
        assert [item.id.name for item in plan.unmanaged] == (
            ["scratch"] if policy == "report" else []
        )


def test_a_run_deletes_unmanaged_topics_and_the_next_plan_is_empty() -> None:
    made = strangers(model("delete-topic", unmanaged_topics="delete"), "one", "two")
    results = converged(made, session(made))
    assert not results.failed
    assert [change.id.name for change in results.applied] == ["one", "two"]
    assert set(made.topics) == {"atu", "purchases"}
    assert made.plan().in_sync is True


def test_a_spec_that_speaks_of_no_topic_deletes_none() -> None:
    made = strangers(model("delete-topic", scope=(), unmanaged_topics="delete"), "scratch")
    assert not deleted(made.plan())


def test_what_is_outside_of_the_scope_is_nobodys_here() -> None:
    made = model("delete-topic", scope=("a*", "p*"), unmanaged_topics="delete")
    plan = strangers(made, "a-old", "team-b").plan()
    assert deleted(plan) == ["a-old"]
    assert not plan.refused
    assert not plan.unmanaged


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", ["purchases", "old", "scratch"])
def test_what_cannot_be_read_is_neither_made_nor_deleted(name: str, listed: bool) -> None:
    """Kafka refuses its configuration, or even its metadata: then it is in no list."""
    made = model("delete-topic", absent=("old",), unmanaged_topics="delete")
    seen = strangers(made, "old", "scratch").observe()
    assert seen.view is not None
    topics = tuple(topic for topic in seen.view.topics if listed or topic.name != name)
    errors = {f"topic-{name}": "TOPIC_AUTHORIZATION_FAILED"}
    view = replace(seen.view, topics=topics, errors=errors)
    things = {id: thing for id, thing in seen.things.items() if id.kind != "topic"}
    plan = make_plan(made.site, told(made.spec, replace(seen, things=things, view=view))).plan
    assert name not in {change.id.name for change in plan.changes}
    if name != "scratch":
        assert [(item.id.name, item.reason) for item in plan.unread] == [
            (name, "TOPIC_AUTHORIZATION_FAILED")
        ]


# --- protected, and Kafka's own -------------------------------------------------------------------


PROTECTED = ("__msk", "_schemas", "prod-1")


def test_the_policy_leaves_what_is_protected_and_that_is_no_difference() -> None:
    made = model("delete-topic", unmanaged_topics="delete", protect=("prod-*",))
    plan = strangers(made, *PROTECTED, "__consumer_offsets").plan()
    assert not deleted(plan)
    assert plan.in_sync is True
    assert not plan.unmanaged


@pytest.mark.parametrize("name", PROTECTED)
def test_what_is_protected_has_to_be_named(name: str) -> None:
    for words, goes in (
        ((), False),
        (("delete-topic",), False),
        ((f"delete-topic={name}",), True),
        (("delete-topic", f"delete-topic={name}"), True),
    ):
        made = strangers(model(*words, absent=(name,), protect=("prod-*",)), name)
        plan = made.plan()
        assert deleted(plan) == ([name] if goes else [])
        if words == ("delete-topic",):
            assert "it is protected, and has to be named" in refused(plan)[name].reason
            assert refused(plan)[name].word == f"delete-topic={name}"


@pytest.mark.parametrize("name", ["__consumer_offsets", "__remote_log_metadata"])
def test_kafkas_own_topics_stay_whatever_is_said(name: str) -> None:
    plan = strangers(model("delete-topic", f"delete-topic={name}", absent=(name,)), name).plan()
    assert not deleted(plan)
    assert refused(plan)[name].allow is None


# --- too many at once -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "doomed", "goes"), [(0, 3, True), (0, 4, False), (12, 6, True), (12, 7, False)]
)
def test_without_names_not_more_than_a_share(others: int, doomed: int, goes: bool) -> None:
    """Of ``others`` + 2 wanted + ``doomed`` topics; 6 of 20 are 30 %."""
    names = [f"old-{number}" for number in range(doomed)]
    made = model("delete-topic", absent=tuple(names))
    plan = strangers(made, *names, *(f"new-{number}" for number in range(others))).plan()
    assert bool(deleted(plan)) is goes
    assert len(plan.refused) == (0 if goes else doomed)
    if not goes:
        total = others + 2 + doomed
        assert f"{doomed} of {total} topics would go at once" in plan.refused[0].reason


def test_those_that_are_named_do_not_count() -> None:
    names = tuple(f"old-{number}" for number in range(6))
    made = model("delete-topic", "delete-topic=old-0,old-1,old-2", absent=names)
    assert deleted(strangers(made, *names).plan()) == list(names)


def test_the_share_is_of_the_scope() -> None:
    made = model("delete-topic", scope=("old-*", "a*", "p*"), unmanaged_topics="delete")
    names = [f"old-{number}" for number in range(4)]
    plan = strangers(made, *names, *(f"b-{number}" for number in range(40))).plan()
    assert not deleted(plan)
    assert "4 of 6 topics" in plan.refused[0].reason


# --- a word that permits nothing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "useless"),
    [
        (("delete-topic=old",), []),
        (("delete-topic=old,odl",), ["delete-topic=odl"]),
        (("delete-topic", "delete-topic=old"), ["delete-topic=old"]),
        (("delete-topic=x,y",), ["delete-topic=x,y"]),
    ],
)
def test_a_name_that_permits_nothing_is_said(words: tuple[str, ...], useless: list[str]) -> None:
    made, heard = strangers(model(*words, absent=("old",)), "old"), list[str]()
    made.site.options = replace(made.site.options, warn=heard.append)
    warn_unused(made.site, made.planned())
    assert heard == [f"--allow {word} permits nothing in this plan" for word in useless]


# --- this very topic ------------------------------------------------------------------------------


def test_one_that_was_made_anew_since_the_plan_stays() -> None:
    made = strangers(model("delete-topic=old", absent=("old",)), "old")
    planned = made.planned()
    made.delete_topic("old")
    strangers(made, "old")
    with pytest.raises(Impossible, match="no topic with the id"):
        made.carry_out(planned.plan.waves[0], planned)
    assert "old" in made.topics


def test_one_without_an_id_is_left_alone() -> None:
    made = strangers(model("delete-topic=old", absent=("old",)), "old")
    made.topic_of("old").id = ""
    assert "Kafka gives it no id" in refused(made.plan())["old"].reason


# --- what is lost ---------------------------------------------------------------------------------


def test_the_plan_says_what_is_in_it_who_reads_it_and_that_it_is_written_to() -> None:
    made = strangers(model("delete-topic", absent=("old",)), "old")
    made.records("old", [MINUTE * 60, MINUTE * 30, 10], size=1000)
    made.group("billing", ["old", "atu"])
    made.group("streamers", ["old"], "streams")
    made.group("others", ["atu"])
    change = only(made.plan())
    readers = ("billing", "streamers (streams)")
    assert change.effect == "loss"
    assert change.loss == Loss(6, 6000, 1.0, readers, True)
    assert change.reason == (
        "its 2 partitions hold 6 records, 6.0 kB; read by billing, streamers (streams); "
        "written to within the last minute"
    )


def test_share_groups_are_readers_too_and_not_known_where_kafka_does_not_tell() -> None:
    made = strangers(model("delete-topic", absent=("old",)), "old")
    made.group("billing", ["old"])
    made.group("sharers", ["old"], "share")
    made.group("strangers", ["atu"], "share")
    assert "; read by billing, sharers (share)" in only(made.plan()).reason
    made.unread = {"ShareOffsets"}
    change = only(made.plan())
    assert change.loss
    assert change.loss.readers == ("billing",)
    words = "whether share groups read it is not known: sharers, strangers"
    assert words in change.reason


@pytest.mark.parametrize(
    ("silent", "loss"),
    [
        ("Offsets", Loss(None, 600, 1.0, (), None)),
        ("Sizes", Loss(6, None, 1.0, (), False)),
        ("Groups", Loss(6, 600, 1.0, None, False)),
        ("GroupOffsets", Loss(6, 600, 1.0, None, False)),
    ],
)
def test_what_kafka_does_not_tell_is_not_known(silent: str, loss: Loss) -> None:
    made = strangers(model("delete-topic", absent=("old",)), "old")
    made.records("old", [MINUTE * 60, MINUTE * 30, MINUTE * 20])
    made.group("billing", ["atu"])
    made.unread = {silent}
    assert only(made.plan()).loss == loss


def test_without_the_right_to_describe_the_cluster_readers_are_not_known() -> None:
    """Kafka then leaves out the groups that may not be described, and says nothing."""
    made = strangers(model(absent=("old",)), "old")
    seen = made.view()
    assert seen is not None
    assert losses.told(seen).readers == {}
    denied = {"sizes-1": "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE on the cluster"}
    assert losses.told(replace(seen, errors=denied)).readers is None


def test_kafka_is_asked_more_only_where_something_is_to_be_deleted() -> None:
    for made, asked in (
        (model(), ()),
        (model(absent=("gone",)), (NamedTopics(("gone",)),)),
        (model(unmanaged_topics="delete"), ()),
    ):
        seen = made.view()
        assert seen is not None
        assert asks_more(seen, made.spec) == asked
    made = strangers(model(absent=("old",)), "old", "other")
    made.group("billing", ["other"])
    seen = made.view()
    assert seen is not None
    of_topics = [ask for ask in seen.answers if isinstance(ask, Offsets | Sizes)]
    assert {name for ask in of_topics for name, *_ in ask.partitions} == {"old"}
    groups = [ask for ask in seen.answers if isinstance(ask, Groups)]
    assert len(groups) == 3
    (offsets,) = [ask for ask in seen.answers if isinstance(ask, GroupOffsets)]
    assert offsets.partitions == (("old", 0), ("old", 1))
