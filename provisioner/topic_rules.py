"""What makes a topic a worry, in numbers and in words: for the files (``spec/topic_warnings.py``)
and for the cluster as it is (``kinds/topic/warnings.py``).

Each sentence says what happens and what to write instead. The constants in capitals name a rule
where its findings are counted.
"""

from __future__ import annotations

MOST_REPLICAS = 4000
"""Partition replicas a broker. Apache Kafka's blog, "Apache Kafka Supports 200K Partitions Per
Cluster" (2018): up to 4,000 a broker. KRaft lifted the limit of a cluster, not a broker's: each
segment takes two of the 65,530 memory maps that Linux gives a process by default."""

UNCLEAN_KEY = "unclean.leader.election.enable"
MIN_ISR_KEY = "min.insync.replicas"

ONE_COPY = "with one copy of each partition"
ALL_IN_SYNC = "that need all their replicas in sync"
FEW_RACKS = "with more replicas than racks"
TOO_MANY = "with many partitions"
UNCLEAN = "with unclean leader election"
MIXED = "with different replication factors"
SHARED_RACK = "with replicas that share a rack"
COLLISIONS = "whose names collide in metrics"
DISK = "whose retention exceeds the disks"


def one_copy(topic: str, brokers: int) -> str:
    return (
        f"topic {topic} has one copy of each partition though there are {brokers} brokers: while a "
        "broker is down its partitions can be neither read nor written, and a lost disk loses "
        f"them; write replication: {min(3, brokers)}"
    )


def all_in_sync(topic: str, replicas: int, least: int) -> str:
    capped = f" ({least}, which Kafka takes as {replicas})" if least > replicas else ""
    return (
        f"topic {topic} has {replicas} replicas and needs all of them in sync{capped}: while any "
        f"broker of it is down, writes with acks=all fail; write {MIN_ISR_KEY}: {replicas - 1}, or "
        "more replicas"
    )


def few_racks(topic: str, replicas: int, racks: int) -> str:
    return (
        f"topic {topic} has {replicas} replicas of each partition on {racks} racks: two share a "
        f"rack and fail together; write replication: {racks}, or add a broker on another rack"
    )


def too_many(replicas: int, brokers: int, topic: str, partitions: int) -> str:
    return (
        f"{replicas:,} partition replicas on {brokers} broker{'s' if brokers > 1 else ''} are more "
        f"than {MOST_REPLICAS:,} a broker, the most that Apache Kafka's project advises (its blog, "
        f"2018): starts, elections and restarts take minutes; write fewer partitions, the most are "
        f"of topic {topic} ({partitions:,}), or add brokers"
    )


def unclean(whose: str) -> str:
    return (
        f"{UNCLEAN_KEY} is true for {whose}: when the last replica in sync is lost, one that is "
        "behind leads and acknowledged records are gone; take it out, or write false"
    )


def mixed(topic: str, fewest: int, most: int, where: str, write: int) -> str:
    return (
        f"topic {topic} has partitions with {fewest} and with {most} replicas ({where}): what one "
        f"broker's failure costs depends on the partition; write replication: {write}, or place "
        "its partitions"
    )


def shared_rack(topic: str, partitions: int, example: str, racks: int) -> str:
    has = "partition has" if partitions == 1 else "partitions have"
    return (
        f"topic {topic}: {partitions:,} {has} several replicas on one rack though there are {racks}"
        f" racks ({example}): they fail together; place them on different racks"
    )


def collision(topic: str, other: str) -> str:
    return (
        f"topics {topic} and {other} have the same name in metrics, where '.' and '_' are one: "
        "Kafka creates no second one, and their metrics are mixed; rename or delete one"
    )


def too_large(topic: str, wanted: int, disks: int, most: int) -> str:
    return (
        f"topic {topic} may keep {size(wanted)} (retention.bytes × partitions × replicas), and all "
        f"disks of the cluster have {size(disks)}: they fill up first; write retention.bytes: "
        f"{most} or less, or add disks"
    )


def too_large_together(wanted: int, disks: int, topic: str) -> str:
    return (
        f"topics may keep {size(wanted)} in all (retention.bytes × partitions × replicas), and all "
        f"disks of the cluster have {size(disks)}: they fill up first; write less retention.bytes, "
        f"the most is of topic {topic}, or add disks"
    )


def size(number: float) -> str:
    """``1.5 GB``: powers of ten, as disks are sold."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} PB"
