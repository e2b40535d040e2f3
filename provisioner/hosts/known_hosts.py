"""Files of known host keys (sshd(8), SSH_KNOWN_HOSTS): reading, judging a key, adding, replacing.

Pure but for the files themselves, and without any SSH library: a key is its type and its public
blob, as on the wire. Names are as OpenSSH writes them: ``host`` for port 22, else ``[host]:port``.
"""

from __future__ import annotations

import base64
import fcntl
import fnmatch
import hashlib
import hmac
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

REVOKED = "@revoked"
AUTHORITY = "@cert-authority"
BLANKS = re.compile("[ \t]+")
LINE = re.compile("[^\n]*\n|[^\n]+")


class Verdict(Enum):
    """What the files say of the key a host showed."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Entry:
    """One line: who (patterns, perhaps hashed), which key, and where it stands (from 1)."""

    marker: str
    names: tuple[str, ...]
    kind: str
    blob: bytes
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def is_for(self, name: str) -> bool:
        """Whether a pattern takes in ``name`` and none that begins with ``!`` does."""
        found = False
        for pattern in self.names:
            if pattern.startswith("!"):
                if _matches(pattern[1:], name):
                    return False
            elif _matches(pattern, name):
                found = True
        return found


@dataclass(frozen=True)
class Judgement:
    """A verdict and the lines it rests on: the other keys of the name, or the revoking line."""

    verdict: Verdict
    entries: tuple[Entry, ...] = ()


def name_of(host: str, port: int) -> str:
    """The name a key of that address is filed under."""
    host = host.lower()
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(blob: bytes) -> str:
    """``SHA256:…`` as ``ssh-keygen -l`` prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return "SHA256:" + digest.rstrip("=")


def hashed(name: str, salt: bytes | None = None) -> str:
    """``name`` as ``HashKnownHosts`` files it; a fresh salt unless one is given."""
    salt = os.urandom(20) if salt is None else salt
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _matches(pattern: str, name: str) -> bool:
    if not pattern.startswith("|1|"):
        # fnmatch would take the brackets of `[host]:port` for a set of characters
        return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))
    try:
        salt = base64.b64decode(pattern.split("|")[2], validate=True)
    except (ValueError, IndexError):  # base64 of what is no ASCII is a ValueError too
        return False
    return hmac.compare_digest(hashed(name, salt).encode(), pattern.encode("utf-8", "replace"))


class KnownHosts:
    """What several files say together. A file that is missing says nothing."""

    def __init__(self, files: Sequence[str]):
        """Raises OSError for a file that exists and cannot be read."""
        self.entries = tuple(entry for file in files for entry in _entries(file))

    def about(self, name: str, marker: str = "") -> tuple[Entry, ...]:
        """The lines with that marker that are for ``name``."""
        return tuple(e for e in self.entries if e.marker == marker and e.is_for(name))

    def kinds(self, name: str) -> tuple[str, ...]:
        """The key types filed under ``name``: a server should be asked for these first."""
        return tuple(dict.fromkeys(entry.kind for entry in self.about(name)))

    def judge(self, name: str, kind: str, blob: bytes) -> Judgement:
        """The verdict on a plain key. A key of another type than those filed is a changed one."""
        revoked = tuple(e for e in self.about(name, REVOKED) if e.blob == blob)
        if revoked:
            return Judgement(Verdict.REVOKED, revoked)
        filed = self.about(name)
        if any(entry.kind == kind and entry.blob == blob for entry in filed):
            return Judgement(Verdict.KNOWN)
        return Judgement(Verdict.CHANGED if filed else Verdict.UNKNOWN, filed)


def revoked_keys(file: str) -> frozenset[bytes]:
    """The public blobs that a file of RevokedHostKeys lists, one key a line.

    Raises OSError for one that cannot be read, ValueError for a KRL, which is not read here:
    OpenSSH too refuses every host where it cannot read the list.
    """
    data = Path(file).read_bytes()
    if data.startswith(b"SSHKRL\n"):
        raise ValueError(f"{file} is a binary KRL; give a text file with one key a line")
    found = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        words = [word for word in BLANKS.split(line.rstrip("\r")) if word]
        if len(words) < 2 or words[0].startswith("#"):
            continue
        try:
            found.append(base64.b64decode(words[1], validate=True))
        except ValueError as error:
            raise ValueError(f"{file} has a line that is not a key: {line[:40]!r}") from error
    return frozenset(found)


