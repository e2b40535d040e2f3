"""One cluster and its open connections: hosts, paths, artifacts, and Kafka on demand.

A run is a function of a site; nothing here is shared between targets, so thirty run side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from provisioner.errors import ProvisionError, fail
from provisioner.hosts.observer import Become, Observer, Reading, Shell
from provisioner.hosts.shell import ENTER, constant
from provisioner.hosts.transport import Connection, TransportError, understood
from provisioner.kafka.port import KafkaReader
from provisioner.kinds.layout import Distribution, Facts, HostLayout, layout_for
from provisioner.plan.model import PRIVILEGED, Progress
from provisioner.site import migrating
from provisioner.site.facts import read_facts
from provisioner.site.fetching import fetching
from provisioner.site.stopping import Stop
from provisioner.spec.types import Host, Node, Spec, Supervisor
from provisioner.spec.words import WILDCARD, is_loopback
from provisioner.workers import each, workers

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """Options that every verb may have."""

    limit: frozenset[str] | None = None
    """The hosts that are changed and judged; None: all. The others are still read."""
    parallel: int = 10
    allow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    become_password: str | None = field(default=None, repr=False)
    become: bool = False
    """-K: use sudo on every host whose inventory does not disable it."""
    ssh: Any = None
    say: Callable[[str], None] = lambda text: None
    warn: Callable[[str], None] = lambda text: None
    progress: Callable[[Progress], None] = lambda progress: None
    watched: bool = False
    """Somebody watches: what only ``progress`` tells is worth a look."""
    kafka_timeout: float = 10.0
    stop: Stop | None = None


@dataclass
class Site:
    """An opened cluster. ``unreachable`` maps a host to the TransportError that it failed with."""

    spec: Spec
    options: Options
    shells: dict[str, Shell] = field(default_factory=dict)
    places: dict[str, HostLayout] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    unreachable: dict[str, TransportError] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """Hosts that were reached but did not answer the last read."""
    store: Any = None
    prepared: dict[str, Any] = field(default_factory=dict)
    rebuild: bool = False
    noted: dict[str, tuple[Any, ...]] | None = None
    """What this tool wrote into its journals of its own doing, by the id of the thing; None until
    it was looked up."""
    aims: Mapping[str, Any] | None = None
    """What the saved plan that is carried out brings about, by the id of the thing; None where none
    is."""
    _cluster: KafkaReader | None = None
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    @property
    def used_hosts(self) -> list[str]:
        """With ``bootstrap`` this machine alone, for the lock and the journal."""
        if self.spec.bootstrap:
            return sorted(self.spec.hosts)
        return sorted({node.host for node in self.spec.known})

    def is_away(self, host: str) -> bool:
        return host in self.unreachable or host in self.lost

    def observer(self, host: str) -> Observer:
        return Observer(self.shells[host])

    def side_by_side(
        self, work: Callable[[str], T], hosts: list[str] | None = None
    ) -> dict[str, T]:
        """``work(host)`` for each host, at most ``parallel`` at once."""
        names = list(self.shells) if hosts is None else hosts
        if len(names) <= 1:
            return {name: work(name) for name in names}
        with workers(min(len(names), self.options.parallel)) as pool:
            return dict(zip(names, each(pool, work, names), strict=True))

    def cluster(self) -> KafkaReader:
        """The port to Kafka, created on first use. Its methods raise KafkaUnavailable."""
        with self._mutex:
            if self._cluster is None:
                self._cluster = self._connect()
            return self._cluster

    def another_cluster(self) -> KafkaReader:
        """A port of its own, for a second thread, which closes it."""
        with self._mutex:
            return self._connect()

    def _connect(self) -> KafkaReader:
        """Through the SSH connections, for hosts that are reached by SSH."""
        from provisioner.kafka.client import connect

        return connect(
            bootstrap(self.spec),
            timeout=self.options.kafka_timeout,
            routes=self._routes(),
            tunnel=any(host.connection != "local" for host in self.spec.hosts.values()),
        )

    def _routes(self) -> Any:
        from provisioner.kafka.routes import Routes
        from provisioner.site.routes import routes

        if self.spec.bootstrap:
            return Routes.anywhere()
        return routes(self.spec, self.shells, self.facts)

    def dial_node(self, node: Node, port: int, seconds: float) -> Any:
        """A connection to a node's own port, as its machine sees it."""
        host = next((x.host for x in node.listeners if x.port == port and x.host), "localhost")
        if port == node.client_port:
            host = zookeeper_address(self.spec, node)
        if host in ("0.0.0.0", "::"):
            host = "localhost"
        return self.shells[node.host].connection.dial(host, port, seconds)

    def note(self, values: Mapping[str, Any]) -> None:
        """Adds to what is known; where nothing was looked up yet, that finds these too."""
        if self.noted is None:
            return
        for name, value in values.items():
            if isinstance(value, Mapping):
                self.noted[name] = (*self.noted.get(name, ()), value)

    def account_made(self, host: str) -> None:
        """Kafka's user is there now."""
        places = self.places[host]
        self.places[host] = replace(places, user_exists=True)
        if host in self.facts:
            self.facts[host] = replace(self.facts[host], user_exists=True)

    def close(self) -> None:
        with self._mutex:
            if self._cluster is not None:
                self._cluster.close()
        for shell in self.shells.values():
            shell.connection.close()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def zookeeper_address(spec: Spec, node: Node) -> str:
    """Where a ZooKeeper server listens, as its own machine sees it."""
    known = node.config.get("clientPortAddress") or spec.hosts[node.host].kafka_address or ""
    given = "clientPortAddress" in node.config and known not in WILDCARD
    return known if given or is_loopback(known) else "localhost"


