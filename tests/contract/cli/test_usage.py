"""What the command says when it is used the wrong way, and the exit codes of that."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from provisioner.errors import CODES
from provisioner.verbs.shared import arguments
from provisioner.verbs.shared.registry import files
from provisioner.verbs.shared.registry import verb as declared
from tests.contract.cli.conftest import Provision, write_spec

WRONG = {
    "no verb": ([], "VERB"),
    "an unknown verb": (["frobnicate"], "'frobnicate'"),
    "an option of a verb before it": (["-i", "h.yaml", "plan", "one.yaml"], "provision VERB"),
    "no spec": (["apply"], "SPEC"),
    "an unknown option": (["apply", "one.yaml", "--frobnicate"], "--frobnicate"),
    "a shortened option": (["apply", "one.yaml", "--par", "2"], "--par"),
    "nobody in parallel": (["apply", "one.yaml", "--parallel", "0"], "'0' is not a whole number"),
    "init without a template": (["init", "new"], "--template"),
    "an unknown template": (["init", "new", "--template", "big"], "'big'"),
    "a drill of nobody": (["drill", "one.yaml"], "--node"),
    "destroy without its confirmation": (["destroy", "one.yaml"], "--confirm"),
    "fetch of nothing": (["fetch"], "--version"),
    "a bundle of nothing": (["fetch", "-o", "bundle"], "--version"),
    "an unknown architecture": (["fetch", "--version", "3.9.1", "--arch", "vax"], "vax"),
    "a lock's holder without an id": (["lock", "one.yaml", "--break", "zz"], "zz"),
    "an unknown --allow": (["plan", "one.yaml", "--allow", "everything"], "delete-topic"),
    "an unknown --allow of a value": (["apply", "one.yaml", "--allow", "x=y"], "x is not known"),
    "--each with two specs": (["plan", "a.yaml", "b.yaml", "--each", "lab"], "--each"),
}


@pytest.mark.parametrize(("argv", "said"), WRONG.values(), ids=WRONG)
def test_wrong_usage(provision: Provision, spec: Path, argv: list[str], said: str) -> None:
    ran = provision(*argv)
    assert ran.code == 1
    assert ran.out == ""
    assert said in ran.err
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("argv", [[], ["frobnicate"], ["fetch"], ["apply", "--check", "x"]])
def test_wrong_usage_as_json(provision: Provision, argv: list[str]) -> None:
    ran = provision(*argv, "--json")
    assert ran.code == ran.document["exit_code"] == 1
    assert ran.document["schema"] == 1
    assert ran.document["clusters"] == []
    assert [error["code"] for error in ran.document["errors"]] == ["usage"]
    assert ran.err == ""


@pytest.mark.parametrize("option", ["--dry-run", "--check", "--diff"])
@pytest.mark.parametrize("verb", ["apply", "drift"])
def test_a_dry_run_is_a_plan(provision: Provision, spec: Path, verb: str, option: str) -> None:
    ran = provision(verb, str(spec), option)
    assert ran.code == 1
    assert f"there is no {option}" in ran.err
    assert "provision plan" in ran.err


def test_version_says_only_that(provision: Provision) -> None:
    from provisioner import __version__

    ran = provision("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"provision {__version__}\n", "")


def test_help_names_every_verb(provision: Provision) -> None:
    ran = provision("--help")
    assert ran.code == 0
    for verb in files():
        assert f"    {verb} " in ran.out


@pytest.mark.parametrize("verb", ["apply", "lock", "fetch", "import"])
def test_each_verb_has_help(provision: Provision, verb: str) -> None:
    ran = provision(verb, "--help")
    assert ran.code == 0
    assert f"usage: provision {verb}" in ran.out


def test_import_wants_a_folder_and_something_to_ask(provision: Provision) -> None:
    ran = provision("import", "--json")
    assert ran.code == 1
    assert ran.document["errors"][0]["code"] == "usage"
    ran = provision("import", "-o", "there", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "usage")


# -- specs


@pytest.mark.parametrize("verb", ["validate", "plan", "drift", "verify", "status", "lock", "log"])
def test_a_spec_that_is_not_there(provision: Provision, verb: str) -> None:
    ran = provision(verb, "nowhere.yaml", "--json")
    assert ran.code == ran.document["exit_code"] == 1
    assert ran.document["command"] == verb
    error = ran.document["errors"][0]
    assert error["code"] == "invalid-spec"
    assert error["file"] == "nowhere.yaml"
    assert set(error) == {"code", "message", "hint", "file", "line", "column", "host"}


def test_every_problem_has_its_place(provision: Provision, tmp_path: Path) -> None:
    text = write_spec(tmp_path, "one").read_text()
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace("kafka:", "kafak: 1\nkafka:").replace("23092", "23181"))
    as_json = provision("validate", "bad.yaml", "--json")
    places = [(e["line"], e["column"]) for e in as_json.document["errors"]]
    assert len(places) >= 2
    assert all(line and column for line, column in places)
    assert {e["code"] for e in as_json.document["errors"]} <= CODES
    as_text = provision("validate", "bad.yaml")
    assert "bad.yaml:2:1: unknown key 'kafak'" in as_text.err
    assert "^" in as_text.err


def test_a_good_spec(provision: Provision, spec: Path) -> None:
    ran = provision("validate", spec.name)
    assert ran.code == 0
    assert ran.out == (
        "one.yaml is valid: one, Kafka 3.9.1 with ZooKeeper; 1 ZooKeeper server and 1 broker on "
        "localhost; 0 topics\n"
    )


def test_a_good_spec_as_json(provision: Provision, spec: Path) -> None:
    ran = provision("validate", spec.name, "--json")
    assert ran.code == ran.document["exit_code"] == 0
    (cluster,) = ran.document["clusters"]
    assert (cluster["cluster"], cluster["complete"]) == ("one", True)
    assert ran.document["errors"] == []


def test_several_specs(provision: Provision, tmp_path: Path) -> None:
    paths = [write_spec(tmp_path, name).name for name in ("one", "two")]
    ran = provision("validate", *paths)
    assert ran.code == 0
    assert "2 of 2 clusters" in ran.out


def test_one_bad_spec_does_not_stop_the_other(provision: Provision, tmp_path: Path) -> None:
    good = write_spec(tmp_path, "good").name
    (tmp_path / "bad.yaml").write_text("cluster: bad\n")
    ran = provision("validate", good, "bad.yaml")
    assert ran.code == 1
    assert "good.yaml: ok" in ran.out
    assert "to rerun the failed ones: provision validate bad.yaml" in ran.out
    document = provision("validate", good, "bad.yaml", "--json").document
    assert [c["exit_code"] for c in document["clusters"]] == [0, 1]
    assert document["exit_code"] == 1
    assert document["errors"]


INVENTORY = """\
all:
  children:
    lab: {hosts: {"lab[01:03]": {ansible_connection: local}}}
    other: {hosts: {desk: {}}}
