"""Ansible's host ranges: ``lab[01:30]``, ``db[a:c]-[1:9:2]``, with a port at the end if given."""

from __future__ import annotations

import re
import string

MAX_HOSTS = 100_000
NUMBERS = r"\[[0-9]+:[0-9]+(?::[0-9]+)?\]"
HEX = r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]"
ITEMS = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
LABEL = rf"(?:\w|{ITEMS})(?:[\w-]|{ITEMS})*(?<![_-])"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE)
PART = rf"(?:[0-9a-f]{{1,4}}|{HEX})"
IPV4 = re.compile(rf"(?:[0-9]{{1,3}}|{NUMBERS})(?:\.(?:[0-9]{{1,3}}|{NUMBERS})){{3}}")
IPV6 = re.compile(rf"(?:{PART}?:){{2,7}}(?:{PART}|[0-9.]+)?", re.IGNORECASE)
# An address in brackets has its port after them.
PORTS = (
    re.compile(r"\[(.+)\]:([0-9]+)"),
    re.compile(r"((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)"),
)


class RangeError(ValueError):
    """Why a range cannot be read."""


def expand_host(pattern: str) -> tuple[list[str], int | None]:
    """``lab[1:2]:2222`` → ``(["lab1", "lab2"], 2222)``. Raises RangeError.

    A port is one only behind a name that can be a host's, as in Ansible.
    """
    name, port = pattern, None
    for form in PORTS:
        if found := form.fullmatch(name):
            name, port = found[1], int(found[2])
    if not any(form.fullmatch(name) for form in (IPV4, IPV6, NAME)):
        name, port = pattern, None
    return expand(name), port


def expand(text: str) -> list[str]:
    """All names that the ranges in ``text`` make; ``[text]`` if it has none."""
    if "[" not in text:
        return [text]
    head, _, rest = text.partition("[")
    inside, closed, tail = rest.partition("]")
    if not closed:
        raise RangeError("the range is not closed with ']'")
    names = [f"{head}{item}{tail}" for item in items(inside)]
    expanded = [name for one in names for name in expand(one)]
    if len(expanded) > MAX_HOSTS:
        raise RangeError(f"the range makes more than {MAX_HOSTS} hosts")
    return expanded


def items(inside: str) -> list[str]:
    """``01:10:3`` → 01, 04, 07, 10."""
    bounds = inside.split(":")
    if len(bounds) not in (2, 3):
        raise RangeError("a range is [begin:end] or [begin:end:step]")
    begin, end = bounds[0] or "0", bounds[1]
    if not end:
        raise RangeError("the range needs an end")
    width = len(begin) if begin[0] == "0" and len(begin) > 1 else 0
    if width and len(end) != width:
        raise RangeError("begin and end of a range with leading zeros must be of one length")
    letters = string.ascii_letters
    try:
        step = int(bounds[2]) if len(bounds) == 3 else 1
        if len(begin) == 1 and len(end) == 1 and begin in letters and end in letters:
            if letters.index(begin) > letters.index(end):
                raise RangeError("a range must begin before it ends")
            return list(letters[letters.index(begin) : letters.index(end) + 1 : step])
        numbers = range(int(begin), int(end) + 1, step)
    except ValueError as error:
        if isinstance(error, RangeError):
            raise
        raise RangeError("a range is of numbers or of single letters") from None
    if len(numbers) > MAX_HOSTS:
        raise RangeError(f"the range makes more than {MAX_HOSTS} hosts")
    return [str(number).zfill(width) for number in numbers]
