"""One YAML file → plain values, and where in the file each of them stands.

    read(path, strict) -> Document
    Document.data      None | bool | int | float (``Written``) | str | list | dict
    Document.place     a path such as ("brokers", 1, "id") → (line, column), both from 1

The file is read as a stream of events (PyYAML's libyaml: 0.03 s for 2,000 topics; the pure parser
of ruamel.yaml takes 0.4 s, and is asked about what libyaml refuses), and values and places are
built side by side, so that nothing is read again to show a problem.
Raises ``ProvisionError`` for what is not YAML at all; everything else that is wrong is collected in
``Document.problems``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.errors import Notice, Problem, ProvisionError, cut
from provisioner.spec.excerpts import excerpt
from provisioner.spec.scalars import (
    NULLABLE,
    WORDS,
    Bad,
    Dialect,
    is_null,
    is_word,
    item_text,
    scalar_of,
)

Loc = tuple[str | int, ...]
MAX_DEPTH = 60
MAX_VALUES = 2_000_000


@dataclass(slots=True)
class Place:
    """Where a value begins, where its key does, and the same of what it contains."""

    line: int
    column: int
    key_line: int = 0
    key_column: int = 0
    items: dict[str | int, Place] | None = None
    size: int = 1
    source: Document | None = field(default=None, repr=False, compare=False)
    """The file, where it is another than that of the document this stands in."""


@dataclass
class Document:
    """A file that has been read; ``problems`` and ``warnings`` are those of single values.

    ``whole`` is false where a file that belongs to it could not be read."""

    file: str
    lines: list[str]
    data: Any
    root: Place
    code: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    whole: bool = True

    def place(self, loc: Loc, key: bool = False) -> tuple[int, int]:
        """Line and column of the value at ``loc`` (or its key); of the nearest parent if absent.

        Parts of ``loc`` that the file does not have (a variant's name) are passed over.
        """
        return self.find(loc, key)[1:]

    def find(self, loc: Loc, key: bool = False) -> tuple[Document, int, int]:
        """The same, and the file in which they are."""
        source, place, through_key = self, self.root, False
        for part in loc:
            found = place.items.get(part) if place.items else None
            through_key = found is not None
            place = found or place
            source = place.source or source
        if key and through_key and place.key_line:
            return source, place.key_line, place.key_column
        return source, place.line, place.column

    def problem(
        self, message: str, loc: Loc, *, hint: str = "", key: bool = False, code: str = ""
    ) -> Problem:
        """A ``Problem`` that points at ``loc``, with the source line and a caret."""
        source, line, column = self.find(loc, key)
        return problem_at(source, message, line, column, hint, code or self.code)

    def notice(self, message: str, loc: Loc, *, key: bool = False) -> Notice:
        """A warning that points at ``loc``."""
        source, line, column = self.find(loc, key)
        return Notice(message, source.file, line, column)


def problem_at(
    document: Document, message: str, line: int, column: int, hint: str, code: str
) -> Problem:
    text = excerpt(document.lines, line, column)
    return Problem(code, message, hint, document.file, line, column, excerpt=text)


def read(path: Path, dialect: Dialect, code: str, shown: str | None = None) -> Document:
    """Read one file. ``code`` is the code of its problems. Raises ``ProvisionError``."""
    name = shown or str(path)
    return parse(read_text(path, name, code), name, dialect, code)


def read_text(path: Path, name: str, code: str) -> str:
    """The file's text, which must be UTF-8. Raises ``ProvisionError``."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ProvisionError(
            Problem(code, "is not UTF-8 text", file=name, line=line, column=1)
        ) from None
    except OSError as error:
        raise ProvisionError(
            Problem(code, f"cannot be read: {error.strerror}", "check the path", file=name)
        ) from None


def parse(text: str, name: str, dialect: Dialect, code: str) -> Document:
    """The same for text that is already here. Raises ``ProvisionError``."""
    error: Exception | None = None
    for pure in parsers():
        document = Document(name, text.splitlines(), None, Place(1, 1), code)
        try:
            Builder(document, dialect).build(events(text, pure))
            return document
        except Exception as raised:
            if not is_yaml_error(raised):
                raise
            error = raised
    assert error is not None
    raise ProvisionError(syntax_problem(document, error)) from None


