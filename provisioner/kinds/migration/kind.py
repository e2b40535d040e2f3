"""The kind ``migration``: the controllers have found each other and ZooKeeper; they have copied all
metadata. Kafka does both by itself, so the only step is to wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.ids import migration_id
from provisioner.kinds.kind import Difference, Kind
from provisioner.kinds.phases import CONTROLLERS, METADATA, asks_zookeeper, at_work, told
from provisioner.plan.model import (
    Await,
    Change,
    Deferred,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    State,
    Step,
    Unknown,
)
from provisioner.spec.types import Spec

DONE = "done"
PATIENCE = 120.0
WHAT = {
    CONTROLLERS: "the controllers of the migration are ready",
    METADATA: "all metadata is copied from ZooKeeper to the controllers",
}


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    """Of a migration that is taken back nothing is wanted; how far it was is asked all the same."""
    if not spec.migration:
        return {}
    return {migration_id(name): State({DONE: True}) for name in WHAT}


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """What has to run before there is anything to wait for."""
    return {
        id: replace(state, args={"early": not at_work(spec, observed, brokers=id.name == METADATA)})
        for id, state in mine.items()
    }


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    if not asks_zookeeper(spec):
        return {}
    if view.znodes is None:
        why = view.errors.get("znodes", "ZooKeeper was not asked")
        return {migration_id(name): Unknown(why) for name in WHAT}
    return {migration_id(name): seen for name, seen in told(view.znodes).items()}


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    if not fields or not isinstance(observation, Present):
        return False, None
    if state.args.get("early"):
        who = "every broker takes part" if id.name == METADATA else "they run"
        return True, Deferred(id, f"once {who}", "update", foreseen=True)
    before, after = {DONE: False}, {DONE: True}
    return True, Change(id, "update", before, after, (DONE,), reason=WHAT[id.name])


def settled(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present) and bool(observation.fields[DONE])


def steps(change: Change, state: State) -> Sequence[Step]:
    return [Await(change.id, PATIENCE)]


KIND = Kind(
    "migration",
    Layer.CLUSTER,
    rank=1,
    of_cluster=of_cluster,
    resolve=resolve,
    read=read,
    judge=judge,
    settled=settled,
    # Kafka does it as soon as it can, and may have undone it with its last controller.
    by_runs=lambda spec: bool(spec.migration),
    awaiting=lambda id: "the controllers to be ready" if id.name == CONTROLLERS else WHAT[METADATA],
    own_wave=True,
    of_zookeeper=True,
    steps=steps,
)
