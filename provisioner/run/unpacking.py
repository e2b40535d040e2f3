"""Distributions for one host, side by side: each is one stream, unpacked by the host."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from provisioner.hosts.actor import Actor
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Change, Progress, Unpack
from provisioner.run.results import StepFailed
from provisioner.site.site import Site

STREAMS = 2
"""Distributions that go to one host at the same time."""


def unpack_all(
    site: Site, actor: Actor, items: Sequence[tuple[Change, Unpack]], stop: threading.Event
) -> None:
    """Raises StepFailed."""
    if stop.is_set():
        raise StepFailed(items[0][0], "interrupted before it started")
    with ThreadPoolExecutor(min(len(items), STREAMS)) as pool:
        running = [pool.submit(_unpack, site, actor, change, step) for change, step in items]
    for future in running:
        future.result()


def _unpack(site: Site, actor: Actor, change: Change, step: Unpack) -> None:
    stream = site.store.open(step.artifact)
    total, name = stream.total, step.path.rpartition("/")[2]

    def progress(sent: int) -> None:
        site.options.progress(Progress("send", name, actor.name, sent, total, "bytes"))

    try:
        actor.unpack(step.path, step.user, stream, progress, packed=stream.packed)
    except TransportError as error:
        raise StepFailed(change, str(error)) from error
    finally:
        site.options.progress(Progress("send", name, actor.name, over=True))
