"""``--max-restarts N`` and ``--until HH:MM``: their options, and what they mean now."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Mapping

from provisioner.run.limits import Limits


def options(parser: argparse.ArgumentParser) -> None:
    """Those of the verbs that roll."""
    parser.add_argument(
        "--max-restarts",
        type=whole,
        metavar="N",
        help="end before the N+1st restart of a running node (exit 2)",
    )
    parser.add_argument(
        "--until",
        type=clock,
        metavar="HH:MM",
        help="begin nothing that is expected to end later (local time; exit 2)",
    )


def whole(word: str) -> int:
    """A count for argparse, which puts the message after the option's name."""
    if not word.isascii() or not word.isdecimal():
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number of 0 or more")
    return int(word)


def clock(word: str) -> str:
    """A time of day for argparse."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a time of day from 00:00 to 23:59")
    return word


def at(word: str, now: float) -> float:
    """When the local clock next shows that time, in seconds since the epoch: today, or where that
    is past tomorrow."""
    today = time.localtime(now)
    hour, minute = map(int, word.split(":"))

    def on(day: int) -> float:
        # A day past the month's last is one of the next; -1: summer time as it is then.
        return time.mktime((today.tm_year, today.tm_mon, day, hour, minute, 0, 0, 0, -1))

    first = on(today.tm_mday)
    return first if first > now else on(today.tm_mday + 1)


def limits(
    args: argparse.Namespace, now: float, expected: Mapping[str, float] | None = None
) -> Limits:
    """``expected``: seconds that the bounce of a node takes, by its name."""
    until = at(args.until, now) if args.until else None
    words = _when(until, now) if until is not None else ""
    return Limits(args.max_restarts, until, words, expected or {})


def _when(until: float, now: float) -> str:
    """``02:00 tomorrow (2026-11-27, CET)``."""
    end, today = time.localtime(until), time.localtime(now)
    day = "today" if end.tm_yday == today.tm_yday else "tomorrow"
    return f"{time.strftime('%H:%M', end)} {day} ({time.strftime('%Y-%m-%d, %Z', end)})"
