"""Raw values → ``SpecFile``, and pydantic's findings in words a person can act on.

    understand(document) -> (SpecFile | None, Document, [Problem])

What is wrong is cut out and the rest is looked at again, so that the cross-checks still see the
part that could be understood and all problems come at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from provisioner.errors import Problem
from provisioner.spec import compiled
from provisioner.spec.scalars import NO_VALUE, NULLABLE, no_value
from provisioner.spec.words import Refusal
from provisioner.spec.yamlfile import Document, Loc, Place

# pydantic, and the models, are imported only for what is not valid.
if TYPE_CHECKING:
    from pydantic import BaseModel

    from provisioner.spec.document import SpecFile

RESERVED_TOP = ("client", "users", "acls", "tls")
RESERVED: dict[tuple[str, ...], tuple[str, ...]] = {
    (): RESERVED_TOP,
}
WHOSE = {"zookeeper": "a ZooKeeper server"}
TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping (KEY: VALUE)",
    "model_type": "a mapping (KEY: VALUE)",
    "model_attributes_type": "a mapping (KEY: VALUE)",
    "list_type": "a list (- …)",
    "float_type": "a number",
}
BOUNDS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
}
ROUNDS = 40
STAND_IN_VERSION = "3.9.1"  # has both ZooKeeper and KRaft


def understand(document: Document) -> tuple[SpecFile | None, Document, list[Problem]]:
    """The spec as far as it could be understood, the document cut to it, and the problems."""
    problems: list[Problem] = []
    if not isinstance(document.data, dict):
        what = "is empty" if document.data is None else "is not a mapping"
        problem = document.problem(f"the spec {what}", (), hint="begin with cluster: NAME")
        return None, document, [problem]
    rest, reserved = without_reserved(document)
    rest, nulls = without_nulls(rest)
    problems += reserved + nulls + incomplete(rest)
    if (found := compiled.understood(rest.data)) is not None:
        return found, rest, problems
    return with_pydantic(rest, problems)


def with_pydantic(
    rest: Document, problems: list[Problem]
) -> tuple[SpecFile | None, Document, list[Problem]]:
    """The same for a document that may not be valid: adds to ``problems`` what is wrong."""
    from pydantic import ValidationError

    from provisioner.spec.document import SpecFile

    for round_ in range(ROUNDS):
        try:
            return SpecFile.model_validate(rest.data), rest, problems
        except ValidationError as error:
            found = error.errors(include_url=False)
        if round_ == 0:
            problems += [in_words(rest, e) for e in found]
        doomed = {real_loc(rest.data, e["loc"], e["type"]) for e in found}
        rest = with_stand_ins(without(rest, doomed - {()}))
    return None, rest, problems


# What stands in for a required value that is wrong or missing, so that the rest can be looked at.
STAND_INS: dict[tuple[str, ...], Any] = {
    ("cluster",): "unnamed",
    ("kafka",): {"version": STAND_IN_VERSION},
    ("kafka", "version"): STAND_IN_VERSION,
}


def with_stand_ins(document: Document) -> Document:
    """The document with stand-ins for what all cross-checks need."""
    data = document.data
    for loc, value in STAND_INS.items():
        parent = dig(data, loc[:-1])
        if isinstance(parent, dict) and loc[-1] not in parent:
            data = data | {loc[0]: value if len(loc) == 1 else parent | {loc[1]: value}}
    return replace(document, data=data)


def without_reserved(document: Document) -> tuple[Document, list[Problem]]:
    """What is promised for later is refused in the same words everywhere, and cut out."""
    data = document.data
    locs: list[Loc] = [
        (*parent, word)
        for parent, words in RESERVED.items()
        for word in words
        if isinstance(value := dig(data, parent), dict) and word in value
    ]
    servers = data.get("zookeeper")
    locs += [
        ("zookeeper", number, "state")
        for number, item in enumerate(servers if isinstance(servers, list) else ())
        if isinstance(item, dict) and item.get("state") == "absent"
    ]
    problems = [
        document.problem(
            f"{reserved_name(data, loc)} is not yet supported",
            loc,
            key=len(loc) == 1,
            code="not-supported",
            hint="take it out; a later release will support it",
        )
        for loc in locs
    ]
    return (without(document, set(locs)) if locs else document), problems


NEEDED = ("listeners", "log_dirs")
"""Of a broker that is to go they are read from its host where the file leaves them out."""


def incomplete(document: Document) -> list[Problem]:
    """What every broker has to have, but for those that are to go."""
    items = document.data.get("brokers")
    locs: list[Loc] = [
        ("brokers", number, key)
        for number, item in enumerate(items if isinstance(items, list) else ())
        if isinstance(item, dict) and item.get("state") != "absent"
        for key in NEEDED
        if key not in item
    ]
    return [in_words(document, {"type": "missing", "loc": loc}) for loc in locs]


def without_nulls(document: Document) -> tuple[Document, list[Problem]]:
    """A null that the reader let through for its key is refused everywhere but in a quota."""
    locs = {
        loc
        for loc in null_locs(document.data, ())
        if not (len(loc) == 3 and loc[0] == "quotas" and loc[2] in NULLABLE)
    }
    found = sorted(locs, key=str)
    problems = [document.problem(no_value("null"), loc, hint=NO_VALUE) for loc in found]
    return (without(document, locs) if locs else document), problems


def null_locs(data: Any, loc: Loc) -> Iterator[Loc]:
    """Where a key in ``NULLABLE`` has no value."""
    pairs: Any = ()
    if isinstance(data, (dict, list)):
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        if value is None and key in NULLABLE:
            yield (*loc, key)
        yield from null_locs(value, (*loc, key))


def reserved_name(data: dict[str, Any], loc: Loc) -> str:
    if loc[-1] == "state":
        return f"'{loc[-1]}: {dig(data, loc)}' of {WHOSE[str(loc[0])]}"
    return f"'{'.'.join(map(str, loc))}'"


def dig(data: Any, loc: Loc) -> Any:
    """The value at ``loc``, or None."""
    for part in loc:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def real_loc(data: Any, loc: tuple[str | int, ...], kind: str) -> Loc:
    """pydantic's path without the names of union variants; of a missing key, its parent."""
    real: list[str | int] = []
    for part in loc[: -1 if kind == "missing" else None]:
        if part == "[key]":
            break
        inside = dig(data, (part,))
        if inside is not None or (isinstance(data, dict) and part in data):
            real.append(part)
            data = inside
    return tuple(real)


