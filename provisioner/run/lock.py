"""The lock of a cluster: one per host, held by a process on the host for as long as we beat.

The holder has ``flock`` on an open stream; it ends, with what its run still does there, at the end
of its input or after ``SILENCE`` seconds without a beat. A killed tool, a closed laptop or a cut
cable thus free the lock by themselves, and a slow but living run keeps it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from provisioner.errors import ProvisionError, fail
from provisioner.hosts.actor import BOOTSTRAP
from provisioner.hosts.observer import Shell
from provisioner.hosts.shell import Script, constant, quote
from provisioner.hosts.transport import Stream, TransportError
from provisioner.run.stopping import Stop

BEAT = 2.0
SILENCE = 20
STALE = 5


@cache
def _script() -> str:
    own = resources.files(__package__ or "").joinpath("lock.sh").read_text()
    return f"{constant('missing.sh')}\n{own}"


@dataclass(frozen=True)
class LockFile:
    """Where the lock of one host is: its state folder, and who keeps it."""

    shell: Shell
    state: str
    state_owner: str


class Lock:
    """Held from ``acquire`` to ``release``. ``lost`` is set when a holder could not be reached."""

    def __init__(self, who: str, say: Callable[[str], None], stop: Stop | None = None):
        self.token = secrets.token_hex(8)
        self.lost: set[str] = set()
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
                        f"{machines[machine]} and {host} are one machine",
                        "two inventory names of one cluster must be two machines",
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
            text = self._answer(stream)
            word, _, rest = text.partition(" ")
            if word == "got":
                self._streams[host] = stream
                return rest
            stream.close()
            if word != "held":
                raise ProvisionError(_trouble(host, text, place.state).problems)
            age, _, who = rest.partition(" ")
            who = "".join(c for c in who if c.isprintable())
            if int(age) <= STALE:
                raise fail(
                    "lock-held",
                    f"the lock is held by {who or 'another run'}",
                    "wait for it to end; provision lock SPEC shows who holds it",
                    host=host,
                )
            if not said:
                self._say(f"{host}: the lock's holder ({who}) has been silent for {age} s; waiting")
                said = True
            self._stop.wait(0.5)
            self._stop.check()

    def _answer(self, stream: Stream) -> str:
        """The script's first line; what a login shell prints before it is none of ours. Without
        the script, the last that was said."""
        said = b""
        while line := stream.read_line(30):
            if line.strip() == self._begin().encode():
                return (stream.read_line(30) or b"").decode("utf-8", "replace").strip()
            said = line
        return said.decode("utf-8", "replace").strip()

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
                except TransportError:
                    self.lost.add(host)

    def release(self) -> None:
        """Lets go at once; the holders end by the end of their input."""
        self._ended.set()
        if self._thread:
            self._thread.join(BEAT + 1)
        for stream in self._streams.values():
            stream.close()
        for stream in self._streams.values():
            # Until the holder is gone another run would still find the lock held.
            stream.read_line(10)
        self._streams.clear()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _trouble(host: str, text: str, state: str) -> ProvisionError:
    what = text.removeprefix("error ") or "the lock's holder did not start"
    code = "disk-full" if "No space" in what else "not-permitted"
    hint = f"the lock is kept in {state}; check that the folder can be written"
    return fail(code, what, hint, host=host)
