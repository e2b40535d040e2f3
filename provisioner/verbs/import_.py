"""``provision import``: a running cluster → a spec and an inventory whose plan is empty.

From Kafka alone (``--bootstrap``) it is what Kafka itself keeps; from hosts also what runs there,
whoever installed it. It only looks, and it overwrites nothing.
"""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import Exit, Notice, fail
from provisioner.verbs.shared.answers import answer
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.verb import Verb

if TYPE_CHECKING:
    from provisioner.importing.found import Found

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SPEC, INVENTORY = "cluster.yaml", "inventory.yaml"


def story(args: argparse.Namespace, console: Console) -> int:
    """look → what was found → documents → files → what there is to know of them. Raises
    ProvisionError; then nothing is written."""
    addresses = _asked(args)
    from provisioner.importing import document, hosts
    from provisioner.spec.scaffold import refuse_existing, write_new
    from provisioner.spec.writing import text_of

    folder = Path(args.folder)
    paths = [folder / SPEC, folder / INVENTORY]
    refuse_existing(folder, paths)
    if addresses:
        found, unread = _of_kafka(args, addresses)
    else:
        from provisioner.verbs.shared.surveying import look

        found, unread = look(args, console)
    kafka = found.kafka
    assert kafka is not None
    if found.nodes:
        parts = [hosts.hosts_spec(found), hosts.machines_of(found)]
    else:
        parts = [document.kafka_spec(found), document.machines(kafka)]
    pairs = zip(paths, map(text_of, parts), strict=True)
    written = write_new(folder, {path: text.encode() for path, text in pairs})
    for said in [*unread, *document.left_out(kafka)]:
        console.warn(Notice(said))
    _check(paths[0], console)
    code = Exit.CANNOT_TELL if unread else Exit.YES
    lines = [f"wrote {path}" for path in written]
    lines.append(_in_words(kafka.topics, kafka.brokers))
    lines.append(f"to compare: provision plan {shlex.quote(str(paths[0]))}")
    answer(args, console, "\n".join(lines), code=code, written=[str(path) for path in written])
    return code


def _of_kafka(
    args: argparse.Namespace, addresses: list[tuple[str, int]]
) -> tuple[Found, tuple[str, ...]]:
    from provisioner.importing.document import cluster_name
    from provisioner.importing.found import Found
    from provisioner.site.importing import look

    told = look(addresses)
    name = args.cluster or cluster_name(told.kafka.cluster_id)
    return Found(name, told.kafka), told.unread


def _in_words(topics: tuple[object, ...], brokers: tuple[object, ...]) -> str:
    def counted(things: tuple[object, ...], word: str) -> str:
        return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"

    return f"{counted(topics, 'topic')} of a cluster of {counted(brokers, 'broker')}"


def _check(spec: Path, console: Console) -> None:
    """The warnings of the spec that was written. Raises what makes it invalid."""
    from provisioner.spec.load import load

    for notice in load(spec).warnings:
        console.warn(notice)


def _asked(args: argparse.Namespace) -> list[tuple[str, int]]:
    """The addresses of ``--bootstrap``. Raises ``usage``."""
    from provisioner.spec.words import Refusal, to_address

    given = [name for name in ("bootstrap", "hosts", "inventory") if getattr(args, name)]
    words = "--bootstrap HOST:PORT, --hosts H,… or -i INVENTORY"
    if not given:
        raise fail("usage", "nothing says which cluster", f"give {words}")
    if "bootstrap" in given and len(given) > 1:
        raise fail("usage", "--bootstrap asks Kafka alone", f"give one of {words}")
    if args.cluster is not None and not NAME.fullmatch(args.cluster):
        hint = "use small letters, digits and hyphens, at most 63"
        raise fail("usage", f"'{args.cluster}' is not a name of a cluster", hint)
    if "bootstrap" not in given:
        return []
    try:
        named = [word.strip() for text in args.bootstrap for word in text.split(",")]
        return list(dict.fromkeys(to_address(word) for word in named))
    except Refusal as refusal:
        raise fail("usage", f"--bootstrap: {refusal}", refusal.hint) from None


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bootstrap",
        metavar="HOST:PORT",
        action="append",
        default=[],
        help="ask Kafka alone, at these addresses of its brokers",
    )
    parser.add_argument("--hosts", metavar="H,…", help="look at these hosts")
    parser.add_argument("-i", "--inventory", help="look at the hosts of this Ansible inventory")
    parser.add_argument(
        "--accept-new-host-keys", action="store_true", help="record unknown host keys"
    )
    parser.add_argument(
        "-o",
        "--out",
        dest="folder",
        metavar="DIR",
        required=True,
        help=f"where {SPEC} and {INVENTORY} are written; nothing is overwritten",
    )
    parser.add_argument(
        "--cluster", metavar="NAME", help="the cluster's name in the spec; default by its id"
    )


VERB = Verb(
    "import",
    "write spec and inventory of a running cluster",
    rank=15,
    story=story,
    options=_options,
    examples=(
        "provision import -i inventory.yaml -o imported",
        "provision import --bootstrap kafka1:9092 -o imported",
    ),
    of_clusters=False,
)
