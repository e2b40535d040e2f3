"""Hosts reached by SSH: fabric's connections and gateways, with the checks that fabric leaves out.

``connect`` follows the inventory and ``~/.ssh/config`` hop by hop; every hop's host key is checked
against known_hosts, and every wait has a deadline. What runs over a connection is in
``ssh_connection``.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.hosts.ssh import config as ssh_config
from provisioner.hosts.ssh import wire as ssh_wire
from provisioner.hosts.ssh.auth import Login, TurnedAway
from provisioner.hosts.ssh.config import Hop
from provisioner.hosts.ssh.connection import Refused, SshConnection, not_forwarded
from provisioner.hosts.ssh.hostkey import HostKey, HostKeyCheck
from provisioner.hosts.ssh.libraries import fabric, paramiko
from provisioner.hosts.ssh.lookup import DEFAULT_FILES, lookup_of
from provisioner.hosts.ssh.transport import Transport
from provisioner.hosts.ssh.wire import Deadline, Wire
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import Host

_KEEPALIVE = 5.0  # seconds; keeps a firewall's table warm, and the kernel's TCP_USER_TIMEOUT busy
# what the library says when the other side closed before or during the handshake
_HUNG_UP = ("protocol banner", "Negotiation failed", "No existing session")
_PATIENCE = 0.05, 2.0  # seconds before the first and at most before a later repeated login


@dataclass(frozen=True)
class SshOptions:
    """How this run uses SSH. Times are in seconds.

    ``warn`` is told what a person should know: host keys that were added or replaced, lines of a
    configuration that are not understood. ``replace_host_keys`` holds inventory names.
    ``connect_timeout`` is for one login at one hop, from the name to the open session, where
    neither inventory nor configuration say another.
    ``busy_timeout`` is how long a server that turns logins away (MaxStartups) is asked again.
    ``dead_after`` is how long a peer may stay silent that was asked for a sign of life.
    """

    password: str | None = field(default=None, repr=False)
    accept_new_host_keys: bool = False
    replace_host_keys: frozenset[str] = frozenset()
    connect_timeout: float = 10.0
    busy_timeout: float = 60.0
    dead_after: float = 20.0
    known_hosts: tuple[str, ...] = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
    config_files: tuple[str, ...] = DEFAULT_FILES
    warn: Callable[[str], None] = lambda text: None
    debug: bool = False


def connect(host: Host, *, settings: SshOptions) -> SshConnection:
    """An open connection to ``host``. Its ``notes`` say which host keys were added or replaced;
    they are told (``warn``) also where the login fails after that.

    Raises TransportError: ``host-name-unknown``, ``connection-refused``, ``unreachable``,
    ``host-key-unknown``, ``host-key-changed``, ``authentication-failed``, ``invalid-inventory``,
    ``not-supported``.
    """
    _quiet(settings.debug)
    lookup = lookup_of(settings.config_files, settings.warn)
    route = ssh_config.route(host.name, host.ssh, lookup, settings.known_hosts)
    notes: list[str] = []
    try:
        return SshConnection(
            host.name, lambda: _open(route, settings, notes), notes, route[-1].user
        )
    finally:
        for note in notes:
            settings.warn(f"{host.name}: {note}")


def _quiet(debug: bool) -> None:
    """The library reports every lost connection on stderr, with a traceback, as if it were its."""
    logger = logging.getLogger("paramiko")
    logger.propagate = debug
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


# --- the way to a host ----------------------------------------------------------------------------


def _open(route: Sequence[Hop], options: SshOptions, notes: list[str]) -> SshLink:
    """Logs in at every hop, each through the one before."""
    gateway: SshLink | None = None
    for hop in route:
        try:
            gateway = _log_in_patiently(hop, gateway, hop is route[-1], options, notes)
        except BaseException:
            if gateway is not None:
                gateway.close()
            raise
    assert gateway is not None
    return gateway


def _log_in_patiently(
    hop: Hop, gateway: SshLink | None, is_host: bool, options: SshOptions, notes: list[str]
) -> SshLink:
    """A login, asked for again while the server turns it away before it looked at us."""
    started = time.monotonic()
    pause, longest = _PATIENCE
    for attempt in range(1, 1_000_000):
        try:
            return _log_in(hop, gateway, is_host, options, notes)
        except TurnedAway as error:
            waited = time.monotonic() - started
            if waited + pause > options.busy_timeout or (gateway and not gateway.is_active):
                raise TransportError(
                    "unreachable",
                    f"{hop.host} port {hop.port} closed the connection {attempt} times "
                    f"in {waited:.0f} s before the login ({error})",
                    "its sshd may limit concurrent logins (MaxStartups); see its log",
                ) from error
        # full jitter: thirty of us were turned away together and must not come back together
        time.sleep(pause * random.uniform(0.2, 1.0))
        pause = min(pause * 1.7, longest)
    raise AssertionError("unreachable")


def _log_in(
    hop: Hop, gateway: SshLink | None, is_host: bool, options: SshOptions, notes: list[str]
) -> SshLink:
    seconds = hop.connect_timeout or options.connect_timeout
    wire = _wire(hop, gateway, seconds, options)
    link = SshLink(hop, wire, gateway, seconds, options.dead_after)
    login = Login(hop, options.password if is_host else None)
    try:
        with Deadline(seconds, wire.abort) as deadline:
            link.log_in(_check(hop, options, notes), login)
    except BaseException as error:
        link.close(gateways=False)
        if deadline.expired:
            raise TransportError(
                "unreachable",
                f"login at {hop.host} port {hop.port} timed out after {seconds:g} s",
                "raise ConnectTimeout in ~/.ssh/config or ansible_ssh_common_args",
            ) from error
        _explain(hop, wire.greeting, error)
        raise
    return link


def _wire(hop: Hop, gateway: SshLink | None, seconds: float, options: SshOptions) -> Wire:
    if gateway is not None:
        return gateway.wire_to(hop.host, hop.port, seconds)
    if hop.proxy_command:
        return ssh_wire.proxy_command(hop.proxy_command)
    return ssh_wire.dial(hop.host, hop.port, seconds, options.dead_after)


def _explain(hop: Hop, greeting: bytes, error: BaseException) -> None:
    """Raises what the library's error means; returns for what needs no translation."""
    where = f"{hop.host} port {hop.port}"
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        raise TransportError("not-supported", f"{where}: {error}") from error
    if not isinstance(error, SshLink.errors):
        return
    # some sshd say why they turn us away before they would say who they are
    if greeting and not greeting.startswith((b"SSH-", b"Exceeded", b"Not allowed")):
        said = greeting.decode(errors="replace").splitlines()[0]
        raise TransportError("unreachable", f"{where} does not speak SSH: {said!r}") from error
    text = str(error).strip() or "end of the connection"
    if isinstance(error, paramiko.SSHException) and not any(t in text for t in _HUNG_UP):
        raise TransportError("unreachable", f"{where}: {text}") from error
    raise TurnedAway(text.replace("banner", "banner ").strip()) from error


