"""Whether a process that was started serves, goes on starting, or has ended."""

from __future__ import annotations

from provisioner.plan.model import Observation, Present, State
from provisioner.spec.types import Node


def serves(node: Node) -> int | None:
    """The port that its clients use: a combined node opens the controller's long before it."""
    if node.is_broker:
        own = [x.port for x in node.listeners if x != node.controller_listener]
        return own[0] if own else None
    return node.client_port or (node.controller_listener.port if node.controller_listener else None)


def ended(seen: Observation) -> bool:
    """It does not run, and nobody is about to start it; systemd is, a few times."""
    if not isinstance(seen, Present) or seen.fields["running"]:
        return False
    state = seen.volatile.get("ActiveState")
    if state in ("activating", "active", "reloading"):
        restarts = str(seen.volatile.get("NRestarts", "0"))
        return restarts.isdigit() and int(restarts) >= RESTARTS
    return True


RESTARTS = 3


def settled(state: State, observation: Observation) -> bool:
    """It runs and the port of its clients is open."""
    if not isinstance(observation, Present) or not observation.fields["running"]:
        return False
    listening, port = observation.volatile["listening"], state.args.get("serves")
    return port in listening if port is not None else bool(listening)


def progress(observation: Present) -> object:
    """What shows that a start goes on; not that time passes."""
    return dict(observation.fields), observation.volatile["pid"], observation.volatile["listening"]
