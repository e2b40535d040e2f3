"""``provision apply``: applies the spec, then verifies."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from provisioner.errors import Exit, ProvisionError, fail
from provisioner.hosts.actor import Batch, ShellStep
from provisioner.plan.model import Event, Id, Plan, Present, Report, Wave
from provisioner.plan.order import ACCEPTED
from provisioner.run import planning, preflight
from provisioner.run.acceptance import ask_kafka
from provisioner.run.actors import actor_on, lock_on
from provisioner.run.executor import Executor
from provisioner.run.gates import gate
from provisioner.run.health import checks, healthy, round_trip, settle
from provisioner.run.journal import Journal, whoami
from provisioner.run.lock import Lock
from provisioner.run.look import look, probes_of
from provisioner.run.planning import Planned
from provisioner.run.rebuild import clear
from provisioner.run.records import journal_host_keys
from provisioner.run.results import Results
from provisioner.run.stopping import Stop, stopping
from provisioner.run.sweep import sweep_hosts
from provisioner.run.target import Target, ensure_artifacts, update_layouts
from provisioner.verbs.arguments import changed
from provisioner.verbs.command import Context, narrowed
from provisioner.verbs.failures import PORT_ERRORS, problems_of
from provisioner.verbs.permissions import warn_unused
from provisioner.verbs.rounds import below, carry_out, kept_down
from provisioner.verbs.saved_plan import approve, read
from provisioner.verbs.session import open_context
from provisioner.verbs.summary import closing


def apply(
    target: Target,
    emit: Callable[[Event], None],
    *,
    trip: bool = False,
    rebuild: bool = False,
    approve: Callable[[Plan], None] | None = None,
) -> Report:
    """lock → observe → plan → preflight → hosts' waves → cluster's waves → verify.

    Raises ProvisionError only while nothing was changed; later errors are in the report (exit 2).
    """
    started = time.monotonic()
    report = Report(target.spec.cluster)
    journal = Journal(secrets.token_hex(4), "apply", target.spec.digest)
    with stopping(target.options.stop) as stop, locked(target, "apply") as lock:
        if rebuild:
            check_before_rebuild(target)
            clear(target, lock, journal, emit)
        with begun(report, when=lambda: rebuild or bool(report.plan and report.applied)):
            if rebuild:
                reopen(target)
            planned = awaited(target, fetched(target), emit, stop)
            report.plan = planned.plan
            warn_unused(target, planned)
            if approve is not None:
                approve(planned.plan)
            if planned.plan.changes:
                preflight.check(target, planned.plan.changes)
            sweep_hosts(target, lock, emit, distributions=False)
            runner = executor(target, planned, lock, journal, emit, stop)
            results = runner.results
            report.applied, report.failed = results.applied, results.failed
            report.not_started = results.not_started
            carry_out(target, runner, planned, emit)
            if not stop.is_set() and not results.failed:
                # A Kafka that did not come to answer before has been waited for.
                if _serves(planned, results) and not _silent(target, planned):
                    settle(target, emit, stop, kept_down(planned))
                verify(target, report, emit, trip=trip, run=journal.run)
                if report.in_sync:
                    sweep_hosts(target, lock, emit, distributions=True)
        if stop.is_set():
            report.exit_code = 128 + stop.number
    report.exit_code = report.exit_code or _exit(report)
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def begun(report: Report, when: Callable[[], bool]) -> Iterator[None]:
    """Errors after the first change go into the report (exit 2) together with what was done; an
    error that is raised means that nothing was changed. ``when`` tells whether anything has been
    changed."""
    try:
        yield
    except (ProvisionError, *PORT_ERRORS) as error:
        if not when() and not report.failed:
            raise
        report.extra["problems"] = problems_of(error)
        report.exit_code = Exit.NO


def check_before_rebuild(target: Target) -> None:
    """Checks whatever would stop a rebuild half way before any data is deleted."""
    ensure_artifacts(target)
    found = preflight.preflight(target)
    # What runs on the ports is the rebuild's own business; it names who may not be ended.
    problems = [p for p in found.problems if p.code in ("disk-full", "not-permitted")]
    if problems:
        raise ProvisionError(problems)


def _serves(planned: Planned, results: Results) -> bool:
    """Whether the running cluster can become healthy; if not, there is nothing to wait for."""
    if any(refused.id.kind == "service" for refused in planned.plan.refused):
        return False
    started = any(c.id.kind == "service" for c in results.applied)
    return started or any(
        isinstance(seen, Present) and bool(seen.fields.get("running"))
        for id, seen in planned.seen.things.items()
        if id.kind == "service"
    )


def executor(
    target: Target,
    planned: Planned,
    lock: Lock,
    journal: Journal,
    emit: Callable[[Event], None],
    stop: Stop,
) -> Executor:
    may_stop = gate(target, emit, stop)

    def opens(wave: Wave) -> None:
        if wave.gate == ACCEPTED:
            ask_kafka(target, runner.desired, lock.token, emit, wave)
        else:
            may_stop(wave)

    runner = Executor(
        target,
        planned.wanted,
        planned.seen.things,
        lock,
        journal,
        emit,
        lambda host, ids: look(target, host, ids),
        lambda host: probes_of(target.places[host]),
        opens,
        stop,
    )
    return runner


def reopen(target: Target) -> None:
    """From here on files in the way may be moved aside."""
    target.rebuild = True
    update_layouts(target)


def fetched(target: Target) -> Planned:
    """Brings all artifacts of the plan into the cache before anything is changed."""
    if any(prepared.pending for prepared in target.prepared.values()):
        ensure_artifacts(target)
    planned = planning.make_plan(target)
    if any(c.id.kind in ("java", "kafka") for c in planned.plan.changes) and ensure_artifacts(
        target
    ):
        planned = planning.make_plan(target)
    return planned


def awaited(target: Target, planned: Planned, emit: Callable[[Event], None], stop: Stop) -> Planned:
    """The plan, made again when Kafka answers: if there is nothing to do on the hosts and the
    processes run, Kafka is still starting, and its topics can be read a moment later."""
    if not _silent(target, planned):
        return planned
    emit(Event("waiting", f"waiting for Kafka to answer: {planned.seen.unavailable}"))
    settle(target, emit, stop)
    return planned if stop.is_set() else planning.make_plan(target)


def _silent(target: Target, planned: Planned) -> bool:
    """Whether the plan was made without Kafka's answer, though brokers run as they should."""
    found = planned.seen
    brokers = [found.things.get(Id(n.host, "service", n.name)) for n in target.spec.brokers]
    return (
        found.view is None
        and not found.stranger
        and not below(planned.plan)
        and any(isinstance(seen, Present) and seen.fields["running"] for seen in brokers)
    )


