"""Every kind of thing there is. A new kind is a folder and one line here."""

from collections.abc import Collection, Iterable

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.request import Ask
from provisioner.kinds import (
    account,
    broker,
    broker_config,
    directory,
    feature,
    file,
    java,
    kafka,
    leader,
    migration,
    placement,
    quota,
    refill,
    service,
    storage,
    throttle,
    topic,
    voter,
)
from provisioner.kinds.kind import Kind
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import Absent, Id, Observation, State, Unknown
from provisioner.spec.types import Spec

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        account,
        directory,
        java,
        kafka,
        file,
        storage,
        service,
        migration,
        voter,
        broker,
        broker_config,
        feature,
        topic,
        leader,
        quota,
        placement,
        throttle,
        refill,
    )
}


def desired(spec: Spec, layouts: Iterable[HostLayout]) -> dict[Id, State]:
    """What the spec wants, on every host that could be reached, and of the cluster."""
    states: dict[Id, State] = {}
    for places in layouts:
        for kind in KINDS.values():
            states.update(kind.desired(spec, places))
    for kind in KINDS.values():
        states.update(kind.of_cluster(spec))
    return states


def asks(spec: Spec, names: Collection[str] = KINDS.keys()) -> tuple[Ask, ...]:
    """What Kafka is asked for these kinds beside what every look asks."""
    return tuple(dict.fromkeys(ask for name in names for ask in KINDS[name].asks(spec)))


def asks_more(view: ClusterView, spec: Spec) -> tuple[Ask, ...]:
    """What Kafka is asked because of what it told."""
    found = [ask for kind in KINDS.values() for ask in kind.asks_more(view, spec)]
    return tuple(dict.fromkeys(found))


def not_told(id: Id) -> Observation:
    """What a thing of the cluster is of which Kafka told nothing."""
    return Absent() if KINDS[id.kind].listed else Unknown("Kafka did not report it")
