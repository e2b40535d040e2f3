"""``provision status``: the cluster as it is. Read-only, and without the lock.

Processes are read on the hosts and partitions from Kafka, side by side, so that a cluster that is
down still has an answer: which of its processes run.
"""

from __future__ import annotations

import argparse

from provisioner.errors import Exit
from provisioner.plan.model import Report
from provisioner.report.status import told
from provisioner.site.status import (
    observe,
    unreadable,
    values,
)
from provisioner.verbs.shared import options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """look → values → text."""
    with open_context(args, context) as site:
        found = observe(site)
        report = Report(site.spec.cluster)
        report.status = values(site, found)
        unread = unreadable(site, found)
        report.complete = not unread
        report.exit_code = Exit.CANNOT_TELL if unread else Exit.YES
        context.console.answer(told(site.spec, report.status, unread, context.console.text))
    return report


VERB = Verb(
    "status",
    "show the cluster as it is, by broker and by topic",
    rank=8,
    story=story,
    options=options.formats,
    examples=("provision status specs/lab.yaml",),
    asks_kafka=True,
)