def verify(
    target: Target,
    report: Report,
    emit: Callable[[Event], None],
    *,
    trip: bool,
    run: str,
) -> None:
    """The plan is empty and the cluster is healthy; fills the report."""
    planned = planning.make_plan(target)
    found = checks(target, planned.seen.view, planned.seen.unavailable)
    if trip and healthy(found):
        found.append(round_trip(target, run))
    report.plan = report.plan or planned.plan
    report.extra["verified"] = planned.plan
    report.in_sync = planned.plan.in_sync
    report.complete = planned.plan.complete
    report.checks = found
    report.healthy = healthy(found)


def _exit(report: Report) -> int:
    if report.failed or report.not_started:
        return Exit.NO
    if report.in_sync is False or report.healthy is False:
        return Exit.NO
    if report.in_sync is None or report.healthy is None:
        return Exit.CANNOT_TELL
    return Exit.YES


@contextmanager
def locked(target: Target, command: str) -> Iterator[Lock]:
    """The lock of every host that can be reached, for more than half of all."""
    hosts = len(target.used_hosts)
    if len(target.shells) * 2 <= hosts:
        away = target.unreachable
        why = "; ".join(f"{host}: {error}" for host, error in away.items())
        error = fail(
            next(iter(away.values())).code,
            f"{len(away)} of {hosts} hosts cannot be reached: {why}",
            "more than half of the hosts are needed to change anything",
            host=next(iter(away)) if hosts == 1 else None,
        )
        error.exit_code = Exit.CANNOT_TELL
        raise error
    who = f"{whoami()} pid {_pid()} {command} since {_now()}"
    lock = Lock(who, target.options.say, target.options.stop)
    lock.acquire({host: lock_on(target, host) for host in target.shells})
    try:
        journal_host_keys(target, lock, command)
        yield lock
    finally:
        lock.release()


def acting(target: Target, host: str, token: str, steps: Sequence[ShellStep]) -> list[str]:
    """Runs steps of a verb on one host, outside any wave. Raises ``step-failed``."""
    outcome = actor_on(target, host, token).act(Batch(steps=steps))
    if outcome.lost:
        raise fail("lock-lost", "another run took the lock", host=host)
    if outcome.failed is not None:
        raise fail("step-failed", outcome.texts[-1].strip(), host=host)
    return outcome.texts


def _pid() -> int:
    import os

    return os.getpid()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def command(args: argparse.Namespace, context: Context) -> Report:
    """The verb: shows the plan, carries it out and verifies, without prompting."""
    console = context.console
    path = context.path
    saved = read(path)
    _fit(args, saved is not None)
    if saved is not None:
        # Copies: what a saved plan brings along is not the other clusters' of the same command.
        inventory, limit = saved["inventory"], saved["limit"]
        allow = [*args.allow, *saved["allow"]]
        args = changed(args, inventory=inventory, limit=limit, allow=allow)
        context = replace(context, path=Path(saved["spec"]), more=narrowed(args, limit))

    fresh = saved["fresh_cluster_id"] if saved is not None else None
    with open_context(args, context, fetch=True, fresh=fresh) as target:

        def approve_plan(plan: Plan) -> None:
            console.say(console.errors.plan(plan, brief=True))
            if saved is not None:
                approve(saved, plan, target.spec, path)

        report = apply(
            target,
            console.event,
            trip=args.round_trip,
            rebuild=args.rebuild,
            approve=approve_plan,
        )
        report.extra["path"] = str(path)
        report.limited = args.limit
        console.answer("\n".join(closing(report, target.spec, context)))
    return report


def _fit(args: argparse.Namespace, planned: bool) -> None:
    """Options that exclude each other. Raises ``usage``."""
    if args.rebuild and args.limit:
        raise fail("usage", "--rebuild recreates the whole cluster and cannot be used with --limit")
    if planned and args.rebuild:
        raise fail("usage", "a saved plan is applied unchanged and cannot be used with --rebuild")
    if planned and (args.inventory or args.limit or args.each):
        raise fail(
            "usage", "a saved plan has its own inventory and limit: leave out -i, -l and --each"
        )
