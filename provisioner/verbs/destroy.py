"""``provision destroy``: removes what provision made; data only where ``--allow wipe-log-dir``
says so."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from provisioner.errors import Exit, fail
from provisioner.hosts.actor import Batch, Outcome, ShellStep
from provisioner.hosts.observer import Reading
from provisioner.hosts.transport import understood
from provisioner.kinds.cluster_id import cluster_id
from provisioner.plan.model import Change, Event, Id, Observed, Present, Report
from provisioner.run import planning
from provisioner.run.actors import actor_on
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.steps import text_of
from provisioner.run.stopping import stopping
from provisioner.run.sweep import sweep_hosts
from provisioner.run.target import Target
from provisioner.spec.types import Node, Role
from provisioner.verbs.apply import begun, executor, locked
from provisioner.verbs.command import Context
from provisioner.verbs.permissions import warn_of_paths
from provisioner.verbs.processes import chosen, stops
from provisioner.verbs.removal import Entry, changes, entries, removals
from provisioner.verbs.session import open_context


def command(args: argparse.Namespace, context: Context) -> Report:
    """lock → stop everything → remove what the manifests list."""
    started = time.monotonic()
    console = context.console
    with open_context(args, context) as target:
        spec = target.spec
        if args.confirm != spec.cluster:
            raise fail(
                "usage",
                f"--confirm {args.confirm} is not the name of this cluster",
                f"to destroy it: --confirm {spec.cluster}",
            )
        warn_of_paths(target)
        report = Report(spec.cluster)
        kept: list[str] = []
        with stopping(target.options.stop) as stop, locked(target, "destroy") as lock:
            planned = planning.make_plan(target)
            journal = Journal(secrets.token_hex(4), "destroy", spec.digest)
            runner = executor(target, planned, lock, journal, console.event, stop)
            results = runner.results
            report.applied, report.failed = results.applied, results.failed
            report.not_started = results.not_started
            with begun(report, when=lambda: True):
                runner.carry_out(stops(target, planned, chosen(target, None), False))
                if not results.failed and not stop.is_set():
                    sweep_hosts(target, lock, console.event, distributions=False)
                    known = cluster_id(spec, planned.seen.things).value or ""
                    seen = planned.seen.things
                    remover = Remover(target, lock, journal, known, seen, console.event)
                    for host in sorted(_hosts(target)):
                        kept += [f"{host}:{path}" for path in remover.remove(host)]
        report.complete = not target.unreachable
        report.exit_code = report.exit_code or _exit(report, kept, stop.number)
        report.extra["kept"] = kept
    limited = sorted(target.options.limit or ())
    console.answer(_told(report, kept, context, spec.cluster, limited))
    report.seconds = time.monotonic() - started
    return report


def _hosts(target: Target) -> list[str]:
    limit = target.options.limit
    return [host for host in target.shells if limit is None or host in limit]


def owned(target: Target, host: str) -> list[Entry]:
    """The entries of a host's manifest, in its order. Raises ``step-failed``."""
    places = target.places[host]
    reading = Reading(text_of("directory/manifest"), (places.manifest,), places.state_user)
    frame = target.observer(host).read([reading])[0]
    if frame is None or frame.status != 0:
        raise fail("step-failed", f"{places.manifest} cannot be read", host=host)
    with understood(host):
        return entries(frame.text)


