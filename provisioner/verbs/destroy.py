"""``provision destroy``: removes what provision made; data only where ``--allow wipe-log-dir``
says so."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from provisioner.errors import Exit, fail
from provisioner.kinds.cluster_id import cluster_id
from provisioner.plan.model import Report
from provisioner.plan.rules import ALL
from provisioner.run.executor import Executor
from provisioner.run.processes import chosen, stops
from provisioner.run.remover import Remover, owned
from provisioner.run.session import session
from provisioner.run.sweep import sweep_hosts
from provisioner.site.planning import make_plan
from provisioner.site.site import Site
from provisioner.spec.types import Node
from provisioner.verbs.shared import options
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.failures import kept_in
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import warn_of_paths
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """lock → stop everything → remove what the manifests list."""
    console = context.console
    with open_context(args, context) as site:
        spec = site.spec
        if args.confirm != spec.cluster:
            raise fail(
                "usage",
                f"--confirm {args.confirm} is not the name of this cluster",
                f"to destroy it: --confirm {spec.cluster}",
            )
        warn_of_paths(site)
        report = Report(spec.cluster)
        kept: list[str] = []
        with session(site, "destroy", console.event) as run:
            planned = make_plan(site)
            seen = planned.seen.things
            run.results.into(report)
            with kept_in(report, when=lambda: True):
                nodes = made(site, chosen(site, None))
                waves = stops(site, planned, nodes, False, wiped(site, nodes))
                Executor(run, planned.wanted, seen).carry_out(waves)
                if not report.failed and not run.stop.is_set():
                    sweep_hosts(run, distributions=False)
                    remover = Remover(run, cluster_id(spec, seen).value or "", seen)
                    for host in sorted(_hosts(site)):
                        kept += [f"{host}:{path}" for path in remover.remove(host)]
        report.complete = not site.unreachable
        report.exit_code = report.exit_code or _exit(report, kept, run.signal)
        report.kept = tuple(kept)
    limited = sorted(site.options.limit or ())
    console.answer(_told(report, kept, context, spec.cluster, limited))
    return report


def made(site: Site, nodes: Sequence[Node]) -> list[Node]:
    """The nodes that go: all, but of a preinstalled Kafka only those whose properties we made. What
    was adopted stays, and runs on. Raises ProvisionError."""
    if not site.spec.preinstalled:
        return list(nodes)
    hosts = {node.host for node in nodes}
    ours = {(h, name) for h in hosts for kind, name in owned(site, h) if kind == "file"}
    return [node for node in nodes if (node.host, node.properties) in ours]


def wiped(site: Site, nodes: Sequence[Node]) -> frozenset[str]:
    """The names of the nodes all of whose log dirs are to be emptied."""
    allow = site.options.allow.get("wipe-log-dir")
    if allow is None:
        return frozenset()
    every = not allow or ALL in allow
    return frozenset(n.name for n in nodes if every or all(d.path in allow for d in n.log_dirs))


def _hosts(site: Site) -> list[str]:
    limit = site.options.limit
    return [host for host in site.shells if limit is None or host in limit]


def _exit(report: Report, kept: list[str], signal: int) -> int:
    if signal:
        return 128 + signal
    if report.failed or report.not_started or kept:
        return Exit.NO
    return Exit.YES if report.complete else Exit.CANNOT_TELL


def _told(
    report: Report, kept: list[str], context: Context, cluster: str, limited: list[str]
) -> str:
    if report.failed or report.problems:
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


def _options(parser: argparse.ArgumentParser) -> None:
    options.allow(parser)
    parser.add_argument(
        "--confirm", metavar="CLUSTER", required=True, help="the cluster's name, as a confirmation"
    )


VERB = Verb(
    "destroy",
    "remove what provision made",
    rank=13,
    story=story,
    options=_options,
    examples=("provision destroy --confirm atu-lab --allow wipe-log-dir specs/lab.yaml",),
    changes=True,
    of_hosts=True,
)
