"""With which voters and which directory id a controller's log dir is formatted (KIP-853)."""

from __future__ import annotations

import hashlib

from provisioner.kinds.cluster_id import ClusterId
from provisioner.kinds.ids import service_id, storage_id, voter_id
from provisioner.plan.model import Observed, Present, State
from provisioner.spec.types import Node, Spec
from provisioner.uuids import written


def directory_id(cluster: str, node: int) -> str:
    """A directory id that every run computes alike: a 16-byte digest written as a Kafka Uuid."""
    for attempt in range(64):
        data = hashlib.sha256(f"{cluster}:{node}:{attempt}".encode()).digest()[:16]
        text = written(data)
        if not text.startswith("-"):
            return text
    raise AssertionError("unreachable: 64 digests that all begin with '-'")


def has_voters(file: State | None) -> bool:
    """Whether the properties name the voters, as those of a static quorum do."""
    return file is not None and "controller.quorum.voters" in file.fields


def voted_with(node: Node, observed: Observed) -> str:
    """The directory id with which the quorum knows a controller."""
    seen = observed.get(voter_id(node.id))
    return str(seen.fields.get("directory_id") or "") if isinstance(seen, Present) else ""


def format_flags(spec: Spec, node: Node, known: ClusterId, observed: Observed) -> tuple[str, ...]:
    """The quorum arguments of ``kafka-storage format`` (KIP-853). A quorum that has been up has its
    voters: who joins it is never formatted with voters of its own, which would elect each other."""
    if spec.controller_quorum == "static" or not node.is_controller:
        return ()
    if has_been_up(spec, observed) or (not known.fresh and not _never_started(known, spec)):
        return ("--no-initial-controllers",)
    assert known.value is not None
    voters = []
    for c in spec.controllers:
        assert c.controller_listener is not None
        host = spec.hosts[c.host].kafka_address or "localhost"
        port = c.controller_listener.port
        voters.append(f"{c.id}@{host}:{port}:{directory_id(known.value, c.id)}")
    return ("--initial-controllers", ",".join(voters))


def has_been_up(spec: Spec, observed: Observed) -> bool:
    """Whether Kafka tells of a voter, or a controller runs or has left a quorum's state."""
    for node in spec.controllers:
        if isinstance(observed.get(voter_id(node.id)), Present):
            return True
        process = observed.get(service_id(node))
        if isinstance(process, Present) and process.fields["running"]:
            return True
        kept = observed.get(storage_id(node.host, node.log_dirs[0].path))
        if isinstance(kept, Present) and kept.volatile.get("ran"):
            return True
    return False


def _never_started(known: ClusterId, spec: Spec) -> bool:
    """Only the kept file has the id, or a format of ours was interrupted: the first format
    continues."""
    formatted = {place for places in (known.sources or {}).values() for place in places}
    controllers = {f"{c.host}:{d.path}" for c in spec.controllers for d in c.log_dirs}
    return len(formatted & controllers) < len(controllers) // 2 + 1
