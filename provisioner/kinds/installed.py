"""A Kafka that is on the host already: looked at, never sent, replaced or removed (decision 44)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kinds.kind import Probe, script
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import Absent, Id, Observation, Present, Refused, State
from provisioner.spec.types import Spec


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    args = {"artifact": "", "user": places.user, "optional": False}
    return {Id(places.host, "kafka", places.home): State({"version": spec.version}, args=args)}


def probe(places: HostLayout) -> Sequence[Probe]:
    """Kafka's user lists the jars."""
    id = Id(places.host, "kafka", places.home)
    text = script("provisioner.kinds", "installed.sh")
    return [Probe(text, (id,), (places.home,), 1, places.kafka_user)]


def found(versions: Sequence[str]) -> Observation:
    """Two versions in one folder are two, and none is right."""
    every = sorted({version for version in versions if version})
    return Present({"version": ", ".join(every)}) if every else Absent()


def judge(id: Id, state: State, seen: Observation, fields: Sequence[str]) -> Refused | None:
    wanted = state.fields["version"]
    if isinstance(seen, Absent):
        why = f"there is no Kafka in {id.name}/libs (kafka.source: preinstalled)"
        return Refused(id, f"{why}: install {wanted} there")
    if not fields or not isinstance(seen, Present):
        return None
    why = (
        f"Kafka {seen.fields['version']} is installed there, and the spec says {wanted}: a "
        f"preinstalled Kafka is never replaced; install {wanted} there, or write what there is"
    )
    return Refused(id, why)
