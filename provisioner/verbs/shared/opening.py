"""From a context to an opened site: what every verb on hosts begins with."""

from __future__ import annotations

import argparse
import threading
from dataclasses import replace
from importlib import import_module
from typing import Any

from provisioner.errors import Notice, fail
from provisioner.plan.model import Progress
from provisioner.site.site import Options, Site, open_site
from provisioner.spec.types import Spec
from provisioner.uuids import drawn
from provisioner.verbs.shared import registry
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.loading import limit_of, load
from provisioner.verbs.shared.permitted import allowed, useless

LIBRARY = "provisioner.kafka.client"
UNGUARDED = (
    "the lock is on this machine, for the spec knows no host of the cluster (bootstrap): a run "
    "from another machine is not kept out"
)


def open_context(
    args: argparse.Namespace, context: Context, *, fetch: bool = False, fresh: str | None = None
) -> Site:
    """``fetch``: the verb can bring in what is missing; others need the lock of the version.
    ``fresh``: the id of a cluster that has none yet; without one it is drawn here, once."""
    loaded = load(args, context)
    spec = loaded.spec
    if spec.is_kraft:
        spec = replace(spec, fresh_cluster_id=fresh or drawn())
    chosen = replace(options(args, context, spec), limit=limit_of(args, loaded))
    if chosen.ssh is not None and registry.verb(args.verb).asks_kafka:
        # While hosts answer: it takes as long as a login, and is needed right after it.
        threading.Thread(target=import_module, args=(LIBRARY,), daemon=True).start()
    if spec.bootstrap and registry.verb(args.verb).changes:
        context.warn(Notice(UNGUARDED))
    site = open_site(spec, chosen, context.path.resolve().parent)
    pending = next((p.pending for p in site.prepared.values() if p.pending), "")
    if pending and not fetch:
        site.close()
        hint = f"provision fetch --version {spec.version}, or provision apply, downloads it"
        raise fail("artifact-unavailable", pending, hint)
    return site


def options(args: argparse.Namespace, context: Context, spec: Spec) -> Options:
    console = context.console
    for text in useless(getattr(args, "allow", [])):
        context.warn(Notice(text))
    return Options(
        parallel=args.parallel,
        allow=allowed(getattr(args, "allow", [])),
        become_password=context.become_password,
        become=args.ask_become_pass,
        ssh=ssh_options(args, context, spec),
        stop=context.stop,
        say=console.say,
        warn=lambda text: context.warn(Notice(text)),
        progress=Meter(console),
        watched=console.live is not None,
    )


def ssh_options(args: argparse.Namespace, context: Context, spec: Spec) -> Any:
    """None where no host is reached by SSH: paramiko then need not be imported."""
    if all(host.connection == "local" for host in spec.hosts.values()):
        return None
    from provisioner.hosts.ssh.connect import SshOptions

    replaced = {
        name
        for name, host in spec.hosts.items()
        for word in args.replace_host_key
        if word == name or word in host.groups
    }
    return SshOptions(
        password=context.ssh_password,
        accept_new_host_keys=args.accept_new_host_keys,
        replace_host_keys=frozenset(replaced),
        warn=lambda text: context.warn(Notice(text)),
    )


class Meter:
    """Shows what goes on where a terminal does; turns byte counts into a progress line at every
    fifth of a large download."""

    SMALL = 1_000_000

    def __init__(self, console: Console):
        self._console = console
        self._last: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        self._console.progress(progress)
        if progress.unit != "bytes" or progress.total < self.SMALL:
            return
        part = 5 * progress.done // progress.total
        label = f"{progress.host}: " if progress.host else ""
        label += progress.subject
        if part > self._last.get(label, 0):
            self._last[label] = part
            done, total = progress.done / 1e6, progress.total / 1e6
            self._console.say(f"  {label}: {done:.0f} of {total:.0f} MB")
