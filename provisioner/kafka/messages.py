"""The edge to the Kafka library: its message classes, made and read here, and its error names.

The library has no types, so requests and answers are ``Any`` beyond this module. Requests are
built with keyword arguments in Kafka's own field names (snake case). Importing this module loads
the messages that a look needs; those of changes and the library's clients come when they are used.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import new_class
from typing import Any

from provisioner.kafka import repeated, schemas
from provisioner.kafka.requests.request import Message
from provisioner.packages import put_off

put_off("kafka")
put_off(
    "kafka.protocol.admin",
    DescribeClientQuotasRequest="client_quotas",
    DescribeClientQuotasResponse="client_quotas",
    ListPartitionReassignmentsRequest="topics",
    ListPartitionReassignmentsResponse="topics",
    CreateTopicsRequest="topics",
    CreateTopicsResponse="topics",
)
put_off("kafka.protocol.metadata")

from kafka.errors import BrokerResponseError as BrokerResponseError  # noqa: E402 (traffic.py's)
from kafka.errors import KafkaError as KafkaError  # noqa: E402
from kafka.errors import KafkaTimeoutError as KafkaTimeoutError  # noqa: E402
from kafka.errors import kafka_errors  # noqa: E402
from kafka.protocol import admin  # noqa: E402
from kafka.protocol.admin.cluster import (  # noqa: E402
    DescribeClusterRequest,
    DescribeLogDirsRequest,
    DescribeQuorumRequest,
)
from kafka.protocol.admin.configs import (  # noqa: E402
    DescribeConfigsRequest,
    DescribeConfigsResponse,
)
from kafka.protocol.api_message import ApiMessage  # noqa: E402
from kafka.protocol.metadata.api_versions import ApiVersionsRequest  # noqa: E402
from kafka.protocol.metadata.metadata import MetadataRequest  # noqa: E402

QUORUM = DescribeQuorumRequest.API_KEY
"""The request only a KRaft broker knows: how ZooKeeper mode is told from KRaft."""

REASSIGNMENTS = 46
"""ListPartitionReassignments."""

BY_CONTROLLER = frozenset({QUORUM, REASSIGNMENTS})
"""Questions that a broker passes on to the controller, and waits."""

NAMES = {
    -1: "UNKNOWN_SERVER_ERROR",
    6: "NOT_LEADER_OR_FOLLOWER",
    10: "MESSAGE_TOO_LARGE",
    17: "INVALID_TOPIC_EXCEPTION",
    39: "INVALID_REPLICA_ASSIGNMENT",
    128: "INVALID_REGULAR_EXPRESSION",
    129: "REBOOTSTRAP_REQUIRED",
    130: "STREAMS_INVALID_TOPOLOGY",
    131: "STREAMS_INVALID_TOPOLOGY_EPOCH",
    132: "STREAMS_TOPOLOGY_FENCED",
    133: "SHARE_SESSION_LIMIT_REACHED",
    134: "GROUP_DELETION_FAILED",
    135: "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED",
    136: "CONTROLLER_ID_NOT_REGISTERED",
}
"""Kafka's names of errors (4.4) where the library has another name or none."""

# At DEBUG the library logs passwords; below CRITICAL it logs what our own errors already say.
logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)


ELSEWHERE = {
    "ApiVersions": "kafka.protocol.metadata.api_versions",
    "ListOffsets": "kafka.protocol.consumer",
    "OffsetFetch": "kafka.protocol.consumer",
    "Metadata": "kafka.protocol.metadata",
}
"""What the library has beside its messages of administration."""

LEAST = {57: 1}
"""UpdateFeatures: before, ``validate_only`` is not on the wire, and the question is the deed."""

_MAKING = threading.Lock()
_MADE: set[tuple[Any, ...]] = set()


class NotSpoken(OSError):
    """The broker does not know this request, or no version of it that we know."""


