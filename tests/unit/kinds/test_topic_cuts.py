"""Topics that are to keep less: what that deletes, and from where on it has to be allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import ConfigEntry
from provisioner.kinds.registry import asks_more
from provisioner.kinds.topic.keeping import Cut, cut, keeping
from provisioner.kinds.topic.questions import Offsets
from provisioner.plan.model import Loss, Plan
from provisioner.verbs.shared.permitted import allowed
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import converged, session

HOUR = 3_600_000
DAY = 24 * HOUR
HUNDRED = [number * HOUR for number in range(100)]
"""Ages of records: one an hour."""


def model(*words: str, config: dict[str, str], have: dict[str, str], **policy: Any) -> ModelCluster:
    """The lab; ``purchases`` has one set of overrides and should have another, and 300 records."""
    made = ModelCluster.made("lab")
    topics = tuple(
        replace(topic, config=config) if topic.name == "purchases" else topic
        for topic in made.spec.topics
    )
    spec = replace(made.spec, topics=topics, policy=replace(made.spec.policy, **policy))
    made.spec = made.site.spec = spec
    made.topics["purchases"].config = dict(have)
    made.site.options = replace(made.site.options, allow=allowed(words))
    made.records("purchases", HUNDRED)
    return made


def age(milliseconds: int) -> dict[str, str]:
    return {"retention.ms": str(milliseconds)}


def outcome(plan: Plan) -> tuple[str, Loss | None]:
    """The effect of the one change, or ``refused``."""
    if plan.refused:
        (item,) = plan.refused
        assert item.change is not None
        assert item.allow == "data-loss"
        assert not plan.changes
        assert plan.in_sync is False
        return "refused", item.change.loss
    (change,) = plan.changes
    return change.effect, change.loss


def test_a_longer_time_is_no_loss() -> None:
    assert outcome(model(config=age(9 * DAY), have=age(8 * DAY)).plan()) == ("none", None)


@pytest.mark.parametrize(
    ("hours", "effect", "loss"),
    [
        (100, "none", None),
        (90, "loss", Loss(27, 2700, 0.09)),
        (88, "refused", Loss(33, 3300, 0.11)),
        (-1, "none", None),
    ],
)
def test_a_shorter_time_by_what_is_older(hours: int, effect: str, loss: Loss | None) -> None:
    """Ages run from 0 to 99 hours; what is exactly as old as the new limit is kept."""
    wanted = hours * HOUR if hours >= 0 else -1
    assert outcome(model(config=age(wanted), have=age(8 * DAY)).plan()) == (effect, loss)


def test_with_the_word_it_is_done_and_the_next_plan_is_empty() -> None:
    made = model("data-loss", config=age(HOUR), have=age(8 * DAY))
    assert outcome(made.plan()) == ("loss", Loss(294, 29400, 0.98))
    assert not converged(made, session(made)).failed
    assert made.plan().in_sync is True


def test_the_words_say_which_key_and_how_much() -> None:
    (item,) = model(config=age(HOUR), have=age(8 * DAY)).plan().refused
    assert item.reason == (
        "retention.ms from 691200000 to 3600000, which would delete up to 294 records, 29.4 kB "
        "(98% of the topic)"
    )


@pytest.mark.parametrize(("size", "effect"), [(10**9 // 27, "loss"), (10**9 // 26, "refused")])
def test_much_is_much_even_where_it_is_a_small_share(size: int, effect: str) -> None:
    made = model(config=age(90 * HOUR), have=age(8 * DAY))
    made.records("purchases", HUNDRED, size)
    assert outcome(made.plan())[0] == effect


@pytest.mark.parametrize("silent", ["Offsets", "Sizes"])
def test_what_is_not_known_needs_the_word(silent: str) -> None:
    made = model(config=age(90 * HOUR), have=age(8 * DAY))
    made.unread = {silent}
    effect, loss = outcome(made.plan())
    assert effect == "refused"
    assert loss is not None
    assert None in (loss.records, loss.bytes)
    assert (
        "not known" in made.plan().refused[0].reason or "unknown" in made.plan().refused[0].reason
    )


@pytest.mark.parametrize(
    ("limit", "effect", "share"),
    [(9500, "loss", 0.05), (5000, "refused", 0.5), (10_000, "none", 0)],
)
def test_a_smaller_size(limit: int, effect: str, share: float) -> None:
    """Each partition has 10,000 bytes."""
    made = model(config={"retention.bytes": str(limit)}, have={"retention.bytes": "-1"})
    found, loss = outcome(made.plan())
    assert found == effect
    assert (loss.share if loss else 0) == pytest.approx(share)


def test_a_policy_that_now_deletes() -> None:
    made = model(
        config={"cleanup.policy": "compact,delete", **age(HOUR)},
        have={"cleanup.policy": "compact", **age(HOUR)},
    )
    effect, loss = outcome(made.plan())
    assert effect == "refused"
    assert loss == Loss(294, 29400, 0.98)


def test_one_that_only_compacts_deletes_nothing_by_age() -> None:
    have = {"cleanup.policy": "compact", **age(8 * DAY)}
    made = model(config={"cleanup.policy": "compact", **age(HOUR)}, have=have)
    assert outcome(made.plan()) == ("none", None)


def test_an_empty_topic_loses_nothing() -> None:
    made = model(config=age(HOUR), have=age(8 * DAY))
    made.records("purchases", [])
    assert outcome(made.plan()) == ("none", None)


def test_an_override_that_goes_leaves_the_brokers_value() -> None:
    """``unmanaged_config: delete``, and a topic that kept everything."""
    made = model(config={}, have=age(-1), unmanaged_config="delete")
    assert outcome(made.plan())[0] == "none"  # Kafka's week is longer than 100 hours
    made.records("purchases", [number * DAY for number in range(100)])
    assert outcome(made.plan())[0] == "refused"


def test_the_brokers_value_is_the_least_of_all() -> None:
    made = model(config={}, have=age(-1), unmanaged_config="delete")
    seen = made.observe()
    assert seen.view is not None
    hours = ConfigEntry("90", "static", False, False)
    configs = {id: dict(entries) for id, entries in seen.view.broker_configs.items()}
    configs[1] |= {"log.retention.hours": hours, "log.retention.ms": replace(hours, value=None)}
    view = replace(seen.view, broker_configs=configs)
    (asked, *_) = [
        ask for ask in asks_more(view, made.spec) if isinstance(ask, Offsets) and ask.when == "age"
    ]
    assert {limit for _, _, limit in asked.partitions} == {90 * HOUR}


def test_the_rest_of_a_change_is_done_all_the_same() -> None:
    made = model(config={**age(HOUR), "segment.ms": "77777"}, have=age(8 * DAY))
    plan = made.plan()
    (change,) = plan.changes
    assert (change.fields, change.effect) == (("segment.ms",), "none")
    assert [item.change.fields for item in plan.refused if item.change] == [("retention.ms",)]
    results = converged(made, session(made))
    assert not results.failed
    assert made.topics["purchases"].config == {**age(8 * DAY), "segment.ms": "77777"}
    assert not made.plan().changes
    assert len(made.plan().refused) == 1


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, None),
        ({}, age(1), Cut(1, None)),
        (age(-1), age(1), Cut(1, None)),
        (age(1), age(-1), None),
        ({"retention.bytes": "5"}, {"retention.bytes": "4"}, Cut(None, 4)),
        ({"retention.bytes": "5", **age(9)}, {"retention.bytes": "4", **age(8)}, Cut(8, 4)),
        ({"cleanup.policy": "compact"}, {}, Cut(604_800_000, None)),
        ({"cleanup.policy": "compact"}, age(-1), None),
        ({}, {"cleanup.policy": "compact", **age(1)}, None),
        (age(9_223_372_036_854_775_807), age(9_223_372_036_854_775_806), Cut(2**63 - 2, None)),
    ],
)
def test_what_makes_it_keep_less(
    before: dict[str, str], after: dict[str, str], found: Cut | None
) -> None:
    assert cut(keeping(before), keeping(after)) == found
