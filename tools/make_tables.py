#!/usr/bin/env python3
"""Write provisioner/spec/tables/VERSION.json: Kafka's properties and features, as it says itself.

    tools/make_tables.py WORKDIR VERSION…

Needs Maven and a JDK (17 or newer) on this machine; see provisioner/spec/tables/README.md.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

TABLES = Path(__file__).resolve().parent.parent / "provisioner" / "spec" / "tables"
LEVELS = Path(__file__).with_name("Levels.java")
BROKER = "kafka.server.KafkaConfig"
TOPIC = ("org.apache.kafka.storage.internals.log.LogConfig", "kafka.log.LogConfig")
ZOOKEEPER = "org.apache.zookeeper.server.quorum.QuorumPeerConfig"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{0}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId>
<version>{0}</version></dependency></dependencies></project>
"""
NAME = re.compile(r'<a id="([^"]+)"')
ROW = re.compile(r"<tr><th>([^<]+):</th><td>(.*?)</td></tr>", re.DOTALL)
ZOOKEEPER_INTS = {
    *("tickTime", "initLimit", "syncLimit", "maxClientCnxns", "maxCnxns", "preAllocSize"),
    *("minSessionTimeout", "maxSessionTimeout", "clientPortListenBacklog", "snapCount"),
    *("autopurge.snapRetainCount", "autopurge.purgeInterval", "globalOutstandingLimit"),
    *("connectToLearnerMasterLimit", "observerMasterPort", "secureClientPort"),
    *("quorum.cnxn.threads.size", "admin.serverPort"),
}


def jars(work: Path, version: str) -> Path:
    """The folder with all jars of that version, from Maven."""
    folder = work / version
    libs = folder / "libs"
    if not libs.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(POM.format(version))
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]
        subprocess.run(["mvn", "-q", "-B", *goal], cwd=folder, check=True)
    return libs


def table(libs: Path, *classes: str) -> dict[str, dict[str, str]]:
    """The HTML that a configuration class prints about itself → key → type, mode, valid."""
    for name in classes:
        run = subprocess.run(
            ["java", "-cp", f"{libs}/*", name], capture_output=True, text=True, check=False
        )
        if run.returncode == 0 and "<h4>" in run.stdout:
            return dict(sorted(filter(None, map(entry, run.stdout.split("<h4>")))))
    raise SystemExit(f"none of {classes} printed a table")


def entry(item: str) -> tuple[str, dict[str, str]] | None:
    name = NAME.search(item)
    rows = {key: html.unescape(value).strip() for key, value in ROW.findall(item)}
    if not name or "Type" not in rows:
        return None
    values = {"type": rows["Type"]}
    if "Update Mode" in rows:
        values["mode"] = rows["Update Mode"]
    valid = rows.get("Valid Values", "")
    # Lists of metadata versions leave out the short forms that Kafka takes as well.
    if valid.startswith(("[", "(case")) and "IV0" not in valid and "[partitionId]" not in valid:
        values["valid"] = valid
    return name[1], values


def features(libs: Path) -> dict[str, dict[str, Any]]:
    """Feature → the levels that this version takes (``min``, ``max``), by name where they have one,
    at which the format of the metadata ``changed``, and what each ``needs`` of other features."""
    run = subprocess.run(
        ["java", "-cp", f"{libs}/*", str(LEVELS)], capture_output=True, text=True, check=True
    )
    found: dict[str, dict[str, Any]] = {}
    for line in run.stdout.splitlines():
        what, name, *rest = line.split()
        one = found.setdefault(name, {})
        if what == "range":
            one["min"], one["max"] = map(int, rest)
        elif what == "level":
            one.setdefault("names", {})[rest[1]] = int(rest[0])
            one.setdefault("changed", []).extend([int(rest[0])] if rest[2] == "true" else [])
        else:
            one.setdefault("needs", {}).setdefault(rest[0], {})[rest[1]] = int(rest[2])
    return found


def zookeeper(libs: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """Version and keys of the bundled ZooKeeper's server; nothing for Kafka 4."""
    found = [p for p in libs.glob("zookeeper-*.jar") if "jute" not in p.name]
    if not found:
        return "", {}
    code = subprocess.run(
        ["javap", "-c", "-p", "-cp", str(found[0]), ZOOKEEPER],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    parse = code[code.index("void parseProperties") :].partition("\n\n")[0]
    keys = set(re.findall(r"// String ([a-z][A-Za-z]*(?:\.[A-Za-z.-]+)?)$", parse, re.MULTILINE))
    # Any other key becomes the system property zookeeper.KEY: take those that the code asks for.
    with zipfile.ZipFile(found[0]) as jar:
        for name in jar.namelist():
            if name.endswith(".class"):
                text = jar.read(name).decode("latin-1")
                keys |= set(re.findall(r"(?<![\w.])zookeeper\.([A-Za-z0-9][\w.]*\w)", text))
    keys -= {"group", "weight", "participant", "observer"}
    keys = {key.rstrip(".") for key in keys if len(key) > 2 and not key.startswith("apache")}
    version = found[0].stem.removeprefix("zookeeper-")
    return version, {
        key: {"type": "int" if key in ZOOKEEPER_INTS else "string"}
        for key in sorted(keys | {"4lw.commands.whitelist"})
    }


def render(values: dict[str, object]) -> str:
    """JSON with one property a line, so that a new version is a readable diff."""
    parts = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            parts.append(f"{json.dumps(key)}: {{\n{lines}\n }}")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main() -> None:
    work = Path(sys.argv[1])
    for version in sys.argv[2:]:
        libs = jars(work, version)
        ensemble, keys = zookeeper(libs)
        values: dict[str, object] = {"kafka": version, "zookeeper": ensemble}
        values["broker"] = table(libs, BROKER)
        values["topic"] = table(libs, *TOPIC)
        values["zookeeper_server"] = keys
        values["features"] = features(libs)
        (TABLES / f"{version}.json").write_text(render(values))
        print(version, *(len(v) for v in values.values() if isinstance(v, dict)))


if __name__ == "__main__":
    main()
