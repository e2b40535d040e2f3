"""The verdict on the key a host shows, and certificates that speak for it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from provisioner.hosts.known_hosts import fingerprint
from provisioner.hosts.ssh_certificate import HostCertificate, certificate
from provisioner.hosts.ssh_config import hop
from provisioner.hosts.ssh_hostkey import HostKey, HostKeyCheck
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings

# ssh-keygen -s ca -h -n Web.example,10.0.0.1 -V 20260101000000Z:20270101000000Z, of an ECDSA key
CERTIFICATE = base64.b64decode(
    "AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20AAAAg7ddLMZERL+4wGcrt"
    "/tU84woV/q3I3l5g5nybOb7vMmwAAAAIbmlzdHAyNTYAAABBBIRs4V5oHlyrFBTCbpTWxtA0O0MLQTih"
    "MHhmCuyg1ky6CLjiU7AG2lB07inVqAjND0fDm5KK3l4C+JM2W9y0qAgAAAAAAAAAAAAAAAIAAAACaWQA"
    "AAAbAAAAC1dlYi5leGFtcGxlAAAACDEwLjAuMC4xAAAAAGlVuQAAAAAAazbsgAAAAAAAAAAAAAAAAAAA"
    "ADMAAAALc3NoLWVkMjU1MTkAAAAgoLHooYXZ1Ddbcqy5HwbW4iwvvJLSB1SjUYO8Z0ZH91AAAABTAAAA"
    "C3NzaC1lZDI1NTE5AAAAQAXEsry6tmodFJDVnUdnuoBBfv6QsbbQY7ZoKHhgQJrWy7afaqLi4QZXs70R"
    "mGGqE+DwA+zjZSVvG0DShQo9hQE="
)
AUTHORITY = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIKCx6KGF2dQ3W3KsuR8G1uIsL7yS0gdUo1GDvGdGR/dQ")
START, END = 1767225600, 1798761600
ED, ONE, TWO = "ssh-ed25519", b"one", b"two"


def yes(authority: bytes, signature: bytes, signed: bytes) -> bool:
    return True


def check(
    tmp_path: Path,
    text: str,
    *,
    accept: bool = False,
    replacing: bool = False,
    port: int = 22,
    revoked: str = "none",
) -> HostKeyCheck:
    (tmp_path / "known").write_text(text)
    settings = SshSettings(port=port, known_hosts=(str(tmp_path / "known"),))
    config = {"globalknownhostsfile": ("none",), "revokedhostkeys": (revoked,)}
    where = hop("lab", settings, lambda *_: config, ())
    return HostKeyCheck(where, accept, replacing, [], yes)


def entry(names: str, blob: bytes, kind: str = ED) -> str:
    return f"{names} {kind} {base64.b64encode(blob).decode()}\n"


def test_known(tmp_path: Path) -> None:
    check(tmp_path, entry("lab", ONE)).check(HostKey(ED, ONE))


def test_known_under_the_bare_name_for_any_port(tmp_path: Path) -> None:
    check(tmp_path, entry("lab", ONE), port=2222).check(HostKey(ED, ONE))
    # but not when the port has a key of its own
    both = check(tmp_path, entry("lab", ONE) + entry("[lab]:2222", TWO), port=2222)
    with pytest.raises(TransportError) as caught:
        both.check(HostKey(ED, ONE))
    assert caught.value.code == "host-key-changed"


def test_unknown_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TransportError) as caught:
        check(tmp_path, "").check(HostKey(ED, ONE))
    assert caught.value.code == "host-key-unknown"
    assert fingerprint(ONE) in str(caught.value)
    assert (tmp_path / "known").read_text() == ""


def test_accepting_never_accepts_a_changed_key(tmp_path: Path) -> None:
    with pytest.raises(TransportError) as caught:
        check(tmp_path, entry("lab", ONE), accept=True).check(HostKey(ED, TWO))
    assert caught.value.code == "host-key-changed"
    assert fingerprint(ONE) in str(caught.value)
    assert fingerprint(TWO) in str(caught.value)
    assert "--replace-host-key lab" in caught.value.hint
    assert (tmp_path / "known").read_text() == entry("lab", ONE)


def test_replacing_takes_every_type_of_the_old_machine(tmp_path: Path) -> None:
    wanted = check(tmp_path, entry("lab", ONE) + entry("lab", ONE, "ssh-rsa"), replacing=True)
    wanted.check(HostKey(ED, TWO))
    assert (tmp_path / "known").read_text() == entry("lab", TWO)
    (note,) = wanted.notes
    assert note.count("SHA256:") == 3


def test_replacing_leaves_a_global_file_alone(tmp_path: Path) -> None:
    (tmp_path / "global").write_text(entry("lab", ONE))
    settings = SshSettings(known_hosts=(str(tmp_path / "known"),))
    where = hop(
        "lab", settings, lambda *_: {"globalknownhostsfile": (str(tmp_path / "global"),)}, ()
    )
    with pytest.raises(TransportError, match=r"only .*known can be changed"):
        HostKeyCheck(where, False, True, [], yes).check(HostKey(ED, TWO))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]),
        (entry("lab", ONE, "ssh-rsa"), ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]),
        (entry("other", ONE, "ssh-rsa"), ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]),
    ],
)
def test_types_asked_for(tmp_path: Path, text: str, expected: list[str]) -> None:
    asked = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"]
    assert check(tmp_path, text).preferred(asked) == expected


def test_where_only_an_authority_is_known_a_certificate_is_asked_for(tmp_path: Path) -> None:
    wanted = check(tmp_path, "@cert-authority " + entry("lab", AUTHORITY)).preferred([ED])
    assert wanted == ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]


# --- certificates -------------------------------------------------------------------------------


@pytest.fixture
def shown() -> HostCertificate:
    found = certificate(CERTIFICATE)
    assert found is not None
    return found


def test_certificate_is_read(shown: HostCertificate) -> None:
    assert shown.is_host
    assert shown.principals == ("web.example", "10.0.0.1")
    assert (shown.valid_after, shown.valid_before) == (START, END)
    assert shown.authority == AUTHORITY
    assert CERTIFICATE.startswith(shown.signed)
    assert CERTIFICATE.endswith(shown.signature)


@pytest.mark.parametrize(
    ("host", "authorities", "now", "why"),
    [
        ("web.example", [AUTHORITY], START, ""),
        ("WEB.example", [b"other", AUTHORITY], END - 1, ""),
        ("10.0.0.1", [AUTHORITY], START, ""),
        ("10.0.0.2", [AUTHORITY], START, "it is for web.example, 10.0.0.1"),
        ("web.example", [b"other"], START, "authority that is not in known_hosts"),
        ("web.example", [AUTHORITY], START - 1, "not valid now"),
        ("web.example", [AUTHORITY], END, "not valid now"),
    ],
)
def test_certificate_is_judged(
    shown: HostCertificate, host: str, authorities: list[bytes], now: int, why: str
) -> None:
    said = shown.objection(host, authorities, now, yes)
    assert (why in said) if why else (said == "")


def test_certificate_with_a_wrong_signature(shown: HostCertificate) -> None:
    said = shown.objection("web.example", [AUTHORITY], START, lambda *_: False)
    assert said == "its signature is wrong"


def test_certificate_of_a_revoked_authority(tmp_path: Path) -> None:
    text = "@cert-authority " + entry("lab", AUTHORITY) + "@revoked " + entry("*", AUTHORITY)
    with pytest.raises(TransportError, match="is revoked"):
        check(tmp_path, text).check(HostKey("ecdsa-sha2-nistp256", ONE, CERTIFICATE))


@pytest.mark.parametrize("cut", [0, 4, 40, 100, 200, len(CERTIFICATE) - 1])
def test_a_damaged_certificate_is_none(cut: int) -> None:
    assert certificate(CERTIFICATE[:cut]) is None


def test_a_plain_key_is_no_certificate() -> None:
    assert certificate(AUTHORITY) is None


# --- nothing overrides a revocation ---------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"accept": True}, {"replacing": True}])
@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("@revoked " + entry("lab", ONE), 22),
        ("@revoked " + entry("lab", ONE), 2222),  # under the bare name
        ("@revoked " + entry("[lab]:2222", ONE), 2222),
        ("@revoked " + entry("*", AUTHORITY), 22),
        ("@revoked " + entry("lab", AUTHORITY), 2222),
        (entry("lab", ONE) + "@revoked " + entry("*", AUTHORITY), 22),
    ],
)
def test_a_revoked_key_or_authority_is_refused(
    tmp_path: Path, text: str, port: int, how: dict[str, bool]
) -> None:
    checked = check(tmp_path, text, port=port, **how)
    before = (tmp_path / "known").read_text()
    with pytest.raises(TransportError, match="is revoked by") as caught:
        checked.check(HostKey("ecdsa-sha2-nistp256", ONE, CERTIFICATE))
    assert caught.value.code == "host-key-changed"
    assert (tmp_path / "known").read_text() == before


def test_the_list_of_revoked_keys(tmp_path: Path) -> None:
    listed = tmp_path / "revoked"
    listed.write_text(f"# ours\n\n{ED} {base64.b64encode(ONE).decode()} a comment\n")
    text = entry("lab", ONE) + entry("lab", TWO, "ssh-rsa")
    with pytest.raises(TransportError, match="is revoked by"):
        check(tmp_path, text, accept=True, revoked=str(listed)).check(HostKey(ED, ONE))
    check(tmp_path, text, revoked=str(listed)).check(HostKey("ssh-rsa", TWO))


@pytest.mark.parametrize("content", [None, b"SSHKRL\n\0binary", b"ssh-ed25519 no-key\n"])
def test_a_list_that_cannot_be_read_lets_nobody_in(tmp_path: Path, content: bytes | None) -> None:
    listed = tmp_path / "revoked"
    if content is not None:
        listed.write_bytes(content)
    with pytest.raises(TransportError, match="RevokedHostKeys") as caught:
        check(tmp_path, entry("lab", ONE), revoked=str(listed)).check(HostKey(ED, ONE))
    assert caught.value.code == "host-key-unknown"


def test_a_certificate_that_fails_is_nobodys_to_accept(tmp_path: Path) -> None:
    """As with OpenSSH: accepting is for a host that shows no certificate at all."""
    text = "@cert-authority " + entry("lab", AUTHORITY)
    for how in ({"accept": True}, {"replacing": True}):
        with pytest.raises(TransportError, match="certificate was rejected"):
            check(tmp_path, text, **how).check(HostKey("ecdsa-sha2-nistp256", ONE, CERTIFICATE))
    other = text + entry("lab", TWO)
    shown = HostKey("ecdsa-sha2-nistp256", ONE, CERTIFICATE)
    with pytest.raises(TransportError, match="certificate was rejected"):
        check(tmp_path, other, replacing=True).check(shown)
    assert (tmp_path / "known").read_text() == other
    accepting = check(tmp_path, text, accept=True)
    accepting.check(HostKey(ED, ONE))
    assert accepting.notes