@dataclass(frozen=True)
class Versions:
    """Which versions of each request a broker takes: {api key: (lowest, highest)}."""

    ranges: Mapping[int, tuple[int, int]]
    level: int | None = None
    """The newest ``metadata.version`` that it supports, by which its release is known."""

    @classmethod
    def of(cls, answer: Any) -> Versions:
        """From an ApiVersions answer; OSError when the broker refused to say."""
        if answer.error_code:
            raise OSError(f"the broker refused the ApiVersions request: {name(answer.error_code)}")
        ranges = {key.api_key: (key.min_version, key.max_version) for key in answer.api_keys}
        supported = {each.name: each.max_version for each in answer.supported_features or ()}
        return cls(ranges, supported.get("metadata.version"))

    def knows(self, api_key: int) -> bool:
        return api_key in self.ranges

    def choose(self, request: Any) -> int:
        """The newest version that both sides speak; NotSpoken when there is none."""
        low, high = self.ranges.get(request.API_KEY, (0, -1))
        if request.API_KEY == ApiVersionsRequest.API_KEY and high < 0:
            return 3  # before anything is known; every broker since 2.4 takes it
        chosen: int = min(high, request.max_version)
        if chosen < max(low, LEAST.get(request.API_KEY, 0)):
            raise NotSpoken(f"the broker does not support {type(request).__name__}")
        return chosen


def encode(request: Any, versions: Versions, correlation: int) -> bytes:
    """The request as bytes on the wire, length first. It keeps the chosen version for decode."""
    request.API_VERSION = versions.choose(request)
    request.with_header(correlation_id=correlation, client_id="provision")
    data: bytes = _first_alone(
        (type(request), request.API_VERSION), lambda: request.encode(framed=True, header=True)
    )
    return data


def decode(request: Any, body: bytes) -> Any:
    """The answer to ``request``; ``body`` begins with the correlation id."""
    what = (type(request), request.API_VERSION, "answer")
    if what[:2] == (DescribeConfigsRequest, repeated.VERSION):
        return _first_alone(what, lambda: repeated.read(body, _setting()))
    kind = request.header.get_response_class()
    return _first_alone(what, lambda: kind.decode(body, header=True))


def _setting() -> repeated.Entry:
    """What the library reads one setting of a DescribeConfigs answer with."""
    settings = DescribeConfigsResponse.fields["results"].fields["configs"].array_of
    made: repeated.Entry = settings.compiled_decode_from(
        repeated.VERSION, compact=True, tagged=True
    )
    return made


def _first_alone(what: tuple[Any, ...], work: Callable[[], Any]) -> Any:
    """What ``work`` gives. The first time for each ``what`` (a message in one of its versions) no
    other thread does the same: the library then makes the code that reads or writes it, and in
    doing so sets the class of the result aside for a moment (``StructField.compiled_decode_from``
    of 3.0.12). Code that another thread makes in that moment is broken, and is kept."""
    if what in _MADE:
        return work()
    with _MAKING:
        done = work()
        _MADE.add(what)
        return done


def name(code: int) -> str:
    """Kafka's name of an error code: 36 → TOPIC_ALREADY_EXISTS."""
    known = kafka_errors.get(code)
    text: str | None = NAMES.get(code) or (known.message if known else None)
    return text or f"ERROR_{code}"


def versions_request() -> Any:
    return ApiVersionsRequest(client_software_name="provision", client_software_version="1")


def metadata_request(topics: Sequence[str] | None = None) -> Any:
    """Metadata of these topics (None: all), which never makes a topic."""
    wanted = None
    if topics is not None:
        wanted = [MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics]
    return MetadataRequest(topics=wanted, allow_auto_topic_creation=False)


def cluster_request() -> Any:
    """Brokers with those that are fenced, where the broker can say so."""
    return DescribeClusterRequest(include_fenced_brokers=True)


def quorum_request() -> Any:
    partition = DescribeQuorumRequest.TopicData.PartitionData(partition_index=0)
    topic = DescribeQuorumRequest.TopicData(topic_name="__cluster_metadata", partitions=[partition])
    return DescribeQuorumRequest(topics=[topic])