def _check(hop: Hop, options: SshOptions, notes: list[str]) -> HostKeyCheck:
    replacing = hop.name in options.replace_host_keys
    return HostKeyCheck(hop, options.accept_new_host_keys, replacing, notes, _is_signed)


class _Policy(paramiko.MissingHostKeyPolicy):
    """Rejects what the check does. The library asks about every key: it knows no hosts itself."""

    def __init__(self, check: HostKeyCheck):
        self._check = check

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:
        """Returns for a key that can be trusted. Raises TransportError."""
        shown = key.public_blob.key_blob if key.public_blob is not None else b""
        self._check.check(HostKey(key.get_name(), key.asbytes(), shown))


def _is_signed(authority: bytes, signature: bytes, signed: bytes) -> bool:
    kind = paramiko.Message(authority).get_text()
    key = paramiko.PKey.from_type_string(kind, authority)
    return bool(key.verify_ssh_sig(signed, paramiko.Message(signature)))


# --- one login ------------------------------------------------------------------------------------


def _fabric_config() -> fabric.Config:
    # A connection of fabric's writes into its configuration: shared between threads, it is empty
    # for a moment. Lazy: neither ~/.fabric.yaml nor another file of the user has a say.
    return fabric.Config(overrides={"load_ssh_configs": False}, lazy=True)


class _Fabric(fabric.Connection):  # type: ignore[misc]
    """fabric's connection, over a wire that was opened with a deadline."""

    def over(self, wire: Wire) -> _Fabric:
        self._set(_wire=wire)
        return self

    def open_gateway(self) -> Wire:
        wire: Wire = self._wire
        return wire


