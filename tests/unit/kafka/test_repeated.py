"""DescribeConfigs answers are read as the library reads them, and what repeats is read once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from kafka.protocol.admin.configs import DescribeConfigsResponse

from provisioner.kafka import messages, reading, repeated
from provisioner.kafka.requests.configs import TOPIC

RESULT = DescribeConfigsResponse.DescribeConfigsResult
ENTRY = RESULT.DescribeConfigsResourceResult
SYNONYM = ENTRY.DescribeConfigsSynonym

texts = some.text(max_size=300)
maybe = some.none() | texts
synonyms = some.builds(SYNONYM, name=texts, value=maybe, source=some.integers(0, 6))
entries = some.builds(
    ENTRY,
    name=texts,
    value=maybe,
    read_only=some.booleans(),
    config_source=some.integers(-1, 6),
    is_sensitive=some.booleans(),
    synonyms=some.lists(synonyms, max_size=2),
    config_type=some.integers(0, 9),
    documentation=maybe,
)


def request() -> Any:
    made = messages.configs_request(TOPIC, ["t"], synonyms=True)
    made.API_VERSION = repeated.VERSION
    made.with_header(correlation_id=7, client_id="c")
    return made


def body(results: Sequence[Any]) -> bytes:
    answer = DescribeConfigsResponse(throttle_time_ms=3, results=list(results))
    encoded: bytes = answer.encode(version=repeated.VERSION)
    return struct.pack(">i", 7) + b"\0" + encoded


def plain(answer: Any) -> Any:
    """Values that can be compared, whoever read them."""
    frame = ("error_code", "error_message", "resource_type", "resource_name")
    setting = ("name", "value", "read_only", "config_source", "is_sensitive")
    return answer.throttle_time_ms, [
        (
            [getattr(result, name) for name in frame],
            [
                (
                    [getattr(each, name) for name in (*setting, "config_type", "documentation")],
                    [(other.name, other.value, other.source) for other in each.synonyms],
                )
                for each in result.configs
            ],
        )
        for result in answer.results
    ]


@some.composite
def answers(draw: Any) -> list[Any]:
    """Topics that share what they have, and some that have something of their own."""
    lists = draw(some.lists(some.lists(entries, max_size=4), min_size=1, max_size=4))
    made: list[Any] = draw(
        some.lists(
            some.builds(
                RESULT,
                error_code=some.integers(0, 100),
                error_message=maybe,
                resource_type=some.sampled_from([2, 4]),
                resource_name=texts,
                configs=some.sampled_from(lists),
            ),
            max_size=12,
        )
    )
    return made


@given(answers())
def test_it_reads_what_the_library_reads(results: list[Any]) -> None:
    sent = body(results)
    theirs = DescribeConfigsResponse.decode(sent, version=repeated.VERSION, header=True)
    assert plain(messages.decode(request(), sent)) == plain(theirs)


def topic(name: str, *settings: Any) -> Any:
    return RESULT(
        error_code=0, error_message=None, resource_type=2, resource_name=name, configs=settings
    )


def setting(name: str, value: str, source: int = 5) -> Any:
    return ENTRY(
        name=name,
        value=value,
        read_only=False,
        config_source=source,
        is_sensitive=False,
        synonyms=[],
        config_type=1,
        documentation=None,
    )


def test_what_repeats_is_read_once_and_one_that_begins_alike_is_not_taken_for_it() -> None:
    retention, policy = setting("retention.ms", "1", 1), setting("cleanup.policy", "delete")
    alike = [topic(f"t-{number}", retention, policy) for number in range(1000)]
    sent = body(
        [*alike, topic("shorter", retention), topic("other", setting("retention.ms", "12"))]
    )
    read: list[int] = []
    entry = messages._setting()

    def counted(data: memoryview, at: int) -> tuple[Any, int]:
        read.append(at)
        return entry(data, at)

    answer = repeated.read(sent, counted)
    assert len(read) == 2 + 1 + 1
    found = reading.configs(answer, "topic-", {}, reading.of_topic)
    assert found["t-0"] is found["t-999"]
    assert set(found["t-0"]) == {"retention.ms", "cleanup.policy"}
    assert set(found["shorter"]) == {"retention.ms"}
    assert found["other"]["retention.ms"].value == "12"


def test_what_is_no_such_answer_is_an_error() -> None:
    sent = body([topic("t", setting("retention.ms", "1"))])
    for end in range(4, len(sent) - 1):
        with pytest.raises((struct.error, IndexError, ValueError)):
            repeated.read(sent[:end], messages._setting())


def test_what_newer_brokers_add_is_passed_over() -> None:
    sent = body([topic("t", setting("retention.ms", "1"))])
    assert sent.endswith(b"\0\0")  # no tags of the topic, and none of the answer
    more = sent[:-2] + b"\1\5\3abc" + b"\0"
    assert repeated.read(more, messages._setting()).results[0].resource_name == "t"