def bootstrap(spec: Spec) -> list[tuple[str, int]]:
    """Every broker's first client listener, as it is advertised; or the addresses given."""
    return list(spec.bootstrap) or [address_of(node) for node in spec.brokers]


def address_of(broker: Node) -> tuple[str, int]:
    """Its first client listener, as it is advertised."""
    listeners = broker.advertised_listeners or broker.listeners
    chosen = next((x for x in listeners if x != broker.controller_listener), listeners[0])
    return chosen.host or "localhost", chosen.port


def connect_host(host: Host, options: Options) -> Connection:
    """Raises TransportError."""
    if host.connection == "local":
        from provisioner.hosts.local import LocalConnection

        return LocalConnection(host.name)
    from provisioner.hosts.ssh.connect import SshOptions, connect

    return connect(host, settings=options.ssh or SshOptions())


def open_site(spec: Spec, options: Options, spec_folder: Path) -> Site:
    """Connects to every host of the spec side by side and looks who we are there.

    Raises ProvisionError for what is no matter of reachability (host keys, sudo refused).
    """
    site = Site(spec, options)
    names = site.used_hosts
    found = site.side_by_side(lambda name: _open_host(spec, name, options), names)
    problems = []
    for name, result in found.items():
        if isinstance(result, TransportError):
            if result.code in STOPPING:
                problems += list(fail(result.code, str(result), result.hint, host=name).problems)
            else:
                site.unreachable[name] = result
            continue
        site.shells[name], site.facts[name] = result
    if problems:
        site.close()
        raise ProvisionError(problems)
    homes = {name: facts.home for name, facts in site.facts.items()}
    site.spec = spec.bind(homes)
    if site.spec.going:
        from provisioner.site.leaving import with_what_leaves

        site.spec = with_what_leaves(site)
    site.spec = migrating.with_former(site.spec, site.facts)
    place(site, spec_folder)
    return site


STOPPING = frozenset(
    {
        "host-key-unknown",
        "host-key-changed",
        "sudo-refused",
        "invalid-inventory",
        "not-supported",
        "authentication-failed",
        "not-permitted",
    }
)


def _open_host(spec: Spec, name: str, options: Options) -> tuple[Shell, Facts] | TransportError:
    host = spec.hosts[name]
    connection = None
    try:
        connection = connect_host(host, options)
        password = host.become_password or options.become_password
        raised = Shell(connection, Become(True, host.become_user, password))
        may_raise = host.may_become(options.become)

        def as_root() -> tuple[Shell, Facts]:
            raised.prove()
            return raised, _gather_facts(spec, raised)

        systemd = spec.supervisor is Supervisor.SYSTEMD
        if systemd and may_raise and connection.login not in ("", "root"):
            # That it takes root is known before the first look.
            try:
                return as_root()
            except TransportError as error:
                # A root of another name may do without sudo; a wrong password is tried once.
                if error.code != "sudo-refused" or password is not None:
                    raise
        shell = Shell(connection)
        facts = _gather_facts(spec, shell)
        other = facts.user != facts.login or systemd
        if other and facts.uid != 0:
            if not may_raise:
                raise _nothing_says_become(facts, systemd, host)
            return as_root()
        return shell, facts
    except TransportError as error:
        if connection is not None:
            connection.close()
        return error


def _nothing_says_become(facts: Facts, systemd: bool, host: Host) -> TransportError:
    what = "supervisor: systemd" if systemd else f"kafka.user {facts.user}"
    why = "sudo is not enabled"
    if host.become is False:
        why = f"the inventory disables sudo ({host.origins.get('become', '')})"
    return TransportError(
        "sudo-refused",
        f"{what} needs root, but the login is {facts.login}, and {why}",
        "set ansible_become: true for the host, use -K, or log in as root",
    )


