"""What a verb that only looks may load: most of what such a command costs is its imports.

Whoever adds to these lists says that a look at a cluster is worth the price (see
docs/performance.md): import it where it is used instead, or put its package off (packages.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

CHILD = """
import sys
from provisioner.cli import main
code = main(sys.argv[1:])
if sys.argv[1] != "validate":
    import provisioner.kafka.client  # where something runs
    from provisioner.kafka import messages
    for api in ("ListPartitionReassignments", "ApiVersions", "DescribeClientQuotas"):
        messages._classes(api)  # what kinds ask of a cluster with topics
print("\\n" + " ".join(sorted(sys.modules)), file=sys.__stdout__)
sys.exit(code)
"""

FILES = (
    *("provisioner", "provisioner.cli", "provisioner.errors", "provisioner.workers"),
    *("provisioner.uuids", "provisioner.packages", "provisioner.cleaning"),
    *("provisioner.inventory", "provisioner.inventory.*"),
    *("provisioner.spec", "provisioner.spec.build*", "provisioner.spec.checks*"),
    "provisioner.spec.features",
    *("provisioner.spec.compiled", "provisioner.spec.load", "provisioner.spec.nearest"),
    *("provisioner.spec.properties", "provisioner.spec.rules", "provisioner.spec.scalars"),
    *("provisioner.spec.shape", "provisioner.spec.types", "provisioner.spec.words"),
    *("provisioner.spec.yamlfile", "provisioner.spec.excerpts", "provisioner.spec.patterns"),
    *("provisioner.spec.topic_warnings", "provisioner.topic_rules", "provisioner.notices"),
    *("provisioner.verbs", "provisioner.verbs.shared", "provisioner.verbs.shared.arguments"),
    *("provisioner.verbs.shared.command", "provisioner.verbs.shared.console"),
    *("provisioner.verbs.shared.context", "provisioner.verbs.shared.loading"),
    *("provisioner.verbs.shared.options", "provisioner.verbs.shared.permitted"),
    *("provisioner.verbs.shared.registry", "provisioner.verbs.shared.verb"),
    # what the console and the stop signals need
    *("provisioner.plan", "provisioner.plan.*"),
    *(
        "provisioner.report",
        "provisioner.report.events",
        "provisioner.report.forecast",
        "provisioner.report.formats",
        "provisioner.report.live",
    ),
    *("provisioner.report.text", "provisioner.report.units"),
    *("provisioner.site", "provisioner.site.stopping"),
    *("provisioner.hosts", "provisioner.hosts.core_dumps"),
    *("provisioner.kinds", "provisioner.kinds.ids"),
)
"""Ours, to read files and answer."""

LOOK = (
    *FILES,
    *("provisioner.kinds.*", "provisioner.kafka.requests", "provisioner.kafka.requests.*"),
    "provisioner.kafka.schemas",
    *("provisioner.hosts.no_shell", "provisioner.hosts.observer", "provisioner.hosts.shell"),
    *("provisioner.hosts.transport", "provisioner.hosts.reach"),
    *(
        "provisioner.site.facts",
        "provisioner.site.fetching",
        "provisioner.site.forecast",
        "provisioner.site.holds",
        "provisioner.site.verdicts",
        "provisioner.site.look",
        "provisioner.site.migrating",
        "provisioner.site.observe",
        "provisioner.site.paths",
    ),
    *("provisioner.site.planning", "provisioner.site.routes", "provisioner.site.site"),
    *("provisioner.artifacts", "provisioner.artifacts.cache", "provisioner.artifacts.cds"),
    *("provisioner.artifacts.commands", "provisioner.artifacts.locks"),
    *("provisioner.artifacts.model", "provisioner.artifacts.scripts"),
    "provisioner.artifacts.store",
    *("provisioner.kafka", "provisioner.kafka.client", "provisioner.kafka.dialing"),
    *("provisioner.kafka.messages", "provisioner.kafka.port", "provisioner.kafka.reading"),
    "provisioner.kafka.repeated",
    *("provisioner.kafka.rights", "provisioner.kafka.routes", "provisioner.kafka.survey"),
    *("provisioner.kafka.traffic", "provisioner.kafka.tunnel", "provisioner.kafka.wire"),
    "provisioner.verbs.shared.opening",
    "provisioner.verbs.shared.regrets",
)
"""Ours, to look at a cluster."""

LIBRARIES = {
    *("yaml", "_yaml"),
    *("kafka", "kafka.errors", "kafka.util", "kafka.protocol", "kafka.protocol.api_*"),
    *("kafka.protocol.data_container", "kafka.protocol.schemas", "kafka.protocol.schemas.*"),
    *("kafka.protocol.metadata", "kafka.protocol.metadata.api_versions"),
    *("kafka.protocol.metadata.metadata", "kafka.protocol.admin"),
    *("kafka.protocol.admin.cluster", "kafka.protocol.admin.configs"),
    *("kafka.protocol.admin.topics", "kafka.protocol.admin.client_quotas"),
}
"""Of others, to look at a cluster on this machine."""

SSH_OURS = ("provisioner.hosts.ssh", "provisioner.hosts.ssh.*")
SSH = {
    *(
        "paramiko",
        "cryptography",
        "nacl",
        "bcrypt",
        "decorator",
        "_sodium",
        "_cffi_backend",
        "asyncio",
        "asyncio.coroutines",
    ),
    *("fabric", "fabric.config", "fabric.connection", "fabric.exceptions", "fabric.runners"),
    *("fabric.transfer", "fabric.tunnels", "fabric.util"),
    *("invoke", "invoke.config", "invoke.context", "invoke.env", "invoke.exceptions"),
    *("invoke.runners", "invoke.terminals", "invoke.util", "invoke.watchers", "invoke.vendor"),
    *("invoke.vendor.yaml", "invoke.vendor.lexicon", "invoke.vendor.lexicon.*"),
}
"""Of others, for a host that is reached by SSH."""

WATCHED = {"asyncio", "http", "importlib.metadata", "multiprocessing", "pydantic", "ruamel", "xml"}
"""Of Python's own modules only these matter: they are large, or read many files."""
METADATA = "importlib.metadata"  # paramiko reads its own version by it

