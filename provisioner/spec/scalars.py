"""What a single YAML value is: ours (strict) and Ansible's (YAML 1.1).

The strict dialect is the part on which YAML 1.1 and 1.2 agree: ``true``, ``false``, decimal
integers, decimals with a point, and text. What one of the two would turn into something else
(yes, no, on, off, octals, 1e3, 1_000, 12:30, nulls) is refused with the words to write instead.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Dialect(Enum):
    """Whose reading of plain values."""

    STRICT = "strict"
    ANSIBLE = "ansible"


class Written(float):
    """A decimal number that remembers how it was written: 3.10 is not 3.1 to who wrote it."""

    text: str

    def __new__(cls, text: str) -> Written:
        value = super().__new__(cls, text)
        value.text = text
        return value

    def __reduce__(self) -> tuple[type[Written], tuple[str]]:
        return Written, (self.text,)


class Unreadable(str):
    """An Ansible value under a tag that cannot be read here (``!vault``); ``tag`` says which."""

    tag: str

    def __new__(cls, tag: str, text: str) -> Unreadable:
        value = super().__new__(cls, text)
        value.tag = tag
        return value


class NotText(str):
    """A key that YAML reads as something else than text (``22:``, ``on:``), as JSON prints it."""


@dataclass(frozen=True)
class Bad:
    """Why a value is refused, and what to put in its place so that reading can go on."""

    message: str
    hint: str
    instead: Any


INT = re.compile(r"-?(0|[1-9][0-9]{0,18})")
FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
# What YAML 1.1 or 1.2 would read as something else than the text that stands there.
DOUBTFUL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[-+]?0[0-9_]+|0o[0-7]+"), "is an octal number to some YAML readers"),
    (re.compile(r"0[xX][0-9a-fA-F_]+|0b[01_]+"), "is a number to some YAML readers"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"), "is a number to some YAML readers"),
    (re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"), "is a number to some YAML readers"),
    (re.compile(r"[-+]?(\.[0-9][0-9]*|[0-9]+\.)"), "is a number to some YAML readers"),
    (re.compile(r"(?i)[-+]?\.inf|\.nan"), "is not a number that Kafka knows"),
    (re.compile(r"[-+]?[0-9][0-9]*(:[0-5]?[0-9])+"), "is a number in base 60 to some YAML readers"),
    (re.compile(r"[-+]?[0-9]{20,}"), "is a number beyond 64 bits"),
    (re.compile(r"[+][0-9.]+"), "is a number to some YAML readers"),
    (re.compile(r"=|!"), "means something to some YAML readers"),
)
DOUBTFUL_WORDS = frozenset(
    form
    for word in ("yes", "no", "on", "off", "true", "false")
    for form in (word, word.upper(), word.capitalize())
) - {"true", "false"}
FIRST_OF_DOUBTFUL = frozenset("+-.0123456789=!")
TAGS = {"tag:yaml.org,2002:str", "!", "tag:yaml.org,2002:int", "tag:yaml.org,2002:bool"}


def scalar_of(text: str, plain: bool, tag: str | None, dialect: Dialect, key: bool) -> Any:
    """The value of one scalar: plain data or ``Bad``.

    ``plain`` says that it was written without quotes; keys are always text.
    """
    if dialect is Dialect.ANSIBLE:
        return ansible_scalar(text, plain, tag, key)
    if tag is not None and tag not in TAGS:
        return Bad(
            f"the tag {tag.replace('tag:yaml.org,2002:', '!!')} is not known here",
            "write the plain value",
            text,
        )
    bad = refused_characters(text)
    if bad:
        return bad
    if not plain or tag == "tag:yaml.org,2002:str":
        return text
    return strict_plain(text, key)


def is_null(event: Any) -> bool:
    """Whether it says null, in this spelling, without a name for others to repeat."""
    if type(event).__name__ != "ScalarEvent" or event.anchor:
        return False
    return bool(event.implicit[0]) and event.value == "null"


def is_word(key: object, event: Any) -> bool:
    """Whether it is the word that its key takes for itself, in this spelling."""
    if type(event).__name__ != "ScalarEvent" or event.anchor:
        return False
    return bool(event.implicit[0]) and event.value == WORDS.get(str(key))


def item_text(event: Any) -> bool:
    """Whether a scalar was written at all (``key:`` with nothing after it was not)."""
    return type(event).__name__ != "ScalarEvent" or bool(event.value) or not event.implicit[0]


NO_VALUE = "give a value, take the line out, or quote it if it is text"
NULLABLE = frozenset({"user", "client_id"})
"""Keys for which null is read in our own files; where it means something ``shape.py`` knows."""
WORDS = {"rebalance": "off"}
"""Key → a word that is text there, and a boolean to some YAML readers."""


def strict_plain(text: str, key: bool) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        # An empty value is reported by who knows its key.
        words = "an empty key" if key else no_value(text)
        message = words if text or key else ""
        return Bad(message, NO_VALUE, None)
    if text[0] in FIRST_OF_DOUBTFUL:
        return strict_number(text, key)
    if text in DOUBTFUL_WORDS:
        why = "is a boolean to some YAML readers"
        return Bad(f"{text} {why}", instead_of(text, why), text)
    if text in ("true", "false") and not key:
        return text == "true"
    return text


def strict_number(text: str, key: bool) -> Any:
    """A number, or text that begins like one."""
    if INT.fullmatch(text):
        return text if key else int(text)
    for pattern, why in DOUBTFUL:
        if pattern.fullmatch(text):
            return Bad(f"{text} {why}", instead_of(text, why), text)
    return Written(text) if FLOAT.fullmatch(text) and not key else text


def instead_of(text: str, why: str) -> str:
    if "boolean" in why:
        truth = "true" if text.lower() in ("yes", "on", "true") else "false"
        return f'write {truth}, or "{text}" if it is text'
    return f'write a plain decimal number, or "{text}" if it is text'


def refused_characters(text: str) -> Bad | None:
    """No value in a spec has control characters or line breaks in it: they end up in files."""
    if text.isprintable():
        return None
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            name = {"\n": "a line break", "\0": "a NUL", "\t": "a tab"}.get(
                char, f"the control character U+{ord(char):04X}"
            )
            return Bad(f"the value contains {name}", "take it out", printable(text))
    return None


def writable(text: str) -> bool:
    """Whether a text can stand in a file of ours: it has no control characters in it."""
    return refused_characters(text) is None


def no_value(text: str) -> str:
    return f"'{text}' is not a value"


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


YAML11_BOOL = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
YAML11_INT = re.compile(
    r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
YAML11_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def ansible_scalar(text: str, plain: bool, tag: str | None, key: bool) -> Any:
    """As PyYAML's SafeLoader reads it, which is what Ansible uses."""
    if tag is not None and tag not in TAGS and tag not in ("!unsafe",):
        return Unreadable(tag, text)
    if not plain or tag == "tag:yaml.org,2002:str":
        return text
    value = yaml11(text)
    return json_key(value, text) if key else value


