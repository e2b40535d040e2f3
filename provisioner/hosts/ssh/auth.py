"""Logging in: which keys and passwords are offered to a server, in which order, and what it said.

Order, as in ssh: the key files somebody named (by the agent where it holds them), the agent's other
keys, the usual files of ``~/.ssh``, the password, and "none" for servers that ask for nothing.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shlex
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.hosts.ssh.config import Hop
from provisioner.hosts.ssh.libraries import paramiko
from provisioner.hosts.transport import TransportError

_MAGIC = b"openssh-key-v1\0"
_CLASSES: dict[str, Any] = {"ssh-rsa": paramiko.RSAKey, "ssh-ed25519": paramiko.Ed25519Key}
_AGENT_SECONDS = 30.0  # a key in hardware waits for a touch


class TurnedAway(Exception):
    """The server hung up before it judged any key: too many logins at once, or it is dying."""


# --- private keys ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeyFile:
    """What is legible of a private key file without its passphrase.

    ``public`` is its public blob, empty when only the private part tells; ``kind`` likewise.
    """

    path: str
    encrypted: bool
    kind: str = ""
    public: bytes = b""


def inspect(path: str) -> KeyFile:
    """Raises OSError."""
    text = Path(path).read_text(errors="replace")
    lines = [line.strip() for line in text.strip().splitlines()]
    if lines[:1] != ["-----BEGIN OPENSSH PRIVATE KEY-----"]:
        return KeyFile(path, "ENCRYPTED" in text, *_public_half(path))
    try:
        return _openssh(path, base64.b64decode("".join(lines[1:-1])))
    except (ValueError, IndexError, UnicodeDecodeError):
        return KeyFile(path, False)


def _openssh(path: str, data: bytes) -> KeyFile:
    if not data.startswith(_MAGIC):
        raise ValueError("no OpenSSH key")
    message = paramiko.Message(data.removeprefix(_MAGIC))
    cipher = message.get_text()
    for _ in range(2):  # how the key of the cipher is made
        message.get_binary()
    message.get_int()
    public = message.get_binary()
    return KeyFile(path, cipher != "none", paramiko.Message(public).get_text(), public)


def _public_half(path: str) -> tuple[str, bytes]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        words = Path(path + ".pub").read_text().split()
        return words[0], base64.b64decode(words[1])
    return "", b""


class KeyRing:
    """Private keys by file, each loaded once: an RSA key costs 94 ms. Thread-safe.

    One for the process (``KEYS``): what it holds is a function of the files alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, int, int], paramiko.PKey] = {}

    def load(self, file: KeyFile) -> paramiko.PKey:
        """Raises paramiko.SSHException, OSError, ValueError for one that cannot be read."""
        found = Path(file.path).stat()
        identity = (file.path, found.st_mtime_ns, found.st_size)
        with self._lock:
            if identity not in self._loaded:
                self._loaded[identity] = self._read(file)
            return self._loaded[identity]

    def _read(self, file: KeyFile) -> paramiko.PKey:
        key_class = _CLASSES.get(file.kind)
        if key_class is None:
            return paramiko.PKey.from_path(file.path)
        # from_path would load it twice
        key: paramiko.PKey = key_class.from_private_key_file(file.path)
        if Path(file.path + "-cert.pub").exists():
            key.load_certificate(file.path + "-cert.pub")
        return key


KEYS = KeyRing()


class _Agent(paramiko.agent.AgentSSH):
    """The agent at a given socket, with a limit on how long it may think."""

    def __init__(self, path: str):
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_AGENT_SECONDS)
        try:
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()


# --- the login ------------------------------------------------------------------------------------


