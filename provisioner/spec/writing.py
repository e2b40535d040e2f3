"""A document → the text of a file that is read back as the same.

    text_of([(comment, mapping), …]) -> str

Parts follow each other with a blank line between them, each below its comment; together they are
one mapping. What fits into a line is written in one. The same parts give the same text.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from provisioner.spec.scalars import refused_characters, strict_plain

WIDTH = 100
SHORT = 72
"""Characters of a mapping or list that stands in one line, without its key."""
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
"""What needs no quotes in any place, where it is nothing but text by our own reading."""
LIKE_A_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)+")
"""A version: the next one may well be a number."""
Part = tuple[str, Mapping[str, Any]]


class Representer(RoundTripRepresenter):
    """Nulls and decimals as our own files have them."""


def _null(representer: Any, value: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _decimal(representer: Any, value: float) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:float", f"{Decimal(repr(value)):f}")


Representer.add_representer(type(None), _null)
Representer.add_representer(float, _decimal)


def text_of(parts: Iterable[Part]) -> str:
    """ValueError for a text that no file of ours may hold (``scalars.writable``)."""
    return "\n".join(_commented(comment) + _dumped(mapping) for comment, mapping in parts)


def _commented(comment: str) -> str:
    lines = [
        line
        for paragraph in comment.split("\n")
        for line in textwrap.wrap(paragraph, WIDTH - 2, break_on_hyphens=False) or [""]
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) if comment else ""


def _dumped(mapping: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.Representer = Representer
    yaml.width = 1 << 30
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    top = CommentedMap()
    for key, value in mapping.items():
        top[_key(key)] = _node(value, outermost=True)
    yaml.dump(top, stream)
    return stream.getvalue()


def _node(value: Any, *, outermost: bool = False) -> Any:
    made: Any
    if isinstance(value, Mapping):
        made = CommentedMap((_key(key), _node(item)) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        made = CommentedSeq(_node(item) for item in value)
    else:
        return _text(value) if isinstance(value, str) else value
    if _fits(value, outermost):
        made.fa.set_flow_style()
    return made


def _fits(value: Any, outermost: bool) -> bool:
    """An empty one has no other form. A list of mappings has a line for each, and so has an
    outermost mapping of mappings."""
    inner = value.values() if isinstance(value, Mapping) else value
    in_lines = outermost or not isinstance(value, Mapping)
    if in_lines and any(isinstance(item, Mapping) for item in inner):
        return False
    return not value or len(str(value)) <= SHORT


def _key(key: str | int) -> Any:
    return _text(key, key=True) if isinstance(key, str) else key


def _text(text: str, *, key: bool = False) -> Any:
    """In quotes where a YAML reader might take it for anything else."""
    if bad := refused_characters(text):
        raise ValueError(bad.message)
    if PLAIN.fullmatch(text) and not LIKE_A_NUMBER.fullmatch(text):
        return text if strict_plain(text, key) == text else DoubleQuotedScalarString(text)
    return DoubleQuotedScalarString(text)
