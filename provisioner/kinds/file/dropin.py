"""What a unit that this tool did not make is told of heap and JVM: a drop-in of our own.

It is made only where the unit itself starts something else than the spec says; the unit's own file
is never written.
"""

from __future__ import annotations

from dataclasses import replace

from provisioner.kinds.file.unit import word
from provisioner.kinds.jvm import Jvm, differences, environment, wanted
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import PRIVILEGED, Observation, Present, Run, State
from provisioner.spec.types import Node, Spec

UNITS = "/etc/systemd/system"


def path(places: HostLayout, node: Node) -> str:
    """Named by the cluster, and after the distribution's own drop-ins in the order of names."""
    return f"{UNITS}/{node.unit}.d/90-provision-{places.cluster}.conf"


def state(spec: Spec, places: HostLayout, node: Node) -> State:
    jvm = wanted(spec, node)
    fields = {"type": "file", "mode": "0644", "owner": "root:root", "text": text(jvm)}
    args = {"format": "text", "user": PRIVILEGED, "node": node.name, "drop_in": True, "jvm": jvm}
    return State(fields, args=args)


def text(jvm: Jvm) -> str:
    lines = ["# made by provision; what is changed by hand is put back by the next apply"]
    lines += ["[Service]"]
    lines += [f"Environment={word('='.join(pair))}" for pair in environment(jvm, unit=True).items()]
    return "\n".join(lines) + "\n"


def resolved(state: State, seen: Observation | None) -> State:
    """It may be left out where the running process has what the spec says without it, and where
    the spec says nothing."""
    jvm = state.args["jvm"]
    running = seen.volatile.get("jvm") if isinstance(seen, Present) else None
    same = isinstance(running, Jvm) and not differences(jvm, running)
    return replace(state, args={**state.args, "needless": same or not environment(jvm)})


def folder_step(path: str) -> Run:
    """The folder of a unit's drop-ins, which systemd does not make."""
    return Run("directory/make", (path.rpartition("/")[0], "0755", "root:root"), PRIVILEGED)
