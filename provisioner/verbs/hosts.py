"""``provision hosts``: how each host would be reached. None is contacted."""

from __future__ import annotations

import argparse

from provisioner.errors import Notice
from provisioner.plan.model import Report
from provisioner.report.hosts import as_text
from provisioner.site.reached import values
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.loading import limit_of, load
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """files → inventory and SSH configuration → a table. Raises ProvisionError."""
    loaded = load(args, context)
    limit = limit_of(args, loaded)
    used = dict.fromkeys(node.host for node in loaded.spec.known)
    names = [name for name in used if limit is None or name in limit]
    report = Report(loaded.spec.cluster)
    found = values(
        [loaded.spec.hosts[name] for name in names],
        become=args.ask_become_pass,
        parallel=args.parallel,
        warn=lambda text: context.warn(Notice(text)),
    )
    report.hosts = tuple(found)
    lines = [line for entry in found for line in as_text(entry)]
    context.console.answer("\n".join(lines))
    return report


VERB = Verb(
    "hosts",
    "show how each host would be reached, and where each setting comes from",
    rank=3,
    story=story,
    examples=("provision hosts -i inventories/prod.yaml specs/prod.yaml",),
    of_hosts=True,
)
