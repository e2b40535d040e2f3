"""Java's .properties format: reading, writing, and the canonical form that digests are made of.

The canonical form is the same that ``canonical.awk`` prints on a host: one ``key=value`` a logical
line, comments dropped, continuation lines joined, backslashes dropped before characters that need
none, the last of several equal keys, sorted by bytes. A test holds the two against each other.
Source of the rules: the documentation of java.util.Properties.load.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPACE = " \t\f"
_KEPT_ESCAPES = "\\ntrfu"
_MEANING = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
# Nearly all keys, values and lines need no look at each character, and a look at a cluster reads
# and writes hundreds.
_PLAIN_KEY = re.compile(r"(?:[$-9;<>-\[\]-~\"][!-9;<>-\[\]-~]*)?")
_PLAIN_VALUE = re.compile(r"(?:[!-\[\]-~][ -\[\]-~]*)?")
_PLAIN_LINE = re.compile(r"([^\\=: \t\f]*)[ \t\f]*[=:]?[ \t\f]*([^\\]*)", re.DOTALL)


def logical_lines(text: str) -> list[str]:
    """Lines with continuations joined; comments and blank lines dropped."""
    lines: list[str] = []
    buffer: str | None = None
    for raw in text.split("\n"):
        line = raw.removesuffix("\r").lstrip(_SPACE)
        if buffer is not None:
            line = buffer + line
        elif not line or line[0] in "#!":
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            buffer = line[:-1]
            continue
        buffer = None
        lines.append(line)
    if buffer is not None:
        lines.append(buffer)
    return lines


def _split(line: str) -> tuple[str, str]:
    """The raw key and raw value of a logical line."""
    if plain := _PLAIN_LINE.fullmatch(line):
        return plain[1], plain[2]
    position = 0
    while position < len(line):
        character = line[position]
        if character == "\\":
            position += 2
            continue
        if character in "=:" + _SPACE:
            break
        position += 1
    key = line[:position]
    rest = line[position:].lstrip(_SPACE)
    if rest[:1] in ("=", ":") and rest:
        rest = rest[1:].lstrip(_SPACE)
    return key, rest


def _tidy(text: str) -> str:
    """Drops redundant backslashes; keeps those that stand for another character."""
    if "\\" not in text:
        return text
    out = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            following = text[position + 1]
            out.append("\\" + following if following in _KEPT_ESCAPES else following)
            position += 2
            continue
        out.append(character)
        position += 1
    return "".join(out)


def _meaning(text: str) -> str:
    """What Java reads: every escape resolved. An unfinished ``\\u`` stays as it is written."""
    if "\\" not in text and text.isascii():
        return text
    out = []
    position = 0
    while position < len(text):
        character = text[position]
        if character != "\\" or position + 1 >= len(text):
            out.append(character)
            position += 1
            continue
        following = text[position + 1]
        digits = text[position + 2 : position + 6]
        if following == "u" and len(digits) == 4 and all(c in _HEX for c in digits):
            out.append(chr(int(digits, 16)))
            position += 6
            continue
        out.append(_MEANING.get(following, following))
        position += 2
    # Two halves of a character above U+FFFF become one.
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


_HEX = "0123456789abcdefABCDEF"


def parse(text: str) -> dict[str, str]:
    """The keys and values that Java reads from ``text``; the last of equal keys wins."""
    pairs = (_split(line) for line in logical_lines(text))
    return {_meaning(key): _meaning(value).rstrip() for key, value in pairs}


def canonical(text: str) -> list[str]:
    """The canonical lines of ``text``: what ``canonical.awk`` prints."""
    pairs = {_tidy(key): _tidy(value) for key, value in map(_split, logical_lines(text))}
    return sorted(
        (f"{key}={value}" for key, value in pairs.items()),
        key=lambda line: line.encode("utf-8", "surrogateescape"),
    )


def render(values: Mapping[str, str], heading: str = "") -> str:
    """A file that ``parse`` reads as ``values``, sorted, under a comment."""
    lines = [f"# {line}" for line in heading.splitlines()]
    lines += [f"{_escape(key, key=True)}={_escape(value)}" for key, value in sorted(values.items())]
    return "\n".join(lines) + "\n"


def _escape(text: str, key: bool = False) -> str:
    if (_PLAIN_KEY if key else _PLAIN_VALUE).fullmatch(text):
        return text
    out = []
    for position, character in enumerate(text):
        if character == "\\":
            out.append("\\\\")
        elif character in "\n\t\r\f":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f"}[character])
        elif character == " " and (key or position == 0):
            out.append("\\ ")
        elif key and (character in "=:" or (position == 0 and character in "#!")):
            out.append("\\" + character)
        elif ord(character) > 126 or ord(character) < 32:
            out.extend(f"\\u{unit:04x}" for unit in _utf16(character))
        else:
            out.append(character)
    return "".join(out)


def _utf16(character: str) -> list[int]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