@dataclass(frozen=True)
class Remover:
    """Removes what the manifests list, one host after another."""

    target: Target
    lock: Lock
    journal: Journal
    cluster: str
    seen: Observed
    emit: Callable[[Event], None]

    def remove(self, host: str) -> list[str]:
        """Returns the log dirs that stay. Raises ProvisionError, TransportError."""
        places = self.target.places[host]
        ours = owned(self.target, host)
        if not places.user_exists:
            note = f"{places.home} stays, if it exists: {places.user} is not a user of this host"
            self.emit(Event("note", note, host))
        made = {name for kind, name in ours if kind == "directory"}
        kept = [p for node in places.nodes for p in self._wipe(host, node, made)]
        planned = removals(places, ours, kept)
        if not planned:
            return kept
        gone = changes(host, ours, planned)
        text = text_of("directory/destroy")
        steps = [
            ShellStep(text, (places.state, step.what, *step.names), step.user, 120)
            for step in planned
        ]
        # Without kept data the manifest itself goes; what stays all the same is not taken off it.
        disown = tuple(f"{c.id.kind}\t{c.id.name}" for c in gone) if kept else ()
        outcome = self._act(host, steps, gone, disown)
        if outcome.failed is not None:
            error = fail("step-failed", outcome.texts[-1].strip(), "run it again", host=host)
            error.exit_code = Exit.NO
            raise error
        for said in outcome.texts:
            for line in said.splitlines():
                self.emit(Event("note", line, host))
        return kept

    def _act(
        self,
        host: str,
        steps: list[ShellStep],
        gone: Sequence[Change],
        disown: tuple[str, ...] = (),
    ) -> Outcome:
        """One exec, and the journal's lines before and after it. Raises ``lock-lost``."""
        intent, done, broken = (
            self.journal.line(word, 0, gone) for word in ("intent", "done", "failed")
        )
        unit = Batch(steps=steps, disown=disown, intent=intent, done=done, broken=broken)
        outcome = actor_on(self.target, host, self.lock.token).act(unit)
        if outcome.lost:
            error = fail("lock-lost", "another run took the lock", host=host)
            error.exit_code = Exit.NO
            raise error
        return outcome

    def _wipe(self, host: str, node: Node, made: Collection[str]) -> list[str]:
        """Empties the data folders of a node that may be emptied; returns those that stay: folders
        that we made, and existing disks with this node's data.

        The data itself says which node it belongs to; ZooKeeper's says little, so a ZooKeeper
        folder that we did not make must be named.
        """
        places = self.target.places[host]
        allow = self.target.options.allow.get("wipe-log-dir")
        kept = []
        for log_dir in node.log_dirs if places.user_exists else ():
            path = log_dir.path
            named = bool(allow) and path in (allow or ())
            told = path in made or node.role is not Role.ZOOKEEPER
            if allow is None or not (named or (not allow and told)):
                kept += [path] if path in made or self._holds_data(host, path) else []
                continue
            role = node.role.value
            named_word = "yes" if named else ""
            words = (path, self.cluster, str(node.id), named_word, places.home, role)
            step = ShellStep(text_of("storage/wipe"), words, places.kafka_user, 600)
            gone = Change(Id(host, "storage", path), "delete", None, None)
            outcome = self._act(host, [step], [gone])
            if outcome.failed is not None:
                self.emit(Event("note", outcome.texts[-1].strip(), host))
                kept += [path] if path in made or self._holds_data(host, path) else []
        return kept

    def _holds_data(self, host: str, path: str) -> bool:
        """Whether the folder itself says that it belongs to this cluster."""
        found = self.seen.get(Id(host, "storage", path))
        if not isinstance(found, Present) or not found.fields["data"]:
            return False
        return bool(self.cluster) and found.fields["cluster_id"] == self.cluster


def _exit(report: Report, kept: list[str], signal: int) -> int:
    if signal:
        return 128 + signal
    if report.failed or report.not_started or kept:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _told(
    report: Report, kept: list[str], context: Context, cluster: str, limited: list[str]
) -> str:
    if report.failed or report.extra.get("problems"):
        return f"not finished; to continue: provision destroy {context.path} --confirm {cluster}"
    if kept:
        return (
            f"the data stays: {', '.join(kept)}\nto remove it too: provision destroy "
            f"{context.path} --confirm {cluster} --allow wipe-log-dir"
        )
    if limited:
        return f"{cluster} was removed from {', '.join(limited)}; the other hosts were not touched"
    if not report.complete:
        return f"{cluster} was removed from the hosts reached; run it again for the others"
    return f"{cluster} was removed"
