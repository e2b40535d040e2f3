"""``provision apply``: applies the spec, then verifies."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from provisioner.errors import Exit, fail
from provisioner.plan import basis
from provisioner.plan.model import Event, Forecast, Id, Report
from provisioner.report.roll import until
from provisioner.run.archives import bring_archives
from provisioner.run.converge import converge, kept_down, within
from provisioner.run.limits import NO_LIMITS, Limits
from provisioner.run.readiness import (
    awaited,
    check_before_rebuild,
    fetched,
    may_become_whole,
    starting,
)
from provisioner.run.rebuild import clear
from provisioner.run.session import Session, session
from provisioner.run.settling import wait_in_sync
from provisioner.run.sweep import sweep_hosts
from provisioner.site import preflight
from provisioner.site.forecast import foreseen
from provisioner.site.planning import Planned
from provisioner.site.site import Site, update_layouts
from provisioner.site.verification import verify
from provisioner.verbs.shared import limits as limits_of
from provisioner.verbs.shared import options
from provisioner.verbs.shared.arguments import changed
from provisioner.verbs.shared.context import Context, narrowed
from provisioner.verbs.shared.failures import kept_in
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import warn_unused
from provisioner.verbs.shared.saved_plan import approve, parts_of, read
from provisioner.verbs.shared.summary import closing
from provisioner.verbs.shared.verb import Verb

Approve = Callable[[Planned, Forecast], None]


def apply(
    site: Site,
    emit: Callable[[Event], None],
    *,
    trip: bool = False,
    rebuild: bool = False,
    approve: Approve = lambda planned, forecast: None,
    limits: Limits = NO_LIMITS,
    bound: frozenset[Id] | None = None,
) -> Report:
    """lock → (clear) → plan → preflight → rounds → verify. ``limits``: how far it goes. ``bound``:
    the things of the saved plan that is applied.

    Raises ProvisionError only while nothing was changed; later errors are in the report (exit 2).
    """
    report = Report(site.spec.cluster)
    with session(site, "apply", emit) as run:
        run.results.into(report)
        run.bound = bound
        if rebuild:
            check_before_rebuild(site)
            clear(run)
        with kept_in(report, when=lambda: rebuild or bool(report.plan and report.applied)):
            if rebuild:
                reopen(site)
            planned = approved(run, report, approve)
            forecast = report.forecast or Forecast()
            run.allowance.limits = replace(limits, expected=forecast.expected)
            converge(run, planned)
            site.aims = None  # what is so beside the saved plan counts again
            report.ended = run.allowance.ended
            if run.roll.bounced:
                report.forecast = replace(forecast, took=run.roll.took)
            if not run.stop.is_set() and not report.failed:
                prove(run, planned, report, trip=trip)
        if run.stop.is_set():
            report.exit_code = 128 + run.signal
    report.exit_code = report.exit_code or _exit(report)
    return report


def approved(run: Session, report: Report, approve: Approve) -> Planned:
    """The plan that is carried out, once everything that it needs is there."""
    planned = awaited(run, fetched(run.site))
    report.plan = planned.plan
    warn_unused(run.site, planned)
    report.forecast = foreseen(run.site, planned)
    approve(planned, report.forecast)
    planned = within(planned, run.bound, run.site.spec)
    if planned.plan.changes:
        preflight.check(run.site, planned.plan.changes)
    sweep_hosts(run, distributions=False)
    return planned


def prove(run: Session, planned: Planned, report: Report, *, trip: bool) -> None:
    """Waits until what was started is whole, and verifies; then the archive for later starts
    comes, and old distributions go."""
    site = run.site
    # A Kafka that did not come to answer before has been waited for; a host that was lost is not.
    whole = may_become_whole(site, planned, report.applied) and not run.lock.lost
    if whole and not starting(site, planned):
        wait_in_sync(run, kept_down(planned))
    verify(site, trip=run.journal.run if trip else "").into(report)
    if report.in_sync:
        bring_archives(run)
        sweep_hosts(run, distributions=True)


def reopen(site: Site) -> None:
    """From here on files in the way may be moved aside."""
    site.rebuild = True
    update_layouts(site)


def _exit(report: Report) -> int:
    if report.failed or report.not_started:
        return Exit.NO
    if report.in_sync is False or report.healthy is False:
        return Exit.NO
    if report.in_sync is None or report.healthy is None:
        return Exit.CANNOT_TELL
    return Exit.YES


def story(args: argparse.Namespace, context: Context) -> Report:
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
    with open_context(args, context, fetch=True, fresh=fresh) as site:
        limits = limits_of.limits(args, time.time())
        named = parts_of(saved) if saved is not None else None
        site.aims = None if named is None else basis.aims(named)

        def approve_plan(planned: Planned, forecast: Forecast) -> None:
            console.say(console.errors.plan(planned.plan, brief=True, foreseen=forecast))
            console.say(until(limits.until_words))
            if saved is not None:
                approve(saved, planned, site.spec, path)

        report = apply(
            site,
            console.event,
            trip=args.round_trip,
            rebuild=args.rebuild,
            approve=approve_plan,
            limits=limits,
            bound=None if named is None else basis.ids(named),
        )
        report.path = str(path)
        report.limited = args.limit
        console.answer("\n".join(closing(report, site.spec, context)))
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


def _options(parser: argparse.ArgumentParser) -> None:
    options.allow(parser)
    limits_of.options(parser)
    parser.add_argument(
        "--rebuild", action="store_true", help="stop Kafka, empty its log dirs, then apply"
    )
    parser.add_argument(
        "--round-trip", action="store_true", help="verify with a temporary topic too"
    )


VERB = Verb(
    "apply",
    "bring hosts, processes and topics into the state of the spec, then verify",
    rank=5,
    story=story,
    options=_options,
    examples=(
        "provision apply specs/lab.yaml",
        "provision apply prod.plan",
        "provision apply --limit vm2 specs/prod.yaml",
        "provision apply --max-restarts 1 specs/prod.yaml",
        "provision apply --each students -i inventories/class.yaml specs/lab.yaml",
    ),
    changes=True,
    asks_kafka=True,
)
