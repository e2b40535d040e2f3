"""The lock of a cluster: one per host, held by a process on the host while heartbeats arrive.

The holder has ``flock`` on an open stream; it exits, with whatever its run still does there, at the
end of its input or after ``SILENCE`` seconds without a heartbeat. So a killed tool, a closed laptop
or a cut cable frees the lock, and a slow but living run keeps it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from provisioner.errors import ProvisionError, fail
from provisioner.hosts.actor import BOOTSTRAP, JOURNAL
from provisioner.hosts.observer import Shell
from provisioner.hosts.shell import ENTER, Frame, Script, constant, quote
from provisioner.hosts.transport import (
    MOST_LINE,
    Stream,
    TransportError,
    too_much,
    understood,
)
from provisioner.site.stopping import Stop

BEAT = 2.0
SILENCE = 20
STALE = 5
LONGEST = 500
"""Characters of a host's output that are shown."""


FIRST_WORDS = 120.0
"""Seconds that a host may take to start the script, including all output of its login shell."""
MOST_LINES = 5000
BREAK_SECONDS = 40


def _text(name: str) -> str:
    """A script of this package that compares when processes started."""
    return constant("start_of.sh", __package__) + constant(name, __package__)


def _script() -> str:
    return f"{ENTER}\n{constant('missing.sh')}\n{_text('lock.sh')}"


def showing() -> str:
    """The script that says who holds a lock: STATE."""
    return ENTER + _text("lock_show.sh")


@dataclass(frozen=True)
class LockFile:
    """Where the lock of one host is: its state folder, and who keeps it."""

    shell: Shell
    state: str
    state_owner: str


class Lock:
    """Held from ``acquire`` to ``release``. ``lost``: host → why its holder cannot be reached; from
    then on nothing more may be begun."""

    def __init__(self, who: str, say: Callable[[str], None], stop: Stop | None = None):
        self.token = secrets.token_hex(8)
        self.lost: dict[str, str] = {}
        self._who = who
        self._say = say
        self._stop = stop or Stop()
        self._streams: dict[str, Stream] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, places: Mapping[str, LockFile]) -> None:
        """All hosts in sorted order, or none. Raises ProvisionError: ``lock-held``, ``interrupted``
        where a signal came before all were taken."""
        try:
            machines: dict[str, str] = {}
            for host in sorted(places):
                machine = self._take(host, places[host])
                if machine in machines:
                    raise fail(
                        "invalid-inventory",
                        f"{machines[machine]} and {host} are the same machine",
                        "give each machine one inventory name",
                        host=host,
                    )
                machines[machine] = host
                self._stop.check()
        except BaseException:
            self.release()
            raise
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def _take(self, host: str, place: LockFile) -> str:
        """Returns what names the machine: boot id and the lock file's device and inode."""
        said = False
        while True:
            stream = place.shell.connection.stream(
                place.shell.command(BOOTSTRAP), self._opening(place)
            )
            try:
                text = self._answer(host, stream)
            except BaseException:
                stream.close()
                raise
            word, _, rest = text.partition(" ")
            if word == "got":
                self._streams[host] = stream
                return rest
            stream.close()
            if word != "held":
                raise ProvisionError(_trouble(host, text, place.state).problems)
            age, _, who = rest.partition(" ")
            who = "".join(c for c in who if c.isprintable())[:LONGEST]
            with understood(host):
                silent = int(age)
            if silent <= STALE:
                raise fail(
                    "lock-held",
                    f"the lock is held by {who or 'another run'}",
                    "wait for it to end; provision lock SPEC shows who holds it",
                    host=host,
                )
            if not said:
                what = f"the lock's holder ({who}) has been silent for {silent} s"
                self._say(f"{host}: {what}; waiting")
                said = True
            self._stop.wait(0.5)
            self._stop.check()

    def _answer(self, host: str, stream: Stream) -> str:
        """The script's first line; output of a login shell before it is skipped. Without the
        script, the last line. Raises TransportError where it never ends."""
        said, end = b"", time.monotonic() + FIRST_WORDS
        for _ in range(MOST_LINES):
            line = stream.read_line(min(30.0, max(end - time.monotonic(), 0.0)))
            if not line:
                return said.decode("utf-8", "replace").strip()
            if line.strip() == self._begin().encode():
                return (stream.read_line(30) or b"").decode("utf-8", "replace").strip()
            said = line
        raise too_much(host, MOST_LINE)

    def _begin(self) -> str:
        return f"lock {self.token}"

    def _opening(self, place: LockFile) -> bytes:
        script = Script()
        script.raw("echo", self._begin())
        words = [place.state_owner, "sh", "-c", _script(), "sh", place.state, self.token, self._who]
        words.append(str(SILENCE))
        script.raw("as " + " ".join(map(quote, words)))
        text = script.render()
        return place.shell.preamble() + str(len(text)).encode() + b"\n" + text

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            for host, stream in list(self._streams.items()):
                try:
                    stream.write(b"beat\n")
                except TransportError as error:
                    self._gone(host, str(error))

    def _gone(self, host: str, why: str) -> None:
        if host not in self.lost and not self._ended.is_set():
            self.lost[host] = why
            self._say(f"{host}: {why}; this run's lock there is gone: nothing more is begun")

    def loss(self) -> str:
        """Why nothing more may be begun, so that waiting until something may is of no use; nothing
        while the lock is held everywhere."""
        if not self.lost:
            return ""
        host, why = min(self.lost.items())
        return f"{host}: {why}, and with it this run's lock there"

    def release(self) -> None:
        """Releases at once; the holders exit at the end of their input."""
        self._ended.set()
        if self._thread:
            self._thread.join(BEAT + 1)
        for stream in self._streams.values():
            stream.close()
        for stream in self._streams.values():
            # Until the holder is gone another run would still find the lock held.
            with suppress(TransportError):
                stream.read_line(10)
        self._streams.clear()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@dataclass(frozen=True)
class Breaker:
    """Can end the holder of one host's lock, and do nothing else there. It has no lock itself:
    the holder's id is its permission, checked again on the host in the script that signals."""

    place: LockFile

    def end(self, holder: str, line: str) -> Frame | None:
        """``holder``: the first digits of its token; ``line`` goes into the journal. The answer is
        ``ended``, ``gone``, or why it has not ended. Raises TransportError."""
        script, place = Script(), self.place
        words = (ENTER + _text("lock_break.sh"), place.state, holder)
        script.add("step", BREAK_SECONDS, place.state_owner, *words)
        script.add("part", 20, place.state_owner, JOURNAL, place.state, line)
        return place.shell.run(script, BREAK_SECONDS + 20).get(0)


def _trouble(host: str, text: str, state: str) -> ProvisionError:
    what = text.removeprefix("error ")[:LONGEST] or "the lock holder did not start"
    code = "disk-full" if "No space" in what else "not-permitted"
    hint = f"the lock is kept in {state}; check that the folder is writable"
    return fail(code, what, hint, host=host)
