"""A migration from ZooKeeper to KRaft: what Kafka cannot migrate, as far as the file shows it."""

from __future__ import annotations

from provisioner.spec.build_nodes import ABSENT
from provisioner.spec.checks import Review
from provisioner.spec.types import Role
from provisioner.spec.words import release

ONLY = (3, 9)
"""The version with which a cluster is migrated: the last one with ZooKeeper."""
PROTOCOL = "inter.broker.protocol.version"


def check_all(review: Review) -> None:
    if review.built.shape.migration is None or review.is_elsewhere:
        return
    for one in (both, version, quorum, combined, source, leaving, properties, several_disks):
        one(review)


def both(review: Review) -> None:
    for part in ("zookeeper", "controllers"):
        if not review.written(part):
            way = (
                "the migration is finalised without both: take migration out"
                if part == "zookeeper"
                else "add the controllers that the cluster is to have, or take migration out"
            )
            review.report(f"'migration' without {part}", ("migration",), way, key=True)


def version(review: Review) -> None:
    given = review.built.spec.version
    if review.version_is_known and release(given)[:2] != ONLY:
        review.report(
            f"Kafka {given} is not migrated to KRaft here: 3.9 is the version to do it with",
            ("migration",),
            "bring the cluster to kafka.version 3.9 first, in a run of its own",
        )


def quorum(review: Review) -> None:
    if review.built.spec.controller_quorum == "dynamic":
        review.report(
            "a migration needs a static quorum",
            ("controller_quorum",),
            "take it out, or write static",
        )


def combined(review: Review) -> None:
    """Kafka's migration does not know them."""
    for node in review.built.spec.nodes:
        if node.role is Role.COMBINED:
            review.report(
                f"{node.name} is broker and controller in one process, and Kafka migrates only to "
                "controllers of their own",
                review.built.controller_locs[node.id],
                "give the controller another id (ids of brokers and controllers are one set)",
            )


def source(review: Review) -> None:
    if review.built.spec.preinstalled:
        review.report(
            "the migration of a preinstalled Kafka is not yet supported",
            ("migration",),
            "take it out; a later release will support it",
            code="not-supported",
        )


def leaving(review: Review) -> None:
    for number, given in enumerate(review.built.shape.brokers):
        if given.state == ABSENT:
            review.report(
                f"broker {given.id} is to go while the cluster is migrated",
                ("brokers", number, "state"),
                "remove it before the migration, or after it is finalised",
            )


def properties(review: Review) -> None:
    """The version that brokers speak is 3.9's own, and a broker in KRaft mode has none."""
    for node in review.built.spec.nodes:
        if node.role is not Role.ZOOKEEPER and PROTOCOL in node.config:
            review.report(
                f"'{PROTOCOL}' cannot be set in a migration: it has to be that of 3.9",
                review.config_loc(node, PROTOCOL),
                "take it out and apply that before migration is written",
                key=True,
            )
            return


def several_disks(review: Review) -> None:
    for node in review.built.spec.brokers:
        if len(node.log_dirs) > 1:
            review.warn(
                f"{node.name} has several log dirs: during a migration a broker shuts down when "
                "it loses one of them (KAFKA-16431)",
                review.built.loc(node, "log_dirs"),
            )
            return
