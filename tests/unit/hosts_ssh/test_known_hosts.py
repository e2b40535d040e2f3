"""Files of known hosts, line by line as OpenSSH reads them."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from provisioner.hosts.ssh import known_hosts
from provisioner.hosts.ssh.known_hosts import KnownHosts, Verdict

ED, RSA = "ssh-ed25519", "ssh-rsa"
ONE, TWO = b"\0\0\0\x0bssh-ed25519one", b"\0\0\0\x0bssh-ed25519two"
# by ssh-keygen -H, of lab.example; and a key with what ssh-keygen -l says of it
HASHED = "|1|y7KauWdV6KzX5FrGx5NbelxK38w=|RBbCaiMlwNxika6iDKTQv94i7ss="
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIKCx6KGF2dQ3W3KsuR8G1uIsL7yS0gdUo1GDvGdGR/dQ"
FINGERPRINT = "SHA256:OCDMwwsNxW39dAase0sZLgJtJmmTML8TxuhmLKrGhbg"
SALT = bytes(range(20))  # a fresh one would give a test another name in each process


def line(names: str, blob: bytes = ONE, kind: str = ED, marker: str = "") -> str:
    return f"{marker} {names} {kind} {base64.b64encode(blob).decode()} comment".strip() + "\n"


def verdict(tmp_path: Path, text: str, name: str, blob: bytes = ONE, kind: str = ED) -> str:
    file = tmp_path / "known"
    file.write_text(text)
    return KnownHosts([str(file)]).judge(name, kind, blob).verdict.value


@pytest.mark.parametrize(
    ("names", "name", "expected"),
    [
        ("lab", "lab", "known"),
        ("lab", "lab2", "unknown"),
        ("Lab.Example", "lab.example", "known"),
        ("a,lab,b", "lab", "known"),
        ("10.0.0.*", "10.0.0.7", "known"),
        ("10.0.0.?", "10.0.0.17", "unknown"),
        ("*,!lab", "lab", "unknown"),
        ("!lab,*", "other", "known"),
        ("[lab]:2222", "[lab]:2222", "known"),
        ("[lab]:2222", "lab", "unknown"),
        ("[lab]:2222", "l", "unknown"),  # brackets are no set of characters
        ("[*]:2222", "[lab]:2222", "known"),
        ("lab", "[lab]:2222", "unknown"),
        (known_hosts.hashed("lab", SALT), "lab", "known"),
        (known_hosts.hashed("lab", SALT), "lab2", "unknown"),
        (known_hosts.hashed("[lab]:2222", SALT), "[lab]:2222", "known"),
        ("|1|damaged", "lab", "unknown"),
        ("|1|%%|%%", "lab", "unknown"),
    ],
)
def test_names(tmp_path: Path, names: str, name: str, expected: str) -> None:
    assert verdict(tmp_path, line(names), name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "unknown"),
        ("# lab ssh-ed25519 AAAA\n\n", "unknown"),
        ("lab ssh-ed25519 not*base64\n", "unknown"),
        ("lab ssh-ed25519\n", "unknown"),
        (line("lab", TWO), "changed"),
        (line("lab", TWO) + line("lab", ONE), "known"),
        (line("lab", ONE, RSA), "changed"),  # another type only: OpenSSH calls it changed too
        (line("lab", marker="@revoked"), "revoked"),
        (line("lab") + line("*", marker="@revoked"), "revoked"),
        (line("lab", TWO, marker="@revoked") + line("lab"), "known"),
        (line("lab", marker="@cert-authority"), "unknown"),
        (line("lab").replace(" ", "\t"), "known"),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: str) -> None:
    assert verdict(tmp_path, text, "lab") == expected


def test_hashing_is_openssh_s() -> None:
    salt = base64.b64decode(HASHED.split("|")[2])
    assert known_hosts.hashed("lab.example", salt) == HASHED


def test_fingerprint_is_openssh_s() -> None:
    assert known_hosts.fingerprint(base64.b64decode(KEY)) == FINGERPRINT


def test_types_known_first(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(line("lab", ONE, RSA) + line("lab", TWO) + line("other", ONE, "ecdsa"))
    assert KnownHosts([str(file)]).kinds("lab") == (RSA, ED)


def test_several_files_one_missing(tmp_path: Path) -> None:
    (tmp_path / "b").write_text(line("lab"))
    files = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert KnownHosts(files).judge("lab", ED, ONE).verdict is Verdict.KNOWN


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    assert verdict(tmp_path, line("lab"), "lab") == "known"
    assert verdict(tmp_path, line("lab", TWO), "lab") == "changed"


def test_add_to_what_has_no_last_newline(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(line("other").rstrip("\n"))
    known_hosts.add(str(file), "lab", ED, ONE)
    known_hosts.add(str(file), "lab", ED, ONE)
    assert [entry.split()[0] for entry in file.read_text().splitlines()] == ["other", "lab"]


def test_add_makes_folder_and_file_for_us_alone(tmp_path: Path) -> None:
    file = tmp_path / "ssh" / "known"
    known_hosts.add(str(file), "lab", ED, ONE)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_replace_leaves_all_else(tmp_path: Path) -> None:
    file = tmp_path / "known"
    before = [
        "# mine\n",
        line("other", ONE),
        line("lab,alias", ONE),
        line(known_hosts.hashed("lab", SALT), ONE),
        line("lab", ONE, RSA),
        line("lab", TWO, marker="@revoked"),
        line("tail", ONE).rstrip("\n"),
    ]
    file.write_text("".join(before))
    file.chmod(0o644)
    known_hosts.replace(str(file), "lab", ED, TWO)
    expected = ["# mine\n", line("other"), line("alias"), before[5], line("tail")]
    added = f"lab {ED} {base64.b64encode(TWO).decode()}\n"
    assert file.read_text() == "".join(expected) + added
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_replace_goes_through_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text(line("lab"))
    link.symlink_to(real)
    known_hosts.replace(str(link), "lab", ED, TWO)
    assert link.is_symlink()
    assert base64.b64encode(TWO).decode() in real.read_text()


def test_replace_refuses_a_pattern(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text(line("lab*"))
    with pytest.raises(ValueError, match="known:1 names it by a pattern"):
        known_hosts.replace(str(file), "lab", ED, TWO)
    assert file.read_text() == line("lab*")


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "known"
    file.write_text("".join(line(f"old{n}") for n in range(10)))

    def work(number: int) -> None:
        for step in range(8):
            known_hosts.add(str(file), f"new{number}-{step}", ED, ONE)
        known_hosts.replace(str(file), f"old{number}", ED, TWO)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [entry.split()[0] for entry in file.read_text().splitlines()]
    assert len(names) == len(set(names)) == 90
    hosts = KnownHosts([str(file)])
    assert all(hosts.judge(f"old{n}", ED, TWO).verdict is Verdict.KNOWN for n in range(10))


DAMAGED = [
    "|1|AAAA|é ssh-ed25519 b25l",
    "|1|é|AAAA ssh-ed25519 b25l",
    "|1| ssh-ed25519 b25l",
    "lab ssh-ed25519 é",
    "lab ssh-ed25519 b25l!",
    "@revoked",
    "lab",
]


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_line_is_passed_over(tmp_path: Path, line: str) -> None:
    file = tmp_path / "known"
    file.write_text(f"{line}\nlab ssh-ed25519 b25l\n")
    assert KnownHosts([str(file)]).judge("lab", "ssh-ed25519", b"one").verdict is Verdict.KNOWN


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x85", "\u2028", "\r"])
def test_a_comment_hides_no_entry(tmp_path: Path, mark: str) -> None:
    """Only a line feed ends a line; what stands in a comment says nothing."""
    file = tmp_path / "known"
    file.write_bytes(f"# note{mark}lab ssh-ed25519 b25l\n".encode())
    assert KnownHosts([str(file)]).entries == ()


def test_replacing_leaves_every_other_line_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "known"
    others = "# a\u2028b\x0cc\n\r\nother ssh-rsa b25l a\x85comment\r\n".encode() + b"# \xff\n"
    file.write_bytes(others + b"lab ssh-rsa b25l\n")
    known_hosts.replace(str(file), "lab", "ssh-ed25519", b"two")
    assert file.read_bytes() == others + b"lab ssh-ed25519 dHdv\n"
