"""``provision log``: what was done to this cluster, when and by whom, from the hosts' journals."""

from __future__ import annotations

import argparse

from provisioner.errors import Exit, Notice
from provisioner.plan.model import Plan, Report
from provisioner.report.journal import as_text
from provisioner.site.journals import gather, merged
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """read every host's journal → merge → show. Takes no lock, changes nothing."""
    with open_context(args, context, fetch=True) as site:
        journals = gather(site)
        report = Report(site.spec.cluster, plan=Plan(unread=tuple(journals.unread)))
    journals.entries = merged(journals.entries)
    report.log = tuple(journals.entries)
    report.complete = not journals.unread
    report.exit_code = Exit.YES if report.complete else Exit.CANNOT_TELL
    for note in journals.notes:
        context.warn(Notice(note))
    context.console.answer("\n".join(as_text(journals.entries, journals.unread, args.verbose)))
    return report


VERB = Verb(
    "log",
    "show what was done to the cluster, when and by whom",
    rank=17,
    story=story,
    examples=("provision log specs/prod.yaml",),
)
