"""Controllers that Kafka knows and the spec does not: what they block, and what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kinds.voter.retired import UNREGISTERS
from provisioner.plan.model import Id, Observed, Present, Unmanaged
from provisioner.spec.types import Spec

REGISTERED = (
    "a controller with this id is registered and not in the spec: Kafka raises no feature above "
    "what it supported"
)


def find(observed: Observed, desired: Mapping[Id, object], spec: Spec) -> Sequence[Unmanaged]:
    return [
        Unmanaged(id, detail=_detail(id, seen, spec))
        for id, seen in sorted(observed.items())
        if id.kind == "voter" and isinstance(seen, Present) and id not in desired
    ]


def _detail(id: Id, seen: Present, spec: Spec) -> str:
    if "registered" in seen.volatile:
        return f"{REGISTERED}{_help(id, seen)}"
    directory = seen.fields.get("directory_id") or "ID"
    return (
        "it is a voter but not a controller of the spec: the quorum counts on it. Write it into "
        f"the spec, or take it out: {spec.home}/bin/kafka-metadata-quorum.sh --bootstrap-server "
        f"HOST:PORT remove-controller --controller-id {id.name} "
        f"--controller-directory-id {directory}"
    )


def _help(id: Id, seen: Present) -> str:
    """Kafka forgets one only from metadata.version 4.4 on."""
    level = seen.volatile.get("level")
    if level is not None and level >= UNREGISTERS:
        return f". Write controllers: {{id: {id.name}, host: …, state: absent}} to unregister it"
    return (
        ", and forgets it from 4.4 on only: start a controller with that id once with the new "
        "version, or write it into the spec"
    )
