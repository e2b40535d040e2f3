"""``provision lock``: who holds the lock of each host; ``--break ID`` ends that holder."""

from __future__ import annotations

import argparse

from provisioner.errors import Exit
from provisioner.plan.model import Plan, Report
from provisioner.report.locks import as_text
from provisioner.run.locks import checked, end, survey
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """read every host's lock → show; or end the named holder, on every host."""
    wanted = None if args.break_id is None else checked(args.break_id)
    with open_context(args, context, fetch=True) as site:
        report = Report(site.spec.cluster)
        locks, unread = survey(site)
        if wanted is not None:
            broken = end(site, wanted, locks)
            context.console.answer("\n".join(broken))
            locks, unread = survey(site)
    report.plan = Plan(unread=tuple(unread))
    report.locks = tuple(locks)
    report.complete = not unread
    report.exit_code = Exit.YES if report.complete else Exit.CANNOT_TELL
    if wanted is not None and any(lock.held and lock.id == wanted for lock in locks):
        report.exit_code = Exit.NO
    context.console.answer("\n".join(as_text(locks, unread, context.words)))
    return report


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--break", dest="break_id", metavar="ID", help="end the run that holds it")


VERB = Verb(
    "lock",
    "show or break the cluster's lock",
    rank=16,
    story=story,
    options=_options,
    examples=(
        "provision lock specs/prod.yaml",
        "provision lock --break 1a2b3c specs/prod.yaml",
    ),
)
