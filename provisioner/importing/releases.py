"""The release of Kafka, by what its brokers say that they support.

Kafka tells no release. ``metadata.version`` has its levels release by release
(``org.apache.kafka.server.common.MetadataVersion``); the last number of a release changes nothing
that a spec can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from provisioner.spec import features
from provisioner.spec.properties import versions
from provisioner.spec.words import release

OLDER = {
    (3, 3): 7,
    (3, 4): 8,
    (3, 5): 11,
    (3, 6): 14,
    (3, 7): 19,
    (3, 8): 20,
}
"""The newest level that each release supports that has no table."""


@cache
def levels() -> Mapping[tuple[int, int], int]:
    """The newest level that each release supports, the oldest release first."""
    known = {release(v)[:2]: features.features(v)[features.METADATA].most for v in versions()}
    return {**OLDER, **known}


def version_of(level: int | None) -> str:
    """The version that a spec names: of the release with this level the newest whose properties
    are known. A level that is not known counts as that of the newest release, none as that of the
    oldest that is supported."""
    newest = versions()[-1]
    if level is None:
        return versions()[0]
    minor = next((m for m, most in levels().items() if level <= most), release(newest)[:2])
    known = [version for version in versions() if release(version)[:2] == minor]
    return known[-1] if known else f"{minor[0]}.{minor[1]}.0"
