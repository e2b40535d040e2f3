"""Brings what is missing into the cache: side by side, checked, each file whole or not at all."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from pathlib import Path

from provisioner.artifacts import maven, wheels
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Blob, Note, Progress, unavailable
from provisioner.errors import ProvisionError
from provisioner.workers import workers

AT_ONCE = 8
TRIES = 3
PAUSE = 0.5

Counter = Callable[[int], None]


def fetch_missing(
    cache: Cache, blobs: Iterable[Blob], label: str, version: str, progress: Progress, note: Note
) -> None:
    """Loads the blobs that the cache lacks. What is complete stays, also when this is killed.

    ``label`` is for the progress line; ``version`` goes into the hint for a machine without
    internet. Raises ``artifact-unavailable``, ``artifact-corrupt``, ``disk-full``,
    ``not-permitted``.
    """
    wanted = list(blobs)
    if all(cache.has(blob) for blob in wanted):
        return
    with cache.lock(note):
        missing = [blob for blob in wanted if not cache.has(blob)]
        if missing:
            cache.require_space(2 * max(b.size for b in missing) + sum(b.size for b in missing))
            _fetch(cache, missing, Tally(missing, label, progress), version)


class Tally:
    """Adds up the bytes that all threads loaded, and tells the progress at most ten times a second.

    The last call always says that all bytes are there.
    """

    def __init__(self, blobs: list[Blob], label: str, progress: Progress) -> None:
        self.total = sum(blob.size for blob in blobs)
        self._done = 0
        self._told = 0.0
        self._label, self._progress = label, progress
        self._guard = threading.Lock()

    def add(self, count: int) -> None:
        with self._guard:
            self._done = min(self._done + count, self.total)
            now = time.monotonic()
            if now - self._told >= 0.1 or self._done == self.total:
                self._told = now
                self._progress(self._done, self.total, self._label)

    def finish(self) -> None:
        self.add(self.total)


def _fetch(cache: Cache, missing: list[Blob], tally: Tally, version: str) -> None:
    """The largest first, so that none is left to load alone at the end."""
    order = sorted(missing, key=lambda blob: -blob.size)
    with cache.scratch() as folder, workers(AT_ONCE) as pool:
        jobs = [
            pool.submit(_one, cache, blob, folder / str(number), tally.add, version)
            for number, blob in enumerate(order)
        ]
        try:
            wait(jobs, return_when=FIRST_EXCEPTION)
        finally:
            for job in jobs:
                job.cancel()
        _raise_first(jobs)
    tally.finish()


def _raise_first(jobs: list[Future[None]]) -> None:
    """What is about the disk or wrong bytes says more than a connection that broke beside it."""
    errors = [error for job in jobs if not job.cancelled() and (error := job.exception())]
    errors.sort(key=lambda e: isinstance(e, ProvisionError) and _code(e) == "artifact-unavailable")
    if errors:
        raise errors[0]


def _code(error: ProvisionError) -> str:
    return error.problems[0].code


def _one(cache: Cache, blob: Blob, folder: Path, count: Counter, version: str) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            cache.put(blob, _load(blob, folder / str(attempt), count))
            return
        except ProvisionError as error:
            if _code(error) != "artifact-corrupt" or attempt == TRIES:
                raise
        except OSError as error:
            if (said := cache.explain(error, blob.size)) is not error:
                raise said from error
            if attempt == TRIES:
                raise unreachable(blob, error, version) from error
        except (RuntimeError, wheels.PipFailed) as error:
            if "No space left" in str(error):
                raise cache.explain(OSError(errno.ENOSPC, ""), blob.size) from error
            if attempt == TRIES:
                raise unreachable(blob, error, version) from error
        time.sleep(PAUSE * attempt)


def _load(blob: Blob, folder: Path, count: Counter) -> Path:
    if blob.origin.startswith("maven:"):
        return maven.fetch(blob, folder, count)
    if blob.origin.startswith("pypi:"):
        return wheels.download(blob.origin, blob.sha256, folder, count)
    if blob.origin.startswith("made:"):
        raise unavailable(
            f"{blob.name} was removed from the cache", "run it again to create it again"
        )
    raise unavailable(
        f"{blob.name} is not in the cache and cannot be downloaded again",
        "load the tarball or the bundle it came from again",
    )


def unreachable(blob: Blob, error: Exception, version: str) -> ProvisionError:
    """What to say when a file cannot be had from where the lock says it is."""
    where = "PyPI" if blob.origin.startswith("pypi:") else "Maven Central"
    return unavailable(
        f"{blob.name} is not in the cache and could not be downloaded from {where}: "
        f"{maven.brief(error)}",
        f"on a machine that has internet: provision fetch --version {version} -o BUNDLE; "
        "copy the file here and run: provision fetch --bundle BUNDLE",
    )
