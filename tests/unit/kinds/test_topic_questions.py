"""What Kafka is asked before data is deleted, as it goes over the wire and comes back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from provisioner.kafka.messages import Versions, admin_request, encode
from provisioner.kafka.port import BrokerView, ClusterView, PartitionView, TopicView
from provisioner.kafka.requests.request import Ask
from provisioner.kafka.requests.sizes import Sizes
from provisioner.kafka.requests.topics import DeleteTopic
from provisioner.kinds.topic.questions import (
    AT_MOST,
    GroupOffsets,
    Groups,
    Offsets,
    ShareOffsets,
    questions,
)

ID = "8a2f0d54-5b2e-4d0e-9c53-0f6a1c1d2e3f"
OLDEST, NEWEST = 0, 99
ASKS: list[tuple[Ask, int]] = [
    (Offsets(1, "latest", (("a", 0, 0), ("a", 1, 0), ("b", 0, 0))), 1),
    (Offsets(1, "age", (("a", 0, 60_000),)), 1),
    (Sizes(1, (("a", 0), ("b", 0))), 1),
    (Groups(1), 0),
    (GroupOffsets(1, ("g", "h"), (("a", 0), ("a", 1)), {"a": ID}), 8),
    (ShareOffsets(1, ("g", "h")), 0),
]


@pytest.mark.parametrize(("ask", "oldest"), ASKS, ids=lambda item: str(item))
def test_they_are_messages_that_old_and_new_brokers_take(ask: Ask, oldest: int) -> None:
    for newest in (oldest, NEWEST):
        request = admin_request(ask.message_at(1000.0))
        assert encode(request, Versions({request.API_KEY: (oldest, newest)}), 1)


def test_an_age_is_counted_from_the_time_at_which_it_is_asked() -> None:
    ask = Offsets(1, "age", (("a", 0, 60_000), ("a", 1, 10**15)))
    (topic,) = ask.message_at(1000.0).fields["topics"]
    assert [item["timestamp"] for item in topic["partitions"]] == [940_000, 0]
    ends = [Offsets(1, when, (("a", 0, 5),)) for when in ("latest", "earliest")]
    stamps = [ask.message.fields["topics"][0]["partitions"][0]["timestamp"] for ask in ends]
    assert stamps == [-1, -2]


def test_a_topic_is_deleted_by_its_id_where_there_is_one() -> None:
    for request, named in ((DeleteTopic("a", ID), None), (DeleteTopic("a"), "a")):
        (message,) = request.messages
        (topic,) = message.fields["topics"]
        assert topic["name"] == named
        assert str(topic["topic_id"] or "") == ("" if named else ID)
        made = admin_request(message)
        assert encode(made, Versions({made.API_KEY: (1, 6)}), 1)


def item(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**fields)


def test_what_has_an_error_is_not_known() -> None:
    partitions = [
        item(partition_index=0, error_code=0, offset=7),
        item(partition_index=1, error_code=6, offset=-1),
    ]
    answer = item(topics=[item(name="a", partitions=partitions)])
    assert Offsets(1, "latest", ()).read(answer) == {("a", 0): 7}
    place = item(partition_index=0, partition_size=9, is_future_key=False)
    moving = item(partition_index=1, partition_size=5, is_future_key=True)
    topics = [item(name="a", partitions=[place, moving])]
    dirs = [item(error_code=0, topics=topics), item(error_code=56, topics=[])]
    assert Sizes(1, ()).read(item(results=dirs)) == {("a", 0): 9}


def test_groups_by_what_they_are() -> None:
    """Brokers before 3.8 do not tell the type: whatever commits offsets is a consumer there."""
    groups = [item(group_id="a", group_type="Streams"), item(group_id="b")]
    assert Groups(1).read(item(groups=groups)) == {"a": "streams", "b": "consumer"}


def test_share_groups_by_their_topics() -> None:
    def group(name: str, topics: list[str], code: int = 0) -> SimpleNamespace:
        return item(group_id=name, error_code=code, topics=[item(topic_name=t) for t in topics])

    found = [group("h", ["a", "b"]), group("g", ["a"]), group("i", [])]
    ask = ShareOffsets(1, ("g", "h", "i"))
    assert ask.read(item(groups=found)) == {"a": ("g", "h"), "b": ("h",)}
    assert ask.read(item(groups=[*found, group("j", [], 30)])) is None


@pytest.mark.parametrize("named", [True, False])
def test_groups_that_have_an_offset(named: bool) -> None:
    """New brokers name topics by id."""

    def group(name: str, offset: int, code: int = 0, of_item: int = 0) -> SimpleNamespace:
        partitions = [item(committed_offset=offset, error_code=of_item)]
        topic = item(name="a" if named else "", topic_id=ID, partitions=partitions)
        return item(group_id=name, error_code=code, topics=[topic])

    ask = GroupOffsets(1, ("g", "h"), (("a", 0),), {"a": ID})
    found = [group("g", 5), group("h", -1)]
    assert ask.read(item(groups=found)) == {"a": ("g",)}
    assert ask.read(item(groups=[*found, group("i", 0, 30)])) is None
    assert ask.read(item(groups=[*found, group("i", -1, of_item=29)])) is None


def view(topics: int) -> ClusterView:
    brokers = (BrokerView(1, "a", 1), BrokerView(2, "b", 1), BrokerView(3, "c", 1, fenced=True))
    made = [
        TopicView(
            f"t-{number:04}",
            False,
            tuple(
                PartitionView(id, leader, (1, 2), (1,)) for id, leader in enumerate((1, 2, None))
            ),
            id=ID,
        )
        for number in range(topics)
    ]
    return ClusterView("id", 1, brokers, tuple(made))


def test_leaders_that_live_are_asked_and_not_more_than_a_handful_of_times() -> None:
    seen = view(2000)
    asks = questions(seen, seen.topics, {})
    assert {ask.to for ask in asks} == {1, 2}
    assert len(asks) == 10
    sizes = [ask for ask in asks if isinstance(ask, Sizes)]
    assert [len(ask.partitions) for ask in sizes] == [AT_MOST, AT_MOST]


def test_where_only_sizes_count_nobody_is_asked_for_an_age_or_groups() -> None:
    seen = view(1)
    asks = questions(seen, (), {"t-0000": None})
    assert [ask.what for ask in asks] == [
        "offsets-latest-1", "offsets-earliest-1", "sizes-1",
        "offsets-latest-2", "offsets-earliest-2", "sizes-2",
    ]  # fmt: skip
