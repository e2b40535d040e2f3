"""The JSON Schema of a spec file (draft 2020-12), made from the models that read it.

Editors complete and check a spec with it; what depends on two values at once is only found by
``provision validate``.
"""

from __future__ import annotations

from typing import Any

from provisioner.spec import document, words

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema as plain data, the same for every call and every run."""
    schema = document.SpecFile.model_json_schema()
    clean(schema)
    definitions = schema.pop("$defs")
    # Rules that the models check in Python, in a form that a schema can say.
    for definition in definitions.values():
        properties = definition.get("properties", {})
        for word, pattern in (("heap", words.HEAP), ("version", words.VERSION)):
            if word in properties:
                properties[word]["pattern"] = anchored(pattern.pattern)
    for part in ("user", "client_id"):  # the only nulls of a spec
        definitions["Quota"]["properties"][part]["type"] = ["string", "null"]
    of_topics(schema["properties"], definitions)
    return {
        "$schema": DRAFT,
        "title": "provision: one Kafka cluster",
        "description": "A spec file. See docs/spec-reference.md.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
        "$defs": dict(sorted(definitions.items())),
    }


def of_topics(properties: dict[str, Any], definitions: dict[str, Any]) -> None:
    """What the models check in Python, and the file that ``topic_files`` names."""
    names = {"pattern": anchored(words.TOPIC.pattern), "maxLength": 249}
    properties["topics"]["propertyNames"] = names
    for part in ("topics", "topic_profiles"):
        del properties[part]["default"]
    enough = (["partitions", "replication"], ["profile"], ["placement"])
    definitions["Topic"]["anyOf"] = [{"required": needed} for needed in enough]
    definitions["Topic"]["properties"]["placement"]["propertyNames"] = {
        "pattern": anchored(words.PARTITION.pattern)
    }
    pattern = anchored(words.TOPIC_PATTERN.pattern)
    for patterns in (properties["topics_scope"], definitions["Policy"]["properties"]["protect"]):
        patterns["items"]["pattern"] = pattern
    definitions["TopicFile"] = {
        "type": "object",
        "description": "A file that `topic_files` names. At least one of the two must be given.",
        "properties": {part: properties[part] for part in ("topics", "topic_profiles")},
        "additionalProperties": False,
        "minProperties": 1,
    }


def anchored(pattern: str) -> str:
    return f"^({pattern})$" if "|" in pattern else f"^{pattern}$"


def clean(value: Any) -> None:
    """Take out what pydantic adds for itself; nulls are refused in a spec."""
    if isinstance(value, list):
        for item in value:
            clean(item)
    if not isinstance(value, dict):
        return
    choices = value.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del value["anyOf"]
        value.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    if value.get("default", 0) is None:
        del value["default"]
    if isinstance(value.get("title"), str):
        del value["title"]
    for item in value.values():
        clean(item)
