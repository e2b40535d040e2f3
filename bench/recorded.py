"""Brokers of recorded answers: a cluster too big for this machine, over real sockets.

    python -m bench.recorded TOPICS PARTITIONS PORT…

A broker for each port, with ids from 1 on; it says ``up`` once it listens. Every topic has three
replicas in sync and the forty settings of a topic, all of them Kafka's defaults but one; a broker
has three hundred. What is asked twice is answered from memory, so that our side alone is measured.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from kafka.protocol.admin import cluster
from kafka.protocol.admin.configs import DescribeConfigsRequest, DescribeConfigsResponse
from kafka.protocol.metadata import ApiVersionsResponse, MetadataResponse

from provisioner.kafka.requests.configs import TOPIC

CLUSTER = "recorded-cluster-id-00"
METADATA, VERSIONS, CONFIGS, LOG_DIRS, QUORUM, DESCRIBED = 3, 18, 32, 35, 55, 60
SPOKEN = {METADATA: 12, VERSIONS: 3, CONFIGS: 4, LOG_DIRS: 3, QUORUM: 1, DESCRIBED: 1}
"""The request's number: the newest version."""
OVERRIDE, DEFAULT = 1, 5
SETTINGS = {
    "retention.ms": ("86400000", OVERRIDE),
    "min.insync.replicas": ("2", DEFAULT),
    "cleanup.policy": ("delete", DEFAULT),
    "retention.bytes": ("-1", DEFAULT),
    **{f"some.other.setting.{number}": ("2147483647", DEFAULT) for number in range(36)},
}
OF_BROKERS = {f"some.setting.of.brokers.{number}": ("10000", DEFAULT) for number in range(300)}


