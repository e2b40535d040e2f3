"""Which Java class each command of Kafka's ``bin/`` runs.

Classes moved between versions (``kafka.admin.*`` became ``org.apache.kafka.tools.*``). Candidates
are tried newest home first against the jars themselves, so a wrapper can never name a class that
is not there; what was found is kept in the lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

TOOLS = "org.apache.kafka.tools."
HEAP = "-Xmx512M"
CONNECT_HEAP = "-Xms256M -Xmx2G"

CANDIDATES: Mapping[str, tuple[str, ...]] = {
    "connect-distributed.sh": ("org.apache.kafka.connect.cli.ConnectDistributed",),
    "connect-mirror-maker.sh": ("org.apache.kafka.connect.mirror.MirrorMaker",),
    "connect-plugin-path.sh": (TOOLS + "ConnectPluginPath",),
    "connect-standalone.sh": ("org.apache.kafka.connect.cli.ConnectStandalone",),
    "kafka-acls.sh": (TOOLS + "AclCommand", "kafka.admin.AclCommand"),
    "kafka-broker-api-versions.sh": (
        TOOLS + "BrokerApiVersionsCommand",
        "kafka.admin.BrokerApiVersionsCommand",
    ),
    "kafka-client-metrics.sh": (TOOLS + "ClientMetricsCommand",),
    "kafka-cluster.sh": (TOOLS + "ClusterTool",),
    "kafka-configs.sh": (TOOLS + "ConfigCommand", "kafka.admin.ConfigCommand"),
    "kafka-console-consumer.sh": (TOOLS + "consumer.ConsoleConsumer",),
    "kafka-console-producer.sh": (TOOLS + "ConsoleProducer", "kafka.tools.ConsoleProducer"),
    "kafka-console-share-consumer.sh": (TOOLS + "consumer.ConsoleShareConsumer",),
    "kafka-consumer-groups.sh": (TOOLS + "consumer.group.ConsumerGroupCommand",),
    "kafka-consumer-perf-test.sh": (TOOLS + "ConsumerPerformance",),
    "kafka-delegation-tokens.sh": (TOOLS + "DelegationTokenCommand",),
    "kafka-delete-records.sh": (TOOLS + "DeleteRecordsCommand",),
    "kafka-dump-log.sh": (TOOLS + "DumpLogSegments", "kafka.tools.DumpLogSegments"),
    "kafka-e2e-latency.sh": (TOOLS + "EndToEndLatency",),
    "kafka-features.sh": (TOOLS + "FeatureCommand",),
    "kafka-get-offsets.sh": (TOOLS + "GetOffsetShell",),
    "kafka-groups.sh": (TOOLS + "GroupsCommand",),
    "kafka-jmx.sh": (TOOLS + "JmxTool",),
    "kafka-leader-election.sh": (TOOLS + "LeaderElectionCommand",),
    "kafka-log-dirs.sh": (TOOLS + "LogDirsCommand",),
    "kafka-metadata-quorum.sh": (TOOLS + "MetadataQuorumCommand",),
    "kafka-metadata-shell.sh": ("org.apache.kafka.shell.MetadataShell",),
    "kafka-producer-perf-test.sh": (TOOLS + "ProducerPerformance",),
    "kafka-reassign-partitions.sh": (TOOLS + "reassign.ReassignPartitionsCommand",),
    "kafka-replica-verification.sh": (TOOLS + "ReplicaVerificationTool",),
    "kafka-share-consumer-perf-test.sh": (TOOLS + "ShareConsumerPerformance",),
    "kafka-share-groups.sh": (TOOLS + "consumer.group.ShareGroupCommand",),
    "kafka-storage.sh": (TOOLS + "StorageTool", "kafka.tools.StorageTool"),
    "kafka-streams-application-reset.sh": (TOOLS + "StreamsResetter",),
    "kafka-streams-groups.sh": (TOOLS + "streams.StreamsGroupCommand",),
    "kafka-topics.sh": (TOOLS + "TopicCommand",),
    "kafka-transactions.sh": (TOOLS + "TransactionsCommand",),
    "kafka-verifiable-consumer.sh": (TOOLS + "VerifiableConsumer",),
    "kafka-verifiable-producer.sh": (TOOLS + "VerifiableProducer",),
    "kafka-verifiable-share-consumer.sh": (TOOLS + "VerifiableShareConsumer",),
    "trogdor.sh": ("org.apache.kafka.trogdor.agent.Agent",),
    "zookeeper-security-migration.sh": ("kafka.admin.ZkSecurityMigrator",),
    "zookeeper-shell.sh": ("org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka",),
}

EXTRA_JARS: Mapping[str, str] = {
    "connect-mirror-maker.sh": "connect-mirror",
    "kafka-metadata-shell.sh": "kafka-shell",
    "trogdor.sh": "trogdor",
}
"""Commands of Kafka's download whose jars are no dependency of the broker or its tools."""

HEAPS: Mapping[str, str] = {
    "connect-distributed.sh": CONNECT_HEAP,
    "connect-mirror-maker.sh": CONNECT_HEAP,
    "connect-plugin-path.sh": CONNECT_HEAP,
    "connect-standalone.sh": CONNECT_HEAP,
    "kafka-console-consumer.sh": HEAP,
    "kafka-console-producer.sh": HEAP,
    "kafka-console-share-consumer.sh": HEAP,
    "kafka-consumer-perf-test.sh": HEAP,
    "kafka-producer-perf-test.sh": HEAP,
    "kafka-share-consumer-perf-test.sh": HEAP,
    "kafka-streams-application-reset.sh": HEAP,
    "kafka-verifiable-consumer.sh": HEAP,
    "kafka-verifiable-producer.sh": HEAP,
    "kafka-verifiable-share-consumer.sh": HEAP,
}
"""Where Kafka's own wrappers want more than the 256 MB of its other tools."""


def find_commands(jars: Iterable[Path]) -> dict[str, str]:
    """Command → class, for every command with a class in these jars (about 0.1 s for Kafka)."""
    import zipfile  # slow to import, and planning needs only the names above

    present: set[str] = set()
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            present.update(archive.namelist())
    found = {}
    for command, classes in CANDIDATES.items():
        hits = [name for name in classes if name.replace(".", "/") + ".class" in present]
        if hits:
            found[command] = hits[0]
    return found
