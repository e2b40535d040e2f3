"""``provision fetch``: Kafka and Java into the cache, from the network or from a bundle."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from provisioner.artifacts.bundle import load_bundle, write_bundle
from provisioner.artifacts.cds import modes_of
from provisioner.artifacts.model import Prepared, Progress
from provisioner.artifacts.store import Store
from provisioner.errors import Exit, fail
from provisioner.site.fetching import fetching
from provisioner.verbs.shared.answers import answer
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.opening import Meter
from provisioner.verbs.shared.verb import Verb

ARCHES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def story(args: argparse.Namespace, console: Console) -> int:
    """--bundle loads, --version downloads, -o writes what --version names into a bundle.

    Raises ProvisionError (``usage``, ``artifact-unavailable``, ``artifact-corrupt``, ``disk-full``,
    ``not-permitted``, ``not-supported``, ``invalid-spec``).
    """
    versions, arches = asked(args)
    # No spec, so no folder for locks of versions that do not ship: they stay in the cache.
    store = Store(note=console.say)
    lines: list[str] = []
    loaded: tuple[str, ...] = ()
    with fetching(Meter(console)) as progress:
        if args.bundle:
            loaded = load_bundle(store, Path(args.bundle), progress)
            lines.append(f"{args.bundle}: Kafka {', '.join(loaded)} is in the cache now")
        ready = [
            store.ensure(store.prepare(version, platform=f"linux-{arch}"), progress)
            for version in versions
            for arch in arches
        ]
        lines += [_in_words(prepared) for prepared in ready]
        made = archives(store, [*versions, *loaded], progress)
        lines += [f"class-data archive for {version}, {mode}: made" for version, mode in made]
        if args.out:
            path = write_bundle(store, Path(args.out), versions, arches, progress)
            lines.append(f"wrote {path} ({path.stat().st_size / 1e6:.0f} MB)")
            lines.append(f"to load it there: provision fetch --bundle {path.name}")
    lines.append(f"cache: {store.cache.root}; applying these versions needs no network")
    answer(
        args,
        console,
        "\n".join(lines),
        fetched=[entry for prepared in ready for entry in _entries(prepared)],
        loaded=list(loaded),
        bundle=args.out,
        cache=str(store.cache.root),
    )
    return Exit.YES


def asked(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Versions and architectures, each once; this machine's architecture if none is given."""
    versions = _words(args.kafka_version)
    if not versions and not args.bundle:
        hint = "provision fetch --version 3.9.1, or provision fetch --bundle FILE"
        raise fail("usage", "--version is missing: which Kafka to fetch", hint)
    if args.out and not versions:
        hint = "provision fetch --version 3.9.1 -o kafka.bundle"
        raise fail("usage", "-o needs --version: the Kafka to put into the bundle", hint)
    given = _words(args.arch) or [_here()]
    for word in given:
        if word not in ARCHES:
            raise fail("usage", f"--arch {word} is not known", "known: x86_64, aarch64")
    return versions, list(dict.fromkeys(ARCHES[word] for word in given))


def archives(
    store: Store, versions: Sequence[str], progress: Progress
) -> Iterator[tuple[str, str]]:
    """Makes what starts of these versions on hosts like this machine need half the time with, where
    Java is here too; yields version and mode of each that is there now. What cannot be made costs
    only that time: the store says so."""
    for version in dict.fromkeys(versions):
        for mode in modes_of(version):
            prepared = store.prepare(version, platform=f"linux-{_here()}", mode=mode)
            if store.lacks_archive(prepared):
                store.note(f"making the class-data archive for Kafka {version}, {mode}")
            archive = store.with_archive(prepared, progress).cds
            if archive is not None and archive.entries:
                yield version, mode


def _words(given: list[str]) -> list[str]:
    """``--version 3.9.1 --version 4.2.0`` and ``--version 3.9.1,4.2.0`` are the same."""
    words = [word.strip() for item in given for word in item.split(",")]
    return list(dict.fromkeys(word for word in words if word))


def _here() -> str:
    import platform

    return ARCHES.get(platform.machine().lower(), "x86_64")


def _entries(prepared: Prepared) -> list[dict[str, Any]]:
    parts = (prepared.kafka, prepared.java)
    return [
        {
            "kind": part.kind,
            "version": part.version,
            "platform": part.platform or None,
            "digest": part.digest,
        }
        for part in parts
        if part is not None
    ]


def _in_words(prepared: Prepared) -> str:
    parts = [
        f"{part.kind.capitalize()} {part.version} ({part.digest[:8]})"
        for part in (prepared.kafka, prepared.java)
        if part is not None
    ]
    return f"{' and '.join(parts)} for {prepared.request.platform}: in the cache"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--version",
        dest="kafka_version",
        metavar="V",
        action="append",
        default=[],
        help="Kafka version (repeatable)",
    )
    parser.add_argument(
        "--arch", metavar="A", action="append", default=[], help="x86_64 or aarch64"
    )
    parser.add_argument("-o", "--out", metavar="BUNDLE", help="write a bundle")
    parser.add_argument("--bundle", metavar="FILE", help="load a bundle")


VERB = Verb(
    "fetch",
    "download Kafka and Java into the cache, or write and load a bundle",
    rank=20,
    story=story,
    options=_options,
    examples=(
        "provision fetch --version 3.9.1",
        "provision fetch --version 4.3.1 --arch aarch64 --out kafka.bundle",
        "provision fetch --bundle kafka.bundle",
    ),
    of_clusters=False,
)
