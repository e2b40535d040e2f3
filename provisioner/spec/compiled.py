"""The shape of a spec, compiled: a valid spec is recognised without pydantic.

    understood(data) -> SpecFile or None

``shape.json`` has what the models of ``document.py`` say, in pydantic's own terms; importing
pydantic and compiling the models takes a quarter of a look at a cluster. What is not valid, or
only not certain to be, is None here: pydantic then decides, and finds the words.
``tools/make_shape.py`` writes the table; a test compares the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from provisioner.spec import words

if TYPE_CHECKING:
    from provisioner.spec.document import SpecFile

Rule = Mapping[str, Any]


class Doubt(Exception):
    """The value may not be valid."""


class Part:
    """One mapping of the spec, with the attributes that the pydantic model would have."""

    __slots__ = ("__dict__", "model_fields_set")

    model_fields_set: frozenset[str]
    """The names that the file has, as pydantic calls them."""

    def __init__(self, values: Mapping[str, Any], given: Iterable[str]):
        self.__dict__.update(values)
        object.__setattr__(self, "model_fields_set", frozenset(given))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a spec is not changed: {name}")

    def model_copy(self, *, update: Mapping[str, Any]) -> Part:
        return Part({**self.__dict__, **update}, self.model_fields_set | update.keys())


@cache
def table() -> Mapping[str, Rule]:
    """name of a model → its fields → the rule of each."""
    text = resources.files(__package__).joinpath("shape.json").read_text("utf-8")
    models: dict[str, Rule] = json.loads(text)
    return models


def understood(data: Any) -> SpecFile | None:
    """What pydantic would make of it where it is valid; None where that is not certain."""
    try:
        return cast("SpecFile", model({"model": "SpecFile"}, data))
    except (Doubt, RecursionError):
        return None


def checked(rule: Rule, value: Any) -> Any:
    """The value as the models would have it. Raises Doubt."""
    return CHECKS[rule["type"]](rule, value)


def model(rule: Rule, value: Any) -> Part:
    fields = table()[rule["model"]]
    exactly(value, dict)
    if not value.keys() <= fields.keys():
        raise Doubt
    return Part(
        {
            name: checked(field, value[name]) if name in value else default(field)
            for name, field in fields.items()
        },
        value,
    )


def default(rule: Rule) -> Any:
    if "default" in rule:
        return copy(rule["default"])
    if "factory" in rule:
        return model({"model": rule["factory"]}, {})
    raise Doubt


def exactly(value: Any, kind: type) -> None:
    """No subclass: those of the reader mean that a value was written in a doubtful way."""
    if type(value) is not kind:
        raise Doubt


def text(rule: Rule, value: Any) -> str:
    exactly(value, str)
    if len(value) < rule.get("min_length", 0):
        raise Doubt
    if "pattern" in rule and not pattern(rule["pattern"]).fullmatch(value):
        raise Doubt
    if not value.isascii():
        unicode(value)
    return cast(str, value)


def unicode(value: str) -> None:
    """No half of a pair: pydantic takes only what UTF-8 can say."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Doubt from None


@cache
def pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


def number(rule: Rule, value: Any) -> int:
    exactly(value, int)
    within(rule, value)
    return cast(int, value)


def decimal(rule: Rule, value: Any) -> float:
    """Whole numbers are decimals too."""
    if type(value) is not int:
        exactly(value, float)
    within(rule, value)
    return float(value)


def within(rule: Rule, value: float) -> None:
    """What is not a number is within no bounds."""
    if not (
        value == value
        and ("ge" not in rule or value >= rule["ge"])
        and ("gt" not in rule or value > rule["gt"])
        and ("le" not in rule or value <= rule["le"])
    ):
        raise Doubt


def truth(rule: Rule, value: Any) -> bool:
    exactly(value, bool)
    return cast(bool, value)


def several(rule: Rule, value: Any) -> list[Any]:
    exactly(value, list)
    if len(value) < rule.get("min_length", 0):
        raise Doubt
    items = rule["items"]
    return [checked(items, item) for item in value]


def mapping(rule: Rule, value: Any) -> dict[Any, Any]:
    exactly(value, dict)
    if len(value) < rule.get("min_length", 0):
        raise Doubt
    keys, values = rule["keys"], rule["values"]
    return {checked(keys, key): checked(values, item) for key, item in value.items()}


def nullable(rule: Rule, value: Any) -> Any:
    return None if value is None else checked(rule["of"], value)


def defaulted(rule: Rule, value: Any) -> Any:
    return checked(rule["of"], value)


def literal(rule: Rule, value: Any) -> str:
    exactly(value, str)
    if value not in rule["expected"]:
        raise Doubt
    return cast(str, value)


def either(rule: Rule, value: Any) -> Any:
    return checked(rule["mapping" if type(value) is dict else "word"], value)


def before(rule: Rule, value: Any) -> Any:
    return checked(rule["of"], said(rule, value))


def after(rule: Rule, value: Any) -> Any:
    return said(rule, checked(rule["of"], value))


def said(rule: Rule, value: Any) -> Any:
    """What a function of ``words`` makes of it."""
    try:
        return getattr(words, rule["function"])(value)
    except (ValueError, AssertionError):
        raise Doubt from None


CHECKS: Mapping[str, Callable[[Rule, Any], Any]] = {
    "model": model,
    "str": text,
    "int": number,
    "float": decimal,
    "bool": truth,
    "list": several,
    "dict": mapping,
    "nullable": nullable,
    "default": defaulted,
    "literal": literal,
    "either": either,
    "before": before,
    "after": after,
}
