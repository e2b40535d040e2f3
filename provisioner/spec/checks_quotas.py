"""Quotas of nobody, without a rate, or of the same entity twice."""

from __future__ import annotations

from provisioner.spec import compiled
from provisioner.spec.build_topics import ENTITY
from provisioner.spec.checks import Review
from provisioner.spec.shape import dig
from provisioner.spec.types import Quota as Built
from provisioner.spec.yamlfile import Loc

RATES = [word for word in compiled.table()["Quota"] if word not in ENTITY]


def check_all(review: Review) -> None:
    seen: dict[tuple[tuple[str, str | None], ...], Loc] = {}
    for number, quota in enumerate(review.built.spec.quotas or ()):
        loc: Loc = ("quotas", number)
        if not complete(review, number):
            continue  # what was wrong with it has been said
        if not quota.entity:
            review.report(
                "the quota names neither user nor client_id",
                loc,
                "write user: NAME, client_id: NAME, or both; null is the default of all",
            )
            continue
        if not quota.rates:
            review.report(
                f"the quota of {who(quota)} has no rate", loc, f"give one of {', '.join(RATES)}"
            )
        first = seen.setdefault(quota.entity, loc)
        if first is not loc:
            review.report(
                f"the quota of {who(quota)} is given twice (first in {review.where(first)})",
                loc,
                "keep one, with all its rates",
            )


def complete(review: Review, number: int) -> bool:
    """Whether all that was written of it was understood."""
    written = dig(review.source.data, ("quotas",))
    understood = review.built.shape.quotas or []
    return len(written) == len(understood) and (
        written[number].keys() == understood[number].model_fields_set
    )


def who(quota: Built) -> str:
    return " and ".join(
        f"{kind} {name}" if name is not None else f"the default {kind}"
        for kind, name in quota.entity
    )
