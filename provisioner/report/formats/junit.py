"""JUnit XML: one test case a thing, for the test reports of CI servers.

A case of ``drift`` and ``verify`` fails for each change and refused thing and is an error for each
unknown one; of ``plan`` and ``status`` nothing fails. Deferred things are skipped cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as Xml

from provisioner.cleaning import CONTROL
from provisioner.plan.masking import masked

JUDGING = ("drift", "verify")
Values = Mapping[str, Any]
Case = tuple[str, str, str, str]
"""class, name, verdict (empty, failure, error, skipped), message."""


def render(document: Values, now: float) -> str:
    command = document["command"]
    root = Xml.Element("testsuites", name=f"provision {command}")
    if document["errors"]:
        _suite(root, command, 0.0, _errors(document["errors"]))
    for entry in document["clusters"]:
        cases = list(_cases(entry, command in JUDGING))
        _suite(root, _name(entry), entry["seconds"], cases)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, "unicode") + "\n"


def _name(entry: Values) -> str:
    return str(entry["cluster"]) + (f" on {entry['target']}" if entry["target"] else "")


def _errors(errors: list[Values]) -> list[Case]:
    return [("provision", str(e["code"]), "error", str(e["message"])) for e in errors]


def _cases(entry: Values, judging: bool) -> Iterator[Case]:
    failure, error = ("failure", "error") if judging else ("", "")
    for key, verdict in (
        ("changes", failure),
        ("refused", failure),
        ("unknown", error),
        ("deferred", "skipped" if judging else ""),
        ("unmanaged", ""),
    ):
        for item in entry[key]:
            message = item.get("reason") or ""
            if item.get("action") and key == "changes":
                message = f"{item['action']}: {message}" if message else f"to {item['action']}"
            if item.get("effect") == "loss":
                message += " [loss]"
            yield f"{entry['cluster']}.{item['kind']}", _thing(item), verdict, message
    for check in entry["checks"]:
        verdict = {True: "", False: failure, None: error}[check["ok"]]
        yield f"{entry['cluster']}.check", str(check["name"]), verdict, str(check["detail"])
    if entry["in_sync"]:
        yield str(entry["cluster"]), "in sync", "", ""


def _thing(item: Values) -> str:
    return "/".join(str(item[key]) for key in ("host", "kind", "name") if item[key])


def _suite(root: Xml.Element, name: str, seconds: float, cases: list[Case]) -> None:
    verdicts = [case[2] for case in cases]
    suite = Xml.SubElement(
        root,
        "testsuite",
        name=_text(name),
        tests=str(len(cases)),
        failures=str(verdicts.count("failure")),
        errors=str(verdicts.count("error")),
        skipped=str(verdicts.count("skipped")),
        time=f"{seconds:.3f}",
    )
    for owner, title, verdict, message in cases:
        case = Xml.SubElement(
            suite, "testcase", classname=_text(owner), name=_text(title), time="0"
        )
        if verdict:
            Xml.SubElement(case, verdict, message=_text(message))


def _text(value: str) -> str:
    """What XML 1.0 can hold, without secrets."""
    plain = CONTROL.sub("?", masked(value))
    return plain.encode("utf-8", "replace").decode("utf-8")
