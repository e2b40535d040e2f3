"""Cross-checks of ``kafka.source: preinstalled``, and of the words that only it may have."""

from __future__ import annotations

from typing import Any

from provisioner.spec.checks import Review
from provisioner.spec.shape import dig
from provisioner.spec.types import Supervisor
from provisioner.spec.yamlfile import Loc

OURS = "only with kafka.source: preinstalled"


def check_all(review: Review) -> None:
    if review.built.spec.preinstalled:
        kafka(review)
        units(review)
        environment(review)
        twice(review)
        return
    for part, number, item in review.items():
        for word in ("config_file", "unit"):
            if getattr(item, word) is not None:
                loc: Loc = (part, number, word)
                review.report(f"'{word}' is {OURS}", loc, "take it out", key=True)


def kafka(review: Review) -> None:
    """Where Kafka is, and whose Java runs it."""
    given = review.built.shape.kafka
    if given.home is None:
        review.report(
            "a preinstalled Kafka needs kafka.home",
            ("kafka", "source"),
            "add home: the folder on the hosts that has its bin/ and libs/",
        )
    if given.java == "bundled" and "java" in given.model_fields_set:
        review.report(
            "a preinstalled Kafka does not run with the bundled Java",
            ("kafka", "java"),
            "write system, or the path of a Java home on the hosts",
        )


def units(review: Review) -> None:
    """Under systemd each node runs by a unit that is there already."""
    systemd = review.built.spec.supervisor is Supervisor.SYSTEMD
    for node in review.built.spec.nodes:
        loc = review.built.loc(node)
        if systemd and not node.unit and dig(review.source.data, (*loc, "unit")) is None:
            review.report(
                f"{node.name} has no unit: with kafka.source: preinstalled under systemd it runs "
                "by one that is there already",
                loc,
                "add unit: NAME.service, or write supervisor: process under kafka",
            )
        elif node.unit and not systemd:
            review.report(
                f"{node.name} has a unit, and kafka.supervisor is process",
                (*loc, "unit") if _own(review, loc, "unit") else loc,
                "write supervisor: systemd under kafka, or take the unit out",
            )


def environment(review: Review) -> None:
    """What a process that runs already has in its environment is not looked at."""
    layers: list[tuple[Any, Loc]] = [(review.built.shape.defaults, ("defaults",))]
    layers += [(item, (part, number)) for part, number, item in review.items()]
    for layer, loc in layers:
        if layer.env:
            review.report(
                "'env' of a preinstalled Kafka is not yet supported",
                (*loc, "env"),
                "take it out; options of the JVM are jvm_opts, its heap is heap",
                code="not-supported",
                key=True,
            )
        for option in layer.jvm_opts or ():
            if set(option) & set(" \t\"'\\"):
                review.report(
                    f"'{option}' has a blank or a quote, which Kafka's own scripts take apart",
                    (*loc, "jvm_opts"),
                    "write options without blanks and quotes",
                )


def twice(review: Review) -> None:
    """Two nodes of a host with one file, or one unit."""
    seen: dict[tuple[str, str], str] = {}
    for node in review.built.spec.nodes:
        for word, value in (("config_file", node.properties), ("unit", node.unit)):
            other = seen.setdefault((node.host, value), node.name) if value else node.name
            if other != node.name:
                review.report(
                    f"{node.name} has the {word} of {other}: {value}",
                    review.built.loc(node),
                    "give each its own",
                )


def _own(review: Review, loc: Loc, word: str) -> bool:
    part, number, *_ = loc
    return getattr(getattr(review.built.shape, str(part))[int(number)], word) is not None
