"""The command line: ``python -m bench --help``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.clock import Failed
from bench.places import ROOT
from bench.results import Results

LOCAL = (
    "validate",
    "placement",
    "planning",
    "stops",
    "restarts",
    "together",
    "drain",
    "topics",
    "noop",
    "price",
    "up",
)
HOSTS = ("lab", "kraft", "roll", "fleet")
SUMMARY = {
    "validate": "this machine: specs of 2,000 and 10,000 topics, and of 400 unknown properties",
    "placement": "this machine: planning where 300,000 replicas go",
    "planning": "this machine: planning 10,000 topics of 100,000 partitions",
    "stops": "this machine: deciding one stop at 1,000 and 10,000 topics, recorded answers",
    "restarts": "this machine: three brokers restarted by apply, against bare stops and starts",
    "together": "this machine: six brokers restarted two at a time, against one at a time",
    "drain": "this machine: a broker leaves under a throttle",
    "topics": "this machine: 2,000 topics on a real broker, beside Kafka's own tools and clients",
    "noop": "this machine: --version, no-op plan and drift, where the time goes",
    "price": "this machine: no-op drift beside an older checkout ($BENCH_BEFORE)",
    "up": "this machine: bare → verified, against plain java",
    "lab": "one host over SSH: up and no-op, against Ansible, pyinfra and a bare floor",
    "kraft": "three hosts over SSH: the same",
    "roll": "three hosts: one broker property, against Ansible's rolling play",
    "fleet": "10 and 100 SSH targets: no-op drift",
}


def main(argv: Sequence[str]) -> int:
    args = _parser().parse_args(argv)
    try:
        return _measure(args)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def _measure(args: argparse.Namespace) -> int:
    parts = args.parts or [*LOCAL, *HOSTS]
    results = Results(args.out)
    local = [part for part in parts if part in LOCAL]
    hosts = [part for part in parts if part in HOSTS]
    for part in local:
        _local()[part](results, args.runs or 5)
    code = 0
    if hosts:
        from bench.world import enter, inside, measure

        if not inside():
            code = enter(["--runs", str(args.runs or 2), *_out(args.out), *hosts])
        else:
            measure(hosts, results, args.runs or 2)
    for miss in results.missed:
        print(f"missed: {miss}")
    return code or bool(results.missed)


def _out(path: Path | None) -> list[str]:
    return ["--out", str(path)] if path else []


def _local() -> dict[str, Callable[[Results, int], None]]:
    from bench import local
    from bench.drained import drain
    from bench.live_topics import live_topics
    from bench.many_topics import many_topics
    from bench.placement import placement
    from bench.price import price
    from bench.rolled import restarts, together
    from bench.stops import stops
    from bench.validate import validate

    return {
        "validate": validate,
        "placement": placement,
        "planning": many_topics,
        "stops": stops,
        "restarts": restarts,
        "together": together,
        "drain": drain,
        "topics": live_topics,
        "noop": local.noop,
        "price": price,
        "up": local.up,
    }


def _part(word: str) -> str:
    if word not in SUMMARY:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(SUMMARY)}")
    return word


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:10}{text}" for name, text in SUMMARY.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures the tool. Without PART: everything (half an hour).\n\n" + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part)
    parser.add_argument("--runs", type=int, help="how often each (5 here, 2 on hosts)")
    parser.add_argument(
        "--out", type=lambda text: Path(text).resolve(), help="JSON lines, appended"
    )
    return parser


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
