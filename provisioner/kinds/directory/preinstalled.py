"""The folders of a Kafka that was there before this tool: they stay as they are, whoever owns them.
Only a log dir that is missing is made (decision 44)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kinds.kind import Probe
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import PRIVILEGED, Id, State


def folders(places: HostLayout) -> list[str]:
    """Kafka's folder, and those of the properties files."""
    found = [places.home, *(node.properties.rpartition("/")[0] for node in places.nodes)]
    return list(dict.fromkeys(found))


def desired(places: HostLayout) -> Mapping[Id, State]:
    states: dict[Id, State] = {}
    for path in folders(places):
        why = "it is where Kafka should be already (kafka.source: preinstalled), and it is missing"
        if path != places.home:
            why = "it is the folder of a config_file, and it is missing: make it first"
        args = {"user": places.user, "maker": places.user, "needed": why, "adopted": True}
        states[Id(places.host, "directory", path)] = State({"type": "directory"}, args=args)
    outside = PRIVILEGED if places.root else places.user
    for node in places.nodes:
        for log_dir in node.log_dirs:
            below = log_dir.path.startswith(places.home + "/")
            holds = (Id(places.host, "storage", log_dir.path),)
            args = {
                "user": places.user if below else outside,
                "maker": places.user,
                "holds": holds,
                "mode": "0750",
                "owner": places.owner,
                "adopted": True,
            }
            states[Id(places.host, "directory", log_dir.path)] = State(
                {"type": "directory"}, holds if log_dir.mounted else (), args=args
            )
    return states


def probe(text: str, places: HostLayout) -> Sequence[Probe]:
    """All of them by one script but the log dirs: a hanging mount makes only itself unknown."""
    groups = [folders(places)]
    groups += [[log_dir.path] for node in places.nodes for log_dir in node.log_dirs]
    return [
        Probe(
            text,
            tuple(Id(places.host, "directory", path) for path in group),
            tuple(group),
            1,
            places.kafka_user,
        )
        for group in groups
    ]
