"""What a process of Kafka's own scripts is started with beside its properties: heap, JVM, Java.

The same words are read from a running process's command line, wanted by a spec, and given to the
scripts by the variables that they have for it (decision 44). What the scripts add by themselves (a
garbage collector, its log, the logging configuration) is neither wanted nor compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisioner.spec.types import Node, Spec
from provisioner.spec.words import heap_bytes

OWN = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
)
"""The options of Kafka's own start, unless KAFKA_JVM_PERFORMANCE_OPTS replaces them."""
OWN_PREFIXES = (
    "-Xlog:gc*:file=",
    "-Xloggc:",
    "-verbose:gc",
    "-XX:+PrintGC",
    "-XX:+UseGCLogFileRotation",
    "-XX:NumberOfGCLogFiles=",
    "-XX:GCLogFileSize=",
    "-Dlog4j.configuration=",
    "-Dlog4j2.configurationFile=",
    "-Dkafka.logs.dir=",
    "-Dcom.sun.management.jmxremote",
    "-Djava.rmi.server.hostname=",
    "-Dprovision.",
)
COLLECTORS = ("UseG1GC", "UseSerialGC", "UseParallelGC", "UseZGC", "UseShenandoahGC")
JMX = "-Dcom.sun.management.jmxremote"


@dataclass(frozen=True)
class Jvm:
    """``heap`` has the words (``-Xms512m``); empty values: nothing is said. ``java`` has the paths
    by which the program may be known."""

    heap: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    jmx_port: str = ""
    jmx_address: str = ""
    java: tuple[str, ...] = ()


def understood(words: Sequence[str], java: Sequence[str] = ()) -> Jvm:
    """The options of a command line. The last of equal ones counts, as in Java."""
    heap: dict[str, str] = {}
    options, jmx = [], {}
    for word in words:
        if word[:4] in ("-Xms", "-Xmx"):
            heap[word[:4]] = word
        elif word.startswith(JMX):
            key, _, value = word.removeprefix(JMX).removeprefix(".").partition("=")
            jmx[key] = value
        elif word not in OWN and not word.startswith(OWN_PREFIXES):
            options.append(word)
    port = jmx.get("port", "")
    address = jmx.get("host", "0.0.0.0") if port else ""
    paths = tuple(path for path in java if path.startswith("/"))
    return Jvm(tuple(heap[k] for k in sorted(heap)), tuple(options), port, address, paths)


def wanted(spec: Spec, node: Node) -> Jvm:
    """What the spec names. What it does not name is left to the unit or to Kafka's scripts."""
    words = [*((f"-Xms{node.heap}", f"-Xmx{node.heap}") if node.heap else ()), *node.jvm_opts]
    said = understood(words)
    port = str(node.jmx_port or "")
    address = (node.jmx_address or "127.0.0.1") if port else ""
    java = (f"{spec.java}/bin/java",) if spec.java.startswith("/") else ()
    return Jvm(said.heap, said.options, port, address, java)


Found = Mapping[str, tuple[object, object]]


def differences(wanted: Jvm, running: Jvm) -> dict[str, tuple[object, object]]:
    """The spec's word → (running, wanted), of what the spec names."""
    found: dict[str, tuple[object, object]] = {}
    if wanted.heap and _sizes(wanted.heap) != _sizes(running.heap):
        found["heap"] = (_heap(running.heap), _heap(wanted.heap))
    if wanted.options and wanted.options != running.options:
        found["jvm_opts"] = (running.options, wanted.options)
    if wanted.jmx_port and wanted.jmx_port != running.jmx_port:
        found["jmx_port"] = (int(running.jmx_port or 0) or None, int(wanted.jmx_port))
    elif wanted.jmx_port and wanted.jmx_address != running.jmx_address:
        found["jmx_address"] = (running.jmx_address, wanted.jmx_address)
    if wanted.java and running.java and not set(wanted.java) & set(running.java):
        found["java"] = (running.java[0], wanted.java[0])
    return found


def heap_of(jvm: Jvm) -> str | None:
    """Kafka's spelling of a heap whose two sizes are one: ``512m``."""
    sizes = [word[4:] for word in jvm.heap]
    return sizes[-1] if len(sizes) == 2 and len(_sizes(jvm.heap)) == 2 and _one(jvm) else None


def _one(jvm: Jvm) -> bool:
    return len({size for _, size in _sizes(jvm.heap)}) == 1


def _sizes(heap: Sequence[str]) -> set[tuple[str, int | str]]:
    return {(word[:4], _bytes(word[4:])) for word in heap}


def _bytes(text: str) -> int | str:
    if text.isdigit():
        return int(text)
    if text[:-1].isdigit() and text[-1:] in tuple("kKmMgG"):
        return heap_bytes(text)
    return text


def _heap(heap: Sequence[str]) -> str | None:
    sizes = {word[4:].lower() for word in heap}
    return sizes.pop() if len(sizes) == 1 and len(heap) == 2 else " ".join(heap) or None


def environment(jvm: Jvm, *, unit: bool = False) -> dict[str, str]:
    """The variables by which Kafka's scripts take what the spec names. ``unit``: what a unit's own
    environment may have of the same is overridden."""
    values: dict[str, str] = {}
    if jvm.java:
        values["JAVA_HOME"] = jvm.java[0].removesuffix("/bin/java")
    if jvm.heap:
        values["KAFKA_HEAP_OPTS"] = " ".join(jvm.heap)
    if jvm.options:
        chosen = any(f"+{name}" in option for option in jvm.options for name in COLLECTORS)
        # A collector beside the one that Kafka's script chooses would end the start.
        values["KAFKA_OPTS"] = "" if chosen else " ".join(jvm.options)
        if chosen or unit:
            values["KAFKA_JVM_PERFORMANCE_OPTS"] = " ".join(jvm.options if chosen else OWN)
    if jvm.jmx_port:
        only = f"{JMX}.host={jvm.jmx_address} -Djava.rmi.server.hostname={jvm.jmx_address}"
        values["JMX_PORT"] = jvm.jmx_port
        values["KAFKA_JMX_OPTS"] = (
            f"{JMX} {JMX}.authenticate=false {JMX}.ssl=false "
            f"{JMX}.rmi.port={jvm.jmx_port} {'' if jvm.jmx_address == '0.0.0.0' else only}".strip()
        )
    return values
