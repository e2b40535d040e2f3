"""Whether the key a host shows is the one we know, and what to do with it when it is not.

Without any SSH library: a key is its type and its public blob, as on the wire.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provisioner.hosts import known_hosts, ssh_certificate
from provisioner.hosts.known_hosts import Entry, KnownHosts, Verdict
from provisioner.hosts.ssh_config import Hop
from provisioner.hosts.transport import TransportError

# (authority's public blob, signature, what was signed) → whether it is right
Verify = Callable[[bytes, bytes, bytes], bool]

_RSA = ("rsa-sha2-512", "rsa-sha2-256")


@dataclass(frozen=True)
class HostKey:
    """What a server showed. ``certificate`` is its blob, empty when it showed a plain key."""

    kind: str
    blob: bytes
    certificate: bytes = b""


@dataclass(frozen=True)
class Objection:
    """Why no authority speaks for a key: words for the error. ``failed``: a certificate was shown,
    and it is not right. Such a key is nobody's to accept."""

    words: str = ""
    failed: bool = False


@dataclass
class HostKeyCheck:
    """The check at one hop. ``notes`` takes a line for the journal whenever a file is changed."""

    hop: Hop
    accept: bool
    replacing: bool
    notes: list[str]
    verify: Verify
    _files: KnownHosts = field(init=False)

    def __post_init__(self) -> None:
        """Raises TransportError for files that cannot be read."""
        try:
            self._files = KnownHosts((*self.hop.known_hosts, *self.hop.global_known_hosts))
        except OSError as error:
            raise TransportError("host-key-unknown", f"known hosts: {error}") from error

    @property
    def name(self) -> str:
        """What its key is filed under."""
        return self.hop.key_alias or known_hosts.name_of(self.hop.host, self.hop.port)

    def preferred(self, algorithms: Sequence[str]) -> list[str]:
        """The same algorithms, first those a server must use for its key to be checked.

        That are the types of the keys we know, or certificates where we know an authority only.
        """
        kinds = self._files.kinds(self.name)
        if not kinds and self._files.about(self.name, known_hosts.AUTHORITY):
            return [*(f"{a}-cert-v01@openssh.com" for a in algorithms), *algorithms]
        known = {a for kind in kinds for a in (_RSA if kind == "ssh-rsa" else (kind,))}
        return sorted(algorithms, key=lambda a: a not in known)

    def check(self, key: HostKey) -> None:
        """Returns for a key that can be trusted. Raises TransportError."""
        kind, blob = key.kind, key.blob
        if revoked := self._revoked(key):
            raise self._error("host-key-changed", blob, f"is revoked by {revoked}")
        judgement = self._files.judge(self.name, kind, blob)
        if judgement.verdict is Verdict.KNOWN or self._without_port(kind, blob):
            return
        objection = self._objection(key)
        if objection is None:
            return
        if judgement.verdict is Verdict.CHANGED and not self.replacing:
            raise self._changed(blob, judgement.entries)
        if judgement.verdict is Verdict.CHANGED and not objection.failed:
            self._replace(kind, blob, judgement.entries)
        elif (self.replacing or self.accept) and not objection.failed:
            self._add(kind, blob)
        else:
            raise self._error(
                "host-key-unknown",
                blob,
                f"is not in {self._where}{objection.words}",
                "compare it on the host (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
                "or accept it: --accept-new-host-keys",
            )

    def _without_port(self, kind: str, blob: bytes) -> bool:
        """OpenSSH too accepts a key that is filed under the bare name, for any port."""
        if self.hop.key_alias or self.hop.port == 22 or self._files.about(self.name):
            return False
        bare = known_hosts.name_of(self.hop.host, 22)
        return self._files.judge(bare, kind, blob).verdict is Verdict.KNOWN

    def _revoked(self, key: HostKey) -> str:
        """Where the key, or the authority that signed it, is revoked; nothing else is asked then.

        Under the bare name too, and in the file of RevokedHostKeys. Raises TransportError where
        that file cannot be read: nobody can be trusted then.
        """
        shown = ssh_certificate.certificate(key.certificate)
        blobs = [key.blob, *([shown.authority] if shown else [])]
        names = dict.fromkeys([self.name, known_hosts.name_of(self.hop.host, 22)])
        for name in names:
            for blob in blobs:
                judgement = self._files.judge(name, "", blob)
                if judgement.verdict is Verdict.REVOKED:
                    return _places(judgement.entries)
        if not self.hop.revoked:
            return ""
        try:
            listed = known_hosts.revoked_keys(self.hop.revoked)
        except (OSError, ValueError) as error:
            why = f"cannot be checked: RevokedHostKeys: {error}"
            raise self._error("host-key-unknown", key.blob, why) from error
        return self.hop.revoked if listed.intersection(blobs) else ""

    def _objection(self, key: HostKey) -> Objection | None:
        """None when a trusted authority speaks for the key."""
        authorities = self._files.about(self.name, known_hosts.AUTHORITY)
        if not authorities:
            return Objection()
        shown = ssh_certificate.certificate(key.certificate)
        if shown is None:
            return Objection(f", and it shows no certificate for {_places(authorities)}")
        host = self.hop.key_alias or self.hop.host
        trusted = [entry.blob for entry in authorities]
        why = shown.objection(host, trusted, time.time(), self.verify)
        return Objection(f", and its certificate was rejected: {why}", True) if why else None

    @property
    def _where(self) -> str:
        return ", ".join(self.hop.known_hosts) or "known_hosts"

    def _error(self, code: str, blob: bytes, what: str, hint: str = "") -> TransportError:
        shown = known_hosts.fingerprint(blob)
        return TransportError(code, f"host key {shown} of {self.name} {what}", hint)

    def _changed(self, blob: bytes, old: tuple[Entry, ...]) -> TransportError:
        return self._error(
            "host-key-changed",
            blob,
            f"differs from the known key: {_listed(old)}. This may be a man-in-the-middle attack, "
            "or the host was reinstalled",
            f"if it was reinstalled: --replace-host-key {self.hop.name}",
        )

    def _add(self, kind: str, blob: bytes) -> None:
        file = self._write(
            lambda f: known_hosts.add(f, self.name, kind, blob, hash_name=self.hop.hash_names)
        )
        self.notes.append(
            f"host key of {self.name} added to {file}: {kind} {known_hosts.fingerprint(blob)}"
        )

    def _replace(self, kind: str, blob: bytes, old: tuple[Entry, ...]) -> None:
        first = (self.hop.known_hosts or ("",))[0]
        foreign = [entry for entry in old if entry.file != first]
        if foreign:
            raise self._error(
                "host-key-changed",
                blob,
                f"cannot replace {_listed(tuple(foreign))}: only {first} can be changed",
                "remove that line by hand",
            )
        file = self._write(lambda f: known_hosts.replace(f, self.name, kind, blob))
        self.notes.append(
            f"host key of {self.name} replaced in {file}: {_listed(old)} → "
            f"{kind} {known_hosts.fingerprint(blob)}"
        )

    def _write(self, write: Callable[[str], None]) -> str:
        if not self.hop.known_hosts:
            return "nothing (UserKnownHostsFile none)"
        file = self.hop.known_hosts[0]
        try:
            write(file)
        except (OSError, ValueError) as error:
            raise TransportError(
                "host-key-unknown",
                f"the host key of {self.name} cannot be saved in {file}: {error}",
            ) from error
        return file


def _listed(entries: Sequence[Entry]) -> str:
    return ", ".join(f"{e.kind} {known_hosts.fingerprint(e.blob)} ({e.place})" for e in entries)


def _places(entries: Sequence[Entry]) -> str:
    return ", ".join(entry.place for entry in entries)
