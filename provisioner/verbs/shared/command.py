"""One command: its clusters side by side, one document or one text, one exit code."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from provisioner.cleaning import printable
from provisioner.errors import Exit, Notice, Problem, ProvisionError, fail
from provisioner.plan.model import Report
from provisioner.report.formats import TEXT, render
from provisioner.report.live import Live, moves
from provisioner.report.text import Text
from provisioner.site.stopping import Signalled, Stop, interruption, signals
from provisioner.verbs.shared import arguments, registry
from provisioner.verbs.shared.console import Console, colours, show, show_answer
from provisioner.verbs.shared.context import Context, narrowed
from provisioner.verbs.shared.verb import Verb
from provisioner.workers import each, workers

WORST = (Exit.TERMINATED, Exit.INTERRUPTED, Exit.NO, Exit.STOPPED, Exit.CANNOT_TELL)


def run(argv: Sequence[str]) -> int:
    """Runs one command. No traceback reaches the user without --debug."""
    _take_any_text()
    warned: list[Notice] = []
    with signals() as stop:
        try:
            return _run(argv, stop, warned)
        except (Signalled, Exception):
            # What a signal breaks off may end with an error of its own.
            if not stop.ended:
                raise
            problems = [interruption(stop.number)]
            _leave(_stopped(argv, stop, problems, Exit(128 + stop.number), warned))


def _run(argv: Sequence[str], stop: Stop, warned: list[Notice]) -> int:
    """``warned`` collects the warnings."""
    passwords = Passwords.taken()
    console = Console(True, warned=warned)
    try:
        args = arguments.parse(argv)
        output = args.output is not None
        console = Console(args.format != TEXT, args.verbose, output=output, warned=warned)
        if args.format == TEXT and not output and moves(sys.stderr):
            console.live = Live(sys.stderr)
        with contextlib.closing(console):
            return _dispatch(args, console, stop, passwords)
    except ProvisionError as error:
        if stop.ended:
            raise
        for notice in error.warnings:
            console.warn(notice)
        return _stopped(argv, stop, error.problems, error.exit_code, warned)
    except BrokenPipeError:
        # Whoever read our output has gone; that is no failure of the run.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.STOPPED
    except Exception as error:
        if "--debug" in argv or stop.ended:
            raise
        from provisioner.verbs.shared.failures import exit_of, problems_of

        return _stopped(argv, stop, problems_of(error), exit_of(error), warned)


def _leave(code: int) -> NoReturn:
    """Exits at once: threads may still wait for hosts that do not answer, and they only read."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _take_any_text() -> None:
    """Output from hosts may not fit this terminal's encoding: invalid bytes are shown as escapes
    (in JSON too), so an answer never fails half way through. Who closed a stream gets nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.StringIO())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stopped(
    argv: Sequence[str],
    stop: Stop,
    problems: Sequence[Problem],
    code: Exit,
    warned: Sequence[Notice],
) -> int:
    """The answer of a command that failed before it had one."""
    # One document: a signal that comes while it is written adds no other.
    stop.raises = False
    format, output = arguments.format_of(argv)
    if format != TEXT:
        from provisioner.report.formats import json

        command = next((word for word in argv if not word.startswith("-")), "")
        body = json.document(command, code, [], problems, warned)
        with contextlib.suppress(ProvisionError):
            _deliver(render(format, body, time.time()), output)
    else:
        words = Text(colours(sys.stderr))
        for problem in problems:
            show(words.problem(problem), sys.stderr)
    return int(code)


@dataclass(frozen=True)
class Passwords:
    """Passwords from the environment; removed from it, so that no child process sees them."""

    become: str | None = field(default=None, repr=False)
    ssh: str | None = field(default=None, repr=False)

    @classmethod
    def taken(cls) -> Passwords:
        return cls(
            os.environ.pop("PROVISION_BECOME_PASSWORD", None),
            os.environ.pop("PROVISION_SSH_PASSWORD", None),
        )


def _dispatch(args: argparse.Namespace, console: Console, stop: Stop, passwords: Passwords) -> int:
    verb = registry.verb(args.verb)
    if not verb.of_clusters:
        return int(verb.story(args, console))
    contexts = _contexts(args, console, stop, passwords)
    if args.each is not None:
        args = arguments.changed(args, limit=None)  # it has chosen the hosts
    problems: list[Problem] = []
    if len(contexts) == 1:
        reports = [_timed(verb, args, contexts[0])]
        reports[0].limited = reports[0].limited or args.limit
        reports[0].warnings = contexts[0].warnings
    else:
        # Those that change something end their steps; what only looks just ends.
        stop.raises = stop.raises and not verb.changes
        reports = _several(args, console, verb, contexts, problems)
    if stop.ended:
        raise Signalled(stop.number)
    # The answer is complete: a signal that comes now is too late to end anything.
    stop.raises = False
    return _finish(args, console, reports, problems)


def _timed(verb: Verb, args: argparse.Namespace, context: Context) -> Report:
    started = time.monotonic()
    report: Report = verb.story(args, context)
    report.seconds = time.monotonic() - started
    return report


def _contexts(
    args: argparse.Namespace, console: Console, stop: Stop, passwords: Passwords
) -> list[Context]:
    """One for each cluster: each spec, or one spec on each host of a group."""
    become, ssh = passwords.become, passwords.ssh
    if args.ask_pass or args.ask_become_pass:
        from getpass import getpass

        ssh = getpass("SSH password: ") if args.ask_pass else ssh
        become = getpass("become (sudo) password: ") if args.ask_become_pass else become
    if args.each is None:
        more = narrowed(args, args.limit)
        return [Context(Path(s), console, None, become, ssh, stop, more) for s in args.spec]
    if len(args.spec) != 1:
        raise fail("usage", "--each takes one spec")
    from provisioner.spec.load import hosts_of

    path = Path(args.spec[0])
    inventory = Path(args.inventory) if args.inventory else None
    hosts = hosts_of(path, args.each, inventory=inventory, limit=args.limit)
    return [Context(path, console, host, become, ssh, stop, narrowed(args, host)) for host in hosts]


def _several(
    args: argparse.Namespace,
    console: Console,
    verb: Verb,
    contexts: list[Context],
    problems: list[Problem],
) -> list[Report]:
    """Clusters side by side, bounded; a failed one does not stop the others, and adds to
    ``problems``."""
    from provisioner.verbs.shared.failures import exit_of, problems_of

    reports: list[Report] = []

    def one(context: Context) -> Report:
        name = context.each_host or str(context.path)
        context.console = Console(
            True,
            console.verbose,
            f"{name}: ",
            warned=console.warned,
            mutex=console.mutex,
            live=console.live,
        )
        try:
            if context.stop:
                context.stop.check()
            report = _timed(verb, args, context)
        except Exception as error:
            # One that fails does not stop the others, whatever it fails by.
            report = Report(name, exit_code=exit_of(error), complete=False)
            found = problems_of(error)
            report.errors = tuple(str(p) for p in found)
            problems.extend(found)
            for notice in error.warnings if isinstance(error, ProvisionError) else ():
                context.warn(notice)
        report.warnings = context.warnings
        report.target = context.each_host
        report.path = report.path or str(context.path)
        report.limited = report.limited or args.limit
        return report

    if getattr(args, "out", None):
        raise fail("usage", "-o saves the plan of one cluster: give one spec, without --each")
    with workers(min(args.parallel, len(contexts))) as pool:
        for context, report in zip(contexts, each(pool, one, contexts), strict=True):
            reports.append(report)
            name = context.each_host or str(context.path)
            console.answer(f"{name}: {_in_words(report)}")
    return reports


def _in_words(report: Report) -> str:
    words = {0: "ok", 1: "stopped before any change", 2: "differs from the spec", 3: "cannot tell"}
    first = list(report.errors) or [f"{message}" for _, message in report.failed]
    if report.exit_code == Exit.CANNOT_TELL and report.plan and not first:
        first = list(dict.fromkeys(unread.reason for unread in report.plan.unread))
    detail = "".join(f"\n  {str(one).splitlines()[0]}" for one in first[:5])
    return words.get(int(report.exit_code), f"exit {report.exit_code}") + detail


def _finish(
    args: argparse.Namespace,
    console: Console,
    reports: list[Report],
    problems: list[Problem],
) -> int:
    code = worst([report.exit_code for report in reports])
    problems += [p for report in reports for p in report.problems]
    if code in (Exit.INTERRUPTED, Exit.TERMINATED):
        # Once, however many clusters it was that the signal ended.
        others = [p for p in problems if p.code != "interrupted"]
        problems = [*others, interruption(code - 128)]
    if args.format == TEXT:
        for problem in problems:
            console.say(console.errors.problem(problem))
    if args.format != TEXT:
        from provisioner.report.formats import json

        body = json.document(args.verb, code, reports, problems, console.warned)
        _deliver(render(args.format, body, time.time()), args.output)
    elif len(reports) > 1:
        bad = [r for r in reports if r.exit_code]
        console.answer(f"{len(reports) - len(bad)} of {len(reports)} clusters match their specs")
        if bad:
            rerun = _rerun(args, bad)
            console.answer(f"to rerun the failed ones: {rerun}")
    if args.format == TEXT and args.output:
        _deliver("".join(printable(text, False) + "\n" for text in console.answers), args.output)
    return code


def _deliver(text: str, output: str | None) -> None:
    """To stdout, or atomically to a file. Raises ``not-permitted``."""
    if output is None:
        show_answer(text.rstrip("\n"))
        return
    from provisioner.artifacts.cache import write_whole

    try:
        write_whole(Path(output), text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        why = f"the answer cannot be written: {error.strerror or error}"
        raise fail(
            "not-permitted",
            why,
            "give --output a path that can be written",
            file=output,
        ) from None


def _rerun(args: argparse.Namespace, bad: list[Report]) -> str:
    if args.each:
        specs, limit = [args.spec[0]], ":".join(str(r.target) for r in bad)
    else:
        specs, limit = [r.path or r.cluster for r in bad], args.limit
    return shlex.join(["provision", args.verb, *specs, *narrowed(args, limit)])


def worst(codes: Sequence[int]) -> int:
    """2 beats 1 beats 3 beats 0; a signal beats all."""
    for code in WORST:
        if code in codes:
            return int(code)
    return 0