@contextmanager
def brokers(topics: int, partitions: int, ports: Sequence[int]) -> Iterator[None]:
    """A process of their own: what they do is no time of whoever asks them."""
    words = [sys.executable, "-m", "bench.recorded", *map(str, (topics, partitions, *ports))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "up\n"
            yield
        finally:
            child.kill()


class Recorded:
    """What a broker answers, made once."""

    def __init__(self, topics: int, partitions: int, ports: Sequence[int]) -> None:
        self.ids = range(1, len(ports) + 1)
        self.ports = ports
        self.names = sorted(f"team-{number % 40}.topic-{number // 40}" for number in range(topics))
        self.partitions = partitions
        self._known: dict[bytes, bytes] = {}

    def answer(self, request: bytes) -> bytes:
        """The body, of a request without its length; header tags before it where there are any."""
        key, version = struct.unpack_from(">hh", request)
        if key == VERSIONS:
            return self._versions()
        asked = request[:4] + request[8:]  # without the number of the request
        if asked not in self._known:
            self._known[asked] = b"\0" + self._made(key, version, request)
        return self._known[asked]

    def _made(self, key: int, version: int, request: bytes) -> bytes:
        made: Any
        if key == METADATA:
            made = self._metadata()
        elif key == CONFIGS:
            asked = DescribeConfigsRequest.decode(request, version=version, header=True)
            made = _configs(asked.resources)
        elif key == LOG_DIRS:
            result = cluster.DescribeLogDirsResponse.DescribeLogDirsResult
            one = result(
                error_code=0, log_dir="/data", topics=[], total_bytes=10**13, usable_bytes=10**12
            )
            made = cluster.DescribeLogDirsResponse(throttle_time_ms=0, error_code=0, results=[one])
        elif key == QUORUM:
            made = _quorum()
        else:
            assert key == DESCRIBED, key
            made = cluster.DescribeClusterResponse(
                throttle_time_ms=0,
                error_code=0,
                error_message=None,
                endpoint_type=1,
                cluster_id=CLUSTER,
                controller_id=1,
                brokers=[],
            )
        encoded: bytes = made.encode(version=version)
        return encoded

    def _versions(self) -> bytes:
        known = ApiVersionsResponse.ApiVersion
        keys = [known(api_key=k, min_version=0, max_version=v) for k, v in SPOKEN.items()]
        encoded: bytes = ApiVersionsResponse(error_code=0, api_keys=keys).encode(version=3)
        return encoded

    def _metadata(self) -> Any:
        broker, topic = (
            MetadataResponse.MetadataResponseBroker,
            MetadataResponse.MetadataResponseTopic,
        )
        return MetadataResponse(
            throttle_time_ms=0,
            brokers=[
                broker(node_id=id, host="localhost", port=port, rack=f"rack-{id % 3}")
                for id, port in zip(self.ids, self.ports, strict=True)
            ],
            cluster_id=CLUSTER,
            controller_id=1,
            topics=[
                topic(
                    error_code=0,
                    name=name,
                    topic_id=UUID(int=number + 1),
                    is_internal=False,
                    partitions=[self._partition(number, each) for each in range(self.partitions)],
                )
                for number, name in enumerate(self.names)
            ],
        )

    def _partition(self, topic: int, number: int) -> Any:
        replicas = [self.ids[(topic + number + copy) % len(self.ids)] for copy in range(3)]
        return MetadataResponse.MetadataResponseTopic.MetadataResponsePartition(
            error_code=0,
            partition_index=number,
            leader_id=replicas[0],
            leader_epoch=0,
            replica_nodes=replicas,
            isr_nodes=replicas,
            offline_replicas=[],
        )


def _configs(resources: Sequence[Any]) -> Any:
    result = DescribeConfigsResponse.DescribeConfigsResult
    entry = result.DescribeConfigsResourceResult
    synonym = entry.DescribeConfigsSynonym

    def told(settings: Mapping[str, tuple[str, int]], synonyms: bool) -> list[Any]:
        return [
            entry(
                name=name,
                value=value,
                read_only=False,
                config_source=source,
                is_sensitive=False,
                synonyms=[synonym(name=name, value=value, source=source)] if synonyms else [],
                config_type=5,
                documentation=None,
            )
            for name, (value, source) in settings.items()
        ]

    of_topic, of_broker = told(SETTINGS, False), told(OF_BROKERS, True)
    results = [
        result(
            error_code=0,
            error_message=None,
            resource_type=each.resource_type,
            resource_name=each.resource_name,
            configs=of_topic if each.resource_type == TOPIC else of_broker,
        )
        for each in resources
    ]
    return DescribeConfigsResponse(throttle_time_ms=0, results=results)


def _quorum() -> Any:
    topic = cluster.DescribeQuorumResponse.TopicData
    partition, voter = topic.PartitionData, topic.PartitionData.ReplicaState
    voters = [
        voter(
            replica_id=id,
            log_end_offset=1000,
            last_fetch_timestamp=-1,
            last_caught_up_timestamp=-1,
        )
        for id in (101, 102, 103)
    ]
    one = partition(
        partition_index=0,
        error_code=0,
        leader_id=101,
        leader_epoch=1,
        high_watermark=1000,
        current_voters=voters,
        observers=[],
    )
    topics = [topic(topic_name="__cluster_metadata", partitions=[one])]
    return cluster.DescribeQuorumResponse(error_code=0, topics=topics)


def _serve(connection: socket.socket, recorded: Recorded) -> None:
    with connection, connection.makefile("rb") as asked:
        while length := asked.read(4):
            request = asked.read(struct.unpack(">i", length)[0])
            data = request[4:8] + recorded.answer(request)
            connection.sendall(struct.pack(">i", len(data)) + data)


def _listen(port: int) -> socket.socket:
    listening = socket.create_server(("localhost", port))
    listening.listen(20)
    return listening


def _accept(listening: socket.socket, recorded: Recorded) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_serve, args=(connection, recorded), daemon=True).start()


def main(topics: int, partitions: int, ports: Sequence[int]) -> None:
    recorded = Recorded(topics, partitions, ports)
    threads = [
        threading.Thread(target=_accept, args=(_listen(port), recorded), daemon=True)
        for port in ports
    ]
    for thread in threads:
        thread.start()
    print("up", flush=True)
    threads[0].join()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), list(map(int, sys.argv[3:])))