def _gather_facts(spec: Spec, shell: Shell) -> Facts:
    text = ENTER + constant("facts.sh", "provisioner.site")
    user = spec.user or ""
    who = Reading(text, (user, spec.home), PRIVILEGED)
    frame, *more = Observer(shell).read([who, *migrating.asked(spec, user)])
    if frame is None or frame.status != 0:
        said = frame.text.strip() if frame else "no answer"
        raise TransportError("connection-lost", f"gathering facts failed: {said[:500]}")
    with understood(shell.connection.name):
        facts = read_facts(frame.text)
    if facts.unsafe_home:
        what = f"Kafka's user would be root, and {facts.unsafe_home}"
        hint = "name the user that Kafka is to run as, kafka.user, or another kafka.home"
        raise TransportError("not-permitted", what, hint)
    former = [each.text for each in more if each and each.status == 0]
    return replace(facts, former="".join(former) if facts.user_exists else "")


def platform_of(facts: Facts) -> str:
    """``linux-x86_64``; musl and other systems have other names, which no bundle matches."""
    arch = {"amd64": "x86_64", "arm64": "aarch64"}.get(facts.arch, facts.arch)
    suffix = "-musl" if facts.libc == "musl" else ""
    return f"{facts.system.lower()}-{arch}{suffix}"


def place(site: Site, spec_folder: Path) -> None:
    """Looks up what each host's platform needs; offline, in milliseconds."""
    spec = site.spec
    if spec.bootstrap:
        site.places = {n: layout_for(spec, n, facts) for n, facts in site.facts.items()}
        return
    from provisioner.artifacts.store import Store

    site.store = Store(locks_folder=spec_folder, note=site.options.say)
    mode = "kraft" if spec.is_kraft else "zookeeper"
    for facts in site.facts.values():
        name = platform_of(facts)
        if name not in site.prepared:
            # A class-data archive is made here, so only for hosts that are like this machine.
            archive = mode if name == control_platform() else ""
            site.prepared[name] = site.store.prepare(
                spec.version, spec.source, spec.java, name, archive
            )
    update_layouts(site)


def update_layouts(site: Site) -> None:
    for name, facts in site.facts.items():
        prepared = site.prepared[platform_of(facts)]
        known = placed(site.spec, name, facts, prepared)
        site.places[name] = replace(known, rebuild=site.rebuild)


def control_platform() -> str:
    """This machine's platform, in the same words as a host's."""
    import platform

    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    musl = "-musl" if list(Path("/lib").glob("ld-musl-*")) else ""
    return f"{platform.system().lower()}-{machine}{musl}"


def ensure_artifacts(site: Site) -> bool:
    """Brings every byte that hosts may need into the cache; True when the places changed by it
    (a version that had no lock has one now). A signal ends it: nothing has been changed on a host
    yet. Raises ProvisionError."""

    def tell(progress: Progress) -> None:
        if site.options.stop and not progress.over:
            site.options.stop.check()
        site.options.progress(progress)

    with fetching(tell) as progress:
        return _prepared_anew(site, lambda prepared: site.store.ensure(prepared, progress))


def awaited_archives(site: Site) -> bool:
    """Whether a class-data archive is named that nobody has made yet."""
    return any(site.store.lacks_archive(prepared) for prepared in site.prepared.values())


def make_archives(site: Site) -> bool:
    """Makes the class-data archives that later starts need half the time with; True when there is
    one now that was not there before."""
    return _prepared_anew(site, site.store.with_archive)


def _prepared_anew(site: Site, work: Callable[[Any], Any]) -> bool:
    """What each platform needs becomes what ``work`` makes of it; whether anything changed."""
    changed = False
    for name, prepared in list(site.prepared.items()):
        ensured = work(prepared)
        changed = changed or ensured != prepared
        site.prepared[name] = ensured
    if changed:
        update_layouts(site)
    return changed


def placed(spec: Spec, name: str, facts: Facts, prepared: Any) -> HostLayout:
    """The places on a host, with the distributions that were prepared for it."""
    own = f"{spec.home_on(name)}/.provision/dist"

    def at(part: Any) -> Distribution | None:
        if part is None:
            return None
        digest = "" if part.kind == "cds" else part.digest
        path = f"{own}/{part.folder}"
        return Distribution(part.digest, path, digest, part.version, bool(part.entries))

    return layout_for(
        spec,
        name,
        facts,
        kafka=at(prepared.kafka),
        java=at(prepared.java),
        scripts=at(prepared.scripts),
        archive=at(prepared.cds),
    )
