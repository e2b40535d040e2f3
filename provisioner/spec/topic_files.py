"""``topic_files`` of a spec: their topics and profiles are read into the spec's own document.

    with_topic_files(document) -> Document

What comes from another file keeps its place there (``Place.source``), so every check that looks at
topics tells file, line and column of what it finds, whichever file that is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from provisioner.errors import Notice, Problem, ProvisionError, cut
from provisioner.spec import compiled, globbing
from provisioner.spec.scalars import Dialect
from provisioner.spec.shape import named, nearest
from provisioner.spec.yamlfile import Document, Loc, Place, problem_at, read

PARTS = ("topics", "topic_profiles")
CODE = "invalid-spec"


def with_topic_files(document: Document) -> Document:
    """The spec with all its topics and profiles in it, and with the problems of their files."""
    given = document.data.get("topic_files") if isinstance(document.data, dict) else None
    if not isinstance(given, list) or not given:
        return document
    reading = Reading(document)
    reading.take(document)
    for path, loc in reading.files(given):
        reading.take_file(path, loc)
    return reading.merged()


@dataclass
class Reading:
    """What was read until now; of a name that is given twice the first counts."""

    spec: Document
    values: dict[str, dict[str, Any]] = field(default_factory=lambda: {part: {} for part in PARTS})
    places: dict[str, dict[str | int, Place]] = field(
        default_factory=lambda: {part: {} for part in PARTS}
    )
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    files_read: dict[tuple[int, int], Path] = field(default_factory=dict)
    whole: bool = True

    def report(self, message: str, loc: Loc, hint: str = "") -> None:
        """A problem of the spec itself; what a file would have had is not known."""
        self.problems.append(self.spec.problem(message, loc, hint=hint))
        self.whole = False

    def files(self, patterns: list[Any]) -> Iterator[tuple[Path, Loc]]:
        """Every file once, and the pattern that names it: in the order of the patterns, then of
        the paths."""
        named_before: set[Path] = set()
        for number, pattern in enumerate(patterns):
            if not isinstance(pattern, str) or not pattern:
                continue  # which the shape reports
            loc: Loc = ("topic_files", number)
            for path in self.matching(pattern, loc):
                if path not in named_before:
                    named_before.add(path)
                    yield path, loc

    def matching(self, pattern: str, loc: Loc) -> list[Path]:
        folder = Path(self.spec.file).parent
        try:
            found = globbing.files(folder, pattern)
        except globbing.TooMany:
            self.report(
                f"'{pattern}' looks through more than {globbing.MOST:,} files",
                loc,
                "begin it with the folder that holds the topic files",
            )
        except globbing.NotAFile as error:
            self.report(
                f"{shown(error.path)} is not a file", loc, "write FOLDER/*.yaml for a folder's"
            )
        except (OSError, RuntimeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            where = shown(error.filename or pattern) if isinstance(error, OSError) else pattern
            self.report(f"{where} cannot be read: {why}", loc, "check the path")
        else:
            if not found:
                self.report(
                    f"no file matches '{pattern}'",
                    loc,
                    f"it is relative to {folder.absolute()}; '*', '?', […] and '**' are understood",
                )
            return found
        return []

    def take_file(self, path: Path, loc: Loc) -> None:
        try:
            status = path.stat()
        except OSError as error:
            self.report(f"{shown(path)} cannot be read: {error.strerror}", loc, "check the path")
            return
        if self.taken(path, (status.st_dev, status.st_ino), loc):
            return
        try:
            document = read(path, Dialect.STRICT, CODE, shown(path))
        except ProvisionError as error:
            placed = [p for p in error.problems if p.line is not None]
            self.problems += placed
            self.whole = False
            for problem in error.problems:
                if problem.line is None:
                    self.report(f"{shown(path)} {problem.message}", loc, problem.hint)
            return
        self.problems += document.problems
        self.warnings += document.warnings
        if self.is_topic_file(document):
            self.take(document)

    def taken(self, path: Path, identity: tuple[int, int], loc: Loc) -> bool:
        """Whether it is the spec itself, or a file that was read under another name."""
        try:
            itself = os.path.samestat(path.stat(), Path(self.spec.file).stat())
        except OSError:
            itself = False
        if itself:
            self.report(
                f"{shown(path)} is this spec", loc, "keep topic files in a folder of their own"
            )
            return True
        first = self.files_read.setdefault(identity, path)
        if first != path:
            self.report(f"{shown(path)} and {shown(first)} are one file", loc, "name it once")
        return first != path

    def is_topic_file(self, document: Document) -> bool:
        """Whether it can be looked at; reports what does not belong into it."""
        data = document.data
        if not isinstance(data, dict) or not data:
            if not document.problems:
                what = "is empty" if not data else f"is {named(data)}"
                hint = "begin with topics: and take the file away when it has none"
                self.problems.append(document.problem(f"the topic file {what}", (), hint=hint))
            self.whole = False
            return False
        if not data.keys() & set(PARTS) and len(data) > 1:
            message = "a topic file holds topics or topic_profiles, and this one has neither"
            first: Loc = (next(iter(data)),)
            problem = document.problem(message, first, hint="begin with topics:", key=True)
            self.problems.append(problem)
            self.whole = False
            return False
        self.problems += [unknown(document, key) for key in data if key not in PARTS]
        self.whole &= data.keys() <= set(PARTS)
        return True

    def take(self, document: Document) -> None:
        for part in PARTS:
            given = document.data.get(part)
            if isinstance(given, dict) and given:
                self.merge(part, given, document)
            elif given is not None:
                what = (
                    "is empty"
                    if given == {}
                    else f"must be a mapping (KEY: VALUE), not {named(given)}"
                )
                hint = "give at least one, or take the line out" if given == {} else ""
                self.problems.append(document.problem(f"'{part}' {what}", (part,), hint=hint))
                self.whole = False

    def merge(self, part: str, given: dict[str, Any], document: Document) -> None:
        values, places = self.values[part], self.places[part]
        at = (document.root.items or {})[part]
        inner = at.items or {}
        for name, value in given.items():
            place = inner.get(name, at)
            if name in values:
                self.twice(part, name, document, place)
                continue
            values[name], places[name] = value, place
            place.source = document

    def twice(self, part: str, name: str, document: Document, place: Place) -> None:
        word = "topic" if part == "topics" else "profile"
        first = self.places[part][name]
        source = first.source or self.spec
        line, column = place.key_line or place.line, place.key_column or place.column
        message = (
            f"{word} {cut(name)} is defined twice: also in {source.file}, "
            f"line {first.key_line or first.line}"
        )
        hint = "keep one of the two"
        self.problems.append(problem_at(document, message, line, column, hint, CODE))

    def merged(self) -> Document:
        spec = self.spec
        data, items = dict(spec.data), dict(spec.root.items or {})
        for part in PARTS:
            data.pop(part, None)
            if self.values[part]:
                at = items.get(part) or items["topic_files"]
                data[part] = self.values[part]
                items[part] = replace(at, items=self.places[part])
        return replace(
            spec,
            data=data,
            root=replace(spec.root, items=items),
            problems=[*spec.problems, *self.problems],
            warnings=[*spec.warnings, *self.warnings],
            whole=self.whole,
        )


def unknown(document: Document, key: str) -> Problem:
    message = f"unknown key '{cut(key)}' in a topic file"
    if key in compiled.table()["SpecFile"]:
        hint = "it belongs into the spec: a topic file holds topics and topic_profiles"
    else:
        hint = nearest(key, list(PARTS)) or "a topic file holds topics and topic_profiles"
    return document.problem(message, (key,), hint=hint, key=True)


def shown(path: str | Path) -> str:
    """A path as a message can carry it, whatever bytes it is made of."""
    text = str(path).encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else "?" for char in text)