def _entries(file: str) -> tuple[Entry, ...]:
    try:
        found = Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return _parsed(file, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=64)  # thirty hosts ask the same file; its inode, time and size are in the key
def _parsed(file: str, _inode: int, _mtime: int, _size: int) -> tuple[Entry, ...]:
    lines = _text(Path(file)).split("\n")
    entries = (_entry(line, file, number) for number, line in enumerate(lines, 1))
    return tuple(entry for entry in entries if entry is not None)


def _text(path: Path) -> str:
    """Bytes as they are: a line ends at a line feed, and nowhere else."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _entry(line: str, file: str, number: int) -> Entry | None:
    """One line, or None for what is no key: blank, comment, damaged (OpenSSH skips it too)."""
    words = [word for word in BLANKS.split(line.rstrip("\r\n")) if word]
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):
        return None
    try:
        blob = base64.b64decode(words[2], validate=True)
    except ValueError:
        return None
    return Entry(marker, tuple(words[0].split(",")), words[1], blob, file, number)


# --- writing -------------------------------------------------------------------------------------


def add(file: str, name: str, kind: str, blob: bytes, *, hash_name: bool = False) -> None:
    """Appends a key, unless the file has it by now. The file is made 0600 if missing.

    Raises OSError.
    """
    line = f"{hashed(name) if hash_name else name} {kind} {base64.b64encode(blob).decode()}\n"
    path = _made(file)
    with _locked(path) as handle:
        if not _has(path, name, kind, blob):
            _append(handle, line)


def replace(file: str, name: str, kind: str, blob: bytes) -> None:
    """Takes ``name`` off all lines of ``file`` that have it and adds the new key.

    The other names of such a line keep their key. Raises OSError, ValueError when ``name`` is
    there by a pattern, which stands for other hosts too.
    """
    path = _made(file)
    with _locked(path) as handle:
        text = _text(path)
        lines = _without(text, str(path), name)
        lines.append(f"{name} {kind} {base64.b64encode(blob).decode()}\n")
        _rewrite(path, "".join(lines), os.fstat(handle).st_mode & 0o777)


def _without(text: str, file: str, name: str) -> list[str]:
    kept = []
    for number, line in enumerate(LINE.findall(text), 1):
        line = line if line.endswith("\n") else line + "\n"
        entry = _entry(line, file, number)
        if entry is None or entry.marker or not entry.is_for(name):
            kept.append(line)
            continue
        if any(_is_pattern(p) and _matches(p, name) for p in entry.names):
            raise ValueError(f"{entry.place} names it by a pattern")
        others = [n for n in entry.names if not _matches(n.removeprefix("!"), name)]
        if others:
            kept.append(line.replace(",".join(entry.names), ",".join(others), 1))
    return kept


def _is_pattern(name: str) -> bool:
    return not name.startswith("|") and any(mark in name for mark in "*?")


def _has(path: Path, name: str, kind: str, blob: bytes) -> bool:
    # read afresh: the lock was just taken, and the cached parse may be older
    lines = _text(path).split("\n")
    entries = (_entry(line, str(path), n) for n, line in enumerate(lines, 1))
    return any(
        e is not None and not e.marker and e.kind == kind and e.blob == blob and e.is_for(name)
        for e in entries
    )


def _made(file: str) -> Path:
    """The real file behind links (a rename must not replace a link), made if it is missing."""
    path = Path(os.path.realpath(file))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Exclusive for threads and processes; yields a descriptor that appends.

    Whoever replaces the file leaves waiters with a lock on the old one: they look again.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _same(os.fstat(handle), path):
                yield handle
                return
        finally:
            os.close(handle)


def _same(opened: os.stat_result, path: Path) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return (opened.st_dev, opened.st_ino) == (now.st_dev, now.st_ino)


def _append(handle: int, line: str) -> None:
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        line = "\n" + line
    os.write(handle, line.encode())  # one write: no reader sees half a line of ours
    os.fsync(handle)


def _rewrite(path: Path, text: str, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text.encode("utf-8", "surrogateescape"))
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
