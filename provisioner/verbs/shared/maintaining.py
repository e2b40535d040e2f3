"""One host of ``maintain``: its nodes stop, the work is done, they start, everything is in sync."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.errors import ProvisionError
from provisioner.plan.model import Change, Event, Id, Report, Wave
from provisioner.run.converge import prefer_leaders
from provisioner.run.executor import Executor
from provisioner.run.maintenance import (
    Done,
    boot_id,
    command,
    reboot,
    running,
    starts,
    stops,
    wait_for_boot,
    wait_until_down_is_safe,
)
from provisioner.run.results import Results
from provisioner.run.session import Session, session
from provisioner.run.settling import wait_in_sync
from provisioner.run.waits import NoProgress, WaitInterrupted
from provisioner.site import planning
from provisioner.site.health import checks
from provisioner.site.site import Site
from provisioner.spec.types import Node
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.failures import PORT_ERRORS, problems_of
from provisioner.verbs.shared.opening import open_context


@dataclass
class Visit:
    """Two sessions: the lock of a host that reboots is gone with it, and is taken again."""

    args: argparse.Namespace
    context: Context
    host: str
    report: Report

    def carry_out(self, names: Sequence[str]) -> bool:
        """Whether the work was done and everything is in sync again. ``names``: the nodes that ran
        there; whatever happens, they are started again."""
        try:
            booted = self._work(names)
            if booted:
                self._wait(booted)
            fine = booted is not None
        except (NoProgress, WaitInterrupted) as stuck:
            self._failed(str(stuck))
            return False
        except (ProvisionError, *PORT_ERRORS) as error:
            self.report.problems += problems_of(error)
            fine = False
        try:
            return self._again(names) and fine
        except (ProvisionError, *PORT_ERRORS) as error:
            self.report.problems += problems_of(error)
            return False

    def _failed(self, why: str) -> None:
        change = Change(Id(self.host, "host", self.host), "restart", None, None)
        self.report.failed.append((change, why))
        self.context.console.event(Event("failed", f"{self.host}: {why}", self.host))

    def _work(self, names: Sequence[str]) -> str | None:
        """The boot id before a reboot, nothing where there is none, None where the work failed."""
        with (
            open_context(self.args, self.context) as site,
            session(site, "maintain", self.context.console.event) as run,
        ):
            nodes = [site.spec.node(name) for name in names]
            wait_until_down_is_safe(run, nodes) if nodes else None
            if not self._carried(run, site, stops(nodes)):
                return None
            if self.args.command and not self._did(command(run, self.host, self.args.command)):
                return None
            if run.stop.is_set():
                return None
            if not self.args.reboot:
                return ""
            before = boot_id(site, self.host)
            reboot(run, self.host)
            return before

    def _did(self, done: Done) -> bool:
        console = self.context.console
        for line in done.text.splitlines():
            console.say(f"  {self.host}: {line}")
        if not done.ok:
            self._failed("the command failed; its nodes are started again")
        return done.ok

    def _carried(self, run: Session, site: Site, waves: Sequence[Wave]) -> bool:
        planned = planning.make_plan(site)
        Executor(run, planned.wanted, planned.seen.things).carry_out(waves)
        self._note(run.results)
        if run.stop.is_set():
            self.report.exit_code = 128 + run.signal
        return not run.results.failed and not run.results.not_started

    def _note(self, results: Results) -> None:
        self.report.applied += results.applied
        self.report.failed += results.failed

    def _wait(self, before: str) -> None:
        def look() -> str:
            try:
                with open_context(self.args, self.context) as site:
                    return boot_id(site, self.host) if self.host in site.shells else ""
            except (ProvisionError, *PORT_ERRORS):
                return ""

        stop = self.context.stop
        emit = self.context.console.event
        wait_for_boot(self.host, before, look, emit, lambda: stop is not None and stop.is_set())

    def _again(self, names: Sequence[str]) -> bool:
        """Starts what is down of these nodes, and waits until everything is in sync."""
        with (
            open_context(self.args, self.context) as site,
            session(site, "maintain", self.context.console.event) as run,
        ):
            nodes = [site.spec.node(name) for name in names]
            up = running(planning.make_plan(site), nodes)
            down: list[Node] = [node for node in nodes if node not in up]
            if not self._carried(run, site, starts(down)):
                return False
            site.cluster().refresh()
            wait_in_sync(run)
            prefer_leaders(run)
            planned = planning.make_plan(site)
            found = checks(site, planned.seen.view, planned.seen.unavailable)
            wrong = [f"{check.name}: {check.detail}" for check in found if check.ok is not True]
            if wrong:
                self._failed(f"not in sync again: {'; '.join(wrong)}")
            return not wrong and not run.stop.is_set()
