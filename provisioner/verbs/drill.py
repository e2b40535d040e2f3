"""``provision drill``: the fault-tolerance drill, reported while it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from provisioner.drill.exercise import READING, Drill
from provisioner.drill.story import Line, Outcome, Story
from provisioner.errors import Exit, fail
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable, Record, TopicView
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Event, Id, Present, Report
from provisioner.report.cleaning import clean
from provisioner.report.text import Text
from provisioner.run.executor import Executor
from provisioner.run.gates import ask
from provisioner.run.session import Session, session
from provisioner.site import planning
from provisioner.site.health import checks
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node, Spec
from provisioner.verbs.shared import options
from provisioner.verbs.shared.command import Console, Context
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
        console.answer(closing(report, outcome, context))
    return report


# --- may it begin? -------------------------------------------------------------------------------


def chosen(spec: Spec, name: str) -> Node:
    """The broker of that name. Raises ``usage``, and ``refused`` for a cluster of one."""
    brokers = ", ".join(node.name for node in spec.brokers)
    found = next((node for node in spec.nodes if node.name == name), None)
    if found is None:
        raise fail("usage", f"there is no node {name}", f"the brokers are {brokers}")
    if not found.is_broker:
        raise fail("usage", f"{name} is not a broker", f"the brokers are {brokers}")
    if len(spec.brokers) < 2:
        hint = "a drill needs two brokers or more"
        raise fail("refused", f"{name} is the only broker: without it there is no cluster", hint)
    return found


def allowed(site: Site, node: Node, context: Context) -> tuple[Planned, tuple[str, ...]]:
    """The plan, and the partitions that cannot be written while the broker is down (``atu-0``).
    Raises ``not-healthy`` and ``refused``."""
    again = (
        f"provision apply {context.words} repairs it; provision verify {context.words} checks it"
    )
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
    return planned, verdict.offline


def otherwise(planned: Planned, service: Id) -> str:
    """Why the process would not start again as it runs now; empty when it would. It starts from
    the files on the host, so a difference from the spec alone does not matter."""
    mine = {service, *planned.wanted[service].inputs}
    troubles = [(item.id, item.reason) for item in planned.plan.unread]
    troubles += [(item.id, item.reason) for item in planned.plan.refused]
    for id, reason in troubles:
        if id in mine:
            return f"might not start again: {id}: {reason}"
    seen = planned.seen.things.get(service)
    if not isinstance(seen, Present):
        return "could not be observed"
    if seen.fields["running_digest"] != seen.fields["files_digest"]:
        return "would start with another configuration than it runs with"
    return ""


def before(site: Site, planned: Planned, topic: str | None) -> list[Record]:
    """The records of an existing topic. Raises ``usage`` and ``refused`` for an unsuitable one."""
    if topic is None:
        return []
    view = planned.seen.view
    known = view.topics if view else ()
    found = next((each for each in known if each.name == topic), None)
    if found is None:
        names = ", ".join(each.name for each in known if not _internal(each))
        raise fail("usage", f"there is no topic {topic}", f"the topics are {names}")
    if _internal(found):
        raise fail("refused", f"{topic} is one of Kafka's internal topics: choose another")
    if "compact" in found.config.get("cleanup.policy", ""):
        raise fail("refused", f"{topic} is compacted: Kafka would remove records by design")
    try:
        return site.cluster().consume(topic, seconds=READING)
    except (KafkaRefused, KafkaUnavailable) as error:
        hint = "leave out --topic to use a temporary topic"
        raise fail("refused", f"{topic} could not be read before: {error}", hint) from error


def _internal(topic: TopicView) -> bool:
    return topic.internal or topic.name.startswith("__")


# --- what it showed ------------------------------------------------------------------------------


def finish(report: Report, node: Node, drill: Drill, signal: int) -> None:
    """Exit 0: nothing lost, healed, every step ok."""
    outcome = drill.outcome
    report.extra["drill"] = values(node, drill)
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


def values(node: Node, drill: Drill) -> dict[str, Any]:
    """The contract's ``clusters[].drill``. What was not measured is null."""
    outcome, account = drill.outcome, drill.outcome.account
    return {
        "node": node.name,
        "topic": drill.topic,
        "acked_before": outcome.acked_before,
        "acked_during": outcome.acked_during,
        "consumed": account.consumed if account else None,
        "lost": outcome.lost,
        "duplicated": account.duplicated if account else None,
        "out_of_order": account.out_of_order if account else None,
        "ordered_across_partitions": account.across if account else None,
        "leaders_moved": [
            {"topic": m.topic, "partition": m.partition, "from": m.origin, "to": m.to}
            for m in outcome.moved
        ],
        "unavailable_seconds": _rounded(outcome.silent),
        "unavailable": [
            {"topic": topic, "partition": id, "seconds": _rounded(seconds)}
            for (topic, id), seconds in sorted(outcome.leaderless.items())
        ],
        "healed": outcome.healed,
        "steps": [
            {
                "name": line.name,
                "ok": line.ok,
                "seconds": _rounded(line.seconds),
                "detail": line.detail,
                "shows": line.shows,
            }
            for line in drill.story.lines
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


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


def told(text: Text, line: Line) -> str:
    """``✓ stop (1.2 s): broker-1 is stopped`` and, below it, what that shows."""
    mark = text.paint("✓", "green") if line.ok else text.paint("✗", "red")
    head = f"  {mark} {line.name} ({line.seconds:.1f} s): {clean(line.detail)}"
    return head + (text.paint(f"\n      {line.shows}", "dim") if line.shows else "")


def quieter(console: Console) -> Callable[[Event], None]:
    """The story reports the steps; of the executor's events only waits and failures are shown."""

    def emit(event: Event) -> None:
        if event.kind in ("waiting", "failed"):
            console.event(event)

    return emit


def closing(report: Report, outcome: Outcome, context: Context) -> str:
    """One line about the drill, and the command to continue with."""
    node = report.extra["drill"]["node"]
    if report.exit_code == Exit.YES and outcome.account is not None:
        return (
            f"{node} was stopped and is back: {outcome.account.consumed} records read, "
            f"none lost, none duplicated, all in order within their partition; "
            f"{outcome.acked_during} of them acknowledged while it was away"
        )
    if report.exit_code > Exit.CANNOT_TELL:
        return f"interrupted; {node} is back and the cluster is healthy"
    if not outcome.healed:
        return f"NOT healed; to continue: provision apply {context.words}"
    return f"healed, but with the problems above; see: provision status {context.words}"


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
)