SPEC = """cluster: nothing
kafka: {{version: "3.9.1", home: {home}}}
{inventory}
zookeeper:
  - {{id: 1, host: localhost, client_port: 1, data_dir: zookeeper}}
brokers:
  - {{id: 0, host: localhost, listeners: [PLAINTEXT://localhost:2], log_dirs: [data]}}
topics: {{one: {{partitions: 1, replication: 1}}}}
"""
INVENTORY = """all:
  hosts:
    localhost: {ansible_host: 127.0.0.1, ansible_port: 1, ansible_connection: ssh}
"""


def loaded(folder: Path, verb: str, *, ssh: bool = False) -> set[str]:
    """The modules that a verb has loaded by its end: of a home that is not there, or of a host
    that refuses the connection."""
    spec = folder / "spec.yaml"
    line = "inventory: hosts.yaml" if ssh else ""
    spec.write_text(SPEC.format(home=folder / "home", inventory=line))
    (folder / "hosts.yaml").write_text(INVENTORY)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, verb, str(spec)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def too_much(found: set[str], ours: tuple[str, ...], others: set[str]) -> list[str]:
    """What is on none of the lists. A module is allowed by a pattern or, of others, by its whole
    package where the package alone is listed and no module of it."""
    parts = {name for name in others if "." in name}
    whole = {name for name in others if not any(part.startswith(name + ".") for part in parts)}
    installed = {name.partition(".")[0] for name in found if name.partition(".")[0] in known()}

    def allowed(name: str) -> bool:
        top = name.partition(".")[0]
        if top == "provisioner":
            return any(fnmatchcase(name, pattern) for pattern in ours)
        if top not in installed and not any(
            name == word or name.startswith(word + ".") for word in WATCHED
        ):
            return True
        return top in whole or any(fnmatchcase(name, pattern) for pattern in others)

    return sorted(name for name in found if not allowed(name))


@cache
def known() -> frozenset[str]:
    """The packages that were installed beside us."""
    return frozenset(packages_distributions()) - {"provisioner", "_distutils_hack"}


@pytest.mark.parametrize("verb", ["plan", "drift"])
def test_a_look_at_this_machine(verb: str, tmp_path: Path) -> None:
    found = loaded(tmp_path, verb)
    assert {"provisioner.kafka.client", "provisioner.plan.pipeline"} <= found
    ours = (*LOOK, "provisioner.hosts.local", f"provisioner.verbs.{verb}")
    more = ("provisioner.verbs.shared.permissions",) if verb == "plan" else ()
    assert too_much(found, (*ours, *more), LIBRARIES) == []


def test_a_look_over_ssh(tmp_path: Path) -> None:
    found = loaded(tmp_path, "drift", ssh=True)
    assert {"provisioner.hosts.ssh.connect", "fabric.connection"} <= found
    ours = (*LOOK, *SSH_OURS, "provisioner.verbs.drift")
    assert too_much(found - metadata(found), ours, LIBRARIES | SSH) == []


def metadata(found: set[str]) -> set[str]:
    return {name for name in found if name.startswith(METADATA)}


def test_files_alone(tmp_path: Path) -> None:
    """Neither SSH nor Kafka, nor anything that knows a host."""
    found = loaded(tmp_path, "validate", ssh=True)
    assert "provisioner.spec.checks" in found
    assert too_much(found, (*FILES, "provisioner.verbs.validate"), {"yaml", "_yaml"}) == []


@pytest.mark.parametrize(
    "name",
    [
        *("provisioner.run.session", "provisioner.verbs.apply", "provisioner.hosts.actor"),
        *("provisioner.spec.document", "provisioner.hosts.ssh.connect", "provisioner.new"),
        *("pydantic", "pydantic_core", "asyncio.base_events", "shtab", "http", "http.client"),
        *("paramiko", "kafka.admin", "kafka.protocol.admin.acl", "importlib.metadata", "requests"),
    ],
)
def test_what_it_is_for(name: str) -> None:
    """The lists would tell."""
    assert too_much({name}, (*LOOK, "provisioner.verbs.drift"), LIBRARIES) == [name]


def test_a_wrong_spec_is_worth_it(tmp_path: Path) -> None:
    """What is not valid is pydantic's to explain; the table only saves it for the others."""
    spec = tmp_path / "spec.yaml"
    spec.write_text("cluster: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "provisioner", "validate", "--json", str(spec)],
        capture_output=True,
        text=True,
        check=False,
    )
    messages = [error["message"] for error in json.loads(done.stdout)["errors"]]
    assert any("'cluster' must be text" in message for message in messages), messages
