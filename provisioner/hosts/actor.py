"""Changing a machine: one exec checks, does the steps, and reads again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from provisioner.hosts.observer import LIMIT, Observer, Reading, Shell, explain
from provisioner.hosts.shell import AFTER_FAILURE, ENTER, Frame, Script, constant
from provisioner.hosts.transport import TransportError

HELD = ENTER + constant("held.sh")
PUT = ENTER + constant("put.sh")
JOURNAL = ENTER + constant("journal.sh")
OWN = ENTER + constant("missing.sh") + constant("own.sh")
WHOSE = ENTER + constant("whose.sh")
UNPACK = constant("unpack.sh")

# stdin begins with the length of a script, then the script, then what the script reads.
BOOTSTRAP = '/bin/sh -c \'IFS= read -r n; s=$(head -c "$n"); eval "$s"\''


@dataclass(frozen=True)
class ShellStep:
    """One changing script: constant text, arguments, user, limit in seconds; ``input`` is stdin.

    ``entry``: one of the manifest; a last argument then says whose it is: ``ours``, ``theirs``."""

    script: str
    args: tuple[str, ...]
    user: str
    seconds: int = 60
    input: str | None = None
    entry: str = ""


@dataclass(frozen=True)
class LockToken:
    """What every changing script is told: the state folder, the lock's token, who keeps both."""

    state: str
    token: str
    state_owner: str


@dataclass
class Outcome:
    """What one batch left. ``stale`` is the index of the check that did not hold; ``failed`` the
    index of the step that failed, with its output; ``lost``: the lock was no longer ours."""

    stale: int | None = None
    failed: int | None = None
    lost: bool = False
    texts: list[str] = field(default_factory=list)
    reread: list[Frame | None] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """One host in one wave: checks (with the planned fingerprints), steps, and what is read again.

    ``intent``, ``done`` and ``broken`` are journal lines (before, after, after a failure).
    ``own`` and ``disown`` are manifest entries.
    """

    checks: Sequence[tuple[Reading, str]] = ()
    steps: Sequence[ShellStep] = ()
    reread: Sequence[Reading] = ()
    own: tuple[str, ...] = ()
    disown: tuple[str, ...] = ()
    intent: str = ""
    done: str = ""
    broken: str = ""


