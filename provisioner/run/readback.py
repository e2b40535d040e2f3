"""What was read after steps, compared with the wanted states by the one diff."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import KafkaUnavailable
from provisioner.kinds.registry import KINDS, not_told
from provisioner.plan.model import Change, Desired, Id, Observation, Observed, Present, Unknown
from provisioner.plan.pipeline import allowed, judges, resolve
from provisioner.plan.taken import not_taken
from provisioner.site.observe import asked_again
from provisioner.site.site import Site

Look = Callable[[str, Sequence[Id]], Mapping[Id, Observation]]


NAMED = 3


class NotTaken(Exception):
    """Steps were done but some changes did not take effect: id → why."""

    def __init__(self, left: Mapping[Id, str]):
        self.left = left
        words = list(left.values())
        more = [f"and {len(words) - NAMED} more"] if len(words) > NAMED else []
        super().__init__("; ".join([*words[:NAMED], *more]))


def left_over(
    site: Site,
    desired: Desired,
    changes: Sequence[Change],
    before: Observed,
    fresh: Observed,
) -> dict[Id, str]:
    """The changes that did not take effect, and why, by what was read ``fresh``. Fields that
    only observations can fill (a digest by the host's key) are filled from these."""
    mine = {c.id: desired[c.id] for c in changes if c.id in desired}
    wanted = resolve(site.spec, mine, desired, {**before, **fresh}, KINDS)
    return not_taken(changes, wanted, before, fresh, judges(KINDS))


def still_told(
    before: Observed, fresh: Observed, changes: Sequence[Change]
) -> dict[Id, Observation]:
    """What was read again of things that nobody changed, with what is known of them from elsewhere:
    Kafka told what a process was started with, and its host does not."""
    changed = {change.id for change in changes}
    return {
        id: replace(now, volatile={**was.volatile, **now.volatile})
        for id, now in fresh.items()
        if id not in changed
        and isinstance(now, Present)
        and isinstance(was := before.get(id), Present)
    }


def read_again(site: Site, look: Look, ids: Sequence[Id]) -> dict[Id, Observation]:
    """The things of each host, and of the cluster, as they are now."""
    seen: dict[Id, Observation] = {}
    for host in sorted({id.host for id in ids if id.host}):
        fresh = look(host, [id for id in ids if id.host == host])
        seen.update(allowed(fresh, site.options.allow))
    ours = [id for id in ids if not id.host]
    return {**seen, **(of_cluster(site, ours) if ours else {})}


def of_cluster(site: Site, ids: Sequence[Id]) -> dict[Id, Observation]:
    """What Kafka tells of them now; Unknown where it does not answer."""
    try:
        view = asked_again(site, ids)
    except KafkaUnavailable as error:
        return {id: Unknown(str(error)) for id in ids}
    seen: dict[Id, Observation] = {}
    for kind in {id.kind for id in ids}:
        seen.update(KINDS[kind].read(view, site.spec))
    return {id: seen.get(id) or not_told(id) for id in ids}
