"""The cache: jars, wheels and archives by content, at ``$XDG_CACHE_HOME/provision``.

``files/``     blobs, named ``SHA16-NAME``; complete and right when they appear, by rename
``stamps.json`` size, mtime and ctime of each blob when its bytes were last found right
``locks/``     locks of versions that do not ship, for when there is no spec to keep them beside
``tarballs/``  what official tarballs held, by their SHA-512
``cds/``       class-data archives, by what they were made from
``tmp/``       work under way; only the holder of ``lock`` writes here, so what it finds is stale

A stamp only says that a blob need not be loaded again; its bytes are hashed before they are used.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from provisioner.artifacts.model import Blob, Note, quiet
from provisioner.errors import ProvisionError, fail

CHUNK = 1 << 20
Stamp = tuple[int, int, int]


def default_root() -> Path:
    """``$XDG_CACHE_HOME/provision``, else ``~/.cache/provision``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return folder / "provision"


class Cache:
    """One cache folder. Safe to use from many threads and processes at once."""

    def __init__(self, root: Path | None = None, note: Note = quiet) -> None:
        self.root = root or default_root()
        self._note = note
        self._doubted = False
        self._guard = threading.Lock()
        self._right: dict[str, Stamp] = {}

    def vouches_for(self, relative: str) -> bool:
        """Whether only we (or root) can have written this file of the cache, or can make it.

        What no lock names, a note of the cache alone vouches for: whoever else may write there
        would decide what hosts run.
        """
        path = self.root / relative
        parts = (path, path.parent, self.root)
        return all(_only_ours(part) for part in parts if part.exists())

    def path(self, blob: Blob) -> Path:
        return self.root / "files" / blob.file

    def has(self, blob: Blob) -> bool:
        """It is there and was right when last looked at; hashed only where its stamp changed."""
        stamp = stamp_of(self.path(blob))
        if stamp is None or stamp[0] != blob.size:
            return False
        if self._right.get(blob.file) == stamp or self._stamps().get(blob.file) == list(stamp):
            return True
        return self._check(blob)

    def open(self, blob: Blob) -> BinaryIO:
        """Its bytes, found right now or earlier in this process with nothing changed since.

        A wrong one is removed from the cache. Raises ``artifact-corrupt``, or
        ``artifact-unavailable`` when it is not there.
        """
        path = self.path(blob)
        stamp = stamp_of(path)
        if stamp is None:
            raise fail(
                "artifact-unavailable", f"{path} is missing", "run it again to download it again"
            )
        if self._right.get(blob.file) != stamp and not self._check(blob):
            raise corrupt(blob, "it was removed from the cache; run it again to download it again")
        return path.open("rb")

    def unchanged(self, blob: Blob) -> bool:
        """Nothing happened to it since its bytes were last found right in this process."""
        return self._right.get(blob.file) == stamp_of(self.path(blob)) is not None

    def put(self, blob: Blob, source: Path) -> None:
        """Takes over a file of the same file system, if its bytes are right. Synced, by rename.

        Raises ``artifact-corrupt`` for other bytes, ``disk-full``, ``not-permitted``.
        """
        with self.writing(blob.size):
            with source.open("rb") as stream:
                size, digest = os.fstat(stream.fileno()).st_size, hash_of(stream)
                os.fsync(stream.fileno())
            if (size, digest) != (blob.size, blob.sha256):
                raise corrupt(blob, f"its lock says {blob.sha256[:16]}…, it is {digest[:16]}…")
            target = self.path(blob)
            self.make_root()
            target.parent.mkdir(parents=True, exist_ok=True)
            source.chmod(0o644)
            source.replace(target)
            sync_folder(target.parent)
            self._remember(blob)

    def put_text(self, relative: str, text: str) -> None:
        """Writes a small file of the cache, whole or not at all."""
        with self.writing(len(text)):
            self.make_root()
            write_whole(self.root / relative, text.encode())

    def text(self, relative: str) -> str | None:
        """A small file of the cache; None where there is none that can be read and trusted."""
        try:
            if not self.vouches_for(relative):
                self._doubt(relative)
                return None
            return (self.root / relative).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def forget(self, relative: str) -> None:
        """Removes a small file of the cache, if it is there."""
        with self.writing(0):
            (self.root / relative).unlink(missing_ok=True)

    @contextmanager
    def lock(self, note: Note = quiet) -> Iterator[None]:
        """Only one process (and one thread) at a time loads into the cache."""
        with self.writing(0):
            self.make_root()
            handle = (self.root / "lock").open("a")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note(f"waiting for another process that downloads into {self.root}")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder on the cache's file system; only for the holder of ``lock``."""
        with self.writing(0):
            shutil.rmtree(self.root / "tmp", ignore_errors=True)
            (self.root / "tmp").mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=self.root / "tmp") as name:
            yield Path(name)

    @contextmanager
    def writing(self, size: int) -> Iterator[None]:
        """Turns what the system says about a full or closed disk into words."""
        try:
            yield
        except ProvisionError:
            raise
        except OSError as error:
            raise self.explain(error, size) from error

    def explain(self, error: OSError, size: int = 0) -> Exception:
        """The ``ProvisionError`` for a failed write, or ``error`` itself where it says enough."""
        elsewhere = "or set XDG_CACHE_HOME to a folder elsewhere"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            need = f", {size / 1e6:.0f} MB are needed" if size else ""
            message = f"no space left below {self.root}{need}"
            return fail("disk-full", message, f"free some {elsewhere}")
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            return fail(
                "not-permitted",
                f"the cache {self.root} cannot be written: {error.strerror}",
                f'make it yours (chown -R "$USER" {self.root}) {elsewhere}',
            )
        return error

    def require_space(self, size: int) -> None:
        """Raises ``disk-full`` before a download of ``size`` bytes that cannot fit."""
        with self.writing(size):
            self.make_root()
            free = os.statvfs(self.root)
            if free.f_bavail * free.f_frsize < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def make_root(self) -> None:
        """The cache's folder, which nobody else can write, whatever the umask allows."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o755, exist_ok=True)

    def _doubt(self, relative: str) -> None:
        with self._guard:
            said, self._doubted = self._doubted, True
        if not said and (self.root / relative).exists():
            self._note(
                f"{self.root / relative} is not used: other users may have written it; "
                f'make the cache private: chown -R "$USER" {self.root} && '
                f"chmod -R go-w {self.root}"
            )

    def _check(self, blob: Blob) -> bool:
        """Hashes it; a wrong one is removed, a right one is remembered."""
        path = self.path(blob)
        try:
            with path.open("rb") as stream:
                before = stamp_at(stream.fileno())
                right = hash_of(stream) == blob.sha256
        except FileNotFoundError:
            return False
        if right and before == stamp_of(path):
            self._remember(blob)
            return True
        with self.writing(0):
            path.unlink(missing_ok=True)
        return False

    def _remember(self, blob: Blob) -> None:
        """Notes its stamp. One lost to another process's write only costs hashing it again."""
        stamp = stamp_of(self.path(blob))
        if stamp is None:
            return
        with self._guard, contextlib.suppress(OSError):
            self._right[blob.file] = stamp
            stamps = self._stamps()
            if stamps.get(blob.file) != list(stamp):
                stamps.update((name, list(value)) for name, value in self._right.items())
                data = json.dumps(stamps, indent=0).encode()
                write_whole(self.root / "stamps.json", data, sync=False)

    def _stamps(self) -> dict[str, list[int]]:
        try:
            found = json.loads((self.root / "stamps.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def corrupt(blob: Blob, hint: str) -> ProvisionError:
    return fail("artifact-corrupt", f"{blob.name} does not match its lock file", hint)


def _only_ours(path: Path) -> bool:
    found = path.stat()
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & 0o022


def stamp_of(path: Path) -> Stamp | None:
    """Size, mtime and ctime (ns) of a file, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def stamp_at(descriptor: int) -> Stamp:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def hash_of(stream: BinaryIO) -> str:
    """SHA-256 of the rest of a stream, as hex."""
    digest = hashlib.sha256()
    while data := stream.read(CHUNK):
        digest.update(data)
    return digest.hexdigest()


def write_whole(path: Path, data: bytes, sync: bool = True, mode: int = 0o644) -> None:
    """Temporary file beside it, fsync, rename: a reader sees the old file or the new one.

    Its name is drawn anew, so that nobody can have made it before: what is written is readable by
    its owner alone until it has its ``mode``. Without ``sync`` it is not sure to outlast a crash of
    the machine.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes a rename in this folder last. Some file systems cannot, and need not."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)
