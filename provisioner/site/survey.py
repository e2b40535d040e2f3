"""Looks at hosts of which nobody has written a spec: what of Kafka runs there. Nothing here writes,
and nothing of a Kafka that is found is run.

Processes are listed by the login, or by root where sudo is allowed; the files they name are read as
the user of the process, by scripts that only read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from provisioner.errors import Exit, ProvisionError, fail
from provisioner.hosts.observer import Become, Observer, Reading, Shell
from provisioner.hosts.shell import constant
from provisioner.hosts.transport import TransportError, understood
from provisioner.importing import survey as parsing
from provisioner.importing.found import FoundNode
from provisioner.kafka.port import Address
from provisioner.kafka.routes import Routes, names
from provisioner.kinds import properties
from provisioner.plan.model import PRIVILEGED
from provisioner.site.look import record, records
from provisioner.site.routes import dial_from
from provisioner.site.scripts import text_of
from provisioner.site.site import Options, connect_host
from provisioner.spec.types import Host, Role
from provisioner.workers import each, workers

PACKAGE = "provisioner.site"


@dataclass(frozen=True)
class Looked:
    """One host: its nodes, the properties of each by its name, and what is wrong with them."""

    host: Host
    shell: Shell
    machine: parsing.Machine
    nodes: tuple[FoundNode, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """All hosts, whose connections are still open. ``troubles``, one sentence each, say why no spec
    can be written."""

    hosts: tuple[Looked, ...]

    @property
    def nodes(self) -> tuple[FoundNode, ...]:
        found = [node for looked in self.hosts for node in looked.nodes]
        return tuple(sorted(found, key=lambda node: (ORDER[node.role], node.id, node.host)))

    @property
    def values(self) -> dict[str, Mapping[str, str]]:
        return {name: values for looked in self.hosts for name, values in looked.values.items()}

    @property
    def troubles(self) -> list[str]:
        return [f"{looked.host.name}: {text}" for looked in self.hosts for text in looked.troubles]

    def addresses(self) -> dict[str, str]:
        """How the nodes reach each host; where nothing names it, by the machine's own name."""
        found = parsing.addresses(self.nodes, self.values)
        own = {looked.host.name: looked.machine.hostname for looked in self.hosts}
        return {**own, **found}

    def bootstrap(self) -> list[Address]:
        """Where the brokers are asked."""
        return list(dict.fromkeys(_bound(node) for node in self.nodes if node.listeners))

    def routes(self) -> Routes:
        """Each broker is dialled from its own host."""
        hosts = {looked.host.name: looked for looked in self.hosts}
        dials = {name: dial_from(one.host, one.shell) for name, one in hosts.items()}
        known: dict[Address, object] = {}
        machines: dict[str, object] = {}
        for node in self.nodes:
            for text in (*node.advertised, *node.listeners):
                known.setdefault(_address(text), dials[node.host])
        called = {name: (name, one.machine.hostname) for name, one in hosts.items()}
        for name, address in self.addresses().items():
            for one in (*called[name], address):
                for word in names(one):
                    machines.setdefault(word, dials[name])
        return Routes(known, machines)  # type: ignore[arg-type]

    def close(self) -> None:
        for looked in self.hosts:
            looked.shell.connection.close()


ORDER = {Role.ZOOKEEPER: 0, Role.CONTROLLER: 1, Role.COMBINED: 2, Role.BROKER: 2}


def _address(listener: str) -> Address:
    host, _, port = listener.partition("://")[2].rpartition(":")
    return host.strip("[]") or "localhost", int(port)


def _bound(node: FoundNode) -> Address:
    host, port = _address((*node.advertised, *node.listeners)[0])
    return ("localhost" if host in ("0.0.0.0", "::") else host), port


def survey(hosts: Sequence[Host], options: Options) -> Survey:
    """Side by side. Raises ProvisionError, also for a host that cannot be reached: a cluster of
    which a part was not seen cannot be described."""
    with workers(max(1, min(len(hosts), options.parallel))) as pool:
        answers = list(each(pool, lambda host: _look(host, options), hosts))
    problems = [answer for answer in answers if isinstance(answer, TransportError)]
    found = Survey(tuple(answer for answer in answers if isinstance(answer, Looked)))
    if problems:
        found.close()
        raise _away(hosts, answers)
    return found


