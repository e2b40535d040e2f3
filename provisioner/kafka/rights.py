"""Which right each request needs, and what Kafka's refusals for want of one mean in words.

By StandardAuthorizer, as KafkaApis and ControllerApis ask it. Kafka names neither the operation nor
the resource in its answer: the code tells the kind of resource, and this table the operation.
"""

from __future__ import annotations

from collections.abc import Mapping

TOPIC, GROUP, CLUSTER = "topic", "group", "cluster"

REFUSED = {
    29: ("TOPIC_AUTHORIZATION_FAILED", TOPIC),
    30: ("GROUP_AUTHORIZATION_FAILED", GROUP),
    31: ("CLUSTER_AUTHORIZATION_FAILED", CLUSTER),
}
"""Kafka's codes: their names, and what the missing right is on."""
NOT_THE_CLUSTER = REFUSED[31][0]

OPERATIONS: Mapping[str, Mapping[str, str]] = {
    "ApiVersions": {},
    "Metadata": {TOPIC: "DESCRIBE"},
    "DescribeCluster": {},
    "DescribeQuorum": {CLUSTER: "DESCRIBE"},
    "DescribeConfigs": {TOPIC: "DESCRIBE_CONFIGS", CLUSTER: "DESCRIBE_CONFIGS"},
    "DescribeLogDirs": {CLUSTER: "DESCRIBE"},
    "ListPartitionReassignments": {CLUSTER: "DESCRIBE"},
    "DescribeClientQuotas": {CLUSTER: "DESCRIBE_CONFIGS"},
    "ListOffsets": {TOPIC: "DESCRIBE"},
    "ListGroups": {CLUSTER: "DESCRIBE"},
    "OffsetFetch": {GROUP: "DESCRIBE", TOPIC: "DESCRIBE"},
    "DescribeShareGroupOffsets": {GROUP: "DESCRIBE", TOPIC: "DESCRIBE"},
    "CreateTopics": {TOPIC: "CREATE"},
    "CreatePartitions": {TOPIC: "ALTER"},
    "DeleteTopics": {TOPIC: "DELETE and DESCRIBE"},
    "IncrementalAlterConfigs": {TOPIC: "ALTER_CONFIGS", CLUSTER: "ALTER_CONFIGS"},
    "AlterPartitionReassignments": {CLUSTER: "ALTER"},
    "ElectLeaders": {CLUSTER: "ALTER"},
    "UpdateFeatures": {CLUSTER: "ALTER"},
    "UnregisterBroker": {CLUSTER: "ALTER"},
    "UnregisterController": {CLUSTER: "ALTER"},
    "AlterClientQuotas": {CLUSTER: "ALTER_CONFIGS"},
    "AddRaftVoter": {CLUSTER: "ALTER"},
    "RemoveRaftVoter": {CLUSTER: "ALTER"},
}
"""Every request that is made, with the operation on each kind of resource that Kafka may refuse. A
right on the cluster that suffices as well (CREATE, for topics) is not needed."""


def needs(api: str, code: int, name: str) -> str | None:
    """``needs DESCRIBE_CONFIGS on topic atu``; None where the code is not about rights. ``name``:
    of the topic or the group."""
    if code not in REFUSED:
        return None
    _, resource = REFUSED[code]
    operation = OPERATIONS.get(api, {}).get(resource, "a right that Kafka does not name")
    return f"needs {operation} on {'the cluster' if resource == CLUSTER else f'{resource} {name}'}"