def json_key(value: Any, text: str) -> str:
    """A key as JSON would print it: ``on:`` is true to YAML 1.1."""
    if value is None or isinstance(value, bool):
        return NotText({None: "null", True: "true", False: "false"}[value])
    if isinstance(value, str):
        return text
    return NotText(value if isinstance(value, int) else text)


def yaml11(text: str) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in (text.lower(), text.upper(), text.capitalize()) and text.lower() in YAML11_BOOL:
        return YAML11_BOOL[text.lower()]
    if YAML11_INT.fullmatch(text):
        return yaml11_int(text)
    if YAML11_FLOAT.fullmatch(text):
        return yaml11_float(text)
    return text


def yaml11_int(text: str) -> int:
    digits = text.replace("_", "").lstrip("+")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("-")
    if digits.startswith("0b"):
        return sign * int(digits[2:], 2)
    if digits.startswith("0x"):
        return sign * int(digits[2:], 16)
    if ":" in digits:
        return sign * base60([int(part) for part in digits.split(":")])
    if len(digits) > 1 and digits[0] == "0":
        return sign * int(digits, 8)
    return sign * int(digits[:4000])


def base60(parts: list[int]) -> int:
    value = 0
    for part in parts:
        value = value * 60 + part
    return value


def yaml11_float(text: str) -> Any:
    digits = text.replace("_", "").lower()
    if ":" in digits:
        head, _, rest = digits.rpartition(":")
        sign = -1.0 if head.startswith("-") else 1.0
        return sign * (base60([int(p) for p in head.lstrip("+-").split(":")]) * 60 + float(rest))
    if digits.endswith((".inf", ".nan")):
        return float(digits.replace(".", ""))
    return Written(digits)
