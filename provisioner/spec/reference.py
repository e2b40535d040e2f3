"""Write ``docs/spec-reference.md`` from the JSON Schema.

python -m provisioner.spec.reference          writes the file
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.spec import properties
from provisioner.spec.schema import json_schema
from provisioner.spec.shape import RESERVED

TARGET = Path(__file__).resolve().parents[2] / "docs" / "spec-reference.md"
# The parts in the order in which a spec has them: heading, definition (None: the whole).
PARTS = (
    ("The file", None),
    ("kafka", "Kafka"),
    ("kafka.source", "Download"),
    ("defaults", "Defaults"),
    ("hosts", "HostEntry"),
    ("zookeeper", "ZooKeeper"),
    ("controllers", "Controller"),
    ("brokers", "Broker"),
    ("brokers: log_dirs", "LogDir"),
    ("topics", "Topic"),
    ("topic_profiles", "Profile"),
    ("topic files", "TopicFile"),
    ("quotas", "Quota"),
    ("policy", "Policy"),
    ("policy.roll", "Roll"),
    ("Secrets", "SecretRef"),
)
COMMON = {"heap", "jvm_opts", "env", "jmx_port", "config"}
HEAD = """# The spec, key by key

Written by `python -m provisioner.spec.reference` from the JSON Schema (`provision schema`): do not
edit it here. Keys in **bold** must be given. A key that is not listed is an error.
"""
TAIL = """## Values

`true`, `false` and numbers become Kafka's strings. What YAML readers do not agree on is refused:
`yes`, `no`, `on`, `off`, octals (`012`), `1e3`, `1_000`, `0x10`, `1:30`, and keys without a value.
Write the plain number, `true` or `false`, or put text in quotes. No value may hold a line break or
another control character. Anchors (`&a`, `*a`, `<<: *a`) work.

## Properties in `config`

Every key is looked up in Kafka's own table of the version, because Kafka takes a key that it
does not know without a word; types and valid values are checked as well. There are tables of
{versions}; for another version the nearest older one counts. Not looked up:

- keys that begin with `x.`;
- `listener.name.LISTENER.…`, where LISTENER is one of the spec's, in small letters;
- keys under a prefix that plugins are known to use, or that `remote.log.…impl.prefix` names, unless
  they are nearly a known key: {prefixes};
- once a class that is not Kafka's own is configured (`metric.reporters`, `authorizer.class.name`,
  …): keys that are not nearly a known one; these give a warning.

Keys that the spec models are refused in `config`:

| property | in its place |
|---|---|
{modelled}

## Not yet supported

Refused in these words until they are: {reserved},
`state: absent` of a ZooKeeper server or of a combined node, and secrets in `config`.
"""


def render() -> str:
    """The whole document."""
    schema = json_schema()
    parts = [HEAD]
    for title, name in PARTS:
        part = schema if name is None else schema["$defs"][name]
        heading = title if name is None else f"`{title}`"
        parts.append(f"## {heading if name != 'SecretRef' else title}\n\n{section(part, name)}")
    return "\n".join([*parts, tail()])


def section(part: dict[str, Any], name: str | None) -> str:
    lines = [f"{part['description']}\n"] if name is not None else []
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    required = part.get("required", [])
    for key, value in own_first(part["properties"]):
        shown = f"**`{key}`**" if key in required else f"`{key}`"
        meaning = value.get("description", "")
        if examples := value.get("examples"):
            meaning += f" (example: `{flow(examples[0])}`)"
        lines.append(f"| {shown} | {kind(value)} | {default(value)} | {escaped(meaning)} |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that a cell of a table can hold."""
    return text.replace("|", "\\|")


def own_first(keys: dict[str, Any]) -> list[tuple[str, Any]]:
    """What only this part has before what all nodes have."""
    return sorted(keys.items(), key=lambda item: item[0] in COMMON and "host" in keys)


def kind(value: dict[str, Any]) -> str:
    """The type of a value, in words."""
    if "$ref" in value:
        return f"mapping, see {title_of(value['$ref'])}"
    for word in ("anyOf", "oneOf"):
        if word in value:
            return " or ".join(dict.fromkeys(kind(choice) for choice in value[word]))
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    return plain_kind(value)


def plain_kind(value: dict[str, Any]) -> str:
    given = value.get("type", "text")
    if isinstance(given, list):
        return ", ".join(names(given))
    if given == "array":
        return f"list of {kind(value['items'])}"
    if given == "object":
        patterns = value.get("patternProperties")
        inner = next(iter(patterns.values())) if patterns else value.get("additionalProperties")
        return f"mapping of name → {kind(inner)}" if isinstance(inner, dict) else "mapping"
    limits = [str(value[key]) for key in ("minimum", "maximum") if key in value]
    return next(names([given])) + (f", {' to '.join(limits)}" if len(limits) == 2 else "")


def names(kinds: list[str]) -> Iterator[str]:
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return (words.get(one, one) for one in kinds)


def title_of(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return next((f"`{title}`" for title, part in PARTS if part == name), f"`{name}`")


def default(value: dict[str, Any]) -> str:
    given = value.get("default")
    return "" if given in (None, []) or isinstance(given, dict) else f"`{flow(given)}`"


def flow(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(flow, value))}]" if isinstance(value, list) else str(value)


def tail() -> str:
    modelled = properties.MODELLED | properties.MODELLED_TOPIC | properties.MODELLED_ZOOKEEPER
    reserved = [".".join((*parent, word)) for parent, words in RESERVED.items() for word in words]
    return TAIL.format(
        versions=", ".join(properties.versions()),
        prefixes=", ".join(f"`{prefix}`" for prefix in properties.PLUGIN_PREFIXES),
        modelled="\n".join(f"| `{key}` | {word} |" for key, word in modelled.items()),
        reserved=", ".join(f"`{word}`" for word in reserved),
    )


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(render(), encoding="utf-8")