def parsers() -> tuple[bool, ...]:
    """libyaml where it is there, then the pure parser, which has the last word and the clearer
    ones."""
    import yaml

    return (False, True) if yaml.__with_libyaml__ else (True,)


def events(text: str, pure: bool) -> Iterator[Any]:
    """The events of a text; both parsers give them the same names and fields."""
    if pure:
        from ruamel.yaml import YAML

        return iter(YAML(typ="safe", pure=True).parse(text))
    import yaml

    return iter(yaml.parse(text, Loader=yaml.CSafeLoader))


def is_yaml_error(error: Exception) -> bool:
    import yaml
    from ruamel.yaml.error import YAMLError

    return isinstance(error, (YAMLError, yaml.YAMLError))


def syntax_problem(document: Document, error: Exception) -> Problem:
    """What the parser says of a file that is not YAML."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else control_place(document.lines)
    words = getattr(error, "problem", None) or "a character that YAML does not allow"
    context = getattr(error, "context", None)
    message = f"is not valid YAML: {context + ': ' if context else ''}{words}"
    line = min(line, len(document.lines) or 1)
    hint = "check the indentation, and quote text that has ': ', '#', '{' or a tab in it"
    return problem_at(document, message, line, column, hint, document.code)


def control_place(lines: list[str]) -> tuple[int, int]:
    """Where the first character is that YAML refuses (the reader gives no line)."""
    for number, line in enumerate(lines, 1):
        for column, char in enumerate(line, 1):
            if char != "\t" and not char.isprintable():
                return number, column
    return 1, 1


class Builder:
    """Builds ``document.data`` and ``document.root`` from events."""

    def __init__(self, document: Document, dialect: Dialect):
        self.document = document
        self.dialect = dialect
        self.anchors: dict[str, tuple[Any, Place]] = {}
        self.values = 0

    def build(self, stream: Iterator[Any]) -> None:
        self.next: Callable[[], Any] = stream.__next__
        document, documents = self.document, 0
        for event in stream:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    self.report("a second document begins here", event, "one file is one document")
                    return
            elif kind.startswith(("Document", "Stream", "Comment")):
                continue
            else:
                document.data, document.root = self.value(event, 0)

    def report(self, message: str, event: Any, hint: str) -> None:
        mark = event.start_mark
        self.document.problems.append(
            problem_at(
                self.document, message, mark.line + 1, mark.column + 1, hint, self.document.code
            )
        )

    def value(self, event: Any, depth: int) -> tuple[Any, Place]:
        place = at_start(event)
        kind = type(event).__name__
        if kind == "ScalarEvent":
            value = self.scalar(event)
        elif kind == "AliasEvent":
            return self.alias(event, place)
        elif depth > MAX_DEPTH:
            raise ProvisionError(
                problem_at(
                    self.document,
                    "is nested too deeply",
                    place.line,
                    place.column,
                    "",
                    self.document.code,
                )
            )
        else:
            build = self.mapping if kind == "MappingStartEvent" else self.sequence
            value = build(event, place, depth)
        self.anchor(event, value, place)
        return value, place

    def anchor(self, event: Any, value: Any, place: Place) -> None:
        if not event.anchor:
            return
        if self.dialect is Dialect.ANSIBLE and event.anchor in self.anchors:
            first = self.anchors[event.anchor][1].line
            self.report(
                f"'&{event.anchor}' is given twice (first in line {first})",
                event,
                "Ansible refuses this: give the second another name",
            )
        self.anchors[event.anchor] = (value, place)

    def scalar(self, event: Any, key: bool = False) -> Any:
        self.values += 1
        tag = str(event.tag) if event.tag else None
        value = scalar_of(event.value, event.implicit[0], tag, self.dialect, key)
        if isinstance(value, Bad):
            if value.message:
                self.report(value.message, event, value.hint)
            return value.instead
        return value

    def alias(self, event: Any, place: Place) -> tuple[Any, Place]:
        found = self.anchors.get(event.anchor)
        if found is None:
            self.report(
                f"'*{event.anchor}' names nothing above",
                event,
                f"write '&{event.anchor}' before the value it should repeat",
            )
            return None, place
        value, source = found
        self.values += source.size
        if self.values > MAX_VALUES:
            raise ProvisionError(
                problem_at(
                    self.document,
                    "repeats too much with '*'",
                    place.line,
                    place.column,
                    "",
                    self.document.code,
                )
            )
        return value, Place(place.line, place.column, items=source.items, size=source.size)

    def sequence(self, event: Any, place: Place, depth: int) -> list[Any]:
        values: list[Any] = []
        items: dict[str | int, Place] = {}
        while type(item := self.next()).__name__ != "SequenceEndEvent":
            value, at = self.value(item, depth + 1)
            place.size += at.size
            if value is None and at.line and not item_text(item):
                self.missing_value("an item of the list has no value", item)
            items[len(values)] = at
            values.append(value)
        place.items = items
        return values

    def mapping(self, event: Any, place: Place, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        items: dict[str | int, Place] = {}
        merges: list[tuple[Any, Place, Any]] = []
        place.items = items
        while type(key_event := self.next()).__name__ != "MappingEndEvent":
            key = self.key(key_event, depth)
            value_event = self.next()
            strict = self.dialect is Dialect.STRICT
            if strict and key in NULLABLE and is_null(value_event):
                value, at = None, at_start(value_event)
            elif strict and key in WORDS and is_word(key, value_event):
                value, at = value_event.value, at_start(value_event)
            else:
                value, at = self.value(value_event, depth + 1)
            at.key_line, at.key_column = (
                key_event.start_mark.line + 1,
                key_event.start_mark.column + 1,
            )
            place.size += at.size
            if key == "<<" and key_event.implicit[0]:
                merges.append((value, at, key_event))
                continue
            if key in values:
                self.twice(key, items[key].key_line, key_event)
            if value is None and not item_text(value_event):
                at.line, at.column = at.key_line, at.key_column
                self.missing_value(f"'{key}' has no value", key_event)
            values[key], items[key] = value, at
        self.merge(values, items, merges)
        return values

    def twice(self, key: str, first: int, event: Any) -> None:
        """Ours is an error; Ansible warns and takes the last."""
        message = f"'{cut(key)}' is given twice (first in line {first})"
        if self.dialect is Dialect.ANSIBLE:
            mark = event.start_mark
            place = (self.document.file, mark.line + 1, mark.column + 1)
            self.document.warnings.append(Notice(f"{message}; only the last one counts", *place))
            return
        hint = "remove one of the two: YAML would silently keep only one"
        self.report(message, event, hint)

    def missing_value(self, message: str, event: Any) -> None:
        if self.dialect is Dialect.STRICT:
            self.report(message, event, "give it one, or take the line out")

    def key(self, event: Any, depth: int) -> str:
        if type(event).__name__ == "ScalarEvent":
            key = self.scalar(event, key=True)
            if event.anchor:
                mark = event.start_mark
                self.anchor(event, key, Place(mark.line + 1, mark.column + 1))
            return key if isinstance(key, str) else str(key)
        value, _ = self.value(event, depth + 1)
        if type(event).__name__ == "AliasEvent" and isinstance(value, str):
            return value
        self.report("a key must be plain text", event, "")
        return f"?{event.start_mark.line}"

    def merge(
        self,
        values: dict[str, Any],
        items: dict[str | int, Place],
        merges: list[tuple[Any, Place, Any]],
    ) -> None:
        """Take in what ``<<: *anchor`` names, below what the mapping says itself. Of several ``<<``
        the last wins to Ansible, of the parts of a list the first."""
        for value, at, event in reversed(merges) if self.dialect is Dialect.ANSIBLE else merges:
            sources = value if isinstance(value, list) else [value]
            for number, source in enumerate(sources):
                if not isinstance(source, dict):
                    self.report("'<<' takes a mapping, such as *anchor", event, "")
                    continue
                places = at.items or {}
                if isinstance(value, list):
                    places = (places[number].items or {}) if number in places else {}
                for key in source:
                    if key not in values:
                        values[key] = source[key]
                        items[key] = places.get(key, at)


def at_start(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
