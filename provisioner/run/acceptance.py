"""Kafka's own code checks new properties on the host that will run them, with the version and the
Java that will run them, before their file is replaced or anything is stopped (decision 23).

``KafkaConfig`` has more rules than any table of ours. ``kafka-storage info`` is the tool of the
distribution that builds one and starts nothing. ZooKeeper's own file is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from provisioner.hosts.actor import Batch, ShellStep
from provisioner.kinds.file.candidates import Candidate, candidates
from provisioner.kinds.ids import file_id
from provisioner.kinds.rendering import RESERVED, text_of
from provisioner.plan.masking import SENSITIVE, masked
from provisioner.plan.model import Desired, Event, Id, State, Wave
from provisioner.run.results import NotAccepted
from provisioner.run.session import Session
from provisioner.site.scripts import text_of as script_text
from provisioner.spec.types import Spec

LONGEST = 300
"""Characters of Kafka's message that are shown."""


def ask_kafka(run: Session, desired: Desired, wave: Wave) -> None:
    """Raises NotAccepted with what Kafka does not take. What could not be asked is said, and no
    hindrance: the start will tell."""
    site = run.site
    wanted = candidates(site.spec, desired, wave.changes)
    hosts = sorted({item.node.host for item in wanted})
    answers = site.side_by_side(
        lambda host: _ask(run, desired, [c for c in wanted if c.node.host == host]),
        hosts,
    )
    refused: dict[Id, str] = {}
    for item in wanted:
        said = answers[item.node.host].get(item.node.name, "")
        words = refusal(said)
        if words:
            refused[item.change.id] = _told(site.spec, item, desired, words)
        elif not said:
            name = item.node.name
            run.emit(Event("note", host=item.node.host, about="not-asked", subject=name))
    if refused:
        raise NotAccepted(refused)


def _ask(run: Session, desired: Desired, items: Sequence[Candidate]) -> dict[str, str]:
    """What Kafka said of each node, all of one host side by side there."""
    host = items[0].node.host
    places = run.site.places[host]
    files = [desired[file_id(host, item.node.properties)] for item in items]
    launches = [desired.get(file_id(host, places.launch(item.node))) for item in items]
    first = launches[0].fields if launches[0] else {"dist": places.home, "java": run.site.spec.java}
    words = [str(first.get(key, "")) for key in ("dist", "java", "hint.archive")]
    args, parts = ["" if places.preinstalled else places.home, *words], []
    for item, file, launch in zip(items, files, launches, strict=True):
        text, environment = text_of(file), _environment(launch) if launch else ""
        args += [item.node.name, *(str(len(part.encode())) for part in (text, environment))]
        parts += [text, environment]
    step = ShellStep(
        script_text("file/accepted"),
        tuple(args),
        places.user,
        seconds=30 + 15 * len(items),
        input="".join(parts),
    )
    outcome = run.actor(host).act(Batch(steps=[step]))
    return answered(outcome.texts[-1]) if outcome.texts and outcome.failed is None else {}


def _environment(launch: State) -> str:
    found = {k.removeprefix("env."): v for k, v in launch.fields.items() if k.startswith("env.")}
    return "".join(f"{name}={value}\n" for name, value in found.items())


def answered(text: str) -> dict[str, str]:
    """The script's output → node: Kafka's output, with its exit status in the first line."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("="):
            name, _, status = line[1:].partition(" ")
            lines = found.setdefault(name, [f"exit status {status or '?'}"])
        elif line.startswith("|"):
            lines.append(line[1:])
    return {name: "\n".join(lines) for name, lines in found.items()}


FIRST = re.compile(r'^(?:Exception in thread "main" )?((?:[\w$]+\.)+\w*(?:Exception|Error)): (.*)$')
MADE_BY = re.compile(r"^\s+at kafka\.server\.KafkaConfig\.<init>", re.MULTILINE)
"""The constructor that runs all rules; exceptions from elsewhere are about log dirs, for
example."""
TOO_OLD = "UnsupportedClassVersionError"


def refusal(said: str) -> str:
    """Kafka's message, one line; empty where it accepts the properties."""
    for line in said.splitlines():
        found = FIRST.match(line)
        if found and TOO_OLD in found[1]:
            return f"this Java is too old for Kafka: {found[2]}"
        if found and MADE_BY.search(said):
            return found[2].removeprefix("requirement failed: ")
    return ""


def _told(spec: Spec, item: Candidate, desired: Desired, words: str) -> str:
    """File, key and Kafka's message; values of sensitive keys are masked."""
    state = desired[file_id(item.node.host, item.node.properties)]
    values = {k: str(v) for k, v in state.fields.items() if k not in RESERVED}
    for key, value in values.items():
        if SENSITIVE.search(key) and value:
            words = words.replace(value, "***")
    words = "".join(c if c.isprintable() else " " for c in masked(words))
    if len(words) > LONGEST:
        words = words[:LONGEST] + " …"
    key = named(words, values, item.change.fields)
    what = f"'{key}'" if key else "the properties"
    return (
        f"{item.node.properties}: Kafka {spec.version} does not accept {what}: {words}\n"
        f"nothing was stopped and the file was not changed: fix the spec and apply again"
    )


def named(words: str, values: Mapping[str, str], changed: Sequence[str]) -> str:
    """The key that Kafka's message is about: one it names, else one whose value it has, else the
    only one that changed. Changed keys are tried first."""
    mine = [key for key in changed if key in values]
    for keys in (mine, list(values)):
        for key in sorted(keys, key=len, reverse=True):
            if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w]|\.\w)", words):
                return key
    for key in mine:
        if values[key] and re.search(rf"(?<!\w){re.escape(values[key])}(?!\w)", words):
            return key
    return mine[0] if len(mine) == 1 else ""