class Actor(Observer):
    """Can read and change. The only caller is ``run.executor``."""

    def __init__(self, shell: Shell, guard: LockToken):
        super().__init__(shell)
        self._lock_token = guard

    def act(self, batch: Batch) -> Outcome:
        """Raises TransportError; what was done then must be read again, never assumed."""
        script, guard = Script(), self._lock_token
        self._begin(script)
        script.count = 1
        checks = [
            script.add("check", r.seconds, r.user, expected, r.script, *r.args)
            for r, expected in batch.checks
        ]
        if batch.broken:
            self._on_failure(script, batch.broken)
        if batch.intent:
            script.add("part", 20, guard.state_owner, JOURNAL, guard.state, batch.intent)
        manifest = f"{guard.state}/manifest"
        owned = []
        if batch.own:
            # What is not noted is never removed: where that cannot be, nothing is made.
            owned = [script.add("step", 60, guard.state_owner, OWN, manifest, "+", *batch.own)]
        steps = [self._step(script, step) for step in batch.steps]
        if batch.disown:
            script.add("part", 60, guard.state_owner, OWN, manifest, "-", *batch.disown)
        if batch.done:
            script.add("part", 20, guard.state_owner, JOURNAL, guard.state, batch.done)
        reread = [script.add("part", r.seconds, r.user, r.script, *r.args) for r in batch.reread]
        if script.count == 1:  # only whether the lock is held was asked: "yes" is an answer too
            script.add("part", 5, guard.state_owner, ":")
        patience = LIMIT + max([s.seconds for s in batch.steps], default=0)
        frames = self._shell.run(script, patience)
        return _outcome(frames, checks, owned, steps, reread)

    def _begin(self, script: Script) -> None:
        """Whether the lock is ours is asked by the one who keeps it, before anything is changed."""
        guard = self._lock_token
        words = [guard.state_owner, "timeout", "-k", "2", "20", "sh", "-c", HELD, "sh"]
        script.raw("as", *words, guard.state, guard.token)
        script.lines[-1] += " >/dev/null 2>&1 </dev/null || { frame 0 0 lost; exit 0; }"

    def _on_failure(self, script: Script, line: str) -> None:
        guard = self._lock_token
        script.raw("set_broken() { BROKEN_STATE=$1 BROKEN_LINE=$2 BROKEN_USER=$3 BROKEN=$4; }")
        script.raw("set_broken", guard.state, line, guard.state_owner, JOURNAL)
        words = f'{AFTER_FAILURE} 20 "$BROKEN_USER" "$BROKEN" "$BROKEN_STATE" "$BROKEN_LINE"'
        script.raw(f"after() {{ part {words}; }}")

    def _step(self, script: Script, step: ShellStep) -> int:
        if step.input is None:
            return script.add("step", step.seconds, step.user, step.script, *step.args)
        words = (step.input, step.script, *step.args)
        if not step.entry:
            return script.add("fed", step.seconds, step.user, *words)
        manifest, state_owner = f"{self._lock_token.state}/manifest", self._lock_token.state_owner
        script.raw("as", state_owner, "sh", "-c", WHOSE, "sh", manifest, step.entry)
        script.lines[-1] = f"whose=$({script.lines[-1]})"
        index = script.add("fed", step.seconds, step.user, *words)
        script.lines[-1] += ' "$whose"'
        return index

    def unpack(
        self,
        path: str,
        user: str,
        stream: Iterable[bytes],
        progress: Callable[[int], None] | None = None,
        *,
        packed: bool = True,
    ) -> None:
        """Streams a distribution, a tar, by gzip where ``packed``. Raises TransportError, with what
        the host said."""
        script = Script()
        self._begin(script)
        script.raw("DRAIN=yes")
        script.raw("said as", user, "sh", "-c", UNPACK, "sh", path, *(["-z"] if packed else []))
        script.raw('frame 1 "$s" "${o%.}"')
        script.count = 2
        text = script.render()

        def chunks() -> Iterable[bytes]:
            yield self._shell.preamble() + str(len(text)).encode() + b"\n" + text
            yield from stream

        result = self._shell.connection.execute(
            self._shell.command(BOOTSTRAP), chunks(), seconds=120, progress=progress
        )
        frames = script.read(result.stdout)
        if 0 in frames:
            raise TransportError("lock-lost", "this run no longer has the lock")
        if 1 not in frames:
            raise explain(result, self._shell.become)
        if frames[1].status != 0:
            lines = frames[1].text.strip().splitlines() or [f"exit status {frames[1].status}"]
            # tar says what it is about first, and at the end only that there was something.
            full = [line for line in lines if "No space left" in line]
            code = "disk-full" if full else "step-failed"
            raise TransportError(code, f"{path}: {(full or lines)[-1]}")


def _outcome(
    frames: dict[int, Frame],
    checks: list[int],
    owned: list[int],
    steps: list[int],
    reread: list[int],
) -> Outcome:
    """Raises TransportError ``connection-lost`` where the script did not come to its end: what
    was done then is to be read again, never assumed."""
    outcome = Outcome(lost=0 in frames)
    if outcome.lost:
        return outcome
    for number, index in enumerate(checks):
        if index in frames and frames[index].status != 0:
            outcome.stale = number
            outcome.texts.append(frames[index].text)
            return outcome
    for index in owned:
        if index in frames and frames[index].status != 0:
            outcome.failed = 0
            outcome.texts.append(f"the manifest cannot be written: {frames[index].text}")
            return outcome
    for number, index in enumerate(steps):
        if index not in frames:
            raise _cut_short()
        outcome.texts.append(frames[index].text)
        if frames[index].status != 0:
            outcome.failed = number
            if frames[index].status == 124 and not frames[index].text.strip():
                outcome.texts[-1] = "it did not finish in time"
            return outcome
    if any(index not in frames for index in [*checks, *owned, *reread]):
        raise _cut_short()
    outcome.reread = [frames.get(index) for index in reread]
    return outcome


def _cut_short() -> TransportError:
    return TransportError(
        "connection-lost",
        "the script on the host was killed before it finished",
        "run the command again: it continues from the current state",
    )
