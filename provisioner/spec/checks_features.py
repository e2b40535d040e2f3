"""Features that Kafka does not have, or levels that the spec's version does not know."""

from __future__ import annotations

from provisioner.spec import features
from provisioner.spec.checks import Review
from provisioner.spec.nearest import NameIndex
from provisioner.spec.yamlfile import Loc


def check_all(review: Review) -> None:
    given = review.built.shape.features
    if given is None:
        return
    if review.written("zookeeper"):
        early = "'features' in a migration: none is finalised before the migration is"
        without = "'features' without controllers: features are finalised in KRaft mode"
        review.report(
            early if review.built.shape.migration else without,
            ("features",),
            key=True,
            hint="take it out",
        )
    elif not isinstance(given, str):
        for name, word in given.items():
            _check(review, name, word)


def _check(review: Review, name: str, word: str) -> None:
    version = review.built.spec.version
    loc: Loc = ("features", name)
    table = features.features(version)
    if name == features.KRAFT:
        review.report(
            "kraft.version is not yet supported here: it makes a static quorum dynamic for good",
            loc,
            "take it out; controller_quorum says which the quorum is",
            code="not-supported",
        )
        return
    sure = features.is_exact(version) and review.version_is_known
    if name not in table:
        if name not in features.known_names() or sure:
            near, _ = NameIndex(sorted(features.known_names())).nearest(name)
            known = ", ".join(sorted(set(table) - {features.KRAFT}))
            hint = f"did you mean '{near}'?" if near and near != name else f"it has {known}"
            review.report(f"Kafka {version} has no feature '{name}'", loc, hint, key=True)
        return
    level = features.level(name, word)
    if level is None:
        review.report(
            f"{name} has no level '{word}'",
            loc,
            f"{_range(name, table[name])} in Kafka {version}",
        )
    elif sure and not _fits(name, level, table[name]):
        review.report(
            f"Kafka {version} does not have level {features.shown(name, level)} of {name}",
            loc,
            f"it has {_range(name, table[name])}",
        )


def _fits(name: str, level: int, feature: features.Feature) -> bool:
    if level == 0 and name != features.METADATA:
        return True
    return feature.least <= level <= feature.most


def _range(name: str, feature: features.Feature) -> str:
    return f"{features.shown(name, feature.least)} to {features.shown(name, feature.most)}"
