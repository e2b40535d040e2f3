"""Every kind of thing there is. A new kind is a folder and one line here."""

from collections.abc import Iterable

from provisioner.kinds import (
    account,
    broker,
    broker_config,
    directory,
    file,
    java,
    kafka,
    service,
    storage,
    topic,
    voter,
)
from provisioner.kinds.kind import Kind
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import Id, State
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
        voter,
        broker,
        broker_config,
        topic,
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
