#!/usr/bin/env python3
"""Write provisioner/spec/shape.json: what the models of provisioner/spec/document.py say.

    .venv/bin/python tools/make_shape.py

After every change of these models; a unit test fails until it was done. Raises ``ValueError`` for
what ``provisioner/spec/compiled.py`` cannot do: it is added there, and here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from provisioner.spec import words
from provisioner.spec.document import SpecFile, kind_of

TABLE = Path(__file__).resolve().parent.parent / "provisioner" / "spec" / "shape.json"
IGNORED = {"type", "metadata", "serialization", "strict", "ref"}
PLAIN: dict[str, set[str]] = {
    "str": {"min_length", "pattern"},
    "int": {"ge", "gt", "le"},
    "float": {"ge", "gt", "le"},
    "bool": set(),
    "literal": {"expected"},
}


class Shapes:
    """Pydantic's compiled schema → the table's rules; ``models`` fills up on the way."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.models: dict[str, Any] = {}
        parts = schema["definitions"] if schema["type"] == "definitions" else []
        self.by_ref = {part["ref"]: part for part in parts}
        self.rule(schema["schema"] if schema["type"] == "definitions" else schema)

    def rule(self, schema: dict[str, Any]) -> dict[str, Any]:
        kind = schema["type"]
        if kind in PLAIN:
            kept = known(schema, PLAIN[kind])
            return {"type": kind, **{key: schema[key] for key in sorted(kept)}}
        made: dict[str, Any] = getattr(self, "of_" + kind.replace("-", "_"), unknown)(schema)
        return made

    def of_definition_ref(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self.rule(self.by_ref[schema["schema_ref"]])

    def of_model(self, schema: dict[str, Any]) -> dict[str, Any]:
        inside = schema["schema"]
        config = schema["config"]
        if not config["strict"] or config["extra_fields_behavior"] != "forbid":
            raise ValueError("compiled.py takes no types for others, and no unknown keys")
        name = schema["cls"].__name__
        if name not in self.models:
            self.models[name] = {}
            for field, item in inside["fields"].items():
                known(item, {"schema"})
                self.models[name][field] = self.rule(item["schema"])
        return {"type": "model", "model": name}

    def of_default(self, schema: dict[str, Any]) -> dict[str, Any]:
        known(schema, {"schema", "default", "default_factory", "default_factory_takes_data"})
        rule = {"type": "default", "of": self.rule(schema["schema"])}
        if "default" in schema:
            return {**rule, "default": schema["default"]}
        factory: Any = schema["default_factory"]
        return {**rule, "factory": factory.__name__}

    def of_nullable(self, schema: dict[str, Any]) -> dict[str, Any]:
        known(schema, {"schema"})
        return {"type": "nullable", "of": self.rule(schema["schema"])}

    def of_list(self, schema: dict[str, Any]) -> dict[str, Any]:
        kept = known(schema, {"items_schema", "min_length"}) - {"items_schema"}
        items = self.rule(schema["items_schema"])
        return {"type": "list", "items": items, **{key: schema[key] for key in sorted(kept)}}

    def of_dict(self, schema: dict[str, Any]) -> dict[str, Any]:
        parts = {"keys_schema", "values_schema"}
        kept = known(schema, {*parts, "min_length"}) - parts
        keys, values = self.rule(schema["keys_schema"]), self.rule(schema["values_schema"])
        rule = {"type": "dict", "keys": keys, "values": values}
        return {**rule, **{key: schema[key] for key in sorted(kept)}}

    def of_tagged_union(self, schema: dict[str, Any]) -> dict[str, Any]:
        known(schema, {"choices", "discriminator"})
        if schema["discriminator"] is not kind_of:
            raise ValueError(f"an unknown discriminator: {schema['discriminator']}")
        return {"type": "either", **{k: self.rule(v) for k, v in schema["choices"].items()}}

    def of_function_before(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self.function("before", schema)

    def of_function_after(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self.function("after", schema)

    def function(self, when: str, schema: dict[str, Any]) -> dict[str, Any]:
        known(schema, {"schema", "function"})
        called = schema["function"]["function"]
        name = called.__name__
        if getattr(words, name, None) is not called:
            raise ValueError(f"{called} is no function of words.py")
        return {"type": when, "function": name, "of": self.rule(schema["schema"])}


def known(schema: dict[str, Any], keys: set[str]) -> set[str]:
    """Its keys. Raises ValueError for one that compiled.py would overlook."""
    found = {key for key in schema if key not in IGNORED}
    if not found <= keys:
        raise ValueError(f"compiled.py does not know {sorted(found - keys)} of {schema['type']}")
    return found


def unknown(schema: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f"compiled.py does not know the type {schema['type']}")


def text() -> str:
    """The table."""
    SpecFile.model_rebuild(force=True)
    schema: Any = SpecFile.__pydantic_core_schema__
    return json.dumps(Shapes(schema).models, indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), "utf-8")