def without(document: Document, doomed: set[Loc]) -> Document:
    """The document, values and places, in which what is at ``doomed`` is not there."""

    around = {loc[:size] for loc in doomed for size in range(len(loc))}

    def copy(value: Any, place: Place, loc: Loc) -> tuple[Any, Place]:
        if not isinstance(value, (dict, list)) or loc not in around:
            return value, place
        old = place.items or {}
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        kept = [
            (key, *copy(item, old.get(key, place), (*loc, key)))
            for key, item in pairs
            if (*loc, key) not in doomed
        ]
        if isinstance(value, dict):
            return {k: v for k, v, _ in kept}, replace(place, items={k: p for k, _, p in kept})
        items: dict[str | int, Place] = {number: p for number, (_, _, p) in enumerate(kept)}
        return [v for _, v, _ in kept], replace(place, items=items)

    data, root = copy(document.data, document.root, ())
    return replace(document, data=data, root=root)


def in_words(document: Document, error: Any) -> Problem:
    """One of pydantic's findings as a ``Problem``."""
    kind, loc, value = error["type"], error["loc"], error.get("input")
    real = real_loc(document.data, loc, kind)
    if kind == "missing":
        name = loc[-1]
        message = f"'{name}' is missing" + (f" in {describe(real)}" if real else "")
        return document.problem(message, real, hint=f"add {name}: …", key=bool(real))
    if kind == "extra_forbidden":
        return unknown_key(document, real, loc)
    if isinstance(cause := error.get("ctx", {}).get("error"), Refusal):
        key = loc[-1] == "[key]"
        return document.problem(str(cause), real, hint=cause.hint, key=key)
    subject = next((p for p in reversed(real) if isinstance(p, str)), "the value")
    message, hint = wording(kind, error.get("ctx", {}), value, str(subject))
    return document.problem(message, real, hint=hint, key=loc[-1] == "[key]")


def describe(loc: Loc) -> str:
    """``("brokers", 1)`` → ``brokers, item 2``."""
    return ", ".join(f"item {part + 1}" if isinstance(part, int) else part for part in loc)


def wording(kind: str, ctx: dict[str, Any], value: Any, subject: str) -> tuple[str, str]:
    shown = show(value)
    if kind in TYPES:
        hint = (
            f'write "{shown}"'
            if kind == "string_type" and not isinstance(value, (list, dict))
            else ""
        )
        return f"'{subject}' must be {TYPES[kind]}, not {named(value)}", hint
    if kind == "literal_error":
        choices = str(ctx.get("expected", "")).replace("'", "").replace(" or ", ", ")
        near = nearest(str(value), choices.split(", "))
        return f"'{subject}' cannot be {shown}", near or f"write one of: {choices}"
    if kind in BOUNDS:
        (limit,) = (int(ctx[key]) for key in ("ge", "gt", "le") if key in ctx)
        return f"'{subject}' is {shown}, and must be {BOUNDS[kind]} {limit}", ""
    if kind == "string_pattern_mismatch":
        return f"'{subject}' cannot be {shown!r}", f"it must match {ctx.get('pattern')}"
    if kind in ("too_short", "string_too_short"):
        return f"'{subject}' is empty", "give at least one, or take the line out"
    return f"'{subject}': {kind.replace('_', ' ')}", ""


def show(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = getattr(value, "text", None) or str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def named(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return f"the text '{show(value)}'" if isinstance(value, str) else show(value)


def unknown_key(document: Document, real: Loc, loc: tuple[str | int, ...]) -> Problem:
    known = known_keys(loc[:-1])
    name = str(loc[-1])
    where = describe(real[:-1])
    message = f"unknown key '{name}'" + (f" in {where}" if where else "")
    hint = nearest(name, known) or (f"known here: {', '.join(known)}" if known else "")
    return document.problem(message, real, hint=hint, key=True)


def nearest(word: str, known: list[str]) -> str:
    """``did you mean 'X'?``, or nothing."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""


def known_keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at ``loc`` takes."""
    from pydantic import BaseModel

    from provisioner.spec.document import SpecFile

    model: Any = SpecFile
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            if part not in model.model_fields:
                continue
            annotation = model.model_fields[str(part)].annotation
            model = next(iter(models_in(annotation)), model)
    return list(model.model_fields)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models within a type such as ``list[Broker] | None``."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_in(inner)]