def configs_request(kind: int, names: Iterable[str], *, synonyms: bool) -> Any:
    """All keys of some topics, or of one broker (sent to that broker; '' is the cluster's)."""
    resource = DescribeConfigsRequest.DescribeConfigsResource
    return DescribeConfigsRequest(
        resources=[
            resource(resource_type=kind, resource_name=each, configuration_keys=None)
            for each in names
        ],
        include_synonyms=synonyms,
    )


def log_dirs_request(*, sizes: bool) -> Any:
    """The state of each log dir; with ``sizes`` also of every partition in it."""
    return DescribeLogDirsRequest(topics=None if sizes else [])


def admin_request(message: Message, milliseconds: int = 0, cluster_id: str | None = None) -> Any:
    """A message as the library has it. ``milliseconds``: how long Kafka may take, where it can be
    told; ``cluster_id``: whose it is, where it can be said. ValueError for unknown fields."""
    kind, _ = _classes(message.api)
    ours = {"timeout_ms": milliseconds, "cluster_id": cluster_id}
    told = {name: value for name, value in ours.items() if name in kind.fields}
    return _made(kind, {**told, **message.fields})


def _classes(api: str) -> tuple[Any, Any]:
    """The classes of a request and its answer. Made once, whichever thread comes first: the library
    reads an answer by the class that was made last, and only for as long as somebody keeps it."""
    with _MAKING:
        return _kept(api)


@cache
def _kept(api: str) -> tuple[Any, Any]:
    """What the library lacks it makes from ``schemas/``, and holds by weak references."""
    names = f"{api}Request", f"{api}Response"
    if api in ELSEWHERE:
        module = import_module(ELSEWHERE[api])
        return getattr(module, names[0]), getattr(module, names[1])
    if hasattr(admin, names[0]):
        return getattr(admin, names[0]), getattr(admin, names[1])
    request, answer = (new_class(name, (ApiMessage,), {"load_json": schemas}) for name in names)
    return request, answer


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    """Mappings as the structures that the library has for them."""
    made = dict(values)
    for name, value in values.items():
        field = kind.fields.get(name)
        if field is not None and field.is_struct_array() and value is not None:
            made[name] = [_made(field.data_class, each) for each in value]
    return kind(**made)


def producer(options: Mapping[str, Any], delivery_seconds: float, block_seconds: float) -> Any:
    """The library's producer: acks=all, idempotent, tries again for ``delivery_seconds``."""
    from kafka import KafkaProducer

    request = min(delivery_seconds, 10.0)  # a broker that hangs is given up after this
    made = KafkaProducer(
        **options,
        acks="all",
        enable_idempotence=True,
        delivery_timeout_ms=int(delivery_seconds * 1000),
        request_timeout_ms=int(request * 1000),
        max_block_ms=int(block_seconds * 1000),
        metrics_enabled=False,
    )
    _settle(made._metadata)
    return made


def end_producer(producer: Any, seconds: float) -> None:
    """Waits for what is in flight, at most ``seconds``, then ends the producer in any case.

    Its own close() gives up, with its thread still running, when not all was sent in time. What
    was not sent fails, on a busy machine a little later than this returns.
    """
    try:
        producer.close(timeout=seconds)
    except KafkaTimeoutError:
        producer._sender.force_close()
        producer._sender.join(1.0)
        with contextlib.suppress(KafkaTimeoutError):
            producer.close(timeout=0)


def consumer(options: Mapping[str, Any]) -> Any:
    """The library's consumer, in no group, committing nothing."""
    from kafka import KafkaConsumer

    made = KafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metrics_enabled=False,
    )
    _settle(made._cluster)
    return made


def _settle(metadata: Any) -> None:
    """Gives the client's metadata the settings that 3.0.12 takes but does not pass on to it.

    Without this a topic that does not exist is made by asking for it, and the first question
    about a topic waits 100 ms.
    """
    metadata.config.update(allow_auto_create_topics=False, retry_backoff_ms=20)


def place(topic: str, partition: int) -> Any:
    from kafka import TopicPartition

    return TopicPartition(topic, partition)
