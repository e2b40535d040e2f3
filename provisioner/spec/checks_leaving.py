"""Brokers and controllers that are to go: ``state: absent``."""

from __future__ import annotations

from provisioner.spec.build_nodes import ABSENT
from provisioner.spec.checks import Review


def check_all(review: Review) -> None:
    brokers(review)
    controllers(review)


def controllers(review: Review) -> None:
    """Of a dynamic quorum, and of a process of its own. Somebody has to stay."""
    shape = review.built.shape
    given = list(enumerate(shape.controllers or ()))
    gone = [(number, each) for number, each in given if each.state == ABSENT]
    if gone and len(gone) == review.written("controllers"):
        _nobody_stays(review, "controller", gone[-1][0])
    brokers = {broker.id for broker in shape.brokers}
    seen = {(each.id, each.host): number for number, each in given if each.state != ABSENT}
    for number, each in gone:
        if why := _not_yet(review, each.id, each.id in brokers):
            _unsupported(review, "controller", number, f"{each.id}{why}")
        if each.hold:
            _held(review, "controller", number, each.id)
        first = seen.setdefault((each.id, each.host), number)
        if first != number:
            review.report(
                f"controller {each.id} on {each.host} is in {review.where(('controllers', first))} "
                "already",
                ("controllers", number, "id"),
                "take one of them out",
            )


def _not_yet(review: Review, id: int, is_broker: bool) -> str:
    if review.built.spec.preinstalled:
        return " of a preinstalled Kafka"
    if is_broker:
        return ", which has the id of a broker,"
    if review.built.spec.controller_quorum != "dynamic":
        return " of a static quorum"
    return ""


def brokers(review: Review) -> None:
    """Somebody has to stay; and no broker that has another task on its host can go."""
    spec, shape = review.built.spec, review.built.shape
    gone = [n for n, given in enumerate(shape.brokers) if given.state == ABSENT]
    if gone and review.staying == 0:
        _nobody_stays(review, "broker", gone[-1])
    for number in gone:
        given = shape.brokers[number]
        if spec.preinstalled:
            _unsupported(review, "broker", number, f"{given.id} of a preinstalled Kafka")
        if any(c.id == given.id for c in shape.controllers or ()):
            why = f"{given.id}, which is a controller in the same process,"
            _unsupported(review, "broker", number, why)
        if given.hold:
            _held(review, "broker", number, given.id)


def _nobody_stays(review: Review, role: str, number: int) -> None:
    review.report(
        f"every {role} is absent, and a cluster has at least one",
        (f"{role}s", number, "state"),
        f"to remove the whole cluster: provision destroy --confirm {review.built.spec.cluster}",
    )


def _unsupported(review: Review, role: str, number: int, which: str) -> None:
    review.report(
        f"'state: absent' of {role} {which} is not yet supported",
        (f"{role}s", number, "state"),
        "take it out; a later release will support it",
        code="not-supported",
    )


def _held(review: Review, role: str, number: int, id: int) -> None:
    review.report(
        f"{role} {id} is to go, and to be left alone",
        (f"{role}s", number, "hold"),
        "take out one of state: absent and hold",
        key=True,
    )
