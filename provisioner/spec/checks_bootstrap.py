"""A spec with ``bootstrap`` in place of hosts: of a Kafka that somebody else runs."""

from __future__ import annotations

from provisioner.spec.checks import Review

OF_HOSTS = (
    "brokers",
    "controllers",
    "zookeeper",
    "hosts",
    "inventory",
    "defaults",
    "controller_quorum",
)
"""Words that mean nothing where no host is known."""


def check_all(review: Review) -> None:
    if not review.is_elsewhere:
        if "broker_config" in review.source.data:
            review.report(
                "'broker_config' without bootstrap",
                ("broker_config",),
                "of a broker on a host it is the broker's config, or defaults",
                key=True,
            )
        return
    for word in OF_HOSTS:
        if word in review.source.data:
            review.report(
                f"'{word}' is about hosts, and a spec with bootstrap knows none",
                (word,),
                "take it out, or take bootstrap out and describe the hosts",
                key=True,
            )
    of_kafka(review)
    addresses(review)
    throttles(review)


def of_kafka(review: Review) -> None:
    """Of Kafka itself only the version is needed: which properties it knows."""
    written = review.source.data.get("kafka")
    for word in written if isinstance(written, dict) else ():
        if word != "version":
            review.report(
                f"'kafka.{word}' is about hosts, and a spec with bootstrap knows none",
                ("kafka", word),
                "take it out",
                key=True,
            )


def addresses(review: Review) -> None:
    given = review.built.spec.bootstrap
    for number, address in enumerate(given):
        if address in given[:number]:
            review.report(
                f"{address[0]}:{address[1]} is named twice",
                ("bootstrap", number),
                "name each address once",
            )


THROTTLES = (
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
)


def throttles(review: Review) -> None:
    for name, config in (review.built.shape.broker_config or {}).items():
        for key in THROTTLES:
            if key in config:
                review.report(
                    f"'{key}' limits replicas that move, and is no configuration of a broker",
                    ("broker_config", name, key),
                    "take it out; policy.move.rate is the tool's own limit",
                    key=True,
                )