def _away(hosts: Sequence[Host], answers: Iterable[object]) -> ProvisionError:
    pairs = zip(hosts, answers, strict=True)
    found = [
        problem
        for host, error in pairs
        if isinstance(error, TransportError)
        for problem in fail(error.code, str(error), error.hint, host=host.name).problems
    ]
    raised = ProvisionError(found)
    if all(problem.code == "unreachable" for problem in found):
        raised.exit_code = Exit.CANNOT_TELL
    return raised


def _look(host: Host, options: Options) -> Looked | TransportError:
    connection = None
    try:
        connection = connect_host(host, options)
        shell = Shell(connection)
        if host.may_become(options.become) and connection.login not in ("", "root"):
            password = host.become_password or options.become_password
            shell = Shell(connection, Become(True, host.become_user, password))
            shell.prove()
        return _survey(host, shell)
    except TransportError as error:
        if connection is not None:
            connection.close()
        return error


def _survey(host: Host, shell: Shell) -> Looked:
    libraries = text_of("service/processes") + text_of("service/command_line")
    text = libraries + constant("survey.sh", PACKAGE)
    said = _read(shell, [Reading(text, (), PRIVILEGED, seconds=60)])[0]
    with understood(host.name):
        processes, machine = parsing.surveyed(said)
    troubles = [
        f"{_of(p)} was started by provision, in {p.ours}: its spec describes it"
        for p in processes
        if p.ours
    ]
    strangers = [p for p in processes if not p.ours]
    files = _files(shell, strangers)
    nodes: list[FoundNode] = []
    values: dict[str, Mapping[str, str]] = {}
    for process in strangers:
        found = files.get(process.pid)
        if found is None:
            troubles.append(f"{_of(process)}: {_unreadable(process, machine)}")
            continue
        wrong = [f"{_of(process)}: {text}" for text in parsing.troubles(process, found)]
        troubles += wrong
        if not wrong:
            storages, myid = _storages(shell, process, parsing.log_dirs(process, found))
            node = parsing.found_node(host.name, process, found, storages, myid)
            nodes.append(node)
            values[node.name] = found
            troubles += [f"{node.name}: {text}" for text in _unsayable(node)]
    return Looked(host, shell, machine, tuple(nodes), values, tuple(troubles))


def _unsayable(node: FoundNode) -> Iterable[str]:
    if node.secrets:
        yield f"its file has secrets ({', '.join(node.secrets[:3])}), which are not yet supported"
    if not node.home or not node.version:
        yield "Kafka's folder and version cannot be told from its class path"


def _of(process: parsing.Process) -> str:
    return f"pid {process.pid} of {process.user} ({process.config or 'no properties file'})"


def _unreadable(process: parsing.Process, machine: parsing.Machine) -> str:
    if not machine.root and process.user != machine.login:
        return (
            f"its files cannot be read by {machine.login}: log in as {process.user} or root, or "
            "set ansible_become: true"
        )
    return "its properties file cannot be read; a link is named by its target"


def _read(shell: Shell, readings: Sequence[Reading]) -> list[str]:
    """The texts; empty where a reading failed. Raises TransportError."""
    frames = Observer(shell).read(list(readings))
    return [frame.text if frame is not None and frame.status == 0 else "" for frame in frames]


def _files(shell: Shell, processes: Sequence[parsing.Process]) -> dict[int, Mapping[str, str]]:
    """The properties of each process by its pid, as far as its user can read them."""
    text = constant("survey_files.sh", PACKAGE)
    named = [process for process in processes if process.config]
    readings = [Reading(text, (process.config,), process.user) for process in named]
    found: dict[int, Mapping[str, str]] = {}
    for process, said in zip(named, _read(shell, readings) if readings else [], strict=True):
        for values in parsing.records(said):
            if "error" not in values and "link" not in values:
                lines = "\n".join(values.get("property", []))
                found[process.pid] = properties.parse(lines)
    return found


def _storages(
    shell: Shell, process: parsing.Process, paths: Sequence[str]
) -> tuple[dict[str, parsing.Storage], int]:
    """Its log dirs, by the probe that every look uses; and the id of a ZooKeeper."""
    text = text_of("storage/filesystem") + "\n" + text_of("storage/probe")
    readings = [Reading(text, (path,), process.user) for path in paths]
    found: dict[str, parsing.Storage] = {}
    myid = 1
    for path, said in zip(paths, _read(shell, readings) if readings else [], strict=True):
        for one in map(record, records(said)):
            meta = properties.parse("\n".join(one.lines))
            mounted = one.values.get("mounted") == "true"
            found[path] = parsing.Storage(meta.get("cluster.id", ""), mounted)
            myid = int(one.values.get("myid", "1")) if process.zookeeper else myid
    return found, myid
