"""``provision destroy``: removes what the spec made; data only where that is said by name."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable

from provisioner.errors import Exit, fail
from provisioner.hosts.actor import ShellStep, Unit
from provisioner.hosts.observer import Reading
from provisioner.kinds.cluster_id import cluster_id
from provisioner.plan.model import Event, Report
from provisioner.run.acting import actor_on
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.steps import text_of
from provisioner.run.stopping import stopping
from provisioner.run.target import Target
from provisioner.verbs import stages
from provisioner.verbs.apply import begun, executor, locked
from provisioner.verbs.command import Context
from provisioner.verbs.opening import open_context
from provisioner.verbs.processes import chosen, stops

MANIFEST = """# MANIFEST: what was made by us.
[ -f "$1" ] || exit 0
cat -- "$1"
"""


def command(args: argparse.Namespace, context: Context) -> Report:
    """lock → stop everything → remove what the manifests say is ours."""
    started = time.monotonic()
    console = context.console
    with open_context(args, context) as target:
        spec = target.spec
        if args.confirm != spec.cluster:
            raise fail(
                "usage",
                f"--confirm {args.confirm} is not this cluster's name",
                f"to destroy it: --confirm {spec.cluster}",
            )
        report = Report(spec.cluster)
        kept: list[str] = []
        with stopping(target.options.stop) as stop, locked(target, "destroy") as lock:
            planned = stages.make_plan(target)
            journal = Journal(secrets.token_hex(4), "destroy", spec.digest)
            runner = executor(target, planned, lock, journal, console.event, stop)
            results = runner.results
            report.applied, report.failed = results.applied, results.failed
            report.not_started = results.not_started
            with begun(report, when=lambda: True):
                runner.carry_out(stops(target, planned, chosen(target, None), False))
                if not results.failed and not stop.is_set():
                    known = cluster_id(spec, planned.observations.seen).value or ""
                    for host in sorted(_hosts(target)):
                        kept += _remove(target, host, lock, known, console.event)
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


def owned(target: Target, host: str) -> list[tuple[str, str]]:
    """(kind, name) of everything the manifest of a host says is ours, in its order."""
    places = target.places[host]
    frame = target.observer(host).read([Reading(MANIFEST, (places.manifest,), places.keeper_now)])[
        0
    ]
    if frame is None or frame.status != 0:
        raise fail("step-failed", f"{places.manifest} cannot be read", host=host)
    pairs = [line.split("\t")[:2] for line in frame.text.splitlines() if "\t" in line]
    return [(kind, name) for kind, name in pairs]


def _remove(
    target: Target, host: str, lock: Lock, cluster: str, emit: Callable[[Event], None]
) -> list[str]:
    """Removes what is ours on one host; returns the log dirs that stay."""
    places = target.places[host]
    ours = owned(target, host)
    made = {name for kind, name in ours if kind == "directory"}
    kept = _wipe(target, host, lock, cluster, made, emit)
    steps: list[ShellStep] = []
    units = [name for kind, name in ours if kind == "file" and name.startswith("/etc/systemd/")]
    files = [n for k, n in ours if k == "file" and n not in units]
    dists = [n for k, n in ours if k in ("java", "kafka")]
    folders = sorted((n for n in made if n not in kept), key=lambda n: (-n.count("/"), n))
    logs = [places.logs(node) for node in places.nodes if places.logs(node) in made]
    accounts = [n for k, n in ours if k == "account"]
    last = [places.state, places.own, places.home]
    if kept:
        folders = [n for n in folders if n not in last]
    remove = text_of("directory/destroy")
    keep = "yes" if kept else ""
    for kind, names, user in (
        ("unit", units, ""),
        ("file", files, places.reader),
        ("tree", [*dists, *logs], places.reader),
        ("directory", [n for n in folders if n not in last], ""),
        ("state", [places.own, places.state] if not kept else [], ""),
        ("directory", [n for n in folders if n == places.home], ""),
        ("account", accounts if not kept else [], ""),
    ):
        if names:
            steps.append(ShellStep(remove, (kind, *names), user, 120))
    disown = tuple(
        f"{kind}\t{name}"
        for kind, name in ours
        if name in {*files, *dists, *units} or (kind == "directory" and name in folders)
    )
    unit = Unit(steps=steps, disown=disown if keep else ())
    outcome = actor_on(target, host, lock.token).act(unit)
    for said in outcome.texts:
        if said.strip() and outcome.failed is None:
            emit(Event("note", said.strip(), host))
    if outcome.failed is not None:
        error = fail("step-failed", outcome.texts[-1].strip(), "run it again", host=host)
        error.exit_code = Exit.NO
        raise error
    return kept


def _wipe(
    target: Target,
    host: str,
    lock: Lock,
    cluster: str,
    made: set[str],
    emit: Callable[[Event], None],
) -> list[str]:
    """Empties the data folders that may be; returns those that stay. One that we did not make is
    emptied only where its path was named."""
    places = target.places[host]
    allow = target.options.allow.get("wipe-log-dir")
    kept = []
    for node in places.nodes:
        for log_dir in node.log_dirs:
            path = log_dir.path
            named = bool(allow) and path in (allow or ())
            if allow is None or not (named or (not allow and path in made)):
                kept += [path] if path in made else []
                continue
            role = node.role.value
            words = (path, cluster, str(node.id), "yes" if named else "", places.home, role)
            step = ShellStep(text_of("storage/wipe"), words, places.reader, 600)
            outcome = actor_on(target, host, lock.token).act(Unit(steps=[step]))
            if outcome.failed is not None or outcome.lost:
                emit(Event("note", (outcome.texts or ["the lock was lost"])[-1].strip(), host))
                kept.append(path)
    return kept


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
        return f"stopped half way; to go on: provision destroy {context.path} --confirm {cluster}"
    if kept:
        return (
            f"the data stays: {', '.join(kept)}\nto remove it too: provision destroy "
            f"{context.path} --confirm {cluster} --allow wipe-log-dir"
        )
    if limited:
        return (
            f"what {cluster} had on {', '.join(limited)} is gone; the other hosts were not touched"
        )
    if not report.complete:
        return (
            f"{cluster} is gone from the hosts that could be reached; run it again for the others"
        )
    return f"{cluster} is gone"
