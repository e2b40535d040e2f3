"""``provision drill``: the fault-tolerance drill, reported while it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from provisioner.drill.conditions import before, chosen, otherwise
from provisioner.drill.exercise import Drill
from provisioner.drill.story import Outcome, Story
from provisioner.drill.values import values
from provisioner.errors import Exit, fail
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Event, Line, Report
from provisioner.report.drill import closing, told
from provisioner.run.executor import Executor
from provisioner.run.gates import ask
from provisioner.run.session import Session, session
from provisioner.site import planning
from provisioner.site.health import checks
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node
from provisioner.verbs.shared import options
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.permissions import of_gates, warn_unused
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, context: Context) -> Report:
    """lock → check the conditions → experiment, heal, prove → result."""
    console = context.console
    with open_context(args, context) as site:
        node = chosen(site.spec, args.node)
        report = Report(site.spec.cluster)
        story = Story(teller(console))
        with session(site, "drill", quieter(console)) as run:
            planned, stalled = allowed(site, node, context)
            with story.step("healthy", "the drill begins and ends with a healthy cluster") as line:
                line.detail = f"{len(site.spec.brokers)} brokers, every replica in sync"
            earlier = before(site, planned, args.topic)
            run.check()
            run.records.write("intent", note=f"drill of {node.name}")
            runner = Executor(run, planned.wanted, planned.seen.things)
            drill = Drill(node, runner, story, args.topic, stalled, earlier)
            outcome = drill.run()
            finish(report, node, drill, run.signal)
            record(run, outcome, report)
        console.answer(closing(report, context.words))
    return report


def allowed(site: Site, node: Node, context: Context) -> tuple[Planned, tuple[str, ...]]:
    """The plan, and the partitions that cannot be written while the broker is down (``atu-0``).
    Raises ``not-healthy`` and ``refused``."""
    again = (
        f"provision apply {context.words} repairs it; provision verify {context.words} checks it"
    )
    if node.hold:
        why = f"{node.name} is held by the spec: {node.hold}"
        raise fail("refused", why, "take its hold out of the spec, then provision apply")
    planned = planning.make_plan(site)
    warn_unused(site, planned, of_gates(site))
    found = checks(site, planned.seen.view, planned.seen.unavailable)
    wrong = [f"{check.name}: {check.detail}" for check in found if check.ok is not True]
    wrong += [f"{host}: {error}" for host, error in sorted(site.unreachable.items())]
    if wrong:
        raise fail("not-healthy", f"the cluster is not healthy: {'; '.join(wrong)}", again)
    changed = otherwise(planned, service_id(node))
    if changed:
        raise fail(
            "not-healthy", f"{node.name} {changed}", f"provision apply {context.words} first"
        )
    verdict = ask(site, node.name, require_all_in_sync=True)
    if not verdict.allowed:
        hint = "--allow offline permits it" if verdict.offline else again
        raise fail("refused", f"{node.name} cannot be stopped safely: {verdict.reason}", hint)
    return planned, (*verdict.offline, *verdict.unwritable)


def finish(report: Report, node: Node, drill: Drill, signal: int) -> None:
    """Exit 0: nothing lost, healed, every step ok."""
    outcome = drill.outcome
    report.drill = values(node, drill)
    report.healthy = outcome.healed
    done = (drill.runner.results, drill.mended)
    report.applied = [change for results in done for change in results.applied]
    report.failed = [failure for results in done for failure in results.failed]
    if signal and outcome.healed and not outcome.lost:
        report.exit_code = 128 + signal
    elif outcome.healed and outcome.lost == 0 and drill.story.ok:
        report.exit_code = Exit.YES
    else:
        report.exit_code = Exit.NO


def record(run: Session, outcome: Outcome, report: Report) -> None:
    """The drill's last line in the journal."""
    done = "done" if report.exit_code == Exit.YES else "failed"
    healed = "healed" if outcome.healed else "NOT healed"
    note = f"drill ended: {outcome.lost} lost, {healed}, exit {report.exit_code}"
    run.records.write(done, note=note)


def teller(console: Console) -> Callable[[Line], None]:
    """Prints a step when it has finished: as the answer, or as progress under --json."""

    def tell(line: Line) -> None:
        if console.as_json:
            console.say(told(console.errors, line))
        else:
            console.answer(told(console.text, line))

    return tell


def quieter(console: Console) -> Callable[[Event], None]:
    """The story reports the steps; of the executor's events only waits and failures are shown."""

    def emit(event: Event) -> None:
        if event.kind in ("waiting", "failed"):
            console.event(event)

    return emit


def _options(parser: argparse.ArgumentParser) -> None:
    options.allow(parser)
    parser.add_argument("--node", required=True, help="the broker to stop, e.g. broker-1")
    parser.add_argument("--topic", help="use this topic instead of a temporary one")


VERB = Verb(
    "drill",
    "stop a broker, prove that nothing was lost, and heal it",
    rank=12,
    story=story,
    options=_options,
    examples=("provision drill --node broker-1 specs/lab.yaml",),
    changes=True,
    of_hosts=True,
)
