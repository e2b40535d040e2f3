"""Reading a machine. An Observer has no way to write: it takes reading scripts and gives text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from provisioner.hosts import core_dumps
from provisioner.hosts.shell import Frame, Script, quote
from provisioner.hosts.transport import Connection, Result, TransportError
from provisioner.spec.words import is_login

LIMIT = 60.0


@dataclass(frozen=True)
class Reading:
    """One reading script: a constant text, its arguments, who runs it, its limit in seconds."""

    script: str
    args: tuple[str, ...]
    user: str
    seconds: int = 10


@dataclass(frozen=True)
class Become:
    """How a login becomes root. ``needed`` is False where it is root already or need not be."""

    needed: bool = False
    user: str = "root"
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not is_login(self.user):
            raise ValueError(f"{self.user[:60]!r} is not a user name")
        if self.password is not None:
            core_dumps.forbid()


class Shell:
    """A connection and who its scripts run as. Scripts travel on stdin to ``/bin/sh``."""

    def __init__(self, connection: Connection, become: Become | None = None):
        self.connection = connection
        self.become = become or Become()

    def command(self, inner: str = "/bin/sh") -> str:
        """The constant command line; ``inner`` is a constant of ours too."""
        if not self.become.needed:
            return f"exec {inner}"
        user = f"-u {quote(self.become.user)} " if self.become.user != "root" else ""
        if self.become.password is None:
            return f"exec sudo -n {user}-- {inner}"
        return f"exec sudo -k -S -p '' {user}-- {inner}"

    def preamble(self) -> bytes:
        """What must come before the script on stdin."""
        if self.become.needed and self.become.password is not None:
            return self.become.password.encode() + b"\n"
        return b""

    def prove(self) -> None:
        """Tries sudo's password by itself, once. A wrong one would have sudo read on in a script as
        if that were more passwords, which may lock the account; one that nobody asked for would be
        the script's first command, so it is dropped. Raises TransportError (``sudo-refused``)."""
        if not self.preamble():
            return
        result = self.connection.execute(self.command("wc -c"), self.preamble(), seconds=LIMIT)
        if result.status != 0:
            raise explain(result, self.become)
        if result.stdout.strip() not in (b"", b"0"):
            self.become = replace(self.become, password=None)

    def run(self, script: Script, seconds: float = LIMIT) -> dict[int, Frame]:
        """Runs a script to its end; the frames it printed. Raises TransportError."""
        data = self.preamble() + script.render()
        result = self.connection.execute(self.command(), data, seconds=seconds)
        frames = script.read(result.stdout)
        if not frames and script.count:
            raise explain(result, self.become)
        return frames


def explain(result: Result, become: Become) -> TransportError:
    """Why a script printed nothing at all."""
    text = result.stderr.decode("utf-8", "replace").strip()
    refused = any(word in text for word in ("password", "sudoers", "sudo"))
    if become.needed and result.status != 0 and refused:
        hint = "give the password with -K or PROVISION_BECOME_PASSWORD, or check sudoers"
        if become.password is None and "password" not in text:
            hint = "install sudo, or log in as a user who may use it"
        elif "incorrect password" in text:
            hint = "the password that was given with -K or PROVISION_BECOME_PASSWORD is wrong"
        return TransportError("sudo-refused", text.splitlines()[-1], hint)
    if result.status in (126, 127):
        return TransportError("shell-missing", text or "/bin/sh cannot be run")
    what = text.splitlines()[-1] if text else f"exit status {result.status}"
    return TransportError("connection-lost", f"the script did not finish: {what}")


class Observer:
    """Can only read."""

    def __init__(self, shell: Shell):
        self._shell = shell

    @property
    def name(self) -> str:
        return self._shell.connection.name

    def read(self, readings: Sequence[Reading]) -> list[Frame | None]:
        """One exec for all; None where a part gave no answer. Raises TransportError."""
        script = Script()
        for reading in readings:
            script.add("part", reading.seconds, reading.user, reading.script, *reading.args)
        frames = self._shell.run(script, _patience(readings))
        return [frames.get(index) for index in range(len(readings))]


def _patience(readings: Iterable[Reading]) -> float:
    """Silence that cannot be the parts' own: all their limits, and some more."""
    return LIMIT + sum(reading.seconds for reading in readings)