"""


@pytest.mark.parametrize("verb", ["validate", "plan", "lock", "log"])
def test_a_limit_that_matches_nothing(
    provision: Provision, spec: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "hosts.yaml").write_text(INVENTORY.replace("desk: {}", "localhost: {}"))
    ran = provision(verb, spec.name, "-i", "hosts.yaml", "--limit", "lab", "--json")
    assert ran.code == ran.document["exit_code"] == 1
    assert [error["code"] for error in ran.document["errors"]] == ["limit-matches-nothing"]


def test_one_spec_on_each_host_of_a_group(provision: Provision, spec: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(INVENTORY)
    each = ("-i", "hosts.yaml", "--each", "lab", "--json")
    document = provision("validate", spec.name, *each).document
    assert [c["target"] for c in document["clusters"]] == ["lab01", "lab02", "lab03"]
    document = provision("validate", spec.name, *each, "--limit", "lab[1:2]").document
    assert [c["target"] for c in document["clusters"]] == ["lab02", "lab03"]
    ran = provision("validate", spec.name, "-i", "hosts.yaml", "--each", "nobody", "--json")
    assert ran.code == ran.document["exit_code"] == 1


# -- init, schema


def test_init_never_overwrites(provision: Provision, tmp_path: Path) -> None:
    assert provision("init", "new", "--template", "lab").code == 0
    spec = tmp_path / "new" / "cluster.yaml"
    assert provision("validate", str(spec)).code == 0
    spec.write_text("mine\n")
    ran = provision("init", "new", "--template", "cluster")
    assert ran.code == 1
    assert "new/cluster.yaml" in ran.err
    assert spec.read_text() == "mine\n"


def test_init_as_json_names_what_it_wrote(provision: Provision, tmp_path: Path) -> None:
    ran = provision("init", "new", "--template", "kraft-lab", "--json")
    assert ran.code == ran.document["exit_code"] == 0
    assert ran.document["written"]
    assert all((tmp_path / path).is_file() for path in ran.document["written"])


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_schema_is_one_json_document(provision: Provision, options: list[str]) -> None:
    ran = provision("schema", *options)
    assert ran.code == 0
    assert "brokers" in json.loads(ran.out)["properties"]


@pytest.mark.parametrize("verb", sorted(set(files()) - {"import"}))
def test_the_help_of_each_verb_ends_with_commands_that_it_understands(verb: str) -> None:
    examples = declared(verb).examples
    assert all(f"  {line}\n" in declared(verb).epilog + "\n" for line in examples)
    for line in examples:
        words = shlex.split(line.partition(" > ")[0])
        assert words[0] == "provision"
        assert arguments.parse(words[1:]).verb == verb
