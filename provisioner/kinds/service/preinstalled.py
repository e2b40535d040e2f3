"""Processes of a Kafka that this tool did not install: started by its own scripts, or by a unit
that was there (decision 45).

No launcher put a digest on their command line. What such a process runs with is proved otherwise:
- a broker says which values it read from its file (Kafka's source ``STATIC_BROKER_CONFIG``);
- what Kafka does not tell (a ZooKeeper, a controller, a secret) is known only from a file that was
  not changed since the process began;
- heap, options and Java stand on the command line.
What is proved by none of them is a restart, or waits for Kafka's answer; it is never "in sync".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.kinds import properties
from provisioner.kinds.jvm import Jvm, differences, environment, understood, wanted
from provisioner.kinds.kind import Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.live import plain
from provisioner.plan.model import Deferred, Id, Present, Run, State
from provisioner.spec.types import Node, Spec

PACKAGE = __package__ or ""
ALIASES = frozenset({"broker.id", "node.id"})
"""Kafka fills the one from the other, whichever the file has."""
CHANGED = "config files changed since it started"
NOT_TOLD = f"{CHANGED}, and Kafka does not answer what it runs with"
Found = dict[str, tuple[Any, Any]]


def inputs(places: HostLayout, node: Node) -> tuple[Id, ...]:
    """What it is started from."""
    host = places.host
    return (
        Id(host, "file", node.properties),
        *(Id(host, "storage", d.path) for d in node.log_dirs),
        Id(host, "kafka", places.home),
    )


def args(spec: Spec, places: HostLayout, node: Node) -> dict[str, Any]:
    """What comparison and steps need."""
    jvm = wanted(spec, node)
    variables = {**environment(jvm), "LOG_DIR": places.logs(node)}
    return {
        "preinstalled": True,
        "jvm": jvm,
        "version": spec.version,
        "environment": tuple(f"{name}={value}" for name, value in variables.items()),
    }


def probe(places: HostLayout, ids: tuple[Id, ...]) -> Probe:
    """Read as Kafka's user: it is his process and his file, and nothing of the home is run."""
    words = [places.user, places.home, places.state if places.state_owner else ""]
    for node in places.nodes:
        words += [node.name, node.properties]
    text = script(PACKAGE, "held.sh", "processes.sh", "command_line.sh", "own_start.sh")
    return Probe(text, ids, tuple(words), 2, places.kafka_user, shared=3, seconds=20)


def parsed(record: Record) -> dict[str, object]:
    """What the process is seen to run with; volatile: no field of it is compared by itself."""
    java = (*record.many.get("argv0", ()), *record.many.get("exe", ()))
    return {
        "jvm": understood(record.many.get("arg", ()), java) if java else None,
        "since": record.values.get("since"),
        "version": record.values.get("version"),
        "file": record.values.get("running"),
        "file_keys": properties.parse("\n".join(record.many.get("property", ()))),
    }


def found(id: Id, state: State, seen: Present) -> tuple[Found, str]:
    """What the running process is seen to have otherwise: word or key → (running, wanted); and why
    it cannot be proved to have the rest, if so."""
    jvm = seen.volatile.get("jvm")
    result: Found = {}
    if isinstance(jvm, Jvm):
        result |= differences(state.args["jvm"], jvm)
    elif state.args["jvm"] != Jvm():
        return {}, "its command line cannot be read"
    if (version := seen.volatile.get("version")) and version != state.args["version"]:
        result["version"] = (version, state.args["version"])
    file = seen.volatile.get("file")
    if file and file != state.args["properties"]:
        result["config_file"] = (file, state.args["properties"])
    keys, unproved = _keys(state, seen)
    return result | keys, unproved


def _keys(state: State, seen: Present) -> tuple[Found, str]:
    wanted = state.args.get("static")
    if not isinstance(wanted, Mapping):
        return {}, ""
    older = seen.volatile.get("since") == "older"
    static = seen.volatile.get("static")
    if isinstance(static, Mapping):
        return _told(state, seen, wanted, static, older)
    file = seen.volatile.get("file_keys")
    if not older or not file:
        return {}, NOT_TOLD if state.args["broker"] is not None else CHANGED
    return _differing(file, wanted, frozenset()), ""


def _told(
    state: State,
    seen: Present,
    wanted: Mapping[str, str],
    static: Mapping[str, str | None],
    older: bool,
) -> tuple[Found, str]:
    """A broker's own report. Secrets and what is no key of Kafka's it does not tell."""
    opaque = seen.volatile.get("opaque", frozenset())
    live = state.args.get("live", frozenset()) & seen.volatile.get("changeable", frozenset())
    known = {k: v for k, v in wanted.items() if k not in opaque}
    result = _differing({k: v for k, v in static.items() if k not in opaque}, known, live)
    gone = opaque - wanted.keys()
    result |= dict.fromkeys(sorted(gone), ("(not told)", None))
    hidden = opaque & wanted.keys()
    if not hidden or older:
        return result, ""
    return result, f"{CHANGED}, and Kafka does not tell {_listed(hidden)}"


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys)[:3])


def _differing(
    running: Mapping[str, str | None], wanted: Mapping[str, str], live: frozenset[str]
) -> Found:
    found: Found = {}
    for key in sorted(running.keys() | wanted.keys()):
        if key in ALIASES or (key in live and wanted.get(key) is not None):
            continue
        if plain(running.get(key)) != plain(wanted.get(key)):
            found[key] = (running.get(key), wanted.get(key))
    return found


def waits(id: Id, state: State, different: Found, unproved: str) -> Deferred | None:
    """What only Kafka can tell is asked again later, where nothing else differs."""
    if unproved == NOT_TOLD and not different:
        return Deferred(id, unproved)
    return None


def start_step(state: State) -> Run:
    """By Kafka's own script."""
    values = state.args
    launcher = ("kafka" if values["role"] != "zookeeper" else "zookeeper") + "-server-start.sh"
    words = (str(values["home"]), launcher, str(values["properties"]), str(values["out"]))
    words += tuple(values["environment"])
    return Run("service/own_launch", words, str(values["user"]), separate_exec=True, phase="start")


def reasons(different: Found, unproved: str) -> Sequence[str]:
    """In words: what it runs with, and what it should."""
    said = []
    for name in ("version", "config_file", "heap", "java", "jmx_port", "jmx_address"):
        if name in different:
            was, should = different[name]
            said.append(f"{WORDS.get(name, name)} is {was or 'not set'}, should be {should}")
    if "jvm_opts" in different:
        said.append("the options of its JVM differ")
    keys = [name for name in different if name not in WORDS]
    if keys:
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        said.append(f"it runs with another {', '.join(keys[:3])}{more}")
    return [*said, *([unproved] if unproved else [])]


WORDS = {
    "version": "Kafka",
    "config_file": "its file",
    "heap": "its heap",
    "java": "its Java",
    "jmx_port": "jmx_port",
    "jmx_address": "jmx_address",
    "jvm_opts": "jvm_opts",
}