@dataclass
class Login:
    """One attempt to log in at a hop: an ``auth_strategy`` for ``SSHClient.connect``.

    ``password`` is only for the host itself, never for a bastion. ``tried`` collects, for the
    error, every key with what became of it.
    """

    hop: Hop
    password: str | None = field(default=None, repr=False)
    tried: list[str] = field(default_factory=list)
    _agent: _Agent | None = None
    _offered: set[bytes] = field(default_factory=set)
    _asked: bool = False
    _allowed: tuple[str, ...] = ()

    def authenticate(self, transport: Any) -> None:
        """Raises TransportError (``authentication-failed``), TurnedAway, the transport's own."""
        try:
            if not any(self._offer(transport, *source) for source in self._sources()):
                raise self._failure()
        finally:
            if self._agent is not None:
                self._agent.close()

    def _sources(self) -> Iterator[tuple[str, str, Any]]:
        """``(what to call it, method, key or password)`` in the order of the module's docstring."""
        held = self._agent_keys()
        files = list(self._key_files())
        if self.hop.explicit_keys:
            yield from self._from_files(files, held)
        if not self.hop.identities_only:
            for blob, key in held.items():
                yield f"agent key {key.comment or key.fingerprint}", "publickey", (blob, key)
        if not self.hop.explicit_keys:
            yield from self._from_files(files, held)
        if self.password is not None:
            yield "the password", "password", self.password
        yield "no credentials", "none", None

    def _agent_keys(self) -> dict[bytes, Any]:
        if not self.hop.agent or not Path(self.hop.agent).exists():
            return {}
        try:
            self._agent = _Agent(self.hop.agent)
        except (OSError, paramiko.SSHException) as error:
            self.tried.append(f"agent {self.hop.agent} ({error})")
            return {}
        return {key.asbytes(): key for key in self._agent.get_keys()}

    def _key_files(self) -> Iterator[KeyFile]:
        for path in self.hop.key_files:
            try:
                yield inspect(path)
            except OSError as error:
                if self.hop.explicit_keys:
                    self.tried.append(f"{path} ({error.strerror})")

    def _from_files(
        self, files: list[KeyFile], held: dict[bytes, Any]
    ) -> Iterator[tuple[str, str, Any]]:
        for file in files:
            if file.public and file.public in held:
                yield f"{file.path} (agent)", "publickey", (file.public, held[file.public])
            elif file.encrypted:
                self.tried.append(f"{file.path} (encrypted, and not in the agent)")
            else:
                try:
                    key = KEYS.load(file)
                except (paramiko.SSHException, OSError, ValueError) as error:
                    self.tried.append(f"{file.path} (not readable: {error})")
                else:
                    yield file.path, "publickey", (key.asbytes(), key)

    def _offer(self, transport: Any, label: str, method: str, secret: Any) -> bool:
        """Whether the server let us in. ``tried`` says what became of it otherwise."""
        if not self._worth_it(method, secret):
            return False
        try:
            left = self._ask(transport, method, secret)
        except paramiko.BadAuthenticationType as error:
            self._note(label, "not accepted as a method", error.allowed_types)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._heard(transport, label, error)
        else:
            if not left:
                return True
            self._note(label, f"accepted; also wants {', '.join(left)}", left)
        return False

    def _ask(self, transport: Any, method: str, secret: Any) -> list[str]:
        """The methods still wanted: none when we are in."""
        user, left = self.hop.user, None
        if method == "publickey":
            left = transport.auth_publickey(user, secret[1])
        elif method == "password":
            left = transport.auth_password(user, secret)
        else:
            left = transport.auth_none(user)
        return list(left or ())

    def _worth_it(self, method: str, secret: Any) -> bool:
        """Not a key twice, and no method the server has said it does not take."""
        if method == "publickey":
            if secret[0] in self._offered:
                return False
            self._offered.add(secret[0])
        if method == "none":  # if only to hear, for the error, what the server does take
            return not self._allowed
        wanted = {method, "keyboard-interactive"} if method == "password" else {method}
        return not self._allowed or bool(wanted & set(self._allowed))

    def _note(self, label: str, fate: str, allowed: Any = None) -> None:
        self._asked = True
        self.tried.append(f"{label} ({fate})")
        if allowed is not None:
            self._allowed = tuple(allowed)

    def _heard(self, transport: Any, label: str, error: Exception) -> None:
        """A refusal is noted. A server that is gone raises: nothing else can be offered to it."""
        if transport.is_active():
            text = str(error).rstrip(".")
            self._note(label, "refused" if text in ("", "Authentication failed") else text)
            return
        if not self._asked:
            raise TurnedAway(f"it closed the connection at the first key: {error}") from error
        self.tried.append(f"{label} (it closed the connection: too many keys for MaxAuthTries?)")
        raise self._failure() from error

    def _failure(self) -> TransportError:
        tried = "; ".join(t for t in self.tried if not t.startswith("no credentials")) or "nothing"
        takes = f"; it takes {', '.join(self._allowed)}" if self._allowed else ""
        return TransportError(
            "authentication-failed",
            f"{self.hop} refused the login. Tried: {tried}{takes}",
            self._hint(),
        )

    def _hint(self) -> str:
        encrypted = [t.split(" (")[0] for t in self.tried if "(encrypted" in t]
        if encrypted:
            return f"ssh-add {shlex.quote(encrypted[0])}"
        if self.password is None and "password" in self._allowed:
            return "use -k for a password prompt, or set PROVISION_SSH_PASSWORD"
        key = next((p for p in self.hop.key_files if os.path.exists(p + ".pub")), "KEY")  # noqa: PTH110
        port = f"-p {self.hop.port} " if self.hop.port != 22 else ""
        return f"ssh-copy-id -i {shlex.quote(key)} {port}{self.hop.user}@{self.hop.host}"
