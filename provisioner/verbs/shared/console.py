"""Where a command's output goes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from provisioner.cleaning import printable
from provisioner.errors import Notice
from provisioner.plan.model import Event, Progress
from provisioner.report.live import Live
from provisioner.report.text import Text


@dataclass
class Console:
    """Where a command's output goes: answers to stdout, progress and warnings to stderr."""

    as_json: bool
    """The document is the answer, in whatever format: nothing else goes to stdout."""
    verbose: bool = False
    prefix: str = ""
    output: bool = False
    """Answers go to a file once all are there (``answers``)."""
    answers: list[str] = field(default_factory=list)
    warned: list[Notice] = field(default_factory=list)
    """All warnings, of all clusters."""
    text: Text = field(init=False)
    errors: Text = field(init=False)
    mutex: threading.Lock = field(default_factory=threading.Lock)
    live: Live | None = None
    """What goes on just now, where a person watches at a terminal; one for all clusters."""

    def __post_init__(self) -> None:
        self.text = Text(not self.output and colours(sys.stdout), self.verbose)
        self.errors = Text(colours(sys.stderr), self.verbose)

    def say(self, line: str) -> None:
        """A line of progress."""
        if line:
            with self.mutex, self._above():
                show(self.prefix + line, sys.stderr)

    def answer(self, text: str) -> None:
        """The answer itself; nothing under --json, where the document is the answer."""
        if not self.as_json and text:
            with self.mutex:
                if self.output:
                    self.answers.append(text)
                else:
                    with self._above():
                        show(text, sys.stdout)

    def warn(self, notice: Notice) -> None:
        """Each warning once per command, whichever cluster it is about."""
        with self.mutex:
            known = notice in self.warned
            if not known:
                self.warned.append(notice)
        if not known:
            self.say(self.errors.warning(notice))

    def event(self, event: Event) -> None:
        self.say(self.errors.event(event))

    def progress(self, progress: Progress) -> None:
        """Nothing but on a terminal."""
        if self.live is not None:
            self.live.update(progress, self.prefix)

    def close(self) -> None:
        """Nothing goes on any more: the terminal is as it was."""
        if self.live is not None:
            self.live.close()

    def _above(self) -> AbstractContextManager[None]:
        return self.live.above() if self.live is not None else contextlib.nullcontext()


def show(text: str, stream: Any) -> None:
    """The only place that writes to a stream: no control characters reach a terminal."""
    print(printable(text, colours(stream)), file=stream, flush=True)


def colours(stream: Any) -> bool:
    """Whether stderr is a terminal that accepts colours."""
    return bool(
        stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def show_answer(text: str) -> None:
    """To stdout, flushed: a closed pipe is no failure of the run."""
    try:
        show(text, sys.stdout)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
