"""Features: what a broker tells of them, and that a question is never the deed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kafka.protocol.metadata.api_versions import ApiVersionsResponse

from provisioner.kafka.messages import NotSpoken, Versions, admin_request, decode, encode
from provisioner.kafka.requests.features import (
    DescribeFeatures,
    Level,
    RegisteredBrokers,
    RegisteredControllers,
    Supported,
    UpdateFeature,
    ValidateFeatures,
)

RAISE = Level("metadata.version", 29)


def test_what_a_broker_tells() -> None:
    kind = ApiVersionsResponse
    answer = kind(
        error_code=0,
        api_keys=[],
        supported_features=[
            kind.SupportedFeatureKey(name="metadata.version", min_version=1, max_version=21)
        ],
        finalized_features_epoch=5,
        finalized_features=[
            kind.FinalizedFeatureKey(
                name="metadata.version", max_version_level=21, min_version_level=21
            )
        ],
    )
    answer.API_VERSION = 4
    answer.with_header(correlation_id=1)
    request = admin_request(DescribeFeatures(2).message)
    encode(request, Versions({18: (0, 4)}), 1)
    assert request.API_VERSION == 4, "levels from 0 are told since then"
    told = DescribeFeatures(2).read(decode(request, answer.encode(header=True)))
    assert told == Supported({"metadata.version": (1, 21)}, {"metadata.version": 21}, 5)


@pytest.mark.parametrize("newest", [1, 2])
def test_a_question_says_that_it_is_one(newest: int) -> None:
    request = admin_request(ValidateFeatures((RAISE,)).message)
    assert request.validate_only is True
    assert encode(request, Versions({57: (0, newest)}), 1)[-2:] == b"\x01\x00"
    assert request.timeout_ms > 0


def test_where_it_cannot_be_said_it_is_not_sent() -> None:
    request = admin_request(ValidateFeatures((RAISE,)).message)
    with pytest.raises(NotSpoken):
        encode(request, Versions({57: (0, 0)}), 1)


def test_a_change_is_asked_for_before_it_is_made() -> None:
    lower = Level("metadata.version", 25, lower=True)
    first, second = (admin_request(m) for m in UpdateFeature(lower).messages)
    assert (first.validate_only, second.validate_only) == (True, False)
    (update,) = second.feature_updates
    assert (update.max_version_level, update.upgrade_type) == (25, 2), "never an unsafe one"


@pytest.mark.parametrize(
    ("whole", "one", "why"),
    [
        ((0, None), None, ""),
        ((95, "Broker 2 only supports 1-21"), None, "Broker 2 only supports 1-21"),
        ((0, None), (95, "Broker 3"), "Broker 3"),
        ((41, None), None, "error 41"),
        ((31, "Cluster authorization failed."), None, "needs ALTER on the cluster"),
    ],
)
def test_why_kafka_would_not(
    whole: tuple[int, str | None], one: tuple[int, str] | None, why: str
) -> None:
    def item(values: tuple[int, str | None]) -> SimpleNamespace:
        return SimpleNamespace(error_code=values[0], error_message=values[1])

    answer = item(whole)
    answer.results = [item(one)] if one else []
    assert ValidateFeatures((RAISE,)).read(answer) == why


def test_who_is_registered_is_not_known_without_the_right_to_ask() -> None:
    ask = RegisteredBrokers((1, 2))

    def said(code: int) -> SimpleNamespace:
        topics = [SimpleNamespace(name="__provision-broker-1", error_code=code, error_message="")]
        return SimpleNamespace(topics=topics)

    assert [each.error_code for each in ask.message.items(said(29))] == [29]
    assert list(ask.message.items(said(39))) == []
    assert ask.read(said(39)) == (1,)


def test_controllers_are_told_by_controllers_only() -> None:
    ask = RegisteredControllers("c", 9093)
    brokers = [SimpleNamespace(broker_id=id) for id in (101, 100)]
    assert ask.to == ("c", 9093)
    assert ask.read(SimpleNamespace(endpoint_type=2, brokers=brokers)) == (100, 101)
    assert ask.read(SimpleNamespace(endpoint_type=1, brokers=brokers)) == ()
