"""The files that ship: example specs, templates, tables, the schema and its document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.artifacts.locks import shipped_versions
from provisioner.errors import ProvisionError
from provisioner.inventory.files import read_inventory
from provisioner.spec import properties, reference
from provisioner.spec.excerpts import excerpt
from provisioner.spec.load import load
from provisioner.spec.scaffold import TEMPLATES, scaffold
from provisioner.spec.scalars import Bad, Dialect, scalar_of
from provisioner.spec.schema import json_schema
from provisioner.spec.types import Spec

ROOT = Path(__file__).parents[3]
SPECS = sorted(path for path in (ROOT / "specs").glob("*.yaml") if path.name != "more.yaml")


def unexpected(spec: Spec) -> list[str]:
    """The warnings but for what every cluster of several machines gets, and for the sheet's topic
    ``atu`` with its one copy."""
    told = [w.message for w in spec.warnings if "topic atu has one copy" not in w.message]
    return [m for m in told if len(spec.hosts) == 1 or "open on all interfaces" not in m]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_example_specs_are_valid(path: Path) -> None:
    spec = load(path, env={})
    assert unexpected(spec) == []
    assert load(path, env={}) == spec


def test_more_replicas_than_brokers_is_refused_in_clear_words() -> None:
    with pytest.raises(ProvisionError) as raised:
        load(ROOT / "specs" / "more.yaml", env={})
    (problem,) = raised.value.problems
    assert (problem.code, problem.line, problem.column) == ("invalid-spec", 24, 43)
    assert problem.message == (
        "topic purchases wants 4 replicas of each partition, there are 3 brokers"
    )
    assert "the number of partitions is free" in problem.hint


def test_the_same_spec_behind_a_bastion() -> None:
    spec = load(
        ROOT / "specs" / "zookeeper-three.yaml",
        inventory=ROOT / "inventories" / "bastion.yaml",
        env={},
    )
    host = spec.hosts["kafka2"]
    assert (host.ssh.jumps, host.ssh.address) == (
        ("admin@bastion.example.com:2222",),
        "kafka2.internal",
    )
    assert host.kafka_address == "kafka2.internal"


def test_one_spec_for_thirty_machines() -> None:
    path = ROOT / "specs" / "azure-lab.yaml"
    machines = read_inventory(ROOT / "inventories" / "azure-lab.yaml").members("lab_vms")
    specs = [load(path, env={}, each_host=name) for name in machines]
    assert len(specs) == 30
    assert (
        len({spec.hosts[name].ssh.port for spec, name in zip(specs, machines, strict=True)}) == 30
    )
    assert {spec.nodes[0].host for spec in specs} == set(machines)
    assert len({spec.digest for spec in specs}) == 1


def test_each_needs_a_spec_on_one_host() -> None:
    with pytest.raises(ProvisionError) as raised:
        load(ROOT / "specs" / "three-nodes.yaml", env={}, each_host="kafka1")
    assert "--each needs a spec with all nodes on one host" in str(raised.value)


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    text = (ROOT / "specs" / "lab.yaml").read_text()
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    before = load(path, env={}).digest
    path.write_text("# another comment\n" + text.replace("heap: 512m", 'heap: "512m"'))
    assert load(path, env={}).digest == before
    path.write_text(text.replace("heap: 512m", "heap: 513m"))
    assert load(path, env={}).digest != before


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_are_valid_and_never_overwrite(template: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    written = scaffold(folder, template)
    assert [path.name for path in written] == ["cluster.yaml", "inventory.yaml"]
    assert unexpected(load(folder / "cluster.yaml", env={})) == []
    with pytest.raises(ProvisionError) as raised:
        scaffold(folder, template)
    assert [p.file for p in raised.value.problems] == list(map(str, written))
    (folder / "inventory.yaml").unlink()
    with pytest.raises(ProvisionError) as raised:
        scaffold(folder, template)
    assert [p.file for p in raised.value.problems] == [str(folder / "cluster.yaml")]
    assert not (folder / "inventory.yaml").exists()


def test_a_template_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError):
        scaffold(tmp_path, "../lab")
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_up_to_date() -> None:
    assert reference.TARGET.read_text() == reference.render(), (
        "run: python -m provisioner.spec.reference"
    )


def test_the_schema_holds_together() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"].endswith("2020-12/schema")
    for reference_ in references(schema):
        assert reference_.removeprefix("#/$defs/") in schema["$defs"]
    described = [
        key
        for part in [schema, *schema["$defs"].values()]
        for key, value in part["properties"].items()
        if "description" not in value
    ]
    assert described == []


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if "$ref" in value else []
    return own + [found for item in value.values() for found in references(item)]


def test_the_tables() -> None:
    assert properties.versions() == shipped_versions(), "a table for each lock"
    for version in properties.versions():
        table = properties.table(version)
        assert table.exact
        assert table.broker["log.retention.ms"] == {"type": "long", "mode": "cluster-wide"}
        assert table.topic["cleanup.policy"]["valid"] == "[compact, delete]"
        assert len(table.broker) > 280
        assert table.features["metadata.version"]["max"] >= 21
        assert bool(table.zookeeper_server) == version.startswith("3.")
    assert properties.table("4.0.0").version == "3.9.2"
    assert properties.table("4.2.5").version == "4.2.2"
    assert properties.table("5.0.0").version == properties.versions()[-1]
    assert properties.table("3.0.0").version == "3.9.1"


def test_what_plain_values_are_to_a_spec() -> None:
    bad = "yes No ON off True FALSE 012 0o7 0x1f 0b1 1_0 1e3 1.5e3 .5 1. .inf .NaN 1:30 +1 +1.5"
    good = {"true": True, "-1": -1, "0": 0, "1.50": 1.5}
    good |= {text: text for text in ("1.2.3", "y", "yesno", "10.0.0.1", "-a", "1k", "a:b")}
    for text in bad.split():
        assert isinstance(scalar_of(text, True, None, Dialect.STRICT, False), Bad), text
        assert scalar_of(text, False, None, Dialect.STRICT, False) == text
    for text, value in good.items():
        assert scalar_of(text, True, None, Dialect.STRICT, False) == value
        assert isinstance(scalar_of(text, True, None, Dialect.STRICT, True), str) or value is True


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("plain: value", 8, "plain: value"),
        ("my.password: hunter2", 1, "my.password: …"),
        ("my.password: hunter2", 14, "           … …"),
        ("{a.password: hunter2, b: c}", 23, "                    … b:"),
        ("{a.password: hunter2, b: c}", 26, "                       … c"),
        ("{x: y, a.password: hunter2}", 5, "{x: y, a.password: …"),
        ("{t.token: 'a, hunter2', u: [1]}", 29, None),
    ],
)
def test_no_excerpt_shows_a_secret(line: str, column: int, shown: str | None) -> None:
    text = excerpt([line], 1, column).splitlines()[0].partition("| ")[2]
    assert "hunter2" not in text
    assert shown is None or text.rstrip() == shown.rstrip()
