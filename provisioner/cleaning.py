"""Text as it may reach a terminal or a document: no control characters, no secrets, no lines that
could be taken for ours. Everything that is printed goes through ``printable``, the last gate."""

from __future__ import annotations

import re

from provisioner.plan.masking import masked

FORMAT = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's format characters (Cf) and line separators: they turn or hide what stands after them.
Spelled out, since to ask ``unicodedata`` for them all takes a tenth of a second at every start."""

OWN_COLOUR = r"\x1b\[(?:0|1|2|3[1-6])m"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{FORMAT}]")
UNPRINTABLE = re.compile(rf"({OWN_COLOUR})|[\x00-\x08\x0b-\x1f\x7f-\x9f{FORMAT}]")
JSON_ESCAPED = re.compile(rf"[\x7f-\x9f{FORMAT}]")
BREAK = " ⏎ "
CONTINUED = "\n    | "
INDENT = re.compile(r"\n {0,4}")


def clean(text: str) -> str:
    """Foreign text in one line: escape sequences go, what else cannot be printed is ``?``."""
    return _plain(text).strip("\n").replace("\n", BREAK)


def block(text: str) -> str:
    """Foreign text of several lines: each after the first is marked, so that none looks like a
    line of ours."""
    return INDENT.sub(CONTINUED, _plain(text).strip("\n"))


def _plain(text: str) -> str:
    return CONTROL.sub("?", ESCAPE.sub("", masked(text.replace("\r\n", "\n"))))


def printable(text: str, colour: bool) -> str:
    """What goes to a stream: only our own colours, and these only where there are any."""

    def one(match: re.Match[str]) -> str:
        return match[1] if match[1] and colour else "" if match[1] else "?"

    return UNPRINTABLE.sub(one, text)


def json_text(document: str) -> str:
    """A JSON text in which what a terminal would act on is escaped."""

    def escaped(match: re.Match[str]) -> str:
        code = ord(match[0])
        if code < 0x10000:
            return f"\\u{code:04x}"
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"

    return JSON_ESCAPED.sub(escaped, document)
