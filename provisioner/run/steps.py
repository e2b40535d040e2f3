"""Steps as data → what an Actor and the cluster's port are asked to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

from provisioner.hosts.actor import PUT, ShellStep
from provisioner.hosts.shell import ENTER
from provisioner.plan.model import Await, Call, Put, Run, Step, Unpack

ENTERING = (
    "directory/destroy",
    "directory/make",
    "directory/manifest",
    "directory/mend",
    "service/hold",
    "service/systemd",
    "storage/forget",
    "storage/record",
)
"""Scripts that work in the folder that they enter: everything that root does to a path."""
LIBRARIES = {
    "service/stop": ("service/processes",),
    "service/terminate": ("service/processes",),
    "storage/record": ("storage/filesystem",),
    "service/ports": ("service/listening",),
    "service/stop_foreign": ("service/processes", "service/listening", "service/ports"),
}
"""Shell functions that a step's script shares with a probe."""


@cache
def text_of(function: str) -> str:
    """The constant text of ``kind/name``: the file ``kinds/kind/name.sh``, after what it uses."""
    parts = (*LIBRARIES.get(function, ()), function)
    folder = resources.files("provisioner.kinds")
    texts = [folder.joinpath(f"{part}.sh").read_text() for part in parts]
    return "\n".join([ENTER, *texts] if function in ENTERING else texts)


def shell_step(step: Run | Put) -> ShellStep:
    if isinstance(step, Put):
        entry = f"file\t{step.path}" if step.keep else ""
        return ShellStep(PUT, (step.path, step.mode), step.user, 30, step.content, entry)
    return ShellStep(text_of(step.function), step.args, step.user, step.seconds, step.input or None)


def rounds(chains: Sequence[Sequence[Step]]) -> list[list[tuple[int, Step]]]:
    """The chains of changes that go together, column by column: (which chain, its step).

    All stop before any starts, all start before any is waited for.
    """
    longest = max((len(chain) for chain in chains), default=0)
    return [
        [(number, chain[column]) for number, chain in enumerate(chains) if column < len(chain)]
        for column in range(longest)
    ]


def joined(columns: Iterable[list[tuple[int, Step]]]) -> list[list[tuple[int, Step]]]:
    """Neighbouring columns of plain scripts become one exec, neighbouring streams go side by side;
    other steps stand alone."""
    result: list[list[tuple[int, Step]]] = []
    last = ""
    for column in columns:
        sort = _sort(column)
        if sort and sort == last:
            result[-1].extend(column)
        else:
            result.append(list(column))
        # After a script that stands separate_exec others may follow in its exec.
        last = sort or ("plain" if all(isinstance(s, Run | Put) for _, s in column) else "")
    return result


def _sort(column: list[tuple[int, Step]]) -> str:
    if all(_joins(step) for _, step in column):
        return "plain"
    return "unpack" if all(isinstance(step, Unpack) for _, step in column) else ""


def _joins(step: Step) -> bool:
    return isinstance(step, Put) or (isinstance(step, Run) and not step.separate_exec)


def sequence(chains: Sequence[Sequence[Step]], *, together: bool) -> list[list[tuple[int, Step]]]:
    """The execs of one unit. ``together``: column by column (processes); else chain after chain."""
    if together:
        return _split(joined(rounds(chains)))
    columns = [[(number, step)] for number, chain in enumerate(chains) for step in chain]
    return _split(joined(columns))


def _split(groups: list[list[tuple[int, Step]]]) -> list[list[tuple[int, Step]]]:
    """A column of several kinds of steps, by kind."""
    result = []
    for group in groups:
        for kinds in ((Run, Put), (Unpack,), (Call,), (Await,)):
            part = [(number, step) for number, step in group if isinstance(step, kinds)]
            if part:
                result.append(part)
    return result
