"""What is known of features, and what Kafka is asked before one is raised or lowered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import (
    DescribeFeatures,
    Level,
    RegisteredBrokers,
    RegisteredControllers,
    Supported,
    ValidateFeatures,
)
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.retiring import whom
from provisioner.kinds.switch import may_switch
from provisioner.spec import features
from provisioner.spec.types import Spec

METADATA = features.METADATA
FOUR = 22
"""The first metadata.version of Kafka 4.0."""
SWITCHES = 26
"""The first metadata.version of Kafka 4.1, which makes a static quorum dynamic."""
BEYOND, MOST_ASKED = 100, 2_000
"""How far beyond the known ids of brokers others are looked for, and how many at most."""


@dataclass(frozen=True)
class Told:
    """``finalized``: feature → level. ``supported``: broker → feature → lowest and highest level.
    ``whole``: every living broker has told its own."""

    finalized: Mapping[str, int]
    supported: Mapping[int, Mapping[str, tuple[int, int]]]
    whole: bool

    @property
    def names(self) -> list[str]:
        """Every feature but ``kraft.version``, metadata.version first."""
        return sorted(self.every - {features.KRAFT}, key=lambda name: (name != METADATA, name))

    @property
    def every(self) -> set[str]:
        return {*self.finalized, *(name for each in self.supported.values() for name in each)}

    def now(self, name: str) -> int:
        return self.finalized.get(name, 0)

    def range(self, name: str) -> tuple[int, int]:
        """What all of them support; (0, 0) where one does not know the feature."""
        each = [known.get(name, (0, 0)) for known in self.supported.values()]
        return max((low for low, _ in each), default=0), min((top for _, top in each), default=0)

    def lacking(self, name: str, level: int) -> list[tuple[int, int]]:
        """(broker, highest level) of those that do not support it."""
        tops = ((id, known.get(name, (0, 0))[1]) for id, known in sorted(self.supported.items()))
        return [(id, top) for id, top in tops if top < level]


def told(view: ClusterView) -> Told | None:
    """None where nobody has told, or the one who did does not know what is finalised."""
    here: Supported | None = view.answers.get(DescribeFeatures())
    if here is None or here.epoch < 0:
        return None
    own = {id: view.answers.get(DescribeFeatures(id)) for id in sorted(view.alive)}
    known = {id: each.supported for id, each in own.items() if each is not None}
    if known:
        return Told(here.finalized, known, len(known) == len(own))
    return Told(here.finalized, {-1: here.supported}, len(own) == 1)


def wanted_levels(spec: Spec) -> Mapping[str, int]:
    """By name, metadata.version first; those of ``latest`` from Kafka's own table. What the spec
    says of the quorum is the level of ``kraft.version``."""
    if not spec.is_kraft:
        return {}
    levels = {features.KRAFT: 1} if may_switch(spec) else {}
    if spec.features is not None:
        levels |= spec.features.levels
    if spec.features is not None and spec.features.latest:
        known = features.features(spec.version)
        levels |= {n: f.most for n, f in known.items() if n != features.KRAFT and f.most > 0}
    return dict(sorted(levels.items(), key=lambda item: (item[0] != METADATA, item[0])))


def asks_more(view: ClusterView, spec: Spec) -> Sequence[Ask]:
    """What every broker supports, where a level differs from the wanted one or could be raised;
    then whether Kafka would do it. Which controllers are registered, at the one that leads."""
    known = told(view)
    if known is None:
        return ()
    levels = wanted_levels(spec)
    differing = [name for name, level in levels.items() if known.now(name) != level]
    open_ = [name for name in known.names if known.range(name)[1] > known.now(name)]
    asks: list[Ask] = [*_of_controllers(view, spec), *_of_brokers(known, view, spec)]
    if differing or open_:
        asks += [DescribeFeatures(id) for id in sorted(view.alive)]
    if known.whole:
        asks += [ask for name in differing if (ask := question(known, levels, name)) is not None]
    return asks


def question(known: Told, levels: Mapping[str, int], name: str) -> ValidateFeatures | None:
    """Whether Kafka would finalise this one; one that is raised together with metadata.version,
    which is raised before it. None where a broker does not support the level yet."""
    level = levels[name]
    if known.lacking(name, level) or lacking_switch(known, name):
        return None
    mine = Level(name, level, lower=level < known.now(name))
    before = Level(METADATA, levels.get(METADATA, 0))
    rises = before.level > known.now(METADATA) and not known.lacking(METADATA, before.level)
    if name == METADATA or mine.lower or not rises:
        return ValidateFeatures((mine,))
    return ValidateFeatures((before, mine))


def lacking_switch(known: Told, name: str) -> list[tuple[int, int]]:
    """Who is too old to make a static quorum dynamic, though it knows dynamic ones."""
    return known.lacking(METADATA, SWITCHES) if name == features.KRAFT else []


def _of_brokers(known: Told, view: ClusterView, spec: Spec) -> Iterator[RegisteredBrokers]:
    """Before another version than 3.x, which does not tell of brokers that do not run."""
    wanted = features.features(spec.version).get(METADATA)
    top = known.range(METADATA)[1]
    if wanted is not None and top < FOUR <= wanted.most:
        most = max(BEYOND, *(broker.id for broker in view.brokers))
        ids = range(min(most + BEYOND, MOST_ASKED))
        others = {broker.id for broker in view.brokers} - set(ids)
        yield RegisteredBrokers((*ids, *sorted(others)))


def _of_controllers(view: ClusterView, spec: Spec) -> Iterator[RegisteredControllers]:
    """The one that leads, else another one that votes: that which leads may be nobody's here."""
    if view.quorum is None:
        return
    leader, voters = view.quorum.leader, view.quorum.voters
    for node in sorted(spec.controllers, key=lambda each: each.id != leader):
        if node.id in voters and node.controller_listener is not None:
            yield whom(spec, node)
            return