class SshLink:
    """One authenticated SSH connection, and the gateways under it. Thread-safe."""

    # what channels raise when it breaks
    errors: tuple[type[Exception], ...] = (EOFError, OSError, paramiko.SSHException)

    def __init__(
        self, hop: Hop, wire: Wire, gateway: SshLink | None, seconds: float, dead_after: float
    ):
        self.hop, self.wire, self.gateway, self.seconds = hop, wire, gateway, seconds
        self._dead_after = dead_after
        self._transport: Any = None
        self._fabric: Any = None
        self._asked = 0.0  # when a sign of life was asked for; 0 when none is awaited
        self._asking = threading.Lock()
        self._given_up = ""  # why it was closed here: all that the library then says is that it is

    @property
    def is_active(self) -> bool:
        return self._transport is not None and self._transport.is_active()

    def log_in(self, check: HostKeyCheck, login: Login) -> None:
        """Handshake, host key, authentication. Raises what the library does, TransportError."""

        def transport(sock: Any, **options: Any) -> Any:
            self._transport = Transport(sock, **options)
            wanted = self._transport.get_security_options()
            wanted.ciphers = sorted(wanted.ciphers, key=lambda c: c != "aes128-gcm@openssh.com")
            wanted.key_types = check.preferred(wanted.key_types)
            return self._transport

        options = {
            "sock": self.wire,
            "auth_strategy": login,
            "transport_factory": transport,
            "banner_timeout": self.seconds,
            "auth_timeout": self.seconds,
        }
        self._fabric = _Fabric(
            self.hop.host,
            user=self.hop.user,
            port=self.hop.port,
            config=_fabric_config(),
            gateway=self.gateway._fabric if self.gateway else None,
            connect_kwargs=options,
        ).over(self.wire)
        self._fabric.client.set_missing_host_key_policy(_Policy(check))
        self._fabric.open()
        self._transport.set_keepalive(_KEEPALIVE)

    # --- channels ---

    def open_session(self) -> Any:
        """A channel for one command. Raises Refused, TransportError."""
        # sshd answers this at once, unless there is none any more
        seconds = min(self.seconds, self._dead_after)
        try:
            return self._open(f"a session on {self.hop.host}", seconds, "session")
        except TransportError as error:
            if error.code != "unreachable":
                raise
            raise self._dead(f"no answer within {seconds:g} s") from error

    def start(self, channel: Any, command: str) -> None:
        """Has the login shell run ``command``. Raises TransportError."""
        try:
            # the library waits for the answer without limit
            with Deadline(self.seconds, self.wire.abort):
                channel.exec_command(command)
            self.wire.eager = False  # from now on sshd holds nothing back
        except self.errors as error:
            if self.is_active:
                raise TransportError(
                    "not-permitted", f"{self.hop} runs no commands: {error}"
                ) from error
            raise self.lost(error) from error

    def forward(self, host: str, port: int, seconds: float) -> Any:
        """A channel to an address as the machine sees it. Raises TransportError."""
        what = f"{host} port {port} from {self.hop.host}"
        try:
            return self._open(what, seconds, "direct-tcpip", (host, port), ("127.0.0.1", 0))
        except Refused as error:
            raise not_forwarded(what, self._transport.refusal) from error

    def wire_to(self, host: str, port: int, seconds: float) -> Wire:
        """The same, for the next hop."""
        return Wire(self.forward(host, port, seconds))

    def _open(self, what: str, seconds: float, *channel: Any) -> Any:
        try:
            return self._transport.open_channel(*channel, timeout=seconds)
        except self.errors as error:
            if not self.is_active:
                raise self.lost(error) from error
            if "Timeout" in str(error):
                raise TransportError(
                    "unreachable", f"{what}: no answer within {seconds:g} s"
                ) from error
            raise Refused(self._transport.refusal[1] or str(error)) from error

    def terminate(self, channel: Any) -> None:
        """Asks the server to end what runs there, which outlives its channel otherwise."""
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string("TERM")
        with contextlib.suppress(*self.errors):
            self._transport._send_user_message(message)

    # --- signs of life ---

    def is_alive(self) -> bool:
        """Whether the peer answers. What it sent before has been heard by then.

        Without limit on its own: ``check`` ends it when the peer is dead.
        """
        with self._asking:
            self._asked = time.monotonic()
            with contextlib.suppress(*self.errors):
                self._transport.global_request("keepalive@openssh.com", wait=True)
            self._asked = 0.0
            return self.is_active

    def check(self) -> None:
        """Called every second by whoever waits: asks a silent peer, and gives a dead one up.

        Raises TransportError('connection-lost').
        """
        if not self.is_active:
            raise self.lost(None)
        now = time.monotonic()
        if now - self.wire.last_received < self._dead_after / 4:
            return
        asked = self._asked
        if not asked:
            threading.Thread(target=self.is_alive, daemon=True, name="ssh ping").start()
        elif now - asked > self._dead_after * 3 / 4:
            quiet = now - self.wire.last_received
            raise self._dead(f"no sign of life for {quiet:.0f} s")

    def _dead(self, why: str) -> TransportError:
        self._given_up = self._given_up or why
        self.wire.abort()
        return self.lost(why)

    def lost(self, why: object) -> TransportError:
        """The error of a connection that is gone."""
        said = self._transport.farewell
        found = self._given_up or why or self._transport.get_exception() or ""
        reason = said or str(found).strip()
        text = f"the connection to {self.hop.host} was lost" + (f": {reason}" if reason else "")
        return TransportError("connection-lost", text)

    def close(self, gateways: bool = True) -> None:
        """Ends it and its thread. Calling it again does nothing."""
        self.wire.abort()
        if self._transport is not None:
            # a handshake that failed leaves its timer behind
            self._transport.packetizer.complete_handshake()
            self._transport.close()
            self._transport.join(5.0)
            with self._asking:  # whoever waits for a sign of life hears that there is none
                pass
        self.wire.close()
        if gateways and self.gateway is not None:
            self.gateway.close()
