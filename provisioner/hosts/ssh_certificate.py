"""Certificates of hosts (OpenSSH, PROTOCOL.certkeys): taken apart, and judged.

Without any SSH library: whoever has one passes in how a signature is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class HostCertificate:
    """An OpenSSH certificate (PROTOCOL.certkeys), taken apart; nothing in it is believed yet.

    ``signed`` is what ``signature`` of the authority's key ``authority`` (a public blob) covers.
    Times are seconds since 1970.
    """

    is_host: bool
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical: bytes
    authority: bytes
    signature: bytes
    signed: bytes

    def objection(
        self,
        host: str,
        authorities: Iterable[bytes],
        now: float,
        verify: Callable[[bytes, bytes, bytes], bool],
    ) -> str:
        """Why it does not speak for ``host``; empty when it does.

        ``authorities`` are the public blobs of the keys trusted for that host, ``now`` seconds
        since 1970. ``verify(authority, signature, signed)`` checks the signature.
        """
        if self.authority not in authorities:
            return "it is signed by an authority that is not in known_hosts"
        if not self.is_host or self.critical:
            return "it is not a host certificate, or has unknown options"
        if not self.valid_after <= now < self.valid_before:
            return "it is not valid now"
        if self.principals and host.lower() not in self.principals:
            return f"it is for {', '.join(self.principals)}"
        if not verify(self.authority, self.signature, self.signed):
            return "its signature is wrong"
        return ""


# How many fields (mpint or string) a public key has after its type, by type.
_KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ecdsa-sha2": 2}


def certificate(blob: bytes) -> HostCertificate | None:
    """The certificate in ``blob``, or None when it holds none that can be read."""
    try:
        return _certificate(blob)
    except (IndexError, KeyError, ValueError):
        return None


def _certificate(blob: bytes) -> HostCertificate:
    kind, at = _string(blob, 0)
    plain = kind.decode().partition("-cert-v01@")[0]
    fields = _KEY_FIELDS["ecdsa-sha2" if plain.startswith("ecdsa-sha2-") else plain]
    for _ in range(1 + fields):  # the nonce, then the key itself
        _, at = _string(blob, at)
    role, at = _number(blob, at + 8, 4)  # after the serial number
    _, at = _string(blob, at)  # key id
    principals, at = _string(blob, at)
    after, at = _number(blob, at, 8)
    before, at = _number(blob, at, 8)
    critical, at = _string(blob, at)
    for _ in range(2):  # extensions, reserved
        _, at = _string(blob, at)
    authority, at = _string(blob, at)
    signature, _ = _string(blob, at)
    names = tuple(name.decode().lower() for name in _strings(principals))
    return HostCertificate(
        role == 2, names, after, before, critical, authority, signature, blob[:at]
    )


def _number(blob: bytes, at: int, size: int) -> tuple[int, int]:
    if at + size > len(blob):
        raise IndexError("the blob ends early")
    return int.from_bytes(blob[at : at + size], "big"), at + size


def _string(blob: bytes, at: int) -> tuple[bytes, int]:
    size, at = _number(blob, at, 4)
    if at + size > len(blob):
        raise IndexError("the blob ends early")
    return blob[at : at + size], at + size


def _strings(blob: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(blob):
        value, at = _string(blob, at)
        yield value
