"""Warnings of plan and drift about the cluster as it is."""

from __future__ import annotations

from provisioner.errors import Notice
from provisioner.site import migrating
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.verbs.shared.context import Context


def warn_of_cluster(context: Context, site: Site, planned: Planned) -> None:
    """Not under ``--limit``, which leaves out what is of the cluster."""
    if site.options.limit is None:
        if under_way := migrating.values(site.spec, planned.seen.things):
            from provisioner.report.migration import migration

            context.warn(Notice(migration(under_way)))
        for notice in planned.warnings(site.spec):
            context.warn(notice)
