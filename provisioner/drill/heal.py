"""Healing after a drill: the broker runs, every replica is in sync, preferred leaders lead."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from provisioner.drill import account as accounts
from provisioner.drill.story import Story
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Change, Id, Present, Wave
from provisioner.run.executor import Executor
from provisioner.run.results import Results
from provisioner.run.settling import wait_in_sync
from provisioner.site.health import checks, healthy
from provisioner.site.look import look
from provisioner.site.site import Site
from provisioner.spec.types import Node

PATIENCE = 60.0


class DrillFailed(Exception):
    """A step did not show what it should; the message says what was seen."""


@dataclass
class Healing:
    """Three steps, none of which a signal ends. ``results`` takes in what was changed; ``back`` is
    when the broker was registered again (monotonic), 0 before.

    ``runner`` is the one that stopped the broker: what it saw last is what is checked again.
    """

    node: Node
    runner: Executor
    story: Story
    results: Results
    back: float = 0.0

    @property
    def site(self) -> Site:
        return self.runner.site

    def run(self) -> None:
        """Raises DrillFailed, with what is not as it should be, or what the port raises."""
        self._start()
        self._in_sync()
        self._lead_again()

    @property
    def _service(self) -> Id:
        return service_id(self.node)

    def _start(self) -> None:
        with self.story.step("start", f"{self.node.name} starts again with its data") as line:
            seen = look(self.site, self.node.host, [self._service])
            run = replace(self.runner.session, stop=threading.Event(), results=self.results)
            runner = Executor(run, self.runner.desired, {**self.runner.seen, **seen})
            now = seen.get(self._service)
            if isinstance(now, Present) and now.fields["running"]:
                line.detail = f"{self.node.name} runs"
            else:
                off, on = {"running": False}, {"running": True}
                change = Change(self._service, "start", off, on, ("running",), asked=True)
                runner.carry_out([Wave(2, (change,))])
                if not self.results.applied:
                    raise DrillFailed(first(self.results))
                line.detail = f"{self.node.name} is started and registered"
            self.back = time.monotonic()
            self.site.cluster().refresh()

    def _in_sync(self) -> None:
        shows = f"{self.node.name} catches up from the leaders"
        with self.story.step("in-sync", shows) as line:
            wait_in_sync(replace(self.runner.session, stop=threading.Event()))
            found = checks(self.site, self.site.cluster().view(), "")
            wrong = [check.detail for check in found if check.ok is not True]
            if not healthy(found):
                raise DrillFailed("; ".join(wrong))
            line.detail = "every replica of every partition is in sync"

    def _lead_again(self) -> None:
        shows = "a restarted broker only follows until preferred leaders are elected"
        with self.story.step("preferred-leaders", shows) as line:
            before = accounts.not_preferred(self.site.cluster().liveness())
            end = time.monotonic() + PATIENCE
            left = before
            while True:
                left = self._elect()
                if not left:
                    break
                if time.monotonic() > end:
                    raise DrillFailed(f"not led by their preferred replica: {', '.join(left[:5])}")
                time.sleep(0.3)
            line.detail = f"not led by their preferred replica: {len(before)} before, 0 now"

    def _elect(self) -> list[str]:
        """Elects; what is not led by its preferred leader yet. A refusal is tried again."""
        try:
            self.runner.session.kafka.elect_preferred_leaders()
            return accounts.not_preferred(self.site.cluster().liveness())
        except (KafkaRefused, KafkaUnavailable) as error:
            return [str(error)]


def first(results: Results) -> str:
    """Why nothing was done."""
    return results.failed[0][1] if results.failed else "not started: the lock was lost"
