"""The edge to the library: versions, names, and what a request says on the wire."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from provisioner.kafka import messages
from provisioner.kafka.messages import Versions
from provisioner.kafka.requests.configs import AlterBrokerConfig


def test_the_newest_version_that_both_speak_is_chosen() -> None:
    request = messages.metadata_request([])
    assert Versions({3: (0, 12)}).choose(request) == 12
    assert Versions({3: (0, 999)}).choose(request) == request.max_version


@pytest.mark.parametrize("ranges", [{}, {3: (900, 999)}])
def test_no_version_in_common_is_said(ranges: dict[int, tuple[int, int]]) -> None:
    with pytest.raises(OSError, match="the broker does not support MetadataRequest"):
        Versions(ranges).choose(messages.metadata_request([]))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (36, "TOPIC_ALREADY_EXISTS"),
        (17, "INVALID_TOPIC_EXCEPTION"),  # the library has another name
        (129, "REBOOTSTRAP_REQUIRED"),  # the library has none
        (-1, "UNKNOWN_SERVER_ERROR"),
        (9999, "ERROR_9999"),
    ],
)
def test_errors_have_kafkas_names(code: int, name: str) -> None:
    assert messages.name(code) == name


def test_metadata_never_makes_a_topic() -> None:
    for topics in (None, [], ["a"]):
        assert messages.metadata_request(topics).allow_auto_topic_creation is False


def test_incremental_changes_name_only_what_changes() -> None:
    (message,) = AlterBrokerConfig(None, {"a": "1"}, ["b"]).messages
    request = messages.admin_request(message)
    (resource,) = request.resources
    assert (resource.resource_type, resource.resource_name) == (4, "")
    assert [(c.name, c.config_operation, c.value) for c in resource.configs] == [
        ("a", 0, "1"),
        ("b", 1, None),
    ]


def test_the_library_logs_nothing() -> None:
    for name in ("kafka", "kafka.net.manager", "kafka.producer.sender"):
        assert not logging.getLogger(name).isEnabledFor(logging.CRITICAL)


def test_the_library_still_has_the_settings_that_we_set_behind_its_back() -> None:
    """They are private to it: a new version may have moved them, and would make topics again."""
    from kafka.cluster import ClusterMetadata

    metadata = ClusterMetadata()
    assert metadata.config["allow_auto_create_topics"] is True
    messages._settle(metadata)
    assert metadata.metadata_request().allow_auto_topic_creation is False
    assert metadata.config["retry_backoff_ms"] == 20


def test_a_message_that_the_library_lacks_is_made_once_for_all_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two that were made, the library would read answers by the one that nobody keeps."""
    messages._kept.cache_clear()
    found: list[Any] = []
    second = threading.Thread(target=lambda: found.append(messages._classes("AddRaftVoter")))
    real = messages.new_class

    def slow(*words: Any) -> Any:
        if second.ident is None:
            second.start()
            second.join(0.5)  # it waits; where nothing keeps it from it, it makes its own
        return real(*words)

    monkeypatch.setattr(messages, "new_class", slow)
    first = messages._classes("AddRaftVoter")
    second.join()
    assert found == [first]


def test_two_threads_that_read_the_first_answers_of_a_kind_can_both_read_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The code to read one is made at the first, with the class of the result set aside meanwhile:
    what a second thread made then would fail for ever (TypeError: X is not a type object)."""
    request = messages.metadata_request([])
    messages.encode(request, Versions({3: (0, 9)}), 1)
    kind = request.header.get_response_class()
    body = b"\x00\x00\x00\x01\x00" + kind(version=9, brokers=[], topics=[]).encode(version=9)
    struct = kind._struct
    monkeypatch.setattr(struct, "_compiled_encoders", {})
    monkeypatch.setattr(messages, "_MADE", set())
    read: list[Any] = []
    both, first_done = threading.Event(), threading.Event()
    making = struct.emit_decode_from

    def slow(*words: Any, **options: Any) -> Any:
        if threading.current_thread() is second:
            both.set()
            first_done.wait(5)
        else:
            second.start()
            both.wait(0.5)  # where nothing keeps the second from it, it makes its own
        return making(*words, **options)

    second = threading.Thread(target=lambda: read.append(messages.decode(request, body)))
    monkeypatch.setattr(struct, "emit_decode_from", slow)
    read.append(messages.decode(request, body))
    first_done.set()
    second.join(5)
    assert [answer.cluster_id for answer in read] == [None, None]
    assert messages.decode(request, body).topics == []


class Stuck:
    """A producer whose sender does not notice in time that it is to end."""

    def __init__(self) -> None:
        self.closed: list[float] = []
        self.forced = False
        self._sender = self

    def close(self, timeout: float) -> None:
        self.closed.append(timeout)
        raise messages.KafkaTimeoutError("Timeout waiting for future")

    def force_close(self) -> None:
        self.forced = True

    def join(self, seconds: float) -> None:
        pass


def test_a_producer_that_does_not_end_in_time_is_no_error_of_what_it_was_for() -> None:
    stuck = Stuck()
    messages.end_producer(stuck, 2.0)
    assert stuck.forced
    assert stuck.closed == [2.0, 0]
